package auth_test

import (
	"context"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// BenchmarkPasswordSignIn measures what the library adds to a hash: identify, password, finish, over memory. The goal is at most
// 200 µs beside the hash. The hash here is the cheap one of tests, measured alone as the floor; own-ns is the difference.
func BenchmarkPasswordSignIn(b *testing.B) {
	cfg := fuzzConfig()
	cfg.Record = func(context.Context, auth.Event) error { return nil }
	now := start
	cfg.Now = func() time.Time { now = now.Add(3 * time.Second); return now } // a source may guess 30 times a minute
	people := cfg.Users.(interface {
		AddUser(context.Context, auth.User) (auth.User, error)
	})
	m, err := auth.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := people.AddUser(b.Context(), auth.User{ID: "ann", Email: "ann@acme.example"}); err != nil {
		b.Fatal(err)
	}
	if err := m.SetPassword(b.Context(), "ann", secret); err != nil {
		b.Fatal(err)
	}
	hash, err := cfg.Passwords.Hash(secret)
	if err != nil {
		b.Fatal(err)
	}
	var floor float64
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := cfg.Passwords.Verify(hash, secret); err != nil {
				b.Fatal(err)
			}
		}
		floor = float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	})
	b.Run("memory", func(b *testing.B) {
		b.ReportAllocs()
		c := home
		for b.Loop() {
			s, err := m.Identify(b.Context(), auth.Opening{Email: "ann@acme.example"}, c)
			if err != nil {
				b.Fatal(err)
			}
			ref := auth.Ref{Token: s.Token}
			if s, err = m.Password(b.Context(), ref, secret, c); err != nil || s.Stage != auth.StageReady {
				b.Fatal(s.Stage, s.Reason, err)
			}
			ref.Token = s.Token
			done, _, err := m.Finish(b.Context(), ref, c)
			if err != nil {
				b.Fatal(err)
			}
			c.Device = done.Device
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)-floor, "own-ns/op")
	})
}

// BenchmarkThrottled measures how fast somebody is turned away who must not cost anything.
func BenchmarkThrottled(b *testing.B) {
	cfg := fuzzConfig()
	cfg.Now = func() time.Time { return start }
	m, err := auth.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	s, err := m.Identify(b.Context(), auth.Opening{Email: "ann@acme.example"}, home)
	if err != nil {
		b.Fatal(err)
	}
	ref := auth.Ref{Token: s.Token}
	for range 40 {
		if _, err := m.Password(b.Context(), ref, "wrong", home); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if s, err := m.Password(b.Context(), ref, "wrong", home); err != nil || s.Reason != auth.ReasonTooManyAttempts {
			b.Fatal(s.Reason, err)
		}
	}
}
