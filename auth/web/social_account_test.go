package web_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/social/socialtest"
)

const connectedPage = "/auth/account/connected"

// connectedIDs are the links of a person, as my account names them.
func (p *product) connectedIDs(userID string) (ids []string) {
	p.t.Helper()
	all, err := p.Auth.Connected(p.t.Context(), userID)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, l := range all {
		ids = append(ids, l.ID)
	}
	return ids
}

// disconnects asks for the page of an account and presses its button.
func (v *visitor) disconnects(id string) *visitor {
	v.p.t.Helper()
	v.get(connectedPage + "/disconnect?id=" + id).status(200)
	if !v.json && !strings.Contains(v.shown.Body, `action="`+connectedPage+`/disconnect"`) { // no button, for nothing else is left
		v.says("reason.last_method")
		if !strings.Contains(v.shown.Body, " cannot be disconnected yet</h1>") || !strings.Contains(v.shown.Body, `<a class="button primary" href="/auth/account/password`) {
			v.p.t.Fatalf("R36 the page of the last way in asks, or leads to no other:\n%s", v.shown.Body)
		}
		return v.post(connectedPage+"/disconnect", "id", id)
	}
	return v.do("account/connected/disconnect", "id", id)
}

func TestConnected(t *testing.T) {
	t.Run("R35 connect while signed in, and see it listed", func(t *testing.T) {
		both(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.p.letGo()
			v.enter(ann).get(connectedPage).status(200).says("connected.none", "connected.others.heading")
			before := v.Cookie("__Host-session")
			v.connects("google", annThere)
			if v.json {
				v.is("in")
				if got := v.state["return_to"]; got != connectedPage+"?done=connected" {
					t.Errorf("leads to %v, want the page", got)
				}
			} else if v.shown.URL.Path != connectedPage || v.shown.Status != 200 {
				t.Fatalf("the visitor is at %s:\n%s", v.shown, v.shown.Body)
			}
			v.says("connected.done.connected")
			if got := v.p.links("ann"); !slices.Equal(got, []string{"google"}) {
				t.Fatalf("links %v, want google", got)
			}
			if after := v.Cookie("__Host-session"); after == before || v.whoIs() != "ann" {
				t.Errorf("the session has the same token, or is %q's", v.whoIs())
			}
			v.letter(ann, mail.SocialLinked, mail.NewDevice)
			v.get(connectedPage).status(200)
			if v.json {
				one := v.state["accounts"].([]any)[0].(map[string]any)
				if one["provider"] != "google" || one["name"] != "Google" || one["email"] != ann || one["connected_at"] == nil || one["offered"] != true {
					t.Errorf("the account is %v", one)
				}
				if got := len(v.state["providers"].([]any)); got != 2 {
					t.Errorf("%d providers are left, want 2", got)
				}
			} else if !strings.Contains(v.shown.Body, ">Google</h2>") || !strings.Contains(v.shown.Body, "Connected on") || !strings.Contains(v.shown.Body, ann) {
				t.Errorf("the page does not list it:\n%s", v.shown.Body)
			}
			v.get("/auth/account").status(200)
			if v.json && v.state["links"].(map[string]any)["connected"] != connectedPage || !v.json && !strings.Contains(v.shown.Body, `href="`+connectedPage+`"`) {
				t.Errorf("my account has no way there:\n%s", v.shown.Body)
			}
			w := v.again()
			w.comes("google", annThere).is("in")
			w.get("/auth/account/sessions")
			if !w.json && !strings.Contains(w.shown.Body, "Google") {
				t.Errorf("the list of sessions does not say how:\n%s", w.shown.Body)
			}
		})
	})
	t.Run("R35 R66 not without a recent proof", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.enter(ann).stale().get(connectedPage).status(200)
			v.connecting("google").is("password").password(secret)
			if v.json {
				v.is("link")
				if got := v.state["offer"].([]any); len(got) != 1 || got[0] != "social:google" || v.state["links"].(map[string]any)["link"] != nil {
					t.Errorf("the answer is %s, want the way to Google and no other", v.shown.Body)
				}
				v.offering("google")
			} else {
				v.is("provider")
				if !strings.Contains(v.shown.Body, "Connect Google") || !strings.Contains(v.shown.Body, "data-moves") {
					t.Errorf("the page does not lead there:\n%s", v.shown.Body)
				}
			}
			v.comes("google", annThere)
			if got := v.p.links("ann"); !slices.Equal(got, []string{"google"}) {
				t.Errorf("links %v, want google", got)
			}
		})
	})
	t.Run("A-125 R35 an account that opens somebody else's: not whose", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.p.connected("google", annThere)
			v.enter("solo@acme.example").connects("google", annThere).status(422).told(auth.ReasonSocialAlreadyLinked)
			if got := v.p.links("solo"); len(got) > 0 || strings.Contains(v.shown.Body, ann) {
				t.Errorf("links %v; and the page\n%s", got, v.shown.Body)
			}
			v.is(map[bool]string{true: "link", false: "provider"}[v.json])
			v.comes("google", socialtest.Person{Email: "solo@gmail.com"}) // another one will do
			if got := v.p.links("solo"); !slices.Equal(got, []string{"google"}) {
				t.Errorf("links %v, want google", got)
			}
			v.p.Clock.Advance(11 * time.Second)
			v.p.Mail.Take("solo@acme.example")
		})
	})
	t.Run("R35 R38 whoever says no there is back, and may try again", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.enter(ann).get(connectedPage).connecting("google")
			v.brings(v.p.Providers["google"].Refusal(v.shown)).is(map[bool]string{true: "link", false: "provider"}[v.json])
			if v.json {
				v.told(auth.ReasonSocialCancelled)
			} else if !strings.Contains(v.shown.Body, "Google was not connected.") {
				t.Errorf("R38 the page does not say that nothing was connected:\n%s", v.shown.Body)
			}
			v.comes("google", annThere)
			if got := v.p.links("ann"); !slices.Equal(got, []string{"google"}) {
				t.Errorf("links %v, want google", got)
			}
		})
	})
	t.Run("R35 whoever cancels is back at the accounts, and nothing goes on", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.enter(ann).get(connectedPage).connecting("google")
			v.brings(v.p.Providers["google"].Refusal(v.shown)).do("signin/cancel")
			if v.json {
				if got := v.state["return_to"]; got != connectedPage {
					t.Errorf("leads to %v, want %s", got, connectedPage)
				}
			} else if v.shown.URL.Path != connectedPage || v.shown.Status != 200 {
				t.Errorf("the visitor is at %s, want %s", v.shown, connectedPage)
			}
			if v.Cookie("__Host-stepup") != "" {
				t.Error("the flow goes on")
			}
		})
	})
	t.Run("A-232 R35 the session at the provider may be somebody else's: which account is meant is asked there", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			const asks = "prompt=select_account"
			if v.open().leaves("google"); strings.Contains(v.shown.Body, asks) {
				t.Errorf("a sign-in asks, and would be straight through without:\n%s", v.shown.Body)
			}
			v.enter(ann).get(connectedPage).connecting("google")
			if !strings.Contains(v.shown.Body, asks) {
				t.Errorf("connecting does not ask:\n%s", v.shown.Body)
			}
			v.brings(v.p.Providers["google"].Refusal(v.shown)).leaves("google")
			if !strings.Contains(v.shown.Body, asks) {
				t.Errorf("connecting once more does not ask:\n%s", v.shown.Body)
			}
		})
	})
	t.Run("R66 A-200 when somebody signed in counts only where it can be demanded anew", func(t *testing.T) {
		elsewhere(t, withSocial(func(p *auth.Preset) { p.SocialSignUp = auth.SocialSignUpOn }), func(t *testing.T, v *visitor) {
			who := socialtest.Person{Email: "nora.new@gmail.com"}
			v.comes("apple", who).is("in") // whose tokens have auth_time, though it cannot be asked for a fresh sign-in
			u := v.whoIs()
			id := v.p.connectedIDs(u)[0]
			v.stale().disconnects(id).sentToProve(connectedPage + "/disconnect?id=" + id)
			if v.json {
				v.get("/auth/stepup").offering("apple")
				v.do("stepup", "provider", "apple")
			} else {
				v.is("provider").do("stepup").is("away")
			}
			v.brings(v.p.Providers["apple"].Answer(v.shown, who)).is("mailcode")
			v.p.Mail.Take(who.Email)
		})
	})
	t.Run("A-121 R35 another person's session does not connect what this one asked for", func(t *testing.T) {
		v := newProduct(t, withSocial(nil)).visitor(false)
		v.p.letGo()
		v.enter(ann).get(connectedPage).connecting("google")
		r := v.p.Providers["google"].Answer(v.shown, socialtest.Person{Email: "mal@gmail.com"})
		w := v.again()
		w.enter("solo@acme.example").brings(r)
		if got := append(v.p.links("ann"), v.p.links("solo")...); len(got) > 0 {
			t.Errorf("links %v, want none", got)
		}
	})
	t.Run("R35 whose company enforces its own sign-in", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.enter(ann)
			v.p.enforced()
			v.get(connectedPage).status(200).says("connected.sso.text")
			if v.json && (v.state["sso"] != true || len(v.state["providers"].([]any)) != 0) || !v.json && strings.Contains(v.shown.Body, "/account/connected/connect") {
				t.Errorf("something can be connected:\n%s", v.shown.Body)
			}
			v.post("/auth/account/connected/connect", "provider", "google").status(422).told(auth.ReasonSSORequired)
		})
	})
	t.Run("R30 R35 an unknown provider, nobody, and a GET", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.get(connectedPage)
			if v.json && v.shown.Status != 401 || !v.json && v.shown.URL.Path != "/auth/signin" {
				t.Errorf("nobody is at %s", v.shown)
			}
			v.enter(ann).post("/auth/account/connected/connect", "provider", "nobody").status(404)
			v.get(connectedPage + "/connect").status(405)
		})
	})
	t.Run("R36 disconnect, after a page that says what remains", func(t *testing.T) {
		both(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.p.letGo()
			v.p.connected("google", annThere)
			v.p.connected("microsoft", socialtest.Person{Email: "ann@outlook.example"})
			other := v.again()
			other.comes("google", annThere).is("in")
			id := v.p.connectedIDs("ann")[0]
			v.enter(ann).get(connectedPage + "/disconnect?id=" + id).status(200)
			if v.json {
				if got := v.state["remaining"]; !slices.Equal(got.([]any), []any{"Password", "Microsoft"}) {
					t.Errorf("remaining %v, want the password and Microsoft", got)
				}
			} else if !strings.Contains(v.shown.Body, "<li>Password</li>") || !strings.Contains(v.shown.Body, "<li>Microsoft</li>") || strings.Contains(v.shown.Body, "<li>Google</li>") {
				t.Errorf("the page does not say what remains:\n%s", v.shown.Body)
			}
			v.p.Clock.Advance(11 * time.Second)
			v.p.Mail.Take(ann)
			v.do("account/connected/disconnect", "id", id).status(200).says("connected.done.disconnected")
			if got := v.p.links("ann"); !slices.Equal(got, []string{"microsoft"}) {
				t.Errorf("links %v, want microsoft", got)
			}
			v.letter(ann, mail.SocialUnlinked)
			if other.whoIs() != "" || v.whoIs() != "ann" {
				t.Errorf("the other browser is %q's, this one %q's; want nobody's and ann's", other.whoIs(), v.whoIs())
			}
			v.again().comes("google", annThere).told(auth.ReasonSocialEmailExists).is("password")
			v.get(connectedPage + "/disconnect?id=" + id).status(404)
			v.post("/auth/account/connected/disconnect", "id", id).status(404)
		})
	})
	t.Run("R35 a step-up that begins anew still leads to the provider", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			phone, _ := v.p.withApp(t, ann)
			v.identify(ann).password(secret).totp(phone.Code()).is("in")
			v.p.Clock.Advance(30 * time.Second)
			v.stale().get(connectedPage).connecting("google").is("appcode")
			for range 6 {
				v.totp("000000")
			}
			v.do("signin/restart").is("appcode").totp(phone.Code())
			v.is(map[bool]string{true: "link", false: "provider"}[v.json]).comes("google", annThere)
			if got := v.p.links("ann"); !slices.Equal(got, []string{"google"}) {
				t.Errorf("links %v, want google", got)
			}
		})
	})
	t.Run("A-126 R36 R66 not without a recent proof", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.p.connected("google", annThere)
			id := v.p.connectedIDs("ann")[0]
			back := connectedPage + "/disconnect?id=" + id
			v.enter(ann).stale().disconnects(id).sentToProve(back).proves("password", secret, connectedPage+"/disconnect")
			if got := v.p.links("ann"); !slices.Equal(got, []string{"google"}) {
				t.Fatalf("links %v, want google: what was posted is not done by itself", got)
			}
			v.disconnects(id).status(200)
			if got := v.p.links("ann"); len(got) > 0 {
				t.Errorf("links %v, want none", got)
			}
		})
	})
	t.Run("R36 another person's account", func(t *testing.T) {
		elsewhere(t, withSocial(nil), func(t *testing.T, v *visitor) {
			v.p.connected("google", annThere)
			id := v.p.connectedIDs("ann")[0]
			v.enter("solo@acme.example").get(connectedPage + "/disconnect?id=" + id).status(404)
			v.post("/auth/account/connected/disconnect", "id", id).status(404)
			if got := v.p.links("ann"); !slices.Equal(got, []string{"google"}) {
				t.Errorf("links %v, want google", got)
			}
		})
	})
	t.Run("R36 the last way in is not taken away, and R66 proves itself by the provider", func(t *testing.T) {
		elsewhere(t, withSocial(func(p *auth.Preset) { p.SocialSignUp = auth.SocialSignUpOn }), func(t *testing.T, v *visitor) {
			v.comes("google", newThere).is("in")
			u := v.whoIs()
			id := v.p.connectedIDs(u)[0]
			v.stale().disconnects(id).sentToProve(connectedPage + "/disconnect?id=" + id)
			if v.json {
				v.get("/auth/stepup").offering("google")
				v.do("stepup", "provider", "google")
			} else {
				v.is("provider").do("stepup").is("away")
			}
			v.brings(v.p.Providers["google"].Answer(v.shown, newThere)).is("mailcode") // which cannot be asked for a fresh sign-in
			v.code(v.p.Mail.Code(newThere.Email))
			v.disconnects(id).status(422).told(auth.ReasonLastMethod)
			if got := v.p.links(u); !slices.Equal(got, []string{"google"}) {
				t.Errorf("links %v, want google", got)
			}
			v.connects("microsoft", socialtest.Person{Email: "nora@outlook.example"})
			v.disconnects(id).status(200)
			if got := v.p.links(u); !slices.Equal(got, []string{"microsoft"}) {
				t.Errorf("links %v, want microsoft", got)
			}
		})
	})
	t.Run("a product without providers has no such page", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		v.enterPlain().get(connectedPage).status(404)
		if body := v.get("/auth/account").shown.Body; strings.Contains(body, "Connected accounts") {
			t.Errorf("my account names it:\n%s", body)
		}
	})
}

// enterPlain signs ann in where nothing is mailed.
func (v *visitor) enterPlain() *visitor { v.p.dropParts(); return v.signIn(ann) }
