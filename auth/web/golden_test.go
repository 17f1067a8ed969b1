package web_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/web"
	"github.com/sallyport-auth/sallyport/social/socialtest"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// changing is what a page says of its style sheet and script: their hashes.
var changing = regexp.MustCompile(`/assets/[0-9A-Za-z_-]+/|integrity="[^"]*"`)

// TestGolden compares every page in every language with what it was. After a change that is meant, run
//
//	go test ./auth/web -run TestGolden -update
//
// and read the difference.
func TestGolden(t *testing.T) {
	p := newProduct(t, authtest.Config{
		Mail: true, Social: []socialtest.Personality{socialtest.Google}, Auth: func(c *auth.Config) { c.Preset.SignUp = auth.SignUpPerson },
		Web: func(c *web.Config) { c.Product, c.Support = "Harbour", "mailto:help@app.example.com" },
	})
	for _, lang := range []string{"en", "es", "fr"} {
		for name, body := range p.Web.Rehearsed(lang) {
			file := filepath.Join("testdata", "golden", lang+"-"+name+".html")
			got := changing.ReplaceAllString(body, "…")
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s has changed; look at it and run with -update:\n%s", file, got)
			}
		}
	}
}
