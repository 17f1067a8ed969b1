package web_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/web"
)

func TestPages(t *testing.T) {
	p := newProduct(t, withWeb(func(c *web.Config) { c.Support = "mailto:help@app.example.com" }))
	missing := regexp.MustCompile(`\[[a-z]+(\.[a-z_]+)+\]|\{[a-z]+\}|<no value>|ZgotmplZ`)
	pages := map[string]int{}
	for _, lang := range []string{"en", "es", "fr"} {
		for name, body := range p.Web.Rehearsed(lang) {
			pages[name]++
			t.Run("R111 U62 "+lang+" "+name, func(t *testing.T) {
				if found := missing.FindAllString(body, -1); len(found) > 0 {
					t.Errorf("the page lacks %v", found)
				}
				if !strings.Contains(body, `<html lang="`+lang+`" dir="ltr"`) || !strings.Contains(body, `href="mailto:help@app.example.com"`) {
					t.Errorf("want a page in %s with the support address (R101):\n%s", lang, body)
				}
			})
		}
	}
	files, err := filepath.Glob("templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".html")
		if isPage := strings.Contains(string(text), `{{define "content"`); isPage != (pages[name] == 3) {
			t.Errorf("%s is a page: %t; it was rendered in %d languages", file, isPage, pages[name])
		}
	}
}

// pageNames is a Renderer that says which page it was given.
type pageNames struct{ fail bool }

func (r *pageNames) RenderPage(w io.Writer, p web.Page) error {
	fmt.Fprintf(w, "%T", p)
	if page, ok := p.(*web.IdentifyPage); ok {
		fmt.Fprintf(w, " %s %s %s", page.Lang, page.Product, page.T("button.next"))
	}
	if r.fail {
		return fmt.Errorf("half a page is no page: %s", secret)
	}
	return nil
}

func TestOverlay(t *testing.T) {
	t.Run("U62 a host replaces one page, a part of all, and the style", func(t *testing.T) {
		p := newProduct(t, withWeb(func(c *web.Config) {
			c.Product = "Harbour & Co"
			c.Templates = fstest.MapFS{
				"identify.html":    {Data: []byte(`<!doctype html><body class="page-identify"><p>{{.Product}} says hello</p><link href="{{.Styles.URL}}">{{template "stamp" .}}`)},
				"stamp.html":       {Data: []byte(`{{define "stamp"}}<i>{{.T "button.next"}}</i>{{end}}`)},
				"assets/style.css": {Data: []byte(`:root { --accent: teal }`)},
				"assets/logo.svg":  {Data: []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)},
				"assets/theme.css": {Data: []byte(`:root { --sp-accent: teal }`)},
				"assets/.gitkeep":  {},
			}
			c.Locales = fstest.MapFS{"en.json": {Data: []byte(`{"button.next": "Ahoy"}`)}}
		}))
		v := p.visitor(false)
		body := v.open().shown.Body
		for _, want := range []string{"Harbour &amp; Co says hello", "<i>Ahoy</i>"} {
			if !strings.Contains(body, want) {
				t.Errorf("the page lacks %q:\n%s", want, body)
			}
		}
		style := regexp.MustCompile(`/auth/assets/[^"]+style\.css`).FindString(body)
		if got := v.Get(style); got.Body != ":root { --accent: teal }" {
			t.Errorf("the style is %.40q, want the host's", got.Body)
		}
		v.get("/auth/help").is("help") // the others are ours
		if strings.Contains(newProduct(t, authtest.Config{}).visitor(false).open().shown.Body, style) {
			t.Errorf("two styles have one address, %s", style)
		}
	})
	t.Run("U62 what cannot be shown is found at New", func(t *testing.T) {
		m := authtest.New(t, authtest.Config{}).Auth
		for name, overlay := range map[string]fstest.MapFS{
			"a field that is not there": {"identify.html": {Data: []byte(`{{.Nonsense}}`)}},
			"no template":               {"identify.html": {Data: []byte(`{{if}}`)}},
			"an empty page":             {"layout.html": {Data: []byte(``)}},
			"unsafe HTML":               {"help.html": {Data: []byte(`<a href="{{if .Lang}}x" {{end}}>`)}},
			"a program":                 {"assets/run.exe": {Data: []byte(`x`)}},
		} {
			if _, err := web.New(web.Config{Auth: m, Templates: overlay}); err == nil || !strings.HasPrefix(err.Error(), "web: ") {
				t.Errorf("%s: New answers %v, want an error", name, err)
			}
		}
	})
	t.Run("U62 a Renderer takes over", func(t *testing.T) {
		r := &pageNames{}
		p := newProduct(t, withWeb(func(c *web.Config) { c.Renderer = r }))
		v := p.visitor(false)
		if got := v.Get("/auth/signin"); got.Body != "*web.IdentifyPage en app.example.com Next" || got.Status != 200 {
			t.Errorf("answer %d %q", got.Status, got.Body)
		}
		if got := v.Get("/auth/nothing"); got.Body != "*web.ErrorPage" || got.Status != 404 {
			t.Errorf("answer %d %q", got.Status, got.Body)
		}
		r.fail = true
		got := v.Get("/auth/signin")
		faults := p.Faults()
		if got.Status != 503 || strings.Contains(got.Body, "web.") || strings.Contains(got.Body, secret) || len(faults) != 1 || !strings.Contains(got.Body, faults[0].Reference) {
			t.Errorf("answer %d %q with faults %v; want 503, a reference, and no half of a page", got.Status, got.Body, faults)
		}
	})
}

func TestNew(t *testing.T) {
	m := authtest.New(t, authtest.Config{}).Auth
	for want, cfg := range map[string]web.Config{
		"Config.Auth":           {},
		"Config.Prefix":         {Auth: m, Prefix: "/login"},
		"Config.Home":           {Auth: m, Home: "elsewhere"},
		"Config.Support":        {Auth: m, Support: "javascript:alert(1)"},
		"Config.TrustedProxies": {Auth: m, TrustedProxies: -1},
		"Config.TrustedOrigins": {Auth: m, TrustedOrigins: []string{"spa.example.net"}},
		"Config.Locales":        {Auth: m, Locales: fstest.MapFS{"en.json": {Data: []byte(`{"no.such.key": "x"}`)}}},
		"Config.Templates":      {Auth: m, Templates: fstest.MapFS{"x.html": {Data: []byte(`{{`)}}},
	} {
		if _, err := web.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New answers %v, want an error about %s", err, want)
		}
	}
	for _, home := range []string{"//evil.example", "http://evil.example", "https:evil"} {
		if _, err := web.New(web.Config{Auth: m, Home: home}); err == nil {
			t.Errorf("Home %q is accepted", home)
		}
	}
	if _, err := web.New(web.Config{Auth: m, Home: "https://app.example.org/start"}); err != nil {
		t.Error(err)
	}
}
