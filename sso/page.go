package sso

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
)

// What the pages of a Handler share. They load nothing, and say by their hashes what of them may run.
const (
	pageStyle  = `body{font:1.1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:15vh auto;padding:0 1rem;color:#1b1b1f;background:#fff}button{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:.4rem;color:#fff;background:#1d4ed8}button:focus-visible{outline:3px solid #93c5fd}small{color:#55555f}`
	pageScript = `document.forms[0].submit()`
	pageText   = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>` + pageStyle + `</style>
<main>
<h1>{{.Title}}</h1>
{{with .Text}}<p>{{.}}</p>{{end}}
{{if .Button}}<form method="post" action="{{.Action}}">
{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">
{{end}}<button>{{.Button}}</button>
</form>{{end}}
{{with .Small}}<p><small>{{.}}</small></p>{{end}}
</main>
{{if .Submit}}<script>` + pageScript + `</script>
{{end}}</html>
`
)

// A page is one of a Handler's.
type page struct {
	Title, Text string
	Action      string // where its form is posted
	Fields      []Field
	Button      string // empty: no form
	Small       string
	Submit      bool // the form is posted at once, where scripts run
}

// pages shows them.
type pages struct {
	template *template.Template
	policy   string
}

// newPages reads the template. leadsTo is where forms may lead, with the redirects that follow: browsers hold both against it.
func newPages(leadsTo string) (pages, error) {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return pages{}, fmt.Errorf("sso: reading the page: %w", err)
	}
	return pages{template: t, policy: "default-src 'none'; style-src " + hashed(pageStyle) + "; script-src " + hashed(pageScript) +
		"; frame-ancestors 'none'; base-uri 'none'; form-action 'self' " + leadsTo}, nil
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// show writes a page. Where it cannot be made, nothing but the status is.
func (s pages) show(w http.ResponseWriter, status int, p page) {
	var b bytes.Buffer
	if err := s.template.Execute(&b, p); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", s.policy)
	h.Set("X-Frame-Options", "DENY")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}
