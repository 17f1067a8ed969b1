package browsertest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/browsertest"
)

// A witness keeps the failures that it is told of.
type witness struct {
	testing.TB
	failures []string
}

func (w *witness) Errorf(format string, args ...any) {
	w.failures = append(w.failures, fmt.Sprintf(format, args...))
}

// An absentee keeps why a test was skipped.
type absentee struct {
	testing.TB
	said *string
}

func (a *absentee) Skip(args ...any) {
	*a.said = fmt.Sprint(args...)
	runtime.Goexit()
}

const fine = `<!doctype html><html lang="en"><title>Fine</title><main><h1>Fine</h1><form method="post" action="/posted">
<label for="name">Name</label> <input id="name" name="name" autocomplete="name"> <button>Send</button></form> <a href="/next">Next</a></main></html>`

// site serves small pages, each with one thing that a browser should complain about, or none.
func site(t *testing.T) string {
	pages := map[string]string{
		"/":          fine,
		"/next":      strings.ReplaceAll(fine, "Fine", "Next"),
		"/inline":    strings.Replace(fine, "<main>", "<script>document.title = 'ran'</script><main>", 1),
		"/exception": strings.Replace(fine, "<main>", `<script src="/throws.js"></script><main>`, 1),
		"/missing":   strings.Replace(fine, "<main>", `<link rel="stylesheet" href="/no.css"><main>`, 1),
		"/wide":      strings.Replace(fine, "<main>", `<main><table width="2000"><tr><td>wide</td></tr></table>`, 1),
		"/code":      strings.Replace(fine, "<main>", `<main><img src="/code.png" alt="A code">`, 1),
		"/unnamed":   strings.Replace(fine, `<label for="name">Name</label>`, "", 1),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		page, ok := pages[r.URL.Path]
		switch {
		case r.URL.Path == "/throws.js":
			w.Header().Set("Content-Type", "text/javascript")
			io.WriteString(w, "throw new Error('by intention')")
		case r.URL.Path == "/code.png":
			http.ServeFile(w, r, filepath.Join("testdata", "code.png"))
		case r.URL.Path == "/cookies":
			http.SetCookie(w, &http.Cookie{Name: "kept", Value: "1", Path: "/", MaxAge: 3600})
			http.SetCookie(w, &http.Cookie{Name: "passing", Value: "1", Path: "/"})
			io.WriteString(w, fine)
		case r.URL.Path == "/moves":
			w.Header().Set("Refresh", "0; url=/next")
			io.WriteString(w, fine)
		case r.URL.Path == "/posted":
			w.WriteHeader(http.StatusUnprocessableEntity)
			io.WriteString(w, strings.ReplaceAll(fine, "Fine", "Posted "+r.PostFormValue("name")))
		case ok:
			io.WriteString(w, page)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestBrowser(t *testing.T) {
	b := browsertest.Start(t)
	home := site(t)

	t.Run("walks through pages", func(t *testing.T) {
		p := b.Private(t)
		p.Open(home + "/")
		p.Follow("Next")
		p.Type("#name", "old")
		p.Type("#name", "Ann")
		p.Enter()
		if got, want := p.Title(), "Posted Ann"; got != want || p.Status() != 422 {
			t.Errorf("after the form: title %q, status %d, want %q, 422", got, p.Status(), want)
		}
		p.Back()
		if got := p.Title(); got != "Next" {
			t.Errorf("back from the form: %q, want Next", got)
		}
	})

	for path, want := range map[string]string{
		"/":          "",
		"/inline":    "violates the following Content Security Policy directive",
		"/exception": "by intention",
		"/missing":   "/no.css",
	} {
		t.Run("complains about "+path, func(t *testing.T) {
			w := &witness{TB: t}
			p := b.Private(w)
			p.Open(home + path)
			p.Close()
			got := strings.Join(w.failures, "\n")
			if !strings.Contains(got, want) || want == "" && got != "" {
				t.Errorf("complaints %q, want %q", got, want)
			}
		})
	}

	t.Run("sees what does not fit", func(t *testing.T) {
		w := &witness{TB: t}
		p := b.Private(w)
		p.Resize(320, 640)
		p.Open(home + "/wide")
		p.Fits()
		if len(w.failures) != 1 {
			t.Errorf("failures of a wide page: %q, want one", w.failures)
		}
	})

	t.Run("sees what axe sees", func(t *testing.T) {
		axe := browsertest.Axe(t)
		w := &witness{TB: t}
		p := b.Private(w)
		p.Open(home + "/")
		p.Accessible(axe)
		if len(w.failures) != 0 {
			t.Errorf("failures of a page without fault: %q", w.failures)
		}
		p.Open(home + "/unnamed")
		p.Accessible(axe)
		if got := strings.Join(w.failures, "\n"); !strings.Contains(got, "label (critical)") {
			t.Errorf("failures of a field without a label: %q", got)
		}
	})

	t.Run("tabs share cookies and private pages do not", func(t *testing.T) {
		p := b.Private(t)
		p.Open(home + "/cookies")
		tab, other := p.Tab(), b.Private(t)
		tab.Open(home + "/")
		other.Open(home + "/")
		if mine, theirs := tab.Ask("document.cookie"), other.Ask("document.cookie"); !strings.Contains(mine, "passing=1") || theirs != "" {
			t.Errorf("cookies of a tab %q, want passing=1; of a private page %q, want none", mine, theirs)
		}
	})

	t.Run("scans a code", func(t *testing.T) {
		p := b.Private(t)
		p.Open(home + "/code")
		if got, want := p.Scan(), "otpauth://totp/Demo:ann?secret=GEZDGNBV&x=a%20b"; got != want {
			t.Errorf("scanned %q, want %q", got, want)
		}
	})

	t.Run("ends a test for which a tool is missing", func(t *testing.T) {
		if got := browsertest.Tool(t, "go", "golang"); !strings.HasSuffix(got, "/go") {
			t.Errorf("the tool is at %q, want the path of go", got)
		}
		t.Setenv("CI", "")
		said := ""
		var done sync.WaitGroup
		done.Go(func() { browsertest.Tool(&absentee{TB: t, said: &said}, "no-such-tool", "the-package") })
		done.Wait()
		if !strings.Contains(said, "no-such-tool") || !strings.Contains(said, "apt-get install the-package") {
			t.Errorf("of a tool that is missing it says %q, want its name and package", said)
		}
	})

	t.Run("runs no scripts where they are off", func(t *testing.T) {
		w := &witness{TB: t}
		p := b.Private(w)
		p.NoScripts()
		p.Open(home + "/exception")
		p.Close()
		if len(w.failures) != 0 {
			t.Errorf("the script ran: %q", w.failures)
		}
	})
}

func TestRestart(t *testing.T) {
	b := browsertest.Start(t)
	home := site(t)
	b.Page(t).Open(home + "/cookies")
	b.Restart(t)
	p := b.Page(t)
	p.Open(home + "/")
	if got := p.Ask("document.cookie"); got != "kept=1" {
		t.Errorf("cookies after a restart: %q, want kept=1", got)
	}
}

func TestReaches(t *testing.T) {
	b, home := browsertest.Start(t), site(t)
	p := b.Private(t)
	p.Open(home + "/moves")
	p.Reaches(home + "/next")
	if got := p.Text("h1"); got != "Next" {
		t.Errorf("the page is called %q, want Next", got)
	}
	w := &witness{TB: t}
	p.With(w)
	p.Withheld("session", "/next")
	if len(w.failures) != 1 {
		t.Errorf("no cookie was withheld, and the test fails with %q, want one failure", w.failures)
	}
}
