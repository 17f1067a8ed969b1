package oidc_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

// judged are the attacks that depend on what we want: what we make of each.
var judged = map[ssotest.Attack]ssotest.Expectation{
	ssotest.PKCEPlainOnly:            ssotest.Accept, // S256 is sent whatever is said
	ssotest.PKCEUnknown:              ssotest.Accept,
	ssotest.CallbackExtra:            ssotest.Ignore,
	ssotest.AlgNotOffered:            ssotest.Refuse,
	ssotest.NoKeyID:                  ssotest.Accept, // one key fits
	ssotest.AuthTimeOld:              ssotest.Accept, // see TestFresh
	ssotest.AuthTimeMissing:          ssotest.Accept,
	ssotest.AuthTimeFuture:           ssotest.Refuse,
	ssotest.ACRMissing:               ssotest.Accept, // see TestContext
	ssotest.ACRWeak:                  ssotest.Accept,
	ssotest.AMRString:                ssotest.Accept,
	ssotest.TokenTypeWrong:           ssotest.Refuse,
	ssotest.DiscoveryNoAlgorithms:    ssotest.Accept, // RS256, which every provider has
	ssotest.EmailUnverified:          ssotest.Refuse,
	ssotest.EmailVerifiedString:      ssotest.Refuse,
	ssotest.EmailVerifiedFalseString: ssotest.Refuse,
	ssotest.EmailVerifiedCapitalised: ssotest.Refuse,
	ssotest.EmailVerifiedZero:        ssotest.Refuse,
	ssotest.EmailVerifiedNull:        ssotest.Refuse,
	ssotest.EmailVerifiedMissing:     ssotest.Refuse,
	ssotest.EmailOfVictim:            ssotest.Refuse,
	ssotest.OtherTenant:              ssotest.Accept, // the issuer is the tenant
	ssotest.NoHostedDomain:           ssotest.Accept, // see TestHostedDomain
	ssotest.RecycledAddress:          ssotest.Accept, // as somebody else: what binds is the subject
}

// TestAttacks runs every attack that a provider, or somebody on the way, can make.
func TestAttacks(t *testing.T) {
	p := provider(t)
	for _, a := range ssotest.Attacks() {
		if a.Protocol() != ssotest.OpenID {
			continue
		}
		t.Run(a.String(), func(t *testing.T) {
			want, known := judged[a]
			if a.Want() != ssotest.Judge {
				want, known = a.Want(), true
			}
			if !known {
				t.Fatal("an attack that is not judged: say what is to be made of it")
			}
			w := newWorld(t, p, func(c *sso.Connection) {
				c.OIDC.UserInfo = slices.Contains([]ssotest.Attack{ssotest.UserinfoOtherSubject, ssotest.UserinfoNoSubject, ssotest.UserinfoOverrides}, a)
			})
			if a >= ssotest.LogoutTokenNonce {
				_, err := w.manager.Logout(t.Context(), "acme", logoutMessage(p.LogoutToken(client, ann(), "session-1", a)))
				if _, ok := errors.AsType[*sso.Refusal](err); !ok {
					t.Errorf("Logout = %v, want a refusal", err)
				}
				return
			}
			if _, _, err := w.signIn(sso.Opening{}); err != nil { // the transaction before
				t.Fatalf("an honest sign-in = %s, want Ann", code(err))
			}
			w = renew(t, w, a)
			p.Visits()
			p.Hostile(a)
			id, rep, err := w.signIn(sso.Opening{})
			if slices.Contains(p.Visits(), "GET /canary") {
				t.Error("the canary was asked for")
			}
			switch {
			case want == ssotest.Refuse && err == nil:
				t.Errorf("Identity = %+v, want a refusal", id)
			case want == ssotest.Refuse && (id.Subject != "" || id.Email != ""):
				t.Errorf("Identity = %+v beside %v, want nobody", id, err)
			case want == ssotest.Refuse && len(rep.Checks) > 0 && !slices.ContainsFunc(rep.Checks, func(c sso.Check) bool { return !c.OK }):
				t.Errorf("the report says of no check that it failed: %+v", rep)
			case want != ssotest.Refuse && err != nil:
				t.Errorf("Identity = %s, want Ann\n%+v", code(err), rep)
			case want != ssotest.Refuse && id.Email != ann().Email:
				t.Errorf("Identity = %+v, want Ann", id)
			}
			if a == ssotest.RecycledAddress && id.Subject == ann().Subject {
				t.Errorf("A-109 Identity = %q, want another subject than Ann's", id.Subject)
			}
			if slices.Contains([]ssotest.Attack{ssotest.ACRMissing, ssotest.ACRWeak}, a) && id.MultiFactor {
				t.Errorf("C-09 Identity = %+v, want no second step", id)
			}
		})
	}
}

// renew makes a world that has read no documents yet, for the attacks on them.
func renew(t *testing.T, w *world, a ssotest.Attack) *world {
	if slices.Contains([]int{84, 96, 113}, a.Number()) {
		return newWorld(t, w.provider, nil)
	}
	return w
}

func TestUnverifiedEmail(t *testing.T) {
	p := provider(t)
	allow := func(c *sso.Connection) { c.OIDC.AllowUnverifiedEmail = true }
	t.Run("a provider that says nothing about addresses, trusted with its own", func(t *testing.T) {
		w := newWorld(t, p, allow)
		p.Hostile(ssotest.EmailVerifiedMissing)
		if id, _, err := w.signIn(sso.Opening{}); err != nil || id.Email != ann().Email {
			t.Errorf("Identity = %+v, %s, want Ann", id, code(err))
		}
	})
	t.Run("A-098 and not with those of others", func(t *testing.T) {
		w := newWorld(t, p, allow)
		p.Set(func(s *ssotest.Settings) { s.Victim = "boss@globex.example" })
		p.Hostile(ssotest.EmailOfVictim)
		_, _, err := w.signIn(sso.Opening{})
		refused(t, "Identity", err, sso.CodeEmailDomain)
	})
	for _, a := range []ssotest.Attack{
		ssotest.EmailUnverified, ssotest.EmailVerifiedString, ssotest.EmailVerifiedFalseString, ssotest.EmailVerifiedZero, ssotest.EmailVerifiedNull,
	} {
		t.Run("A-097 a provider that says no is believed: "+a.Name(), func(t *testing.T) {
			w := newWorld(t, p, allow)
			p.Hostile(a)
			_, _, err := w.signIn(sso.Opening{})
			refused(t, "Identity", err, sso.CodeEmailUnverified)
		})
	}
	t.Run("A-097 an address of userinfo is not one of the ID token", func(t *testing.T) {
		w := newWorld(t, p, func(c *sso.Connection) {
			c.OIDC.AllowUnverifiedEmail, c.OIDC.UserInfo, c.Attributes.Email = true, true, "given_name"
		})
		named := ann()
		named.GivenName = "ann@acme.example"
		p.AddPerson(named)
		p.MangleIDToken(func(_, c ssotest.Claims) { delete(c, "given_name") })
		_, _, err := w.signIn(sso.Opening{})
		refused(t, "Identity", err, sso.CodeEmailUnverified)
	})
}

func TestHostedDomain(t *testing.T) {
	p := provider(t)
	for _, c := range []struct{ name, said, want string }{
		{"a person of the company", "acme.example", ""},
		{"A-100 a person of another company with this address", "globex.example", string(sso.CodeHostedDomain)},
		{"A-100 a consumer with this address", "", string(sso.CodeHostedDomain)},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, p, nil)
			w.protocol.Share(p.Issuer(), "hd")
			p.MangleIDToken(func(_, claims ssotest.Claims) {
				if c.said != "" {
					claims.SetString("hd", c.said)
				}
			})
			_, _, err := w.signIn(sso.Opening{})
			if c.want == "" && err != nil || c.want != "" && code(err) != c.want {
				t.Errorf("Identity = %s, want %q", code(err), c.want)
			}
		})
	}
}
