package ssotest

import (
	"net"
	"net/http"
)

// TB is what Start needs of a test. Every testing.TB is one.
type TB interface {
	Cleanup(func())
}

// Start makes a provider that listens on a free port of 127.0.0.1 until the test ends. An empty Config.BaseURL
// becomes the address it listens on. It panics where New would return an error.
func Start(t TB, cfg Config) *Provider {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = "http://" + l.Addr().String()
	}
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
