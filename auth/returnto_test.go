package auth_test

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
)

func TestReturnTo(t *testing.T) {
	w := memory(t, func(c *auth.Config) { c.ReturnOrigins = []string{"https://admin.example.com", "http://localhost:3000"} })
	for _, good := range []string{
		"/", "/reports", "/reports/2026?q=a%20b&x=1#top", "/a/b/../c", "/auth/account", "/auth/account/sessions", "/authors", "/caf%C3%A9", "/a%20b", "/search?q=50%",
		"https://admin.example.com", "https://admin.example.com/users?x=1", "http://localhost:3000/",
	} {
		if got := w.m.ReturnTo(good); got != good {
			t.Errorf("R8 ReturnTo(%q) = %q, want it kept", good, got)
		}
	}
	for _, evil := range []string{
		"", "reports", "//", "//?x", "//#x", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/%2f%2fevil.example", "%2f%2fevil.example",
		"/%5cevil.example", "/%252f%252fevil.example", "%252f%252fevil.example", "//app.example.com@evil.example", "https://app.example.com.evil.example", "https://app.example.com@evil.example",
		"https://evil.example", "http://admin.example.com", "https://admin.example.com:444/", "https://admin.example.com@evil.example/", "https://ADMIN.example.com.evil/",
		"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "mailto:a@b.c", "/\tevil", "/\nevil", " /x", "/x ", "\t//evil.example", "/a\r\nSet-Cookie:x",
		"#top", "?x=1", "https://app.example.com:8443/", "/" + strings.Repeat("a", 10_000), "/\xff\xfe", "/%ff%fe", "/%00", "/%0a", "/./\\evil", "https:evil.example", "https:/evil.example", "http:///evil.example",
	} {
		if got := w.m.ReturnTo(evil); got != "" {
			t.Errorf("A-235 invariant 12: ReturnTo(%q) = %q, want nothing", evil, got)
		}
	}
	for _, own := range []string{"/auth/signout", "/auth/signin", "/auth/signin/cancel", "/auth", "/auth/", "/auth/help", "/x/../auth/signout", "/auth/account/../signout", "/%61uth/signout", "/auth/accounts", "/auth//signout"} {
		if got := w.m.ReturnTo(own); got != "" {
			t.Errorf("A-237 ReturnTo(%q) = %q, want nothing: it would loop, or act", own, got)
		}
	}
}

func FuzzReturnTo(f *testing.F) {
	for _, s := range []string{"/", "/a?b#c", "//evil", "/\\evil", "/%2f%2fe", "https://admin.example.com/x", "javascript:x", "/auth/account", "/auth/../x"} {
		f.Add(s)
	}
	m, err := auth.New(fuzzConfig())
	if err != nil {
		f.Fatal(err)
	}
	base, _ := url.Parse("https://app.example.com/auth/signin")
	f.Fuzz(func(t *testing.T, s string) {
		got := m.ReturnTo(s)
		if got == "" {
			return
		}
		if got != s {
			t.Fatalf("ReturnTo(%q) = %q: it must keep or drop, never change", s, got)
		}
		u, err := base.Parse(got)
		if err != nil {
			t.Fatalf("ReturnTo(%q) cannot be followed: %v", s, err)
		}
		if o := u.Scheme + "://" + u.Host; o != "https://app.example.com" && o != "https://admin.example.com" {
			t.Fatalf("ReturnTo(%q) leads to %s", s, o)
		}
		if p := path.Clean(u.Path); u.Host == "app.example.com" && strings.HasPrefix(p+"/", "/auth/") && !strings.HasPrefix(p+"/", "/auth/account/") {
			t.Fatalf("ReturnTo(%q) leads into the sign-in itself: %s", s, p)
		}
		if strings.ContainsAny(got, "\r\n\t\\ ") {
			t.Fatalf("ReturnTo(%q) has a character that browsers read their own way", s)
		}
	})
}
