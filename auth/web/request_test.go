package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/web"
)

const urlencoded = "application/x-www-form-urlencoded"

// send posts a body as it is.
func (v *visitor) send(path, kind, body string) *visitor {
	v.p.t.Helper()
	r := v.Request(http.MethodPost, path, kind, body)
	if v.json {
		r.Header.Set("Accept", "application/json")
	}
	return v.take(v.Do(r))
}

func TestRequests(t *testing.T) {
	t.Run("A-152 more than 64 KiB is not read", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.identify("ann@acme.example")
			long := strings.Repeat("a", 1<<20)
			v.send("/auth/signin/password", urlencoded, "password="+long).status(413).told(auth.ReasonTooLarge)
			v.send("/auth/signin/password", "application/json", `{"password":"`+long+`"}`).status(413).told(auth.ReasonTooLarge)
			v.send("/auth/signin/cancel", "", long).status(413)
		})
	})
	t.Run("A-152 a password too long to be one is a wrong one", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			for _, email := range []string{"ann@acme.example", "unknown@acme.example"} {
				v.again().identify(email).password(secret + strings.Repeat(" ", 10_000)).status(422).told(auth.ReasonInvalidCredentials)
			}
		})
	})
	t.Run("A-152 a sign-in has few fields", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.send("/auth/signin/identify", urlencoded, "email=ann%40acme.example"+strings.Repeat("&a=", 10_000)).status(400).told(auth.ReasonBadRequest)
			many := `{"email":"ann@acme.example"` + strings.Repeat(`,"a":1`, 5_000) + `}`
			v.send("/auth/signin/identify", "application/json", many).status(400).told(auth.ReasonBadRequest)
		})
	})
	t.Run("A-162 odd addresses", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			for _, odd := range []string{
				strings.Repeat("a", 10<<10) + "@acme.example", `"ann"@acme.example`, "ann(x)@acme.example", "ann@[127.0.0.1]",
				"ann@acme.example, two@acme.example", "ann\r\n@acme.example", "ann\x00@acme.example", "Ann <ann@acme.example>", "ann@acme.example\u202e",
			} {
				v.open().identify(odd).status(422).told(auth.ReasonEmailInvalid)
				if v.Cookie("__Host-flow") != "" {
					t.Errorf("%.40q has made a flow", odd)
				}
			}
		})
	})
	t.Run("A-163 what stands in the address of a request is no credential", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.identify("ann@acme.example")
			query := form("email", "ann@acme.example", "password", secret).Encode()
			v.send("/auth/signin/password?"+query, urlencoded, "").status(422).told(auth.ReasonPasswordMissing)
			v.send("/auth/signin/password?"+query, urlencoded, "password=wrong").status(422).told(auth.ReasonInvalidCredentials)
			v.get("/auth/signin?" + query).is("password")
			if got := v.p.sessions("ann"); got != 0 {
				t.Errorf("ann has %d sessions, want none", got)
			}
		})
	})
	t.Run("what can be read in two ways is not read", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			for kind, bodies := range map[string][]string{
				urlencoded: {
					"email=a%40acme.example&email=b%40acme.example", "email=%ff%fe", "email=%zz", "email=a;b=c", "%ff=x", "version=one", "version=99999999999999999999",
				},
				"application/json": {
					`{"email":"a@acme.example","email":"b@acme.example"}`, `{"email":null,"email":"b@acme.example"}`, "{\"email\":\"\xff\"}", `{"email":["a@acme.example"]}`,
					`{"email":{"x":1}}`, `{"email":"a@acme.example"} {}`, `["email"]`, `"email"`, `{"email"`, `{`, `{"version":"one"}`, `{"version":1.5}`, `nonsense`,
				},
			} {
				for _, body := range bodies {
					v.send("/auth/signin/identify", kind, body).status(400).told(auth.ReasonBadRequest)
				}
			}
		})
	})
	t.Run("A-260 fields that nobody asks for change nothing", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			extra := map[string]string{"email": "ann@acme.example", "user_id": "solo", "account_id": "globex", "role": "super_admin", "stage": "ready", "proofs": "password"}
			v.open().step("signin/identify", extra).is("password")
			v.step("signin/password", map[string]string{"password": secret, "user_id": "solo", "account_id": "umbra"}).is("in")
			list, err := v.p.Auth.ListSessions(t.Context(), "ann")
			if err != nil || len(list) != 1 || list[0].AccountID != "acme" {
				t.Errorf("sessions %+v, %v; want one of ann in Acme", list, err)
			}
		})
	})
	t.Run("R110 a form may be answered in JSON, and JSON with a page", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(true)
		v.send("/auth/signin/identify", urlencoded, "email=ann%40acme.example").status(200).is("password")
		v.json = false
		v.send("/auth/signin/password", "application/json; charset=utf-8", `{"password":"wrong"}`).status(422).is("password")
	})
	t.Run("what is asked in JSON without saying so is answered in JSON", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(true)
		r := v.Request(http.MethodPost, "/auth/signin/identify", "application/json", `{"email":"ann@acme.example"}`)
		r.Header.Set("Accept", "*/*")
		v.take(v.Do(r)).is("password")
	})
}

func TestProxies(t *testing.T) {
	// guesses counts how many wrong passwords are looked at before one is not, each from what claims to be another address.
	guesses := func(t *testing.T, proxies int, header func(r *http.Request, i int)) int {
		p := newProduct(t, withWeb(func(c *web.Config) { c.TrustedProxies = proxies }))
		for i := range 40 {
			v := p.visitor(true)
			r := v.Request(http.MethodPost, "/auth/signin/password", "application/json", `{"email":"ann@acme.example","password":"wrong"}`)
			r.Header.Set("Accept", "application/json")
			header(r, i)
			if v.Do(r).Status == 429 {
				return i
			}
		}
		return 40
	}
	claim := func(i int) string { return "203.0.113." + string(rune('0'+i%10)) }
	t.Run("A-150 claims from outside change nothing", func(t *testing.T) {
		plain := guesses(t, 0, func(*http.Request, int) {})
		for what, header := range map[string]func(r *http.Request, i int){
			"X-Forwarded-For without proxies": func(r *http.Request, i int) { r.Header.Set("X-Forwarded-For", claim(i)) },
			"X-Real-IP":                       func(r *http.Request, i int) { r.Header.Set("X-Real-IP", claim(i)) },
			"Forwarded":                       func(r *http.Request, i int) { r.Header.Set("Forwarded", "for="+claim(i)) },
		} {
			if got := guesses(t, 0, header); got != plain {
				t.Errorf("%s: %d guesses, want %d as without it", what, got, plain)
			}
		}
		behind := guesses(t, 1, func(r *http.Request, i int) {
			r.Header.Add("X-Forwarded-For", claim(i))         // by the visitor
			r.Header.Add("X-Forwarded-For", "198.51.100.200") // by the proxy
		})
		if behind != plain {
			t.Errorf("behind a proxy: %d guesses, want %d", behind, plain)
		}
	})
}
