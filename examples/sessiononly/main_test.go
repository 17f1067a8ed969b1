package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

func TestSignInAndOut(t *testing.T) {
	handler, err := newHandler()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(handler) // the cookie travels over TLS only
	defer server.Close()
	browser := server.Client()
	if browser.Jar, err = cookiejar.New(nil); err != nil {
		t.Fatal(err)
	}
	do := func(method, path, site string) (status int, page string) {
		t.Helper()
		req, err := http.NewRequest(method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Sec-Fetch-Site", site)
		resp, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	for _, step := range []struct {
		name, method, path, site string
		status                   int
		page                     string
	}{
		{"a stranger is sent to the door", "GET", "/", "none", 200, "Sign in as Ada"},
		{"A-232 another site signs nobody in", "POST", "/signin", "cross-site", 403, ""},
		{"R18 signing in opens the room", "POST", "/signin", "same-origin", 200, "You are ada"},
		{"the room stays open", "GET", "/", "none", 200, "You are ada"},
		{"A-233 another site signs nobody out", "POST", "/signout", "cross-site", 403, ""},
		{"still signed in", "GET", "/", "none", 200, "You are ada"},
		{"A-233 a link signs nobody out", "GET", "/signout", "none", 405, ""},
		{"R67 signing out leads to the door", "POST", "/signout", "same-origin", 200, "Sign in as Ada"},
		{"and the room is closed", "GET", "/", "none", 200, "Sign in as Ada"},
	} {
		t.Run(step.name, func(t *testing.T) {
			status, page := do(step.method, step.path, step.site)
			if status != step.status || !strings.Contains(page, step.page) {
				t.Errorf("%s %s = %d %q, want %d with %q", step.method, step.path, status, page, step.status, step.page)
			}
		})
	}
}

func TestLinksNothingElse(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	const ours = "github.com/sallyport-auth/sallyport/"
	for path := range strings.FieldsSeq(string(out)) {
		first, _, _ := strings.Cut(path, "/")
		if strings.Contains(first, ".") && !strings.HasPrefix(path, ours) {
			t.Errorf("a program with sessions only links %s", path)
		}
	}
	if !strings.Contains(string(out), ours+"session") {
		t.Errorf("go list did not find package session: %s", out)
	}
}
