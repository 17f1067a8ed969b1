// Package baseurl reads the addresses under which people reach a program: what a host writes into its configuration, and what everything
// that leaves is made from. [Parse] reads one; [Loopback] tells which hosts may do without TLS.
//
// It asks nobody, and knows nothing of a request: such an address never comes from one.
package baseurl

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Parse reads an address that other addresses are made from: with a scheme and a host, and without anything after its path. Plain http is
// taken for Loopback hosts only, unless insecure allows it. The host is in small letters and without the port that the scheme means, as
// browsers write it in Origin; there is no slash at the end.
//
// Its error tells what is wrong, after the name of the field.
func Parse(raw string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("%q must be an address like https://app.example.com", raw)
	case u.User != nil || strings.ContainsAny(raw, "?#"):
		return nil, fmt.Errorf("%q must have no user, query or fragment", u.Redacted())
	case u.Scheme == "http" && !insecure && !Loopback(u.Hostname()):
		return nil, fmt.Errorf("%q is plain http on another host than localhost: use https, or InsecureHTTP", raw)
	}
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	u.Host = strings.ToLower(u.Host)
	if port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; port != "" {
		u.Host = strings.TrimSuffix(u.Host, port)
	}
	return u, nil
}

// Loopback tells whether browsers take plain http to a host for a secure context: it is this machine, whatever answers there.
func Loopback(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
