package password_test

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth/password"
)

func sum(text string) string { return fmt.Sprintf("%X", sha1.Sum([]byte(text))) }

func ExampleBreachFile() {
	file, err := os.Open("pwned-passwords-sha1-ordered-by-hash.txt")
	if err != nil {
		return
	}
	info, err := file.Stat()
	if err != nil {
		return
	}
	judge := password.Judge{Breaches: password.BreachFile(file, info.Size())}
	_, _ = judge.Unmet(context.Background(), "four small grey donkeys", password.About{})
}

func ExampleBreachRange() {
	breaches, err := password.BreachRange(http.DefaultClient, "https://api.pwnedpasswords.com/range/")
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = password.Judge{Breaches: breaches}
}

func TestBreachFile(t *testing.T) {
	var words []string
	for i := range 500 {
		words = append(words, fmt.Sprintf("known %d", i))
	}
	list := func(row func(i int, hash string) string, end string) string {
		var rows []string
		for i, w := range words {
			rows = append(rows, row(i, sum(w)))
		}
		slices.Sort(rows)
		return strings.Join(rows, end)
	}
	counted := func(i int, hash string) string { return fmt.Sprintf("%s:%d", hash, 1<<(i%30)) }
	for name, content := range map[string]string{
		"as downloaded":            list(counted, "\r\n") + "\r\n",
		"without a last line end":  list(counted, "\n"),
		"without counts":           list(func(_ int, hash string) string { return hash }, "\n") + "\n",
		"in lower case":            strings.ToLower(list(counted, "\n")),
		"first and last, one line": sum("known 0") + ":1",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "hashes")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			breached := password.BreachFile(file, int64(len(content)))
			for _, w := range append(slices.Clone(words), "unknown", "", "known", "known 500", "known 501") {
				want := strings.Contains(strings.ToUpper(content), sum(w))
				if got, err := breached(t.Context(), w); got != want || err != nil {
					t.Errorf("breached(%q) = %v, %v, want %v, nil", w, got, err, want)
				}
			}
		})
	}
	t.Run("an empty file knows nothing", func(t *testing.T) {
		if got, err := password.BreachFile(strings.NewReader(""), 0)(t.Context(), "x"); got || err != nil {
			t.Errorf("breached = %v, %v, want false, nil", got, err)
		}
	})
	t.Run("a file of something else is an error, not a no", func(t *testing.T) {
		for name, content := range map[string]string{
			"words":            strings.Repeat("password\n", 100),
			"no line ends":     strings.Repeat("A", 10_000),
			"longer hashes":    strings.Repeat(strings.Repeat("0", 64)+"\n", 50),
			"spaces, no colon": strings.Repeat(strings.Repeat("0", 40)+" 12\n", 50),
		} {
			if got, err := password.BreachFile(strings.NewReader(content), int64(len(content)))(t.Context(), "x"); got || err == nil {
				t.Errorf("%s: breached = %v, %v, want an error", name, got, err)
			}
		}
	})
	t.Run("a file shorter than said is an error", func(t *testing.T) {
		content := list(counted, "\n")
		if _, err := password.BreachFile(strings.NewReader(content), 1<<40)(t.Context(), "x"); err == nil {
			t.Error("breached = nil, want an error")
		}
	})
	t.Run("an ended context is an error", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := password.BreachFile(strings.NewReader(""), 0)(ctx, "x"); !errors.Is(err, context.Canceled) {
			t.Errorf("breached = %v, want Canceled", err)
		}
	})
}

func TestBreachRange(t *testing.T) {
	const known, rare = "known to everybody", "padded only"
	var seen *http.Request
	answer := func(w http.ResponseWriter, r *http.Request) {
		seen = r.Clone(context.Background())
		for i := range 800 {
			fmt.Fprintf(w, "%035X:%d\r\n", i, i+1)
		}
		for _, c := range []struct {
			text  string
			count int
		}{{known, 12}, {rare, 0}} {
			if hash := sum(c.text); strings.HasSuffix(r.URL.Path, "/"+hash[:5]) {
				fmt.Fprintf(w, "%s:%d\r\n", hash[5:], c.count)
			}
		}
	}
	ask := func(t *testing.T, handler http.HandlerFunc, text string) (bool, error) {
		t.Helper()
		server := httptest.NewServer(handler)
		defer server.Close()
		breached, err := password.BreachRange(server.Client(), server.URL+"/range/")
		if err != nil {
			t.Fatalf("BreachRange = %v", err)
		}
		return breached(t.Context(), text)
	}

	t.Run("A-155 a known password is found", func(t *testing.T) {
		if got, err := ask(t, answer, known); !got || err != nil {
			t.Errorf("breached = %v, %v, want true, nil", got, err)
		}
	})
	t.Run("an unknown one is not, nor is one that only pads the answer", func(t *testing.T) {
		for _, text := range []string{"nobody knows this", rare} {
			if got, err := ask(t, answer, text); got || err != nil {
				t.Errorf("breached(%q) = %v, %v, want false, nil", text, got, err)
			}
		}
	})
	t.Run("only five characters of the hash leave", func(t *testing.T) {
		if _, err := ask(t, answer, known); err != nil {
			t.Fatal(err)
		}
		if want := "/range/" + sum(known)[:5]; seen.Method != http.MethodGet || seen.RequestURI != want {
			t.Errorf("asked %s %s, want GET %s", seen.Method, seen.RequestURI, want)
		}
		if seen.Header.Get("Add-Padding") != "true" {
			t.Errorf("Add-Padding = %q, want true", seen.Header.Get("Add-Padding"))
		}
		for name, values := range seen.Header {
			if strings.Contains(strings.ToUpper(fmt.Sprint(values)), sum(known)[:5]) {
				t.Errorf("header %s has the hash in it: %v", name, values)
			}
		}
	})
	t.Run("anything but a good answer is an error, without the hash in it", func(t *testing.T) {
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			t.Errorf("another server was asked %s", r.URL)
		}))
		defer other.Close()
		for name, handler := range map[string]http.HandlerFunc{
			"503": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
			"404": http.NotFound,
			"a redirect": func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, other.URL+r.URL.Path, http.StatusFound)
			},
			"a page": func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, "<html>sign in to the hotel's network</html>")
			},
			"nothing":    func(w http.ResponseWriter, r *http.Request) {},
			"short rows": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ABC:1\r\n") },
			"bad counts": func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%035X:many\r\n", 1) },
			"too large": func(w http.ResponseWriter, r *http.Request) {
				for i := range 2_000 { // the count is long, so that the last row looks whole where it is cut
					fmt.Fprintf(w, "%035X:%0500d\r\n", i, i)
				}
			},
			"cut off": func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "100000")
				fmt.Fprintf(w, "%035X:1\r\n", 1)
			},
			"hung up": func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
		} {
			got, err := ask(t, handler, known)
			if got || err == nil {
				t.Errorf("%s: breached = %v, %v, want an error", name, got, err)
			} else if strings.Contains(strings.ToUpper(err.Error()), sum(known)[:5]) {
				t.Errorf("%s: the error %q has the hash in it", name, err)
			}
		}
	})
	t.Run("an answer without end is not read to the end", func(t *testing.T) {
		endless := func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				fmt.Fprintf(w, "%035X:1\r\n", 1)
			}
		}
		if got, err := ask(t, endless, known); got || err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("breached = %v, %v, want an error before the time is up", got, err)
		}
	})
	t.Run("a slow service is given up with the context, and after two seconds without one", func(t *testing.T) {
		release := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}))
		defer server.Close()
		defer close(release)
		breached, err := password.BreachRange(server.Client(), server.URL)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		for _, ctx := range []context.Context{ctx, t.Context()} {
			begun := time.Now()
			if got, err := breached(ctx, known); got || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("breached = %v, %v, want DeadlineExceeded", got, err)
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("it took %v, want about two seconds at most", took)
			}
		}
	})
	t.Run("the address must be https, or this machine", func(t *testing.T) {
		for _, base := range []string{"https://breaches.example/range", "http://localhost:8080", "http://127.0.0.1/x/", "http://[::1]:80/"} {
			if _, err := password.BreachRange(http.DefaultClient, base); err != nil {
				t.Errorf("BreachRange(%q) = %v, want nil", base, err)
			}
		}
		for _, base := range []string{"", "breaches.example", "http://breaches.example", "ftp://breaches.example", "https://", "http://localhost.example", "://"} {
			if _, err := password.BreachRange(http.DefaultClient, base); err == nil {
				t.Errorf("BreachRange(%q) = nil, want an error", base)
			}
		}
		if _, err := password.BreachRange(nil, "https://breaches.example"); err == nil {
			t.Error("BreachRange(nil client) = nil, want an error")
		}
	})
	t.Run("the host's client is left as it was", func(t *testing.T) {
		client := &http.Client{}
		if _, err := password.BreachRange(client, "https://breaches.example"); err != nil {
			t.Fatal(err)
		}
		if client.CheckRedirect != nil {
			t.Error("CheckRedirect was set on the host's client")
		}
	})
}
