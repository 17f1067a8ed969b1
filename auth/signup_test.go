package auth_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

func signUp(mode auth.SignUpMode) func(*auth.Config) {
	return func(c *auth.Config) { c.Preset.SignUp = mode }
}

const newcomer = "newcomer@elsewhere.example"

// signsUp asks for an account and answers the token in the letter.
func (w *world) signsUp(email string) string {
	w.t.Helper()
	if why, err := w.m.SignUp(w.t.Context(), email, "fr", home); why != "" || err != nil {
		w.t.Fatalf("SignUp(%q) = %q, %v", email, why, err)
	}
	return linkToken(w.mail.one(mail.SignUp))
}

// R115: an address, a letter, a password; and then the sign-in as anybody's.
func TestSignUp(t *testing.T) {
	for _, mode := range []auth.SignUpMode{auth.SignUpPerson, auth.SignUpCompany} {
		story := func(t *testing.T, w *world) {
			w.cfg.Preset.SignUp = mode
			w.m = w.manager()
			ctx := t.Context()
			older := w.signsUp(newcomer)
			link := w.signsUp(" NewComer@elsewhere.example")
			if email, why, err := w.m.CheckSignUp(ctx, link); email != newcomer || why != "" || err != nil {
				t.Errorf("A-179 CheckSignUp = %q, %q, %v", email, why, err)
			}
			for what, tok := range map[string]string{"A-171 an older link": older, "A-178 a link that was made up": "sup_" + strings.Repeat("A", 43), "no link": ""} {
				if s, err := w.m.OpenSignUp(ctx, tok, "", home); s.Reason != auth.ReasonLinkExpired || s.Token != "" || err != nil {
					t.Errorf("%s: OpenSignUp = %s, %q, %v, want expired and no flow", what, s.Reason, s.Token, err)
				}
			}
			if _, err := w.people.UserByEmail(ctx, newcomer); !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("R115 before the link is opened the person is there: %v", err)
			}
			k := &walker{world: w, c: home}
			k.took(w.m.OpenSignUp(ctx, link, "fr", home)).at(auth.StageNewPassword, "")
			if done, _, err := w.m.Finish(ctx, k.ref, home); err != nil || done.Token != "" {
				t.Errorf("A-175 Finish of a sign-up = %+v, %v", done, err)
			}
			if _, err := w.people.UserByEmail(ctx, newcomer); !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("R115 before a password is set the person is there: %v", err)
			}
			if mode == auth.SignUpCompany {
				if s, done, err := w.m.NewPassword(ctx, k.ref, auth.PasswordChoice{Password: fresh, Company: " \u202e "}, home); done || err != nil || s.Reason != auth.ReasonCompanyMissing {
					t.Errorf("R115 without a company = %s, %v, %v", s.Reason, done, err)
				}
			}
			var unmet *auth.PasswordError
			if _, done, err := w.m.NewPassword(ctx, k.ref, auth.PasswordChoice{Password: newcomer, Company: "New"}, home); done || !errors.As(err, &unmet) {
				t.Errorf("A-155 the own address = %v, %v, want the rules", done, err)
			}
			k.choose(auth.PasswordChoice{Password: fresh, Name: " New\x00 \u202eComer\n" + strings.Repeat("x", 200), Company: "New & Co"})
			u, err := w.people.UserByEmail(ctx, newcomer)
			if err != nil || u.Unverified || u.Locale != "fr" || !strings.HasPrefix(u.Name, "New Comer ") || len(u.Name) != 80 {
				t.Errorf("R115 A-165 the person is %+v, %v, want verified, French, with a name of one line and 80 characters", u, err)
			}
			members, err := w.m.Memberships(ctx, u.ID)
			if err != nil || (mode == auth.SignUpCompany) != (len(members) == 1) {
				t.Fatalf("R115 memberships %+v, %v", members, err)
			}
			if mode == auth.SignUpCompany && (members[0].Role != auth.RoleSuperAdmin || members[0].State != auth.MemberActive || members[0].AccountName != "New & Co") {
				t.Errorf("R115 the company is %+v, want one with its super administrator", members[0])
			}
			if s, err := w.m.OpenSignUp(ctx, link, "", home); s.Stage != auth.StageRefused || s.Reason != auth.ReasonAccountExists || err != nil {
				t.Errorf("A-170 the link again = %s %s, %v, want that there is an account", s.Stage, s.Reason, err)
			}
			w.mail.notices()
			w.knownWith(newcomer, fresh, home)
		}
		t.Run("R115 "+string(mode), func(t *testing.T) { mailedEverywhere(t, story) })
	}
}

// R115, A-138: who gets what. The answer is always the same.
func TestSignUpOf(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(w *world)
		email   string
		kind    mail.Kind
		want    auth.Reason
	}{
		"A-138 taken":             {nil, annsOwn, mail.SignUpTaken, ""},
		"A-138 taken, suspended":  {nil, "gone@acme.example", mail.SignUpTaken, ""},
		"no password yet":         {nil, "nopass@acme.example", mail.SignUp, ""},
		"not proven yet":          {func(w *world) { w.unverified("una") }, "una@acme.example", mail.SignUp, ""},
		"R115 a company's domain": {func(w *world) { w.must(w.people.SetDomainSSO(w.t.Context(), "acme.example", auth.SSOEnforced)) }, "x@acme.example", "", auth.ReasonSSORequired},
		"R115 the same, taken":    {func(w *world) { w.must(w.people.SetDomainSSO(w.t.Context(), "acme.example", auth.SSOEnforced)) }, annsOwn, "", auth.ReasonSSORequired},
		"no address":              {nil, "x@", "", auth.ReasonEmailInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			w := mailed(t, signUp(auth.SignUpPerson))
			if tt.prepare != nil {
				tt.prepare(w)
			}
			if why, err := w.m.SignUp(t.Context(), tt.email, "", home); why != tt.want || err != nil {
				t.Errorf("SignUp = %q, %v, want %q", why, err, tt.want)
			}
			list := w.mail.take()
			if got := letterKinds(list); got != string(tt.kind) || tt.kind != "" && list[0].To != tt.email {
				t.Fatalf("letters %q, want %q", got, tt.kind)
			}
			if tt.kind == mail.SignUpTaken && strings.Contains(list[0].Text, "token=") {
				t.Error("A-138 the letter to the owner has a link that opens something")
			}
			if tt.kind != mail.SignUp {
				return
			}
			k := &walker{world: w, c: home}
			k.took(w.m.OpenSignUp(t.Context(), linkToken(list[0]), "", home)).choose(auth.PasswordChoice{Password: fresh})
			if !w.opensWith(tt.email, fresh) || w.opensWith(tt.email, secret) {
				t.Error("R115 the new password does not open the account, or another does")
			}
			w.move(time.Minute)
			w.mail.take()
		})
	}
	w := mailed(t)
	if why, err := w.m.SignUp(t.Context(), newcomer, "", home); why != auth.ReasonSignUpOff || err != nil {
		t.Errorf("R115 switched off: SignUp = %q, %v", why, err)
	}
	if _, why, err := w.m.CheckSignUp(t.Context(), "sup_"+strings.Repeat("A", 43)); why != auth.ReasonSignUpOff || err != nil {
		t.Errorf("R115 switched off: CheckSignUp = %q, %v", why, err)
	}
}

// R115, A-172, A-173: a link lasts an hour, and no longer than the product lets people sign up, and their domain lets them have a password.
func TestSignUpLinkEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(w *world)
		want auth.Reason
	}{
		"A-172 an hour":                    {func(w *world) { w.move(time.Hour) }, auth.ReasonLinkExpired},
		"A-173 a company's own sign-in":    {func(w *world) { w.enforced(newcomer) }, auth.ReasonSSORequired},
		"A-173 sign-up is switched off":    {func(w *world) { w.cfg.Preset.SignUp = auth.SignUpOff; w.m = w.manager() }, auth.ReasonSignUpOff},
		"A-173 an account made meanwhile":  {func(w *world) { w.made(newcomer) }, auth.ReasonAccountExists},
		"A-173 a suspended one, meanwhile": {func(w *world) { w.made(newcomer); w.must(w.people.SuspendUser(w.t.Context(), "made")) }, auth.ReasonAccountExists},
	} {
		t.Run(name, func(t *testing.T) {
			w := mailed(t, signUp(auth.SignUpPerson))
			link := w.signsUp(newcomer)
			k := &walker{world: w, c: home}
			k.took(w.m.OpenSignUp(t.Context(), link, "", home)).at(auth.StageNewPassword, "")
			tt.end(w)
			if s, err := w.m.OpenSignUp(t.Context(), link, "", home); s.Stage != auth.StageRefused || s.Reason != tt.want || err != nil {
				t.Errorf("OpenSignUp = %s %s, %v, want %s", s.Stage, s.Reason, err, tt.want)
			}
			if s, done, err := w.m.NewPassword(t.Context(), k.ref, auth.PasswordChoice{Password: "the thief's passphrase"}, home); done || err == nil && s.Stage != auth.StageRefused {
				t.Errorf("a flow of it = %s, %v, %v, want refused", s.Stage, done, err)
			}
		})
	}
}

// enforced gives the domain of an address to a company that has its own sign-in.
func (w *world) enforced(email string) {
	w.t.Helper()
	_, domain, _ := strings.Cut(email, "@")
	w.must(w.people.AddDomain(w.t.Context(), "umbra", domain, start))
	w.must(w.people.SetDomainSSO(w.t.Context(), domain, auth.SSOEnforced))
}

// made gives an address a person with a password.
func (w *world) made(email string) {
	w.t.Helper()
	if _, err := w.people.AddUser(w.t.Context(), auth.User{ID: "made", Email: email}); err != nil {
		w.t.Fatal(err)
	}
	w.must(w.m.SetPassword(w.t.Context(), "made", secret))
}

// 64 with the same link at once make one person, one password and one company.
func TestSignUpRace(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		w.cfg.Preset.SignUp = auth.SignUpCompany
		w.m = w.manager()
		link := w.signsUp(newcomer)
		var walks [64]*walker
		for i := range walks {
			walks[i] = &walker{world: w, c: home}
			walks[i].took(w.m.OpenSignUp(t.Context(), link, "", home))
		}
		var n atomic.Int32
		var typed atomic.Value
		atOnce(64, func(i int) {
			mine := fresh + strings.Repeat("!", i+1)
			s, done, err := w.m.NewPassword(t.Context(), walks[i].ref, auth.PasswordChoice{Password: mine, Company: "New & Co"}, home)
			if err != nil && !errors.Is(err, auth.ErrFlowGone) && !errors.Is(err, auth.ErrFlowChanged) || err == nil && !done && s.Stage != auth.StageRefused {
				t.Errorf("A-174 NewPassword = %s %s, %v, %v", s.Stage, s.Reason, done, err)
			}
			if done {
				n.Add(1)
				typed.Store(mine)
			}
		})
		u, err := w.people.UserByEmail(t.Context(), newcomer)
		w.must(err)
		members, err := w.m.Memberships(t.Context(), u.ID)
		if n.Load() != 1 || err != nil || len(members) != 1 || !w.opensWith(newcomer, typed.Load().(string)) {
			t.Errorf("A-174 %d have signed up, with %d companies, %v, want one of each", n.Load(), len(members), err)
		}
	})
}
