package openid_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/sallyport-auth/sallyport/internal/openid"
)

// BenchmarkAnswer is one answer, its exchange over HTTP included: with every rule here, and with what go-oidc checks alone.
func BenchmarkAnswer(b *testing.B) {
	p := newOP(b)
	f := begin(b, p, p.party(), openid.Ask{State: "state-1"})
	b.Run("strict", func(b *testing.B) {
		f.t = b
		for b.Loop() {
			if c, err := f.finish(); err != nil || c.Subject != "ann-1" {
				b.Fatalf("Finish = %q, %s", c.Subject, describe(err))
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		client := &http.Client{Timeout: 5 * time.Second}
		ctx := oidc.ClientContext(context.Background(), client)
		provider := must(oidc.NewProvider(ctx, p.URL))
		party := oauth2.Config{ClientID: clientID, ClientSecret: secret, RedirectURL: callback, Endpoint: provider.Endpoint()}
		party.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
		verifier := provider.Verifier(&oidc.Config{ClientID: clientID, SupportedSigningAlgs: []string{"ES256"}, Now: func() time.Time { return now }})
		for b.Loop() {
			tokens, err := party.Exchange(ctx, "code-1", oauth2.VerifierOption(f.answer.Memory.Verifier))
			if err != nil {
				b.Fatal(err)
			}
			raw, _ := tokens.Extra("id_token").(string)
			if t, err := verifier.Verify(ctx, raw); err != nil || t.Subject != "ann-1" {
				b.Fatalf("Verify = %v", err)
			}
		}
	})
}
