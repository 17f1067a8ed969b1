package web_test

import (
	"net/http"
	"testing"

	"github.com/sallyport-auth/sallyport/auth/web"
)

func TestClientIP(t *testing.T) {
	const peer = "192.0.2.1:1234"
	for _, c := range []struct {
		name    string
		proxies int
		peer    string
		header  []string
		want    string
	}{
		{"A-150 no proxy: the header is the visitor's own", 0, peer, []string{"203.0.113.9"}, "192.0.2.1"},
		{"A-150 a negative number is none", -1, peer, []string{"203.0.113.9"}, "192.0.2.1"},
		{"one proxy", 1, peer, []string{"203.0.113.9"}, "203.0.113.9"},
		{"A-150 one proxy, and what the visitor claims", 1, peer, []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		{"A-150 in a line of its own", 1, peer, []string{"1.1.1.1", "203.0.113.9"}, "203.0.113.9"},
		{"two proxies", 2, peer, []string{"1.1.1.1, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		{"two proxies, two lines", 2, peer, []string{"1.1.1.1,203.0.113.9", "10.0.0.2"}, "203.0.113.9"},
		{"A-150 shorter than there are proxies", 2, peer, []string{"203.0.113.9"}, "192.0.2.1"},
		{"no header", 1, peer, nil, "192.0.2.1"},
		{"empty header", 1, peer, []string{""}, "192.0.2.1"},
		{"A-150 garbage", 1, peer, []string{"203.0.113.9, unknown"}, "192.0.2.1"},
		{"A-150 more garbage", 1, peer, []string{"for=203.0.113.9"}, "192.0.2.1"},
		{"with a port", 1, peer, []string{"203.0.113.9:4711"}, "203.0.113.9"},
		{"IPv6", 1, peer, []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv6 in brackets", 1, peer, []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"IPv6 with a port", 1, peer, []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		{"IPv4 in IPv6", 1, peer, []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"a connection of IPv6 with a zone", 0, "[fe80::1%eth0]:1234", nil, "fe80::1"},
		{"a connection of IPv4 in IPv6", 0, "[::ffff:192.0.2.1]:1234", nil, "192.0.2.1"},
		{"a socket without an address", 0, "@", nil, "invalid IP"},
		{"a socket behind a proxy", 1, "@", []string{"203.0.113.9"}, "203.0.113.9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Real-Ip": {"9.9.9.9"}, "Forwarded": {"for=9.9.9.9"}}}
			for _, line := range c.header {
				r.Header.Add("X-Forwarded-For", line)
			}
			if got := web.ClientIP(r, c.proxies).String(); got != c.want {
				t.Errorf("ClientIP = %s, want %s", got, c.want)
			}
		})
	}
}

func FuzzClientIP(f *testing.F) {
	f.Add("192.0.2.1:1", "203.0.113.9, [::1]:2", 1)
	f.Add("[fe80::1%25x]:1", "[", 2)
	f.Fuzz(func(t *testing.T, peer, header string, proxies int) {
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {header}}}
		got := web.ClientIP(r, proxies)
		if got.Zone() != "" || got.Is4In6() {
			t.Errorf("ClientIP = %s: a zone or a mapped address makes two budgets of one", got)
		}
		if proxies <= 0 && got != web.ClientIP(&http.Request{RemoteAddr: peer}, 0) {
			t.Errorf("ClientIP = %s depends on the header without a proxy", got)
		}
	})
}
