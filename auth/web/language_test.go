package web_test

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
)

// speaks checks the language of the page shown.
func (v *visitor) speaks(want string) *visitor {
	v.p.t.Helper()
	if !strings.Contains(v.shown.Body, `<html lang="`+want+`"`) {
		v.p.t.Fatalf("the page is not in %s:\n%.300s", want, v.shown.Body)
	}
	return v
}

func TestLanguage(t *testing.T) {
	t.Run("R111 U63 the browser's, unless one was chosen", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		for header, want := range map[string]string{"fr-CA,fr;q=0.9,en;q=0.5": "fr", "es-MX": "es", "de": "en", "": "en", "xx;;q": "en"} {
			v.Language = header
			v.open().speaks(want)
		}
		v.Language = "fr"
		v.open("lang", "es").speaks("es")
		v.open("lang", "zz").speaks("fr")
		v.open("lang", `"><script>`).speaks("fr")
	})
	t.Run("R111 what was chosen stays for the whole sign-in and after it, and a link alone changes nothing", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		v.open("lang", "es")
		v.open().speaks("en")
		v.open("lang", "es").identify("ann@acme.example").is("password").speaks("es")
		v.password("wrong").speaks("es")
		v.open().speaks("es")
		v.open("lang", "fr").speaks("fr").password("wrong").speaks("fr")
		v.open("lang", "fr").identifyAgain().speaks("fr")
		v.identify("ann@acme.example").password(secret).is("in")
		v.Post("/auth/signout", nil)
		v.Restart()
		v.open().speaks("fr")
	})
	t.Run("R111 a choice is remembered with the first form that is posted", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		v.open("lang", "es").identify("nonsense").speaks("es")
		v.Restart()
		v.open().speaks("es")
	})
	t.Run("R111 links lead to the same page in another language, with what it was asked with", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		v.open("return_to", "/x", "reason", "session_expired")
		for _, want := range []string{
			`href="/auth/signin?lang=es&amp;reason=session_expired&amp;return_to=%2Fx" lang="es" hreflang="es"`, `aria-current="true">English<`,
		} {
			if !strings.Contains(v.shown.Body, want) {
				t.Errorf("the page lacks %s:\n%s", want, v.shown.Body)
			}
		}
		v.get("/auth/help?lang=fr").speaks("fr")
		if want := `href="/auth/help?lang=es"`; !strings.Contains(v.shown.Body, want) {
			t.Errorf("the help lacks %s", want)
		}
	})
	t.Run("R111 a person's own language is spoken once it is known who it is", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		v.p.AddUser(auth.User{ID: "fred", Email: "fred@acme.example", Locale: "fr"}, secret)
		v.identify("fred@acme.example").speaks("en") // nothing is told before proof
		v.password(secret).is("in")
		v.open("switch", "1").speaks("fr")
		v.Post("/auth/signout", nil)
		v.open().speaks("fr")
	})
	t.Run("R111 R110 programs are spoken to in the same way", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(true)
		v.Language = "fr"
		v.open().step("signin/identify", map[string]string{"email": "nonsense"})
		french := v.state["message"]
		v.step("signin/identify", map[string]string{"email": "nonsense", "lang": "es"})
		if spanish := v.state["message"]; french == spanish || spanish == nil {
			t.Errorf("messages %v and %v, want one in French and one in Spanish", french, spanish)
		}
	})
}

// identifyAgain goes back to the first page.
func (v *visitor) identifyAgain() *visitor {
	v.p.t.Helper()
	return v.step("signin/restart", nil).is("identify")
}
