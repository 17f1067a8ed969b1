package web_test

import (
	"context"
	"fmt"
	"html"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/locale"
	"github.com/sallyport-auth/sallyport/auth/web"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/social/gothprovider"
	"github.com/sallyport-auth/sallyport/social/socialtest"
)

// tenantOfAcme is the Microsoft tenant of ann and of solo.
const tenantOfAcme = "00000000-0000-4000-8000-00000000000a"

// Everybody here has an account at the provider. ann is whom forged answers name; solo is the one who signs in; mal is nobody here, and has
// written ann's address into an account of his own.
var (
	annAt  = socialtest.Person{Email: ann, Name: "Ann Elsewhere", Subject: "100000000000000001", HostedDomain: "acme.example", Tenant: tenantOfAcme}
	soloAt = socialtest.Person{Email: solo, Name: "Solo Elsewhere", Subject: "100000000000000002", HostedDomain: "acme.example", Tenant: tenantOfAcme}
	malAt  = socialtest.Person{Email: ann, Name: "Mal Elsewhere", Subject: "100000000000000003", HostedDomain: "acme.example", Tenant: tenantOfAcme}
)

// A stand is a product whose providers do what a test tells them. Whoever is new gets an account by them, so that much can go wrong.
type stand struct {
	*product
	at    map[string]*socialtest.Provider // by ID
	words locale.Text
}

// newStand makes one. Facebook, whose addresses no product can change, stands beside Plain.
func newStand(t *testing.T, kinds ...socialtest.Personality) *stand {
	t.Helper()
	cfg := withSocial(func(p *auth.Preset) { p.SocialSignUp = auth.SocialSignUpOn })
	cfg.SSO = true
	s := &stand{at: map[string]*socialtest.Provider{}, words: english(t)}
	if cfg.Social = kinds; slices.Contains(kinds, socialtest.Facebook) {
		cfg.Social, cfg.Web = nil, func(c *web.Config) { c.Social = s.ofGoth(t, c.Auth.Now) }
	}
	s.product = newProduct(t, cfg)
	for id, p := range s.Providers {
		s.at[id] = p.Provider
	}
	s.letGo()
	t.Cleanup(func() {
		s.Clock.Advance(11 * time.Second)
		for _, email := range []string{"mal@evil.example", "vic@elsewhere.example", "una@gmail.com"} {
			s.Mail.Take(email)
		}
	})
	return s
}

// ofGoth is Facebook, which goth speaks to, and a provider of OpenID Connect.
func (s *stand) ofGoth(t *testing.T, now func() time.Time) *social.Manager {
	t.Helper()
	const id, key, base = "app", "secret of the app", authtest.BaseURL + "/auth/social"
	for _, kind := range []socialtest.Personality{socialtest.Facebook, socialtest.Plain} {
		at := socialtest.Start(t, socialtest.Config{Personality: kind, Now: now})
		at.RegisterClient(socialtest.Client{ID: id, Secret: key, RedirectURIs: []string{base + "/" + kind.String() + "/callback"}})
		s.at[kind.String()] = at
	}
	facebook := gothprovider.Facebook(id, key)
	facebook.Speaker = diverted{facebook.Speaker, s.at["facebook"]}
	m, err := social.New(social.Config{
		BaseURL: base, Keys: authtest.Keys(), Requests: social.NewMemory(), AllowPrivate: true, Now: now,
		Providers: []social.Provider{facebook, social.OpenIDConnect("plain", "Plain", s.at["plain"].Issuer(), id, key)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A diverted Speaker speaks to a provider of this machine where the real one is meant.
type diverted struct {
	social.Speaker
	to *socialtest.Provider
}

func (d diverted) Begin(ctx context.Context, r social.Request) (social.Departure, error) {
	away, err := d.Speaker.Begin(ctx, r)
	away.URL = d.to.Rewrite(away.URL)
	return away, err
}

func (d diverted) Verify(ctx context.Context, r social.Request, m social.Message) (social.Identity, error) {
	client := *r.HTTP
	client.Transport = d.to.RoundTripper(client.Transport)
	r.HTTP = &client
	return d.Speaker.Verify(ctx, r, m)
}

// answer signs somebody in where the visitor was led, and answers what comes back. Nobody has brought it yet.
func (s *stand) answer(v *visitor, id string, who socialtest.Person) authtest.Reply {
	s.t.Helper()
	at := s.at[id]
	at.AddPerson(who)
	name := who.Email
	if name == "" {
		name = who.Subject
	}
	back, err := at.SignIn(v.shown.Away().URL, name)
	if err != nil {
		s.t.Fatal(err)
	}
	back.URL, _, _ = strings.Cut(back.URL, "#") // Facebook's, which browsers keep to themselves
	return authtest.Reply(back)
}

// goes signs somebody in at a provider, and brings the answer, unless the visitor is not even sent there.
func (s *stand) goes(v *visitor, id string, who socialtest.Person) *visitor {
	s.t.Helper()
	if v.open().do("social/" + id + "/start"); v.shown.Status == 422 {
		return v
	}
	if to := v.shown.Away().URL; !strings.HasPrefix(to, s.at[id].BaseURL()) {
		return v
	}
	return v.brings(s.answer(v, id, who))
}

// ties connects an account at a provider with a person's here, by the way of my account.
func (s *stand) ties(email, id string, who socialtest.Person) {
	s.t.Helper()
	v := s.visitor(true).enter(email)
	v.get(connectedPage).connecting(id).status(200)
	if v.brings(s.answer(v, id, who)); v.at() != "in" {
		s.t.Fatalf("%s cannot connect: %v\n%s", email, s.Faults(), v.shown.Body)
	}
	s.Clock.Advance(time.Minute)
	s.Events()
}

// happened are the events since the last call that change anything, in short.
func (s *stand) happened() (all []string) {
	for _, e := range s.Events() {
		switch e.Kind {
		case auth.FlowStarted, auth.ProofRefused, auth.LinkAsked, auth.CodeSent, auth.ProofAccepted:
		default:
			all = append(all, string(e.Kind)+" "+e.UserID)
		}
	}
	return all
}

// told is visitor.told, without reading all words anew.
func (s *stand) told(v *visitor, reason auth.Reason) {
	s.t.Helper()
	if v.json {
		v.told(reason)
	} else if says := s.words.Get("reason." + string(reason)); !strings.Contains(html.UnescapeString(v.shown.Body), says) {
		s.t.Fatalf("the page does not say %q:\n%s", says, v.shown.Body)
	}
}

// An end is where a sign-in leads.
type end string

const (
	endsIn        end = "in"        // solo is signed in by the account that is connected with theirs
	endsRefused   end = "refused"   // the answer does not count, and the host is told why
	endsCancelled end = "cancelled" // the person has said no
	endsTooLong   end = "too long"  // nobody has looked at the answer
	endsProves    end = "proves"    // nobody is known by the account: a code goes to its address before anything is said
	endsExists    end = "exists"    // the same, at a provider that speaks for the address: its owner proves the account here
	endsElsewhere end = "elsewhere" // the browser is led to where no answer comes from
	endsAsks      end = "asks"      // the same, of an account without an address
)

// A rule is what becomes of an attack that is for the product to judge.
type rule struct {
	attack socialtest.Attack
	end    end
	who    socialtest.Person // who signs in; the zero Person: solo
	why    string
}

// rules are those of one provider, if they differ from what the attack wants.
func rules(id string) []rule {
	claimed := endsProves
	if id == "google" || id == "apple" {
		claimed = endsExists
	}
	tooLong := endsTooLong
	if id == "apple" {
		tooLong = endsCancelled // posted, and so not in an address
	}
	unconfirmed := endsProves
	all := []rule{
		{socialtest.CallbackExtra, endsIn, socialtest.Person{}, "A-085 what a browser adds is not looked at"},
		{socialtest.AccessTokenBesideCode, endsIn, socialtest.Person{}, "A-107 the code counts"},
		{socialtest.UserHuge, endsIn, socialtest.Person{}, "A-103 a name is for show"},
		{socialtest.ErrorAnswer, endsCancelled, socialtest.Person{}, "R38 the person has said no"},
		{socialtest.ErrorLines, endsCancelled, socialtest.Person{}, "A-108 the same, and nothing is repeated"},
		{socialtest.ErrorHuge, tooLong, socialtest.Person{}, "A-108 an address of 100 KB is not read"},
		{socialtest.AlgNotOffered, endsRefused, socialtest.Person{}, "A-087 what the provider announces, and no other"},
		{socialtest.NoKeyID, endsIn, socialtest.Person{}, "A-089 the keys that fit are tried"},
		{socialtest.IssuerHost, endsRefused, socialtest.Person{}, "A-091 an exact match"},
		{socialtest.AuthTimeOld, endsIn, socialtest.Person{}, "A-092 nobody has asked for a fresh sign-in"},
		{socialtest.AuthTimeMissing, endsIn, socialtest.Person{}, "A-092 the same"},
		{socialtest.AuthTimeFuture, endsRefused, socialtest.Person{}, "A-092 a broken clock, or a lie"},
		{socialtest.TokenTypeWrong, endsRefused, socialtest.Person{}, "A-094 Bearer"},
		{socialtest.PKCEPlainOnly, endsIn, socialtest.Person{}, "A-084 S256 is sent all the same"},
		{socialtest.PKCEUnknown, endsIn, socialtest.Person{}, "A-084 S256 is sent all the same"},
		{socialtest.DiscoveryNoAlgorithms, endsIn, socialtest.Person{}, "A-087 RS256, which every provider has, and never what is offered here"},
		{socialtest.DiscoveryPlainHTTP, endsElsewhere, socialtest.Person{}, "A-096 AllowPrivate, which is for tests, takes it: internal/openid tries it without"},
		{socialtest.DiscoveryInternal, endsElsewhere, socialtest.Person{}, "A-113 the same"},

		{socialtest.EmailUnverified, unconfirmed, malAt, "A-097 a mere claim"},
		{socialtest.EmailVerifiedFalseString, unconfirmed, malAt, "A-097 a mere claim"},
		{socialtest.EmailVerifiedCapitalised, unconfirmed, malAt, "A-097 a mere claim"},
		{socialtest.EmailVerifiedZero, unconfirmed, malAt, "A-097 a mere claim"},
		{socialtest.EmailVerifiedNull, unconfirmed, malAt, "A-097 a mere claim"},
		{socialtest.EmailVerifiedMissing, unconfirmed, malAt, "A-097 a mere claim"},
		{socialtest.EmailVerifiedString, unconfirmed, malAt, "A-097 a text is no boolean"},
		{socialtest.EmailOfVictim, endsProves, malAt, "A-098 administrators write what they like"},
		{socialtest.UsernameOfVictim, endsAsks, malAt, "A-098 a user name is no address"},
		{socialtest.DomainOwnerFalse, endsProves, malAt, "A-098"},
		{socialtest.DomainOwnerText, endsProves, malAt, "A-098"},
		{socialtest.OtherTenant, endsProves, socialtest.Person{}, "A-099 any tenant may come, and is another person"},
		{socialtest.PersonalAccount, endsProves, socialtest.Person{}, "A-099 the same"},
		{socialtest.NoHostedDomain, endsProves, malAt, "A-100 Google does not host the address"},
		{socialtest.HostedDomainLate, endsProves, malAt, "A-100 userinfo is not asked"},
		{socialtest.OtherHostedDomain, endsExists, malAt, "A-100 a Workspace has several domains, and hd is the first of them"},
		{socialtest.GraphNoEmail, endsAsks, malAt, "A-101"},
		{socialtest.GraphEmailEmpty, endsAsks, malAt, "A-101"},
		{socialtest.GraphEmailNull, endsAsks, malAt, "A-101"},
		{socialtest.GraphEmailOfVictim, endsProves, malAt, "A-101 nobody has confirmed it"},
		{socialtest.GraphIDNumber, endsRefused, socialtest.Person{}, "A-105 an id is a text"},
		{socialtest.RecycledAddress, claimed, socialtest.Person{}, "A-109 somebody else, who proves the account here"},
		{socialtest.GraphRecycledAddress, endsProves, socialtest.Person{}, "A-109 somebody else, who proves the account here"},
	}
	switch id {
	case "google", "microsoft", "linkedin": // the ID token says all that is needed there
		for _, a := range []socialtest.Attack{socialtest.UserinfoOtherSubject, socialtest.UserinfoNoSubject} {
			all = append(all, rule{a, endsIn, socialtest.Person{}, "A-095 userinfo is not asked"})
		}
	case "facebook":
		all = append(all, rule{socialtest.TokenTypeWrong, endsIn, socialtest.Person{}, "A-094 the token is a parameter there, whatever it is called"})
	case "plain", "lastpass":
		all = append(all, rule{socialtest.RecycledAddress, endsRefused, socialtest.Person{}, "A-095 userinfo names the subject of before"})
	case "apple":
		all = append(all, rule{socialtest.EmailVerifiedString, endsExists, malAt, "A-097 Apple's is a text for some products, as it says"})
	}
	return all
}

// expected is what becomes of an attack, and of whose sign-in.
func expected(id string, a socialtest.Attack) (end, socialtest.Person) {
	e, who, judged := endsRefused, soloAt, false
	if a.Want() == socialtest.Accept || a.Want() == socialtest.Ignore {
		e = endsIn
	}
	for _, r := range rules(id) { // a later one is more special
		if r.attack != a {
			continue
		}
		if e, judged = r.end, true; r.who.Email != "" {
			who = r.who
		}
	}
	if a.Want() == socialtest.Judge && !judged {
		return "a rule", who
	}
	return e, who
}

// ends checks where a sign-in has led.
func (s *stand) ends(v *visitor, want end) {
	s.t.Helper()
	faults := s.Faults()
	defer func() {
		if s.t.Failed() && len(faults) > 0 {
			s.t.Logf("reported: %v", faults[0].Err)
		}
	}()
	switch want {
	case endsIn:
		if v.is("in"); v.whoIs() != "solo" {
			s.t.Errorf("the host's page knows %q, want solo", v.whoIs())
		}
	case endsRefused:
		s.told(v.status(422), auth.ReasonSocialFailed)
		if len(faults) != 1 || !strings.Contains(v.shown.Body, faults[0].Reference) {
			s.t.Errorf("reported %v, and the page\n%s", faults, v.shown.Body)
		}
	case endsCancelled:
		s.told(v.is("identify"), auth.ReasonSocialCancelled)
	case endsTooLong:
		s.told(v.status(400), auth.ReasonBadRequest)
	case endsProves:
		v.status(200).is("mailcode")
	case endsExists:
		s.told(v.is("password"), auth.ReasonSocialEmailExists)
	case endsElsewhere:
		v.status(200)
	case endsAsks:
		if v.is("identify").status(200); !v.json && !strings.Contains(v.shown.Body, "has not told us an email address.") {
			s.t.Errorf("the page does not say what is missing:\n%s", v.shown.Body)
		}
	default:
		s.t.Fatalf("the attack needs a rule of ours; it led to %s:\n%s", v.shown, v.shown.Body)
	}
	if want != endsRefused && len(faults) > 0 {
		s.t.Errorf("reported %v, want nothing", faults)
	}
	did := s.happened()
	if want == endsIn {
		if !slices.Equal(did, []string{"signed_in solo"}) {
			s.t.Errorf("it has come to %q, want solo signed in and nothing else", did)
		}
		return
	}
	if len(did) > 0 || v.whoIs() != "" {
		s.t.Errorf("it has come to %q, and the host's page knows %q; want nothing, and nobody", did, v.whoIs())
	}
	if want != endsProves && want != endsExists && (strings.Contains(v.shown.Body, "@acme.example") || v.json && v.state["pending"] != nil && want != endsAsks) {
		s.t.Errorf("something is told about an address:\n%s", v.shown.Body)
	}
	for _, evil := range []string{"<script>", "Set-Cookie", "xxxxxxxx", "evil.example"} {
		if strings.Contains(v.shown.Body+fmt.Sprint(v.shown.Header), evil) && evil != "Set-Cookie" || strings.Contains(v.shown.Body, evil) && evil == "Set-Cookie" {
			if evil == "<script>" && !strings.Contains(v.shown.Body, "alert(1)") {
				continue // of ours
			}
			s.t.Errorf("%q is repeated:\n%v\n%s", evil, v.shown.Header, v.shown.Body)
		}
	}
}

// TestSocialAnswers plays every attack that a provider of each kind can make, each as a whole sign-in: by pages at one provider and as JSON
// at the next. A browser whose answer was refused goes on with the next attack, and after a few of them with an honest answer.
func TestSocialAnswers(t *testing.T) {
	for n, kind := range socialtest.Personalities() {
		t.Run(kind.String(), func(t *testing.T) {
			s, id := newStand(t, kind), kind.String()
			s.ties(ann, id, annAt)
			s.ties(solo, id, soloAt)
			s.at[id].Set(func(to *socialtest.Settings) { to.Victim = annAt })
			before := s.sessions("ann")
			var ways [2]*visitor // one at the pages, and one program; nil: a new one comes
			for i, a := range socialtest.Attacks(kind) {
				if a == socialtest.DiscoveryHuge && kind != socialtest.Plain { // twenty megabytes, once
					continue
				}
				json := (i+n)%2 == 1
				way := &ways[(i+n)%2]
				t.Run(a.String(), func(t *testing.T) {
					outer := s.product.t
					s.product.t = t
					defer func() { s.product.t = outer }()
					want, who := expected(id, a)
					s.Clock.Advance(61 * time.Second) // keys are looked for anew
					published := a.Number() == 84 || a.Number() == 96 || a.Number() == 113
					if published || who == malAt {
						s.Clock.Advance(time.Hour) // documents are read anew, and codes may be mailed again
						*way = nil
					}
					defer func() {
						if t.Failed() {
							*way = nil
						}
					}()
					if a == socialtest.StateOfAnother { // a request that was answered
						s.ends(s.goes(s.visitor(json), id, soloAt), endsIn)
					}
					s.at[id].Visits()
					s.at[id].Hostile(a)
					if *way == nil {
						*way = s.visitor(json)
					}
					v := *way
					s.goes(v, id, who)
					s.at[id].Behave()
					s.ends(v, want)
					if published {
						s.Clock.Advance(time.Hour)
					}
					on := slices.Contains([]end{endsRefused, endsCancelled, endsTooLong}, want)
					if on && (published || i%8 < 2) {
						s.goes(v, id, soloAt)
						s.ends(v, endsIn)
						on = false
					}
					if !on {
						*way = nil
					}
					for _, visit := range s.at[id].Visits() {
						if strings.HasSuffix(visit, "/canary") {
							t.Error("an address that a token names was fetched")
						}
					}
				})
			}
			if got := s.sessions("ann"); got > before {
				t.Errorf("ann has %d sessions, want no more than the %d of before", got, before)
			}
			for _, user := range []string{"ann", "solo"} {
				if got := s.links(user); !slices.Equal(got, []string{id}) {
					t.Errorf("links of %s: %v, want %s", user, got, id)
				}
			}
		})
	}
}
