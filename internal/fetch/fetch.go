// Package fetch is the one way out: the HTTP client for addresses that companies and their providers have told us.
//
// Call [New], then [Client.Get], or hand [Client.HTTP] to a library that asks on its own. Whoever writes such an address may not make
// us knock at doors of the network that we stand in. So a Client
//
//   - speaks https, and nothing else;
//   - judges the address that it is about to dial, after the name was looked up: what a name meant a moment ago does not count;
//   - follows no redirect, uses no proxy (which would dial for us), and keeps no cookies;
//   - reads so many bytes, for so long.
//
// It uses the standard library only, and knows nothing of what it fetches. It does not limit how often it is asked.
package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Config is what New needs. The zero Config is the safe one.
type Config struct {
	// AllowPrivate takes plain http, and addresses of this machine and of private networks. It is for tests and demonstrations:
	// with it, whoever may name an address can make the program talk to whatever stands beside it.
	AllowPrivate bool
	Timeout      time.Duration  // for one request, its body included; zero: 10 seconds
	MaxBytes     int64          // of a body; zero: 1 MiB
	RootCAs      *x509.CertPool // who vouches for certificates; nil: whom the system trusts
}

func (c Config) timeout() time.Duration { return cmp.Or(c.Timeout, 10*time.Second) }
func (c Config) maxBytes() int64        { return cmp.Or(c.MaxBytes, 1<<20) }

const maxHeader = 64 << 10 // bytes of a response's headers

// A Code says why something was not fetched. Codes are stable.
type Code string

const (
	BadAddress  Code = "fetch_address"     // not an absolute address, or one with a user, or with a host that no resolver should be asked for
	BadScheme   Code = "fetch_scheme"      // not https
	Private     Code = "fetch_private"     // an address of this machine, of a private network, or of nobody
	Redirected  Code = "fetch_redirect"    // the answer points elsewhere
	TooLarge    Code = "fetch_too_large"   // more bytes than Config.MaxBytes
	BadStatus   Code = "fetch_status"      // Get only: not 200
	TooSlow     Code = "fetch_timeout"     // Explain only: no answer in time
	NoSuchName  Code = "fetch_name"        // Explain only: the name leads to no address
	Untrusted   Code = "fetch_certificate" // Explain only: the certificate is not one for this name, by somebody whom we trust
	Unreachable Code = "fetch_unreachable" // Explain only: anything else
)

// Refused is the error of what this package refuses. Errors of the network are others: see Explain.
type Refused struct {
	Code     Code
	Received string // what it was: a scheme, an address, a status; never a path, a query or a body
}

func (r *Refused) Error() string { return fmt.Sprintf("fetch: refused: %s (%q)", r.Code, r.Received) }

// Explain finds out why a request with a Client's HTTP failed, in a word for programs and what was received, which may be empty. It
// repeats nothing of a path, a query or a body.
func Explain(err error) (Code, string) {
	var (
		refused *Refused
		dns     *net.DNSError
		bad     *tls.CertificateVerificationError
		timeout net.Error
	)
	switch {
	case errors.As(err, &refused):
		return refused.Code, refused.Received
	case errors.As(err, &bad):
		return Untrusted, ""
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return TooSlow, ""
	case errors.As(err, &dns):
		return NoSuchName, ""
	}
	return Unreachable, ""
}

// Client fetches. It is safe for concurrent use.
type Client struct {
	cfg    Config
	http   *http.Client
	dialer *net.Dialer
	judge  judge
}

// New checks the Config and returns a Client.
func New(cfg Config) (*Client, error) {
	switch {
	case cfg.Timeout < 0:
		return nil, errors.New("fetch: Config.Timeout is negative")
	case cfg.MaxBytes < 0:
		return nil, errors.New("fetch: Config.MaxBytes is negative")
	}
	c := &Client{cfg: cfg, judge: newJudge(cfg.AllowPrivate)}
	c.dialer = &net.Dialer{Timeout: cfg.timeout(), Control: c.control}
	c.http = &http.Client{
		Timeout: cfg.timeout(),
		Transport: &guard{cfg: cfg, next: &http.Transport{
			Proxy:                  nil, // it would look the name up and dial in our place
			DialContext:            c.dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.RootCAs},
			TLSHandshakeTimeout:    cfg.timeout(),
			ResponseHeaderTimeout:  cfg.timeout(),
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true, // what is counted is what came
			MaxIdleConnsPerHost:    2,
			MaxIdleConns:           16,
			IdleConnTimeout:        30 * time.Second,
		}},
		// The guard refuses redirects before this is asked; it stands here for whoever changes the guard.
		CheckRedirect: func(*http.Request, []*http.Request) error { return &Refused{Code: Redirected} },
	}
	return c, nil
}

// HTTP is a client that keeps every rule of this package, for libraries that want one. Do not change it.
func (c *Client) HTTP() *http.Client { return c.http }

// Get answers the body of an address and what type it says it has. An answer that is not 200 is an error.
func (c *Client) Get(ctx context.Context, address string) (body []byte, contentType string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", &Refused{Code: BadAddress}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, "", fmt.Errorf("fetch: asking %s: %w", req.URL.Hostname(), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, "", &Refused{Code: BadStatus, Received: strconv.Itoa(resp.StatusCode)}
	}
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		return nil, "", fmt.Errorf("fetch: reading what %s says: %w", req.URL.Hostname(), err)
	}
	return body, resp.Header.Get("Content-Type"), nil
}

// control is called with every address that is about to be dialled: names have been looked up by now.
func (c *Client) control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return &Refused{Code: BadAddress, Received: network}
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &Refused{Code: BadAddress}
	}
	if !c.judge.public(ap.Addr()) {
		return &Refused{Code: Private, Received: ap.Addr().String()}
	}
	return nil
}

// A guard judges what can be judged of a request before it is dialled, and bounds what comes back.
type guard struct {
	cfg  Config
	next http.RoundTripper
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := g.check(req); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	limit := g.cfg.maxBytes()
	switch {
	case 300 <= resp.StatusCode && resp.StatusCode < 400:
		resp.Body.Close()
		return nil, &Refused{Code: Redirected, Received: strconv.Itoa(resp.StatusCode)}
	case resp.ContentLength > limit:
		resp.Body.Close()
		return nil, tooLarge(limit)
	}
	resp.Body = &bounded{body: resp.Body, left: limit, limit: limit}
	return resp, nil
}

func (g *guard) check(req *http.Request) error {
	u := req.URL
	switch {
	case u.Scheme != "https" && !(g.cfg.AllowPrivate && u.Scheme == "http"):
		return &Refused{Code: BadScheme, Received: u.Scheme}
	case u.Hostname() == "" || u.Opaque != "" || u.User != nil:
		return &Refused{Code: BadAddress}
	case spelledOut(u.Hostname()):
		return &Refused{Code: BadAddress, Received: u.Hostname()}
	}
	return nil
}

// spelledOut tells whether a host is a number that is not written as an address is: 2130706433, 0177.0.0.1, 0x7f.1. Some resolvers
// read such a thing as an address and some as a name; nobody's name ends in a number.
func spelledOut(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	host = strings.TrimSuffix(host, ".")
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	if hex, ok := strings.CutPrefix(last, "0x"); ok && strings.Trim(hex, "0123456789abcdef") == "" {
		return true
	}
	return strings.Trim(last, "0123456789") == ""
}

// bounded reads up to a limit, and fails where more would come: half of a document is none.
type bounded struct {
	body  io.ReadCloser
	left  int64
	limit int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, tooLarge(b.limit)
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more than may come: it tells an end from a beginning
	}
	n, err := b.body.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return n - 1, tooLarge(b.limit)
	}
	return n, err
}

func (b *bounded) Close() error { return b.body.Close() }

func tooLarge(limit int64) *Refused {
	return &Refused{Code: TooLarge, Received: "more than " + strconv.FormatInt(limit, 10) + " bytes"}
}
