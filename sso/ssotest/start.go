package ssotest

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"time"
)

// TB is what Start needs of a test. Every testing.TB is one.
type TB interface {
	Cleanup(func())
}

// Start makes a provider that listens on a free port of 127.0.0.1 until the test ends. An empty Config.BaseURL
// becomes the address it listens on. It panics where New would return an error.
func Start(t TB, cfg Config) *Provider {
	l := listen()
	if cfg.BaseURL == "" {
		cfg.BaseURL = "http://" + l.Addr().String()
	}
	return serve(t, cfg, l)
}

// StartTLS is Start with TLS under a name that no server has: an empty Config.BaseURL becomes https://idp.corp.example. Only
// Provider.Client finds it there.
func StartTLS(t TB, cfg Config) *Provider {
	if cfg.BaseURL == "" {
		cfg.BaseURL = "https://idp.corp.example"
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil {
		panic(err)
	}
	l := listen()
	cert := serverCertificate(base.Hostname())
	p := serve(t, cfg, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}}))
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	p.transport = &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, l.Addr().String())
		},
	}
	return p
}

// Client is an HTTP client that reaches the provider under its BaseURL, and with StartTLS nothing else.
func (p *Provider) Client() *http.Client {
	if p.transport == nil {
		return &http.Client{Timeout: 10 * time.Second}
	}
	return &http.Client{Timeout: 10 * time.Second, Transport: p.transport}
}

func listen() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	return l
}

func serve(t TB, cfg Config, l net.Listener) *Provider {
	p, err := New(cfg)
	if err != nil {
		l.Close()
		panic(err)
	}
	server := &http.Server{Handler: p}
	go server.Serve(l) // ends when the test closes the server
	t.Cleanup(func() { server.Close() })
	return p
}

// serverCertificate is a certificate for one name. It knows the clock of the machine: TLS asks that one.
func serverCertificate(name string) tls.Certificate {
	signer := curveKey().(*ecdsa.PrivateKey)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
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
