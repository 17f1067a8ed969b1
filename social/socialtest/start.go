package socialtest

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"
)

// TB is what Start needs of a test. Every testing.TB is one.
type TB interface {
	Cleanup(func())
}

// Start makes a provider that listens on a free port of 127.0.0.1 until the test ends. An empty Config.BaseURL
// becomes the address it listens on. It panics where New would return an error.
func Start(t TB, cfg Config) *Provider {
	s := httptest.NewUnstartedServer(nil)
	cfg.BaseURL = cmp.Or(cfg.BaseURL, "http://"+s.Listener.Addr().String())
	p := serve(t, cfg, s)
	s.Start()
	return p
}

// StartTLS is Start with TLS under names that no server here has: an empty Config.BaseURL becomes https:// and the name of the real
// provider's first host, or https://id.example. Only Provider.Client finds it there, and under every other host of the real provider.
func StartTLS(t TB, cfg Config) *Provider {
	s := httptest.NewUnstartedServer(nil)
	hosts := []string{"id.example"}
	if h := cfg.Personality.trait().hosts; len(h) > 0 {
		hosts = h
	}
	cfg.BaseURL = cmp.Or(cfg.BaseURL, "https://"+hosts[0])
	base, err := url.Parse(cfg.BaseURL)
	if err != nil {
		panic(err)
	}
	p := serve(t, cfg, s)
	cert := serverCertificate(append(slices.Clone(hosts), base.Hostname()))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.StartTLS()
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	p.transport = &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		},
	}
	t.Cleanup(p.transport.(*http.Transport).CloseIdleConnections)
	return p
}

func serve(t TB, cfg Config, s *httptest.Server) *Provider {
	p, err := New(cfg)
	if err != nil {
		s.Listener.Close()
		panic(err)
	}
	s.Config.Handler = p
	t.Cleanup(s.Close)
	return p
}

// Client is an HTTP client that reaches the provider under its BaseURL, and under the hosts of the real provider; after StartTLS nothing
// else. It follows redirects, as a product's does.
func (p *Provider) Client() *http.Client {
	var next http.RoundTripper = http.DefaultTransport
	if p.transport != nil {
		next = p.transport
	}
	return &http.Client{Timeout: 10 * time.Second, Transport: p.RoundTripper(next)}
}

// RoundTripper sends requests for hosts of the real provider here, and the others on to next, for products whose addresses are constants.
func (p *Provider) RoundTripper(next http.RoundTripper) http.RoundTripper {
	return roundTripper{p, next}
}

type roundTripper struct {
	p    *Provider
	next http.RoundTripper
}

func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	to := t.p.Rewrite(r.URL.String())
	if to == r.URL.String() || strings.HasPrefix(r.URL.String(), t.p.cfg.BaseURL+"/") {
		return t.next.RoundTrip(r)
	}
	u, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL, r.Host = u, ""
	return t.next.RoundTrip(r)
}

// serverCertificate is a certificate for some names. It knows the clock of the machine: TLS asks that one.
func serverCertificate(names []string) tls.Certificate {
	signer := curveKey().signer.(*ecdsa.PrivateKey)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		panic(err) // the template is ours
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err) // it is ours too
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: signer, Leaf: leaf}
}
