package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// policy is the Content-Security-Policy of everything here. Browsers hold form-action against the redirect that answers a form,
// so the sites that a sign-in may end at are added by visit.mayLeadTo.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// harden sets the headers of every answer.
func harden(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Cookie, Accept, Accept-Language")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", policy)
	// Not no-referrer: browsers then post forms with "Origin: null", and those that send no Sec-Fetch-Site (older ones, and all of
	// them over plain http) could not be told from other sites. No page's address holds a secret (see showReset), and other sites
	// see none.
	h.Set("Referrer-Policy", "same-origin")
}

// mayLeadTo lets the forms of a page lead to an address on another origin.
func (v *visit) mayLeadTo(address string) {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		v.w.Header().Set("Content-Security-Policy", policy+" "+u.Scheme+"://"+u.Host)
	}
}

// A guard keeps other sites from posting here.
type guard struct {
	protection *http.CrossOriginProtection
	insecure   string // the origin of BaseURL over plain http, where BaseURL is https; empty: none
}

func newGuard(base *url.URL, trusted []string) (guard, error) {
	g := guard{protection: http.NewCrossOriginProtection()}
	own := base.Scheme + "://" + base.Host // for browsers without Sec-Fetch-Site behind a proxy that changes Host
	if err := g.protection.AddTrustedOrigin(own); err != nil {
		return g, fmt.Errorf("web: the origin of Config.Auth: %w", err)
	}
	for _, origin := range trusted {
		if err := g.protection.AddTrustedOrigin(origin); err != nil {
			return g, fmt.Errorf("web: Config.TrustedOrigins: %w", err)
		}
	}
	if base.Scheme == "https" {
		g.insecure = "http://" + base.Host
	}
	return g, nil
}

// refuses tells whether a request that may change something comes from another site, or from a page of this host that was not
// loaded over TLS, which http.CrossOriginProtection does not tell apart.
func (g guard) refuses(r *http.Request) bool {
	if g.protection.Check(r) != nil {
		return true
	}
	return g.insecure != "" && r.Header.Get("Origin") == g.insecure
}

// String lists the methods as the Allow header does.
func (m methods) String() string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") }
