package baseurl_test

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/baseurl"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		raw      string
		insecure bool
		want     string // empty: refused
		why      string
	}{
		{"https://app.example.com", false, "https://app.example.com", ""},
		{"https://app.example.com/", false, "https://app.example.com", ""},
		{"https://app.example.com/auth/sso/", false, "https://app.example.com/auth/sso", ""},
		{"https://app.example.com/a%2Fb/", false, "https://app.example.com/a%2Fb", ""},
		{"HTTPS://App.Example.com:443", false, "https://app.example.com", ""},
		{"https://app.example.com:8443", false, "https://app.example.com:8443", ""},
		{"https://app.example.com:80", false, "https://app.example.com:80", ""},
		{"http://localhost:8080/auth", false, "http://localhost:8080/auth", ""},
		{"http://LOCALHOST:80", false, "http://localhost", ""},
		{"http://[::1]:8080", false, "http://[::1]:8080", ""},
		{"http://app.test/auth", true, "http://app.test/auth", ""},

		{"", false, "", "must be an address like"},
		{"/auth", false, "", "must be an address like"},
		{"app.example.com", false, "", "must be an address like"},
		{"https:", false, "", "must be an address like"},
		{"https://a b", false, "", "must be an address like"},
		{"ftp://app.example.com", true, "", "must be an address like"},
		{"https://app.example.com?a=b", false, "", "no user, query or fragment"},
		{"https://app.example.com?", false, "", "no user, query or fragment"},
		{"https://app.example.com/#a", false, "", "no user, query or fragment"},
		{"https://app.example.com/#", false, "", "no user, query or fragment"},
		{"https://ann@app.example.com", false, "", "no user, query or fragment"},
		{"http://app.example.com", false, "", "plain http"},
		{"http://localhost.example.com", false, "", "plain http"},
	} {
		u, err := baseurl.Parse(tt.raw, tt.insecure)
		switch {
		case tt.want == "" && (err == nil || !strings.Contains(err.Error(), tt.why)):
			t.Errorf("Parse(%q) = %v, %v, want an error that says %q", tt.raw, u, err, tt.why)
		case tt.want != "" && (err != nil || u.String() != tt.want):
			t.Errorf("Parse(%q) = %v, %v, want %s", tt.raw, u, err, tt.want)
		}
	}
	if _, err := baseurl.Parse("https://ann:secret@app.example.com", false); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("Parse = %v, want an error that repeats no password", err)
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "Localhost": true, "app.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"": false, "app.example.com": false, "localhost.example.com": false, "notlocalhost": false, "10.0.0.1": false, "::": false, "0.0.0.0": false,
		"127.0.0.1.example.com": false,
	} {
		if got := baseurl.Loopback(host); got != want {
			t.Errorf("Loopback(%q) = %v, want %v", host, got, want)
		}
	}
}
