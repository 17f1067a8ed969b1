package web

import (
	"net/http"
	"net/netip"
	"strings"
)

// ClientIP is the address that a request comes from, as far as it can be trusted.
//
// Without proxies that is the other end of the connection. With them it is what the outermost of them has added to
// X-Forwarded-For: each proxy adds one entry on the right, so the entry wanted stands as many places from the right as there are
// proxies. Everything left of it was sent by whoever called, and counts for nothing, as do X-Real-IP and Forwarded. Where the
// header is shorter than it should be, or the entry is no address, the other end of the connection is answered: it may be a proxy,
// whose visitors then share one budget of guesses. The zero Addr means that not even that is known.
func ClientIP(r *http.Request, proxies int) netip.Addr {
	peer := parseIP(r.RemoteAddr)
	if proxies <= 0 {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	if len(hops) < proxies {
		return peer
	}
	if ip := parseIP(strings.TrimSpace(hops[len(hops)-proxies])); ip.IsValid() {
		return ip
	}
	return peer
}

// parseIP reads an address with or without a port, in brackets or without. A zone says something about this machine only, and goes.
func parseIP(s string) netip.Addr {
	if at, err := netip.ParseAddrPort(s); err == nil {
		return at.Addr().Unmap().WithZone("")
	}
	if inside, ok := strings.CutPrefix(s, "["); ok {
		s, _ = strings.CutSuffix(inside, "]")
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap().WithZone("")
}
