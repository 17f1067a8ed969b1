package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// Identities tries an auth.Identities. open answers an empty one each time.
func Identities(t *testing.T, open func(t *testing.T) auth.Identities) {
	ctx := context.Background()
	conflict := func(err error) bool { return errors.Is(err, auth.ErrConflict) }
	missing := func(err error) bool { return errors.Is(err, auth.ErrNotFound) }
	same := func(a, b auth.Link) bool {
		at := a.LinkedAt.Equal(b.LinkedAt) && a.UsedAt.Equal(b.UsedAt)
		a.LinkedAt, a.UsedAt, b.LinkedAt, b.UsedAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		return at && a == b
	}
	link := func(id, userID, source, subject string) auth.Link {
		return auth.Link{ID: id, UserID: userID, Source: source, Subject: subject, Email: userID + "@acme.example", LinkedAt: noon}
	}
	stands := func(t *testing.T, s auth.Identities, want auth.Link) {
		t.Helper()
		if got, err := s.IdentityBy(ctx, want.Source, want.Subject); err != nil || !same(got, want) {
			t.Errorf("IdentityBy = %+v, %v, want %+v", got, err, want)
		}
	}
	gone := func(t *testing.T, s auth.Identities, source, subject string) {
		t.Helper()
		if got, err := s.IdentityBy(ctx, source, subject); !missing(err) {
			t.Errorf("IdentityBy(%q, %q) = %+v, %v, want auth.ErrNotFound", source, subject, got, err)
		}
	}
	has := func(t *testing.T, s auth.Identities, userID string, want ...auth.Link) {
		t.Helper()
		got, err := s.Identities(ctx, userID)
		ok(t, "Identities", err)
		if len(got) != len(want) {
			t.Errorf("Identities(%s) = %+v, want %+v", userID, got, want)
			return
		}
		for i := range want {
			if !same(got[i], want[i]) {
				t.Errorf("Identities(%s)[%d] = %+v, want %+v", userID, i, got[i], want[i])
			}
		}
	}
	ann := link("1", "ann", "sso:acme", "ann-4711")

	t.Run("a link is found by source and subject alone, byte by byte", func(t *testing.T) {
		s := open(t)
		gone(t, s, ann.Source, ann.Subject)
		has(t, s, "ann")
		ok(t, "LinkIdentity", s.LinkIdentity(ctx, ann))
		stands(t, s, ann)
		for _, other := range [][2]string{
			{"sso:acme", "ANN-4711"}, {"sso:acme", "ann-4711 "}, {"sso:acme", "ann"}, {"SSO:acme", "ann-4711"}, {"sso:", "acmeann-4711"},
			{"sso:acmea", "nn-4711"}, {"sso:acme", ann.Email}, {"sso:globex", "ann-4711"}, {"", ""}, {"sso:acme", "%"}, {"sso:acme", "\xff\x00"},
		} {
			gone(t, s, other[0], other[1])
		}
	})

	t.Run("the provider of a link is kept", func(t *testing.T) {
		s := open(t)
		google, apple := link("2", "ann", "https://accounts.google.example", "ann"), link("3", "ann", "https://apple.example", "ann")
		google.Provider, apple.Provider = "google", "apple"
		for _, l := range []auth.Link{ann, google, apple} {
			ok(t, "LinkIdentity", s.LinkIdentity(ctx, l))
			stands(t, s, l)
		}
		has(t, s, "ann", ann, google, apple)
	})

	t.Run("sources and subjects are kept whatever their bytes are", func(t *testing.T) {
		s := open(t)
		long := strings.Repeat("x", auth.MaxIdentity-1)
		var all []auth.Link
		for i, pair := range [][2]string{
			{"a", "\xff"}, {"b", "\xfe"}, {"c", "\x00"}, {"c\x00", "\x00"}, {"d", ""}, {"e", "É"}, {"f", "E\u0301"},
			{long + "1", long + "1"}, {long + "2", long + "1"},
		} {
			l := link(fmt.Sprint(i), "ann", pair[0], pair[1])
			ok(t, "LinkIdentity", s.LinkIdentity(ctx, l))
			all = append(all, l)
		}
		for _, l := range all {
			stands(t, s, l)
		}
		for i, pair := range [][2]string{{"a", "\xfe"}, {"c", "\x00\x00"}, {"e", "e"}, {"f", "É"}, {long + "1", long + "2"}} {
			other := link(fmt.Sprint("other ", i), "bob", pair[0], pair[1])
			ok(t, "LinkIdentity", s.LinkIdentity(ctx, other))
			stands(t, s, other)
		}
		has(t, s, "ann", all...)
	})

	t.Run("invariant 8 an identity is one person's, and a person has one subject at a source", func(t *testing.T) {
		s := open(t)
		ok(t, "LinkIdentity", s.LinkIdentity(ctx, ann))
		elsewhere := link("2", "ann", "https://issuer.example", "ann-4711")
		ok(t, "LinkIdentity", s.LinkIdentity(ctx, elsewhere))
		for what, l := range map[string]auth.Link{
			"another person's identity":           link("3", "bob", ann.Source, ann.Subject),
			"a second subject at one source":      link("4", "ann", ann.Source, "ann-0815"),
			"an ID that is taken":                 link("1", "bob", ann.Source, "bob"),
			"an ID that is taken by oneself":      link("1", "ann", "sso:globex", "ann"),
			"another person's, with the same ID":  link("1", "bob", ann.Source, ann.Subject),
			"another person's, at another source": link("5", "bob", elsewhere.Source, elsewhere.Subject),
		} {
			if err := s.LinkIdentity(ctx, l); !conflict(err) {
				t.Errorf("LinkIdentity(%s) = %v, want auth.ErrConflict", what, err)
			}
		}
		stands(t, s, ann)
		has(t, s, "ann", ann, elsewhere)
		has(t, s, "bob")
		gone(t, s, ann.Source, "ann-0815")
	})

	t.Run("the same link once more writes nothing", func(t *testing.T) {
		s := open(t)
		ok(t, "LinkIdentity", s.LinkIdentity(ctx, ann))
		again := ann
		again.ID, again.Email, again.LinkedAt, again.UsedAt = "2", "other@acme.example", noon.Add(time.Hour), noon.Add(time.Hour)
		ok(t, "LinkIdentity (again)", s.LinkIdentity(ctx, again))
		has(t, s, "ann", ann)
	})

	t.Run("links are listed by time and then by ID", func(t *testing.T) {
		s := open(t)
		var want []auth.Link
		for _, id := range []string{"B", "a", "early", "late"} {
			l := link(id, "ann", "source "+id, "ann")
			switch id {
			case "early":
				l.LinkedAt = noon.Add(-time.Hour)
			case "late":
				l.LinkedAt = noon.Add(time.Hour)
			}
			want = append(want, l)
		}
		for _, i := range []int{3, 1, 0, 2} {
			ok(t, "LinkIdentity", s.LinkIdentity(ctx, want[i]))
		}
		ok(t, "LinkIdentity", s.LinkIdentity(ctx, link("c", "bob", "source a", "bob")))
		has(t, s, "ann", want[2], want[0], want[1], want[3])
	})

	t.Run("use goes forward only, and changes nothing else", func(t *testing.T) {
		s := open(t)
		if err := s.UseIdentity(ctx, ann.Source, ann.Subject, noon); !missing(err) {
			t.Errorf("UseIdentity(nobody's) = %v, want auth.ErrNotFound", err)
		}
		gone(t, s, ann.Source, ann.Subject)
		bob := link("2", "bob", ann.Source, "bob")
		ok(t, "LinkIdentity", s.LinkIdentity(ctx, ann))
		ok(t, "LinkIdentity", s.LinkIdentity(ctx, bob))
		want := ann
		want.UsedAt = noon.Add(time.Hour)
		for _, at := range []time.Duration{time.Hour, time.Minute, time.Hour} {
			ok(t, "UseIdentity", s.UseIdentity(ctx, ann.Source, ann.Subject, noon.Add(at)))
			stands(t, s, want)
		}
		for round := range rounds {
			together(func(i int) {
				at := time.Duration(round+2)*time.Hour - time.Duration(shuffled(i, round))*time.Second
				if err := s.UseIdentity(ctx, ann.Source, ann.Subject, noon.Add(at)); err != nil {
					t.Errorf("UseIdentity = %v, want nil", err)
				}
			})
			want.UsedAt = noon.Add(time.Duration(round+2) * time.Hour)
			if got, err := s.IdentityBy(ctx, ann.Source, ann.Subject); err != nil || !same(got, want) {
				t.Errorf("IdentityBy = %+v, %v after %d uses at the same moment, want the latest, %+v: UseIdentity must compare and write in one step", got, err, callers, want)
			}
		}
		stands(t, s, bob)
	})

	t.Run("invariant 8 one person gets an identity", func(t *testing.T) {
		s := open(t)
		won := winners(t, "LinkIdentity", conflict, func(i int) error {
			return s.LinkIdentity(ctx, link(fmt.Sprint(i), fmt.Sprint("user ", i), ann.Source, ann.Subject))
		})
		found := 0
		for i := range callers {
			all, err := s.Identities(ctx, fmt.Sprint("user ", i))
			ok(t, "Identities", err)
			found += len(all)
		}
		if won != 1 || found != 1 {
			t.Errorf("%d people took one identity %d times, and %d have one, want 1 and 1: LinkIdentity must look at source and subject and write in one step", callers, won, found)
		}
	})

	t.Run("invariant 8 a person gets one subject at a source", func(t *testing.T) {
		s := open(t)
		won := winners(t, "LinkIdentity", conflict, func(i int) error {
			return s.LinkIdentity(ctx, link(fmt.Sprint(i), "ann", ann.Source, fmt.Sprint("subject ", i)))
		})
		all, err := s.Identities(ctx, "ann")
		if won != 1 || err != nil || len(all) != 1 {
			t.Errorf("%d subjects of one source were linked to a person %d times, and %d stand (%v), want 1 and 1: LinkIdentity must look at person and source and write in one step", callers, won, len(all), err)
		}
	})

	t.Run("the same link by many stands once", func(t *testing.T) {
		s := open(t)
		together(func(i int) {
			l := ann
			l.ID = fmt.Sprint(i)
			if err := s.LinkIdentity(ctx, l); err != nil {
				t.Errorf("LinkIdentity = %v for one of %d callers who write the same, want nil", err, callers)
			}
		})
		if all, err := s.Identities(ctx, "ann"); err != nil || len(all) != 1 {
			t.Errorf("Identities = %d, %v, want 1", len(all), err)
		}
	})

	t.Run("nobody unlinks another person's", func(t *testing.T) {
		s := open(t)
		bob, elsewhere := link("2", "bob", ann.Source, "bob"), link("3", "ann", "sso:globex", "ann")
		for _, l := range []auth.Link{ann, bob, elsewhere} {
			ok(t, "LinkIdentity", s.LinkIdentity(ctx, l))
		}
		for _, of := range [][2]string{{"bob", "1"}, {"ann", "2"}, {"ann", "4"}, {"", "1"}, {"ann", ""}} {
			if err := s.UnlinkIdentity(ctx, of[0], of[1], nil); !missing(err) {
				t.Errorf("UnlinkIdentity(%q, %q) = %v, want auth.ErrNotFound", of[0], of[1], err)
			}
		}
		has(t, s, "ann", ann, elsewhere)
		won := winners(t, "UnlinkIdentity", missing, func(int) error { return s.UnlinkIdentity(ctx, "ann", "1", nil) })
		if won != 1 {
			t.Errorf("%d callers unlinked one identity %d times, want 1: UnlinkIdentity must delete and answer in one step", callers, won)
		}
		gone(t, s, ann.Source, ann.Subject)
		has(t, s, "ann", elsewhere)
		stands(t, s, bob)
		taken := link("1", "bob", "sso:globex", "bob")
		ok(t, "LinkIdentity (an ID that is free again)", s.LinkIdentity(ctx, taken))
		ok(t, "LinkIdentity (another's, now free)", s.LinkIdentity(ctx, link("5", "cleo", ann.Source, ann.Subject)))
		ok(t, "LinkIdentity (another subject, now free)", s.LinkIdentity(ctx, link("6", "ann", ann.Source, "ann-0815")))
	})

	t.Run("R38 the last way in is not unlinked", func(t *testing.T) {
		of := func(id, userID, provider string) auth.Link {
			l := link(id, userID, "https://"+provider+".example", id)
			l.Provider = provider
			return l
		}
		google, apple, bobs := of("google", "ann", "google"), of("apple", "ann", "apple"), of("bob", "bob", "linkedin")
		for _, test := range []struct {
			what      string
			has       []auth.Link // of Ann, beside the one at google that is unlinked
			providers []string
			want      error
		}{
			{"nothing else, and nobody asks", nil, nil, nil},
			{"nothing else", nil, []string{"google", "apple", "linkedin"}, auth.ErrConflict},
			{"nothing counts", []auth.Link{apple}, []string{}, auth.ErrConflict},
			{"another that counts", []auth.Link{apple}, []string{"linkedin", "apple"}, nil},
			{"another that does not count", []auth.Link{apple}, []string{"google", "linkedin"}, auth.ErrConflict},
			{"another that is spelled otherwise", []auth.Link{apple}, []string{"Apple", "appl", "apple "}, auth.ErrConflict},
			{"a company's, which does not count", []auth.Link{ann}, []string{"google", "apple"}, auth.ErrConflict},
			{"a company's and another that counts", []auth.Link{ann, apple}, []string{"apple"}, nil},
		} {
			s := open(t)
			for _, l := range append([]auth.Link{google, bobs}, test.has...) {
				ok(t, "LinkIdentity", s.LinkIdentity(ctx, l))
			}
			if err := s.UnlinkIdentity(ctx, "ann", google.ID, test.providers); !errors.Is(err, test.want) {
				t.Errorf("UnlinkIdentity(providers %q, %s) = %v, want %v", test.providers, test.what, err, test.want)
			}
			if test.want == nil {
				gone(t, s, google.Source, google.Subject)
			} else {
				stands(t, s, google)
			}
			for _, l := range append([]auth.Link{bobs}, test.has...) {
				stands(t, s, l)
			}
			for _, of := range [][2]string{{"ann", bobs.ID}, {"cleo", google.ID}, {"ann", "none"}} {
				if err := s.UnlinkIdentity(ctx, of[0], of[1], test.providers); !missing(err) {
					t.Errorf("UnlinkIdentity(%q, %q, providers %q) = %v, want auth.ErrNotFound", of[0], of[1], test.providers, err)
				}
			}
		}
	})

	t.Run("R38 of 64 ways that are unlinked at once one stays", func(t *testing.T) {
		for round := range rounds {
			s := open(t)
			for i := range callers {
				l := link(fmt.Sprint(i), "ann", fmt.Sprint("https://issuer-", i, ".example"), "ann")
				l.Provider = []string{"google", "apple"}[i%2]
				ok(t, "LinkIdentity", s.LinkIdentity(ctx, l))
			}
			ok(t, "LinkIdentity", s.LinkIdentity(ctx, link("acme", "ann", "sso:acme", "ann")))
			won := winners(t, "UnlinkIdentity", conflict, func(i int) error {
				return s.UnlinkIdentity(ctx, "ann", fmt.Sprint(shuffled(i, round)), []string{"apple", "google"})
			})
			all, err := s.Identities(ctx, "ann")
			ok(t, "Identities", err)
			if won != callers-1 || len(all) != 2 { // and the company's
				t.Errorf("%d callers unlinked a person's %d ways in %d times, and %d stand, want %d times and 1: UnlinkIdentity must look at the others and delete in one step, or nothing is left to sign in with",
					callers, callers, won, len(all)-1, callers-1)
			}
		}
	})

	t.Run("those who unlink one and those who unlink all do not wait for each other", func(t *testing.T) {
		for round := range rounds {
			s := open(t)
			for i := range callers {
				l := link(fmt.Sprint(i), "ann", fmt.Sprint("https://issuer-", i, ".example"), "ann")
				l.Provider = "google"
				ok(t, "LinkIdentity", s.LinkIdentity(ctx, l))
			}
			together(func(i int) {
				var err error
				if at := shuffled(i, round); at%8 == 0 {
					err = s.UnlinkIdentities(ctx, "ann")
				} else {
					err = s.UnlinkIdentity(ctx, "ann", fmt.Sprint(at), []string{"google"})
				}
				if err != nil && !missing(err) && !conflict(err) {
					t.Errorf("UnlinkIdentity or UnlinkIdentities = %v, want nil, auth.ErrNotFound or auth.ErrConflict", err)
				}
			})
			has(t, s, "ann")
		}
	})

	t.Run("all of a person's are unlinked", func(t *testing.T) {
		s := open(t)
		bob := link("2", "bob", ann.Source, "bob")
		for _, l := range []auth.Link{ann, bob, link("3", "ann", "sso:globex", "ann")} {
			ok(t, "LinkIdentity", s.LinkIdentity(ctx, l))
		}
		for range 2 {
			ok(t, "UnlinkIdentities", s.UnlinkIdentities(ctx, "ann"))
			has(t, s, "ann")
			has(t, s, "bob", bob)
		}
		gone(t, s, ann.Source, ann.Subject)
	})

	t.Run("an identity that is unlinked while it is used is gone", func(t *testing.T) {
		for round := range rounds {
			s := open(t)
			ok(t, "LinkIdentity", s.LinkIdentity(ctx, ann))
			together(func(i int) {
				var err error
				if shuffled(i, round) == callers/2 {
					err = s.UnlinkIdentities(ctx, "ann")
				} else {
					err = s.UseIdentity(ctx, ann.Source, ann.Subject, noon.Add(time.Duration(i)*time.Second))
				}
				if err != nil && !missing(err) {
					t.Errorf("UnlinkIdentities or UseIdentity = %v, want nil or auth.ErrNotFound", err)
				}
			})
			if got, err := s.IdentityBy(ctx, ann.Source, ann.Subject); !missing(err) {
				t.Errorf("IdentityBy = %+v, %v, want auth.ErrNotFound: it was unlinked while it was used: UseIdentity must change a link only where it still stands", got, err)
			}
		}
	})
}
