package web_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/auth/web"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/social/socialtest"
)

// People with accounts elsewhere. Google speaks for the first two addresses and not for the third, whose owner nobody here knows.
var (
	annThere = socialtest.Person{Email: ann, Name: "Ann Elsewhere", HostedDomain: "acme.example"}
	newThere = socialtest.Person{Email: "nora.new@gmail.com", Name: "Nora New"}
	loose    = socialtest.Person{Email: "lou@elsewhere.example", Name: "Lou"}
)

// withSocial is a world with Google, Apple and Microsoft, that mails no codes for unknown devices.
func withSocial(edit func(*auth.Preset)) authtest.Config {
	cfg := unverified(edit)
	cfg.Social = []socialtest.Personality{socialtest.Google, socialtest.Apple, socialtest.Microsoft}
	return cfg
}

// elsewhere tells a story to people and to programs, over memory. What stores do is tried by the first story.
func elsewhere(t *testing.T, cfg authtest.Config, story func(t *testing.T, v *visitor)) {
	t.Helper()
	for name, json := range map[string]bool{"HTML": false, "JSON": true} {
		if !json && testing.Short() { // as both
			continue
		}
		t.Run(name, func(t *testing.T) {
			v := newProduct(t, cfg).visitor(json)
			v.p.letGo()
			story(t, v)
		})
	}
}

// letGo lets the letters lie that a story does not look at.
func (p *product) letGo() {
	p.anyLetters()
	p.t.Cleanup(func() {
		p.Clock.Advance(11 * time.Second)
		for _, email := range []string{newThere.Email, loose.Email, eve.Email} {
			p.Mail.Take(email)
		}
	})
}

// leaves goes on from a page with a provider's button, to the one that takes the browser there.
func (v *visitor) leaves(provider string, pairs ...string) *visitor {
	v.p.t.Helper()
	if v.shown == nil {
		v.open()
	}
	if to := v.query.Get("return_to"); v.json && to != "" {
		pairs = append(pairs, "return_to", to) // as the form does
	}
	v.do("social/"+provider+"/start", pairs...).status(200)
	if !v.json {
		v.is("away")
	}
	return v
}

// comes signs somebody in at a provider, and brings the answer.
func (v *visitor) comes(provider string, who socialtest.Person) *visitor {
	v.p.t.Helper()
	v.leaves(provider)
	return v.brings(v.p.Providers[provider].Answer(v.shown, who))
}

// connected connects an account elsewhere with ann's, by the way of my account, and forgets the browser.
func (p *product) connected(provider string, who socialtest.Person) {
	p.t.Helper()
	v := p.visitor(true).enter(ann)
	v.connects(provider, who)
	p.Clock.Advance(11 * time.Second)
	p.Mail.Take(ann)
	p.Events()
}

// connects goes the way from my account to a provider and back.
func (v *visitor) connects(provider string, who socialtest.Person) *visitor {
	v.p.t.Helper()
	v.get("/auth/account/connected").status(200)
	v.connecting(provider).status(200)
	return v.brings(v.p.Providers[provider].Answer(v.shown, who))
}

// connecting presses the button of one provider among several.
func (v *visitor) connecting(provider string) *visitor {
	v.p.t.Helper()
	if !v.json {
		v.shown.Form("/account/connected/connect") // there is one
	}
	return v.post("/auth/account/connected/connect", "provider", provider)
}

// links are the providers at which somebody has accounts.
func (p *product) links(userID string) (providers []string) {
	p.t.Helper()
	all, err := p.Auth.Connected(p.t.Context(), userID)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, l := range all {
		providers = append(providers, l.Provider)
	}
	return providers
}

// offers are the providers of the row, in order; the one used last has a star.
func (v *visitor) offers() (ids []string) {
	v.p.t.Helper()
	if v.json {
		list, _ := v.state["providers"].([]any)
		for _, one := range list {
			p := one.(map[string]any)
			id := p["id"].(string)
			if p["start"] != "/auth/social/"+id+"/start" {
				v.p.t.Errorf("the start of %s is %v", id, p["start"])
			}
			if p["last"] == true {
				id += "*"
			}
			ids = append(ids, id)
		}
		return ids
	}
	_, row, _ := strings.Cut(v.shown.Body, `<ul class="providers"`)
	row, _, _ = strings.Cut(row, "</ul>")
	for _, button := range strings.Split(row, "<li>")[1:] {
		_, id, _ := strings.Cut(button, "/auth/social/")
		id, _, _ = strings.Cut(id, "/start")
		if strings.Contains(button, "Last used") {
			id += "*"
		}
		ids = append(ids, id)
	}
	return ids
}

func (v *visitor) offering(want ...string) *visitor {
	v.p.t.Helper()
	if got := v.offers(); !slices.Equal(got, want) {
		v.p.t.Fatalf("the page offers %v, want %v\n%s", got, want, v.shown.Body)
	}
	return v
}

func TestSocial(t *testing.T) {
	t.Run("R31 R32 R34 an account that somebody here has: the password once, then the link, then straight in", func(t *testing.T) {
		both(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.p.letGo()
			v.open("return_to", "/reports?x=1").offering("google", "apple", "microsoft")
			v.comes("google", annThere).told(auth.ReasonSocialEmailExists).is("password")
			v.offering("apple", "microsoft") // Google's is the one that waits
			if v.json {
				if got := v.state["pending"].(map[string]any); got["provider"] != "google" || got["name"] != "Google" || got["email"] != ann {
					t.Errorf("pending %v, want Google's account of %s", got, ann)
				}
			} else if !strings.Contains(v.shown.Body, "Your Google account") {
				t.Errorf("the page does not name the account:\n%s", v.shown.Body)
			} else if v.shown.URL.Path != "/auth/signin" || strings.Contains(v.shown.Body, "There is a problem") {
				t.Errorf("at %s the account is told as a mistake:\n%s", v.shown, v.shown.Body)
			}
			v.password(secret).is("link")
			if got := v.p.links("ann"); len(got) > 0 {
				t.Fatalf("R34 linked before it was confirmed: %v", got)
			}
			if !v.json && (!strings.Contains(v.shown.Body, "Connect your Google account?") || !strings.Contains(v.shown.Body, ann)) {
				t.Errorf("R34 the page does not say what is linked:\n%s", v.shown.Body)
			}
			v.do("signin/link", "do", "link")
			if got := v.landed(); got != "/reports?x=1" {
				t.Errorf("invariant 12 landed at %q, want /reports?x=1", got)
			}
			if got := v.p.links("ann"); !slices.Equal(got, []string{"google"}) {
				t.Errorf("links %v, want google", got)
			}
			v.letter(ann, mail.SocialLinked)
			w := v.again()
			w.comes("google", annThere).is("in")
			if got := w.whoIs(); got != "ann" {
				t.Errorf("R32 the host's page knows %q, want ann", got)
			}
			v.letter(ann, mail.NewDevice)
		})
	})
	t.Run("R34 whoever says no is signed in, and nothing is linked", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.comes("google", annThere).password(secret).is("link").do("signin/link", "do", "skip").is("in")
			if got := v.p.links("ann"); len(got) > 0 {
				t.Errorf("links %v, want none", got)
			}
		})
	})
	t.Run("R34 cancelling leads to the first page, and nothing is linked", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.comes("google", annThere).is("password").do("signin/cancel").is("identify")
			if v.json && v.state["pending"] != nil || !v.json && strings.Contains(v.shown.Body, "Your Google account") {
				t.Errorf("the account waits yet:\n%s", v.shown.Body)
			}
			v.signIn(ann)
			if got := v.p.links("ann"); len(got) > 0 {
				t.Errorf("links %v, want none", got)
			}
		})
	})
	t.Run("R34 after ten minutes nothing is linked any more", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.comes("google", annThere).is("password")
			v.p.Clock.Advance(5 * time.Minute)
			v.password(secret).is("link")
			v.p.Clock.Advance(6 * time.Minute)
			v.do("signin/link", "do", "link").status(422).told(auth.ReasonLinkExpired)
			if got := v.p.links("ann"); len(got) > 0 {
				t.Errorf("links %v, want none", got)
			}
		})
	})
	t.Run("R33 nobody has the address, and nobody gets an account by it", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.comes("google", newThere).told(auth.ReasonSocialNotConnected).is("identify")
			if v.whoIs() != "" {
				t.Fatal("somebody is signed in")
			}
			// Who has an account here under another address goes on by e-mail.
			v.do("signin/identify", "email", ann).is("password").password(secret).is("link").do("signin/link", "do", "link").is("in")
			if got := v.p.links("ann"); !slices.Equal(got, []string{"google"}) {
				t.Errorf("links %v, want google", got)
			}
			v.again().comes("google", newThere).is("in")
		})
	})
	t.Run("R33 R38 whoever is new gets an account where the product has it so", func(t *testing.T) {
		elsewhere(t, withSocial(func(p *auth.Preset) { p.SocialSignUp = auth.SocialSignUpOn }), func(t *testing.T, v *visitor) {
			v.comes("google", newThere).is("in")
			u, err := v.p.People.UserByEmail(t.Context(), newThere.Email)
			if err != nil || u.Name != "Nora New" || v.whoIs() != u.ID {
				t.Errorf("the person is %v (%v), the host's page knows %q", u, err, v.whoIs())
			}
			w := v.again()
			w.comes("google", loose).is("mailcode")
			if !w.json && (!strings.Contains(w.shown.Body, "Google does not guarantee") || !strings.Contains(w.shown.Body, loose.Email) || strings.Contains(w.shown.Body, `name="trust"`)) {
				t.Errorf("R38 the page does not say whose address is to be confirmed:\n%s", w.shown.Body)
			}
			if w.json && w.state["pending"].(map[string]any)["email"] != loose.Email {
				t.Errorf("R38 the answer is %s", w.shown.Body)
			}
			w.code("000000").status(422).told(auth.ReasonCodeWrong)
			w.code(v.p.Mail.Code(loose.Email)).is("in")
		})
	})
	t.Run("R38 no address: it is asked for, and confirmed by a code", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.comes("microsoft", socialtest.Person{Subject: "m-1", Name: "Max"}).is("identify")
			if !v.json && !strings.Contains(v.shown.Body, "Microsoft has not told us an email address.") {
				t.Errorf("the page does not say why:\n%s", v.shown.Body)
			}
			v.do("signin/identify", "email", ann).is("mailcode")
			v.code(v.p.Mail.Code(ann)).told(auth.ReasonSocialEmailExists).is("password")
			v.password(secret).is("link").do("signin/link", "do", "link").is("in")
		})
	})
	t.Run("R38 whoever says no there is back where they were", func(t *testing.T) {
		for _, provider := range []string{"google", "apple"} {
			elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
				v.open("return_to", "/reports").leaves(provider)
				v.brings(v.p.Providers[provider].Refusal(v.shown)).told(auth.ReasonSocialCancelled).is("identify")
				if !v.json && (v.shown.Status != 200 || strings.Contains(v.shown.Body, "There is a problem")) {
					t.Errorf("%s: a refusal of one's own is a problem:\n%s", provider, v.shown.Body)
				}
				if got := v.p.Faults(); len(got) > 0 {
					t.Errorf("%s: reported %v, want nothing", provider, got)
				}
				v.do("signin/identify", "email", ann).password(secret)
				if got := v.landed(); got != "/reports" {
					t.Errorf("%s: landed at %q, want /reports", provider, got)
				}
			})
		}
	})
	t.Run("R38 U29 what goes wrong has a reference, and the host is told why", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.leaves("google")
			v.p.Providers["google"].Hostile(socialtest.NonceWrong)
			v.brings(v.p.Providers["google"].Answer(v.shown, annThere)).status(422).told(auth.ReasonSocialFailed).is("identify")
			faults := v.p.Faults()
			if len(faults) != 1 || !strings.Contains(v.shown.Body, faults[0].Reference) {
				t.Fatalf("reported %v, and the page\n%s", faults, v.shown.Body)
			}
			if _, ok := faults[0].Err.(*social.Refusal); !ok {
				t.Errorf("reported %T, want a *social.Refusal", faults[0].Err)
			}
			if v.whoIs() != "" {
				t.Error("somebody is signed in")
			}
		})
	})
	t.Run("R31 a provider that cannot be reached", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.p.Providers["google"].Set(func(s *socialtest.Settings) { s.DocumentIssuer = "https://evil.example" })
			v.open().do("social/google/start").status(422).told(auth.ReasonSocialFailed).is("identify")
			if faults := v.p.Faults(); len(faults) != 1 || !strings.Contains(v.shown.Body, faults[0].Reference) {
				t.Errorf("reported %v, and the page\n%s", faults, v.shown.Body)
			}
		})
	})
	t.Run("R31 the keep box is carried to the provider and back", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.p.connected("google", annThere)
			for box, kept := range map[string]string{"1": "ann", "": ""} {
				w := v.again()
				w.open().leaves("google", "remember", box)
				w.brings(v.p.Providers["google"].Answer(w.shown, annThere)).is("in")
				w.Restart()
				if got := w.whoIs(); got != kept {
					t.Errorf("remember=%q: after a restart the browser is %q's, want %q", box, got, kept)
				}
			}
		})
	})
	t.Run("R31 R38 the box that is ticked after a refusal counts", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.p.connected("google", annThere)
			v.open("return_to", "/reports").leaves("google").brings(v.p.Providers["google"].Refusal(v.shown))
			v.leaves("google", "remember", "1")
			if got := v.brings(v.p.Providers["google"].Answer(v.shown, annThere)).landed(); got != "/reports" {
				t.Errorf("landed at %q, want /reports", got)
			}
			v.Restart()
			if got := v.whoIs(); got != "ann" {
				t.Errorf("after a restart the browser is %q's, want ann's", got)
			}
		})
	})
	t.Run("R32 the second step is asked all the same", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.p.connected("google", annThere)
			phone, _ := v.p.withApp(t, ann)
			v.comes("google", annThere).is("appcode").totp(phone.Code()).is("in")
		})
	})
	t.Run("R32 R77 a suspended person, and a company that asks for its own sign-in", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.p.connected("google", annThere)
			w := v.again()
			v.p.must(v.p.People.SuspendUser(t.Context(), "ann"))
			v.comes("google", annThere).is("stop")
			if !v.json || v.state["reason"] != string(auth.ReasonUserSuspended) {
				v.says("reason.user_suspended")
			}
			v.p.must(v.p.People.UnsuspendUser(t.Context(), "ann"))
			v.p.enforced()
			w.comes("google", annThere).status(422).told(auth.ReasonSSORequired)
			if w.whoIs() != "" {
				t.Error("R27 somebody is signed in")
			}
		})
	})
	t.Run("R27 R32 whoever's company asks for its own sign-in is led there", func(t *testing.T) {
		cfg := withSocial(nil)
		cfg.SSO = true
		elsewhere(t, cfg, func(t *testing.T, v *visitor) {
			f := v.p.found("oidc", auth.SSOEnforced)
			there := socialtest.Person{Email: eve.Email, HostedDomain: "initech.example"}
			v.open("return_to", "/reports").comes("google", there).status(422).told(auth.ReasonSSORequired)
			if v.whoIs() != "" || !v.offersCompany() {
				t.Fatalf("no way to the company:\n%s", v.shown.Body)
			}
			v.arrivesFrom(f, eve).is("in")
			if got := v.p.links("eve"); len(got) > 0 {
				t.Errorf("links %v, want none", got)
			}
		})
	})
	t.Run("R39 Apple posts its answer, which waits for its browser", func(t *testing.T) {
		elsewhere(t, withSocial(func(p *auth.Preset) { p.SocialSignUp = auth.SocialSignUpOn }), func(t *testing.T, v *visitor) {
			who := socialtest.Person{Email: "ida@icloud.com", GivenName: "Ida", FamilyName: "Ibsen", HidesEmail: true}
			v.open("return_to", "/reports").leaves("apple")
			r := v.p.Providers["apple"].Answer(v.shown, who)
			if r.Form == nil {
				t.Fatal("the answer is not posted")
			}
			if got := v.brings(r).landed(); got != "/reports" {
				t.Errorf("landed at %q, want /reports", got)
			}
			u, err := v.p.Auth.User(t.Context(), v.whoIs())
			if err != nil || u.Name != "Ida Ibsen" || !strings.HasSuffix(u.Email, "@privaterelay.appleid.com") {
				t.Errorf("the person is %v (%v), want Ida Ibsen with an address that forwards", u, err)
			}
			v.p.t.Cleanup(func() { v.p.Clock.Advance(11 * time.Second); v.p.Mail.Take(u.Email) })
			v.again().comes("apple", who).is("in")
		})
	})
	t.Run("R39 what Apple says of a consent that was taken back", func(t *testing.T) {
		p := newProduct(t, withSocial(nil))
		p.letGo()
		p.connected("apple", annThere)
		v := p.visitor(false)
		v.comes("apple", annThere).is("in")
		apple := p.Providers["apple"]
		notice := func(kind string, attacks ...socialtest.Attack) *authtest.Page {
			return v.again().Do(v.Request("POST", "/auth/social/apple/notice", "application/json", string(apple.Notice(apple.ClientID, kind, annThere, attacks...))))
		}
		if got := notice(socialtest.EmailDisabled); got.Status != 200 || got.Body != "" || v.whoIs() != "ann" {
			t.Errorf("a notice about an address: %d %q, the browser is %q's", got.Status, got.Body, v.whoIs())
		}
		if got := v.Do(v.Request("POST", "/auth/social/apple/notice", "application/json", `{"payload":"x.y.z"}`)); got.Status != 400 || got.Body != "" {
			t.Errorf("a notice that nobody has signed: %d %q, want 400 and nothing", got.Status, got.Body)
		}
		p.Faults()
		if got := p.links("ann"); !slices.Equal(got, []string{"apple"}) {
			t.Fatalf("links %v, want apple", got)
		}
		p.Clock.Advance(time.Minute)
		if got := notice(socialtest.ConsentRevoked); got.Status != 200 || got.Body != "" {
			t.Errorf("status %d, body %q; want 200 and nothing", got.Status, got.Body)
		}
		if got := p.links("ann"); len(got) > 0 || v.whoIs() != "" {
			t.Errorf("links %v, and the browser is %q's; want none, and nobody's", got, v.whoIs())
		}
		v.letter(ann, mail.SocialUnlinked, mail.NewDevice)
		for path, want := range map[string]int{"/auth/social/google/notice": 404, "/auth/social/nobody/notice": 404} {
			if got := v.Do(v.Request("POST", path, "application/json", `{"payload":"x"}`)); got.Status != want || got.Body != "" {
				t.Errorf("%s: %d %q, want %d and nothing", path, got.Status, got.Body, want)
			}
		}
	})
}

func TestProviderRow(t *testing.T) {
	t.Run("R29 R30 U32 the configured ones, in order, below everything else", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.open().offering("google", "apple", "microsoft")
			if !v.json {
				if strings.Index(v.shown.Body, ">Next</button>") > strings.Index(v.shown.Body, "Continue with Google") {
					t.Error("U32 the row stands above the primary button")
				}
				for _, want := range []string{"Continue with Google", "Continue with Apple", "Sign in with Microsoft"} {
					if !strings.Contains(v.shown.Body, want) {
						t.Errorf("U46 the page does not say %q", want)
					}
				}
				if strings.Contains(v.shown.Body, "<img") || strings.Contains(v.shown.Body, "brand-google") {
					t.Error("U46 there is a logo, or a colour, that the host has not supplied")
				}
			}
			v.identify(ann).is("password").offering("google", "apple", "microsoft")
			v.password("wrong").status(422).offering("google", "apple", "microsoft")
			v.get("/auth/signin/company").status(404)
		})
	})
	t.Run("U47 the names are not translated, and the sentence around them is", func(t *testing.T) {
		v := newProduct(t, withSocial(nil)).visitor(false)
		for lang, want := range map[string]string{"es": "Iniciar sesión con Microsoft", "fr": "Se connecter avec Microsoft"} {
			if v.open("lang", lang); !strings.Contains(v.shown.Body, want) {
				t.Errorf("the page does not say %q:\n%s", want, v.shown.Body)
			}
		}
	})
	t.Run("R29 U41 the one used last on this device is marked", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.p.connected("google", annThere)
			v.p.connected("microsoft", socialtest.Person{Email: "ann@outlook.example"})
			v.open().offering("google", "apple", "microsoft")
			leave := func() { v.post("/auth/signout") }
			v.comes("microsoft", socialtest.Person{Email: "ann@outlook.example"}).is("in")
			leave()
			v.open().offering("google", "apple", "microsoft*")
			v.comes("google", annThere).is("in")
			leave()
			v.open().offering("google*", "apple", "microsoft")
			v.signIn(ann)
			leave()
			v.open().offering("google", "apple", "microsoft") // the last was a password
			v.p.Clock.Advance(181 * 24 * time.Hour)
			if v.Cookie("__Host-signin-last") != "" {
				t.Error("the hint outlives 180 days")
			}
		})
	})
	t.Run("R29 those that are connected on this device", func(t *testing.T) {
		elsewhere(t, withSocial(func(p *auth.Preset) { p.SocialDisplay = auth.SocialConnectedOnDevice }), func(t *testing.T, v *visitor) {
			v.open().offering()
			w := v.again().enter(ann).connects("google", annThere)
			w.post("/auth/signout")
			w.open().offering("google") // connected, and nobody has come by it: it is not the one used last
			w.post("/auth/social/google/start").status(200)
			w.brings(v.p.Providers["google"].Answer(w.shown, annThere)).is("in")
			w.post("/auth/signout")
			w.open().offering("google*").identify("nobody@acme.example").offering("google*")
			v.again().open().identify(ann).offering()
		})
	})
	t.Run("R29 those that the person has connected, once the address is typed", func(t *testing.T) {
		elsewhere(t, withSocial(func(p *auth.Preset) { p.SocialDisplay = auth.SocialConnectedForUser }), func(t *testing.T, v *visitor) {
			v.p.connected("apple", annThere)
			v.open().offering().identify(ann).is("password").offering("apple")
			v.again().open().identify("two@acme.example").is("password").offering()
			v.again().open().identify("nobody@acme.example").is("password").offering()
		})
	})
	t.Run("R29 on one page", func(t *testing.T) {
		elsewhere(t, withSocial(func(p *auth.Preset) { p.Layout = auth.LayoutOnePage }), func(t *testing.T, v *visitor) {
			v.open().offering("google", "apple", "microsoft").comes("google", annThere).told(auth.ReasonSocialEmailExists)
			v.do("signin/password", "email", ann, "password", secret).is("link").do("signin/link", "do", "link").is("in")
			if got := v.p.links("ann"); !slices.Equal(got, []string{"google"}) {
				t.Errorf("links %v, want google", got)
			}
		})
	})
	t.Run("R33 whoever is new is told of the sign-up, where there is one", func(t *testing.T) {
		elsewhere(t, withSocial(func(p *auth.Preset) { p.SignUp = auth.SignUpPerson }), func(t *testing.T, v *visitor) {
			v.open().comes("google", newThere).is("identify")
			if !strings.Contains(v.shown.Body, "If you have none, create an account.") {
				t.Errorf("it is not told:\n%s", v.shown.Body)
			}
		})
	})
	t.Run("U46 a logo that no button would show is refused", func(t *testing.T) {
		p := newProduct(t, withSocial(nil))
		m, err := social.New(social.Config{
			BaseURL: p.Auth.URL("/auth") + "/social", Keys: authtest.Keys(), Requests: social.NewMemory(), Providers: []social.Provider{social.Google("c", "s")},
		})
		if err != nil {
			t.Fatal(err)
		}
		for name, fine := range map[string]bool{"provider-google.svg": true, "provider-googel.svg": false, "provider-google.png": false} {
			files := fstest.MapFS{"assets/" + name: {Data: []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)}}
			if _, err := web.New(web.Config{Auth: p.Auth, Social: m, Templates: files}); (err == nil) != fine || err != nil && !strings.Contains(err.Error(), name) {
				t.Errorf("New with assets/%s = %v, want it accepted: %v", name, err, fine)
			}
		}
	})
	t.Run("U46 logos are the host's, and bring the provider's colours", func(t *testing.T) {
		cfg := withSocial(nil)
		cfg.Web = logos
		p := newProduct(t, cfg)
		body := p.browser().Get("/auth/signin").Body
		if !strings.Contains(body, "brand-google") || !strings.Contains(body, "/provider-google.svg") || strings.Contains(body, "brand-microsoft") {
			t.Errorf("the page has not the logo, or a colour too many:\n%s", body)
		}
	})
	t.Run("A-139 R4 the same for everybody", func(t *testing.T) {
		for _, display := range []auth.SocialDisplay{auth.SocialAllEnabled, auth.SocialConnectedOnDevice} {
			elsewhere(t, withSocial(func(p *auth.Preset) { p.SocialDisplay = display }), func(t *testing.T, v *visitor) {
				v.p.connected("google", annThere)
				first := ""
				for _, name := range []string{"ann", "axx"} { // the second is nobody
					got := whole(v.again().identify(name+"@acme.example").shown, name)
					if first == "" {
						first = got
					}
					if got != first {
						t.Errorf("%s tells %s from ann:\n%s", display, name, difference(got, first))
					}
				}
			})
		}
	})
}

func TestSocialAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine and many cases: run without -short")
	}
	t.Run("A-078 A-120 an answer counts in the browser that asked for it only", func(t *testing.T) {
		for _, provider := range []string{"google", "apple"} {
			elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
				v.p.connected(provider, annThere)
				v.p.Providers[provider].Visits()
				before := v.p.sessions("ann")
				v.leaves(provider)
				other := v.again().open()
				other.leaves(provider)
				r := v.p.Providers[provider].Answer(v.shown, annThere)
				other.brings(r)
				third := v.again()
				third.brings(r)
				for _, path := range []string{"/auth/signin/arrived", "/auth/signin"} {
					v.shown = v.Get(path)
				}
				if v.whoIs() != "" || other.whoIs() != "" || third.whoIs() != "" || v.p.sessions("ann") != before {
					t.Fatalf("%s: somebody is signed in", provider)
				}
				for _, visit := range v.p.Providers[provider].Visits() {
					if provider == "google" && strings.Contains(visit, "/token") {
						t.Error("A-078 the code of another browser was sent to the provider")
					}
				}
			})
		}
	})
	t.Run("A-080 an answer counts once", func(t *testing.T) {
		for _, provider := range []string{"google", "apple"} {
			elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
				v.p.connected(provider, annThere)
				v.leaves(provider)
				r := v.p.Providers[provider].Answer(v.shown, annThere)
				v.brings(r).is("in")
				v.brings(r).status(422).told(auth.ReasonSocialFailed)
				v.again().brings(r).status(422).told(auth.ReasonSocialFailed)
			})
		}
	})
	t.Run("A-102 only a provider that posts its answers is posted from elsewhere", func(t *testing.T) {
		p := newProduct(t, withSocial(nil))
		for path, want := range map[string]int{
			"/auth/social/apple/callback":   422,
			"/auth/social/apple/notice":     400,
			"/auth/social/google/callback":  403,
			"/auth/social/google/notice":    403,
			"/auth/social/apple/start":      403,
			"/auth/social/nobody/callback":  403,
			"/auth/social/apple/callback/x": 403,
			"/auth/x/social/apple/callback": 403,
			"/auth/social/apple/x/callback": 403,
		} {
			got := p.browser().PostFrom("https://evil.example", path, form("code", "x", "state", "y"))
			if got.Status != want || len(got.Header.Values("Set-Cookie")) > 0 {
				t.Errorf("%s: status %d, cookies %v; want %d and none", path, got.Status, got.Header.Values("Set-Cookie"), want)
			}
		}
		bare := newProduct(t, authtest.Config{})
		if got := bare.browser().PostFrom("https://evil.example", "/auth/social/apple/callback", form("code", "x")); got.Status != 403 {
			t.Errorf("without providers: status %d, want 403", got.Status)
		}
	})
	t.Run("A-103 what Apple's form says about a name is a name, and nothing else", func(t *testing.T) {
		cfg := withSocial(func(p *auth.Preset) { p.SocialSignUp = auth.SocialSignUpOn })
		v := newProduct(t, cfg).visitor(false)
		v.p.letGo()
		v.open().leaves("apple")
		r := v.p.Providers["apple"].Answer(v.shown, socialtest.Person{Email: "mal@icloud.com"})
		r.Form.Set("user", `{"name":{"firstName":"Mal","lastName":"\u202eEvil"},"email":"`+ann+`"}`)
		v.brings(r).is("in")
		u, err := v.p.Auth.User(t.Context(), v.whoIs())
		if err != nil || u.Email != "mal@icloud.com" {
			t.Errorf("the person is %v (%v)", u, err)
		}
		t.Cleanup(func() { v.p.Clock.Advance(11 * time.Second); v.p.Mail.Take(u.Email) })
	})
	t.Run("R30 A-074 unknown providers, wrong methods, HEAD, and doubled parameters", func(t *testing.T) {
		v := newProduct(t, withSocial(nil)).visitor(false)
		v.p.letGo()
		v.p.connected("google", annThere)
		v.leaves("google")
		r := v.p.Providers["google"].Answer(v.shown, annThere)
		at, err := url.Parse(r.URL)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range []struct {
			what, method, path, kind, body string
			want                           int
		}{
			{"nobody's start", "POST", "/auth/social/nobody/start", urlencoded, "", 404},
			{"nobody's callback", "GET", "/auth/social/nobody/callback?code=x&state=y", "", "", 404},
			{"a start by GET", "GET", "/auth/social/google/start", "", "", 405},
			{"no such verb", "GET", "/auth/social/google/metadata", "", "", 404},
			{"HEAD", "HEAD", at.RequestURI(), "", "", 405},
			{"an answer of Google's, posted", "POST", at.Path, urlencoded, at.RawQuery, 422},
			{"an answer of Apple's, brought", "GET", "/auth/social/apple/callback?code=x&state=y", "", "", 422},
			{"no state", "GET", at.Path + "?code=x", "", "", 422},
			{"too long", "POST", "/auth/social/apple/callback", urlencoded, "code=" + strings.Repeat("A", 641<<10), 413},
			{"JSON to the callback", "POST", "/auth/social/apple/callback", "application/json", `{"code":"x"}`, 415},
		} {
			if got := v.Do(v.Request(row.method, row.path, row.kind, row.body)); got.Status != row.want {
				t.Errorf("%s: status %d, want %d\n%s", row.what, got.Status, row.want, got.Body)
			}
		}
		v.brings(r).is("in") // nothing of that has spent it
	})
	t.Run("A-230 a start posted by another site makes no flow", func(t *testing.T) {
		v := newProduct(t, withSocial(nil)).visitor(false)
		if got := v.PostFrom("https://evil.example", "/auth/social/google/start", nil); got.Status != 403 || v.Cookie("__Host-flow") != "" {
			t.Errorf("status %d, flow %q; want 403 and none", got.Status, v.Cookie("__Host-flow"))
		}
	})
	t.Run("A-241 the page that leads away loads nothing, and says where", func(t *testing.T) {
		v := newProduct(t, withSocial(nil)).visitor(false)
		v.open().leaves("google")
		if got := v.shown.Header.Get("Content-Security-Policy"); strings.Contains(got, "http") {
			t.Errorf("the policy is %q", got)
		}
		if !strings.Contains(v.shown.Body, `href="`+v.p.Providers["google"].BaseURL()) {
			t.Errorf("the page has no link there:\n%s", v.shown.Body)
		}
	})
}
