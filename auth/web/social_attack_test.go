package web_test

import (
	"context"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/locale"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/auth/web"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/social/gothprovider"
	"github.com/sallyport-auth/sallyport/social/socialtest"
)

// Tenants of Microsoft. ann and solo are of the first.
const (
	tenantOfAcme  = "00000000-0000-4000-8000-00000000000a"
	tenantOfUmbra = "00000000-0000-4000-8000-00000000000b"
)

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
	return newStandWith(t, func(p *auth.Preset) { p.SocialSignUp = auth.SocialSignUpOn }, kinds...)
}

// newStandWith makes one where the preset says what becomes of whoever is new.
func newStandWith(t *testing.T, edit func(*auth.Preset), kinds ...socialtest.Personality) *stand {
	t.Helper()
	if slices.Contains(kinds, socialtest.Facebook) {
		return newStandOf(t, edit, nil, (*stand).facebook, (*stand).plain)
	}
	return newStandOf(t, edit, kinds)
}

// newStandOf makes one whose providers are those of a World, or others in their place.
func newStandOf(t *testing.T, edit func(*auth.Preset), kinds []socialtest.Personality, others ...func(*stand, *testing.T, func() time.Time) social.Provider) *stand {
	t.Helper()
	cfg := withSocial(edit)
	cfg.SSO, cfg.Social = true, kinds
	s := &stand{at: map[string]*socialtest.Provider{}, words: english(t)}
	if len(others) > 0 {
		cfg.Web = func(c *web.Config) {
			sc := social.Config{BaseURL: socialBase, Keys: authtest.Keys(), Requests: social.NewMemory(), AllowPrivate: true, Now: c.Auth.Now}
			for _, other := range others {
				sc.Providers = append(sc.Providers, other(s, t, c.Auth.Now))
			}
			var err error
			if c.Social, err = social.New(sc); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.product = newProduct(t, cfg)
	for id, p := range s.Providers {
		s.at[id] = p.Provider
	}
	s.letGo()
	t.Cleanup(func() {
		s.Clock.Advance(11 * time.Second)
		for _, email := range []string{"mal@evil.example", "vic@elsewhere.example", "una@gmail.com", "thief@evil.example"} {
			s.Mail.Take(email)
		}
	})
	return s
}

const (
	socialBase = authtest.BaseURL + "/auth/social"
	socialKey  = "secret of the app" // of the client "app"
)

// start starts a provider that knows the product.
func (s *stand) start(t *testing.T, kind socialtest.Personality, now func() time.Time) *socialtest.Provider {
	at := socialtest.Start(t, socialtest.Config{Personality: kind, Now: now})
	at.RegisterClient(socialtest.Client{ID: "app", Secret: socialKey, RedirectURIs: []string{socialBase + "/" + kind.String() + "/callback"}})
	s.at[kind.String()] = at
	return at
}

// facebook is Facebook, which goth speaks to.
func (s *stand) facebook(t *testing.T, now func() time.Time) social.Provider {
	at := s.start(t, socialtest.Facebook, now)
	p := gothprovider.Facebook("app", socialKey)
	p.Speaker = diverted{p.Speaker, at}
	return p
}

func (s *stand) plain(t *testing.T, now func() time.Time) social.Provider {
	return social.OpenIDConnect("plain", "Plain", s.start(t, socialtest.Plain, now).Issuer(), "app", socialKey)
}

// tenants is Microsoft for two tenants, and for no others.
func (s *stand) tenants(t *testing.T, now func() time.Time) social.Provider {
	at := s.start(t, socialtest.Microsoft, now)
	p := social.Microsoft("app", socialKey, tenantOfAcme, tenantOfUmbra)
	p.OpenID.Issuer, p.OpenID.Document = at.TenantIssuer("{tenantid}"), at.Issuer()
	return p
}

// within has a subtest tell what goes wrong, until it ends.
func (s *stand) within(t *testing.T) (end func()) {
	outer := s.product.t
	s.product.t = t
	return func() { s.product.t = outer }
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
		case auth.FlowStarted, auth.ProofRefused, auth.LinkAsked, auth.CodeSent, auth.ProofAccepted, auth.Throttled, auth.LetterDead:
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
	who    socialtest.Person // who signs in
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
	all := []rule{
		{socialtest.CallbackExtra, endsIn, soloAt, "A-085 what a browser adds is not looked at"},
		{socialtest.AccessTokenBesideCode, endsIn, soloAt, "A-107 the code counts"},
		{socialtest.UserHuge, endsIn, soloAt, "A-103 a name is for show"},
		{socialtest.ErrorAnswer, endsCancelled, soloAt, "R38 the person has said no"},
		{socialtest.ErrorLines, endsCancelled, soloAt, "A-108 the same, and nothing is repeated"},
		{socialtest.ErrorHuge, tooLong, soloAt, "A-108 an address of 100 KB is not read"},
		{socialtest.AlgNotOffered, endsRefused, soloAt, "A-087 what the provider announces, and no other"},
		{socialtest.NoKeyID, endsIn, soloAt, "A-089 the keys that fit are tried"},
		{socialtest.IssuerHost, endsRefused, soloAt, "A-091 an exact match"},
		{socialtest.AuthTimeOld, endsIn, soloAt, "A-092 nobody has asked for a fresh sign-in"},
		{socialtest.AuthTimeMissing, endsIn, soloAt, "A-092 the same"},
		{socialtest.AuthTimeFuture, endsRefused, soloAt, "A-092 a broken clock, or a lie"},
		{socialtest.TokenTypeWrong, endsRefused, soloAt, "A-094 Bearer"},
		{socialtest.PKCEPlainOnly, endsIn, soloAt, "A-084 S256 is sent all the same"},
		{socialtest.PKCEUnknown, endsIn, soloAt, "A-084 S256 is sent all the same"},
		{socialtest.DiscoveryNoAlgorithms, endsIn, soloAt, "A-087 RS256, which every provider has, and never what is offered here"},
		{socialtest.DiscoveryPlainHTTP, endsElsewhere, soloAt, "A-096 AllowPrivate, which is for tests, takes it: internal/openid tries it without"},
		{socialtest.DiscoveryInternal, endsElsewhere, soloAt, "A-113 the same"},

		{socialtest.EmailUnverified, endsProves, malAt, "A-097 a mere claim"},
		{socialtest.EmailVerifiedFalseString, endsProves, malAt, "A-097 a mere claim"},
		{socialtest.EmailVerifiedCapitalised, endsProves, malAt, "A-097 a mere claim"},
		{socialtest.EmailVerifiedZero, endsProves, malAt, "A-097 a mere claim"},
		{socialtest.EmailVerifiedNull, endsProves, malAt, "A-097 a mere claim"},
		{socialtest.EmailVerifiedMissing, endsProves, malAt, "A-097 a mere claim"},
		{socialtest.EmailVerifiedString, endsProves, malAt, "A-097 a text is no boolean"},
		{socialtest.EmailOfVictim, endsProves, malAt, "A-098 administrators write what they like"},
		{socialtest.UsernameOfVictim, endsAsks, malAt, "A-098 a user name is no address"},
		{socialtest.DomainOwnerFalse, endsProves, malAt, "A-098"},
		{socialtest.DomainOwnerText, endsProves, malAt, "A-098"},
		{socialtest.OtherTenant, endsProves, soloAt, "A-099 any tenant may come, and is another person"},
		{socialtest.PersonalAccount, endsProves, soloAt, "A-099 the same"},
		{socialtest.NoHostedDomain, endsProves, malAt, "A-100 Google does not host the address"},
		{socialtest.HostedDomainLate, endsProves, malAt, "A-100 userinfo is not asked"},
		{socialtest.OtherHostedDomain, endsExists, malAt, "A-100 a Workspace has several domains, and hd is the first of them"},
		{socialtest.GraphNoEmail, endsAsks, malAt, "A-101"},
		{socialtest.GraphEmailEmpty, endsAsks, malAt, "A-101"},
		{socialtest.GraphEmailNull, endsAsks, malAt, "A-101"},
		{socialtest.GraphEmailOfVictim, endsProves, malAt, "A-101 nobody has confirmed it"},
		{socialtest.GraphIDNumber, endsRefused, soloAt, "A-105 an id is a text"},
		{socialtest.RecycledAddress, claimed, soloAt, "A-109 somebody else, who proves the account here"},
		{socialtest.GraphRecycledAddress, endsProves, soloAt, "A-109 somebody else, who proves the account here"},
	}
	switch id {
	case "google", "microsoft", "linkedin": // the ID token says all that is needed there
		for _, a := range []socialtest.Attack{socialtest.UserinfoOtherSubject, socialtest.UserinfoNoSubject} {
			all = append(all, rule{a, endsIn, soloAt, "A-095 userinfo is not asked"})
		}
	case "facebook":
		all = append(all, rule{socialtest.TokenTypeWrong, endsIn, soloAt, "A-094 the token is a parameter there, whatever it is called"})
	case "plain", "lastpass":
		all = append(all, rule{socialtest.RecycledAddress, endsRefused, soloAt, "A-095 userinfo names the subject of before"})
		for _, a := range []socialtest.Attack{socialtest.UserinfoOtherSubject, socialtest.UserinfoNoSubject} {
			all = append(all, rule{a, endsRefused, soloAt, "A-095 userinfo is asked here, and is about somebody else"})
		}
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
		e, who, judged = r.end, r.who, true
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
	for _, evil := range []string{"alert(1)", "Set-Cookie: a=b", "xxxxxxxx", "evil.example"} {
		if strings.Contains(v.shown.Body+fmt.Sprint(v.shown.Header), evil) {
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
					defer s.within(t)()
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

// TestSocialPeople tells that an account elsewhere is an issuer and a subject, and nothing else that is said of it.
func TestSocialPeople(t *testing.T) {
	six := []socialtest.Personality{
		socialtest.Google, socialtest.Microsoft, socialtest.Apple, socialtest.LinkedIn, socialtest.LastPass, socialtest.Plain,
	}
	for name, kinds := range map[string][]socialtest.Personality{"OpenID Connect": six, "goth": {socialtest.Facebook}} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, kinds...)
			if name == "goth" {
				kinds = append(kinds, socialtest.Plain)
			}
			// is tells who is signed in by an account; empty: nobody, and nothing has happened.
			is := func(json bool, id string, who socialtest.Person, want, what string) {
				t.Helper()
				s.Clock.Advance(61 * time.Minute)
				v := s.visitor(json)
				s.goes(v, id, who)
				if got, did := v.whoIs(), s.happened(); got != want || want == "" && len(did) > 0 {
					t.Errorf("%s: %s: the host's page knows %q after %q, want %q\n%s", id, what, got, did, want, v.shown.Body)
				}
				if got := s.Faults(); len(got) > 0 {
					t.Errorf("%s: %s: reported %v", id, what, got)
				}
			}
			for i, kind := range kinds {
				json, id := i%2 == 1, kind.String()
				is(json, id, annAt, "", "C-12 the subject of ann at another provider")
				s.ties(ann, id, annAt)
				s.ties(solo, id, soloAt)
				is(json, id, annAt, "ann", "R32 ann's")
				is(!json, id, malAt, "", "C-12 ann's address under another subject")
				recycled := soloAt
				recycled.Subject = "100000000000000004"
				is(json, id, recycled, "", "A-109 the mailbox was given to somebody else")
				moved := soloAt
				moved.Email = ann
				is(json, id, moved, "solo", "C-12 solo's, whose address there is ann's by now")
				moved.Email = "anything@evil.example"
				is(!json, id, moved, "solo", "C-12 solo's, under any address")
				if u, err := s.Auth.User(t.Context(), "solo"); err != nil || u.Email != solo {
					t.Errorf("%s: C-12 solo's address here is %q (%v), want the one of before", id, u.Email, err)
				}
				if kind == socialtest.Microsoft {
					for _, tenant := range []string{tenantOfUmbra, socialtest.PersonalTenant} {
						other := annAt
						other.Tenant = tenant
						is(json, id, other, "", "A-091 ann's subject in another tenant")
					}
				}
				if kind == socialtest.Apple {
					hidden := annAt
					hidden.HidesEmail = true
					is(json, id, hidden, "ann", "C-12 ann's, who hides her address by now")
				}
			}
			for _, user := range []string{"ann", "solo"} {
				if got := s.links(user); len(got) != len(kinds) {
					t.Errorf("links of %s: %v, want one at each of %v", user, got, kinds)
				}
			}
		})
	}
}

// TestSocialTenants tells that where tenants are named no other counts, and whose addresses are spoken for then.
func TestSocialTenants(t *testing.T) {
	s := newStandOf(t, func(p *auth.Preset) { p.SocialSignUp = auth.SocialSignUpOn }, nil, (*stand).tenants)
	s.ties(ann, "microsoft", annAt)
	s.ties(solo, "microsoft", soloAt)
	s.at["microsoft"].Set(func(to *socialtest.Settings) { to.Victim = annAt })
	owner, elsewhere, personal := malAt, annAt, annAt
	owner.DomainOwner = true
	elsewhere.Tenant, personal.Tenant = tenantOfUmbra, socialtest.PersonalTenant
	for i, row := range []struct {
		what   string
		attack socialtest.Attack // 0: none
		who    socialtest.Person
		want   end
	}{
		{"R32 of a tenant that may", 0, soloAt, endsIn},
		{"A-099 a tenant that may not", socialtest.OtherTenant, soloAt, endsRefused},
		{"A-099 a personal account", socialtest.PersonalAccount, soloAt, endsRefused},
		{"A-099 ann's subject in a personal account", 0, personal, endsRefused},
		{"A-091 one tenant's word, another's name", socialtest.TenantOfAnother, soloAt, endsRefused},
		{"A-091 ann's subject in the other tenant", 0, elsewhere, endsProves},
		{"A-098 an address that the tenant owns", 0, owner, endsExists},
		{"A-098 the same, unsaid", 0, malAt, endsProves},
		{"A-098 the same, not so", socialtest.DomainOwnerFalse, owner, endsProves},
		{"A-098 the same, not so in text", socialtest.DomainOwnerText, owner, endsProves},
		{"A-098 the victim's", socialtest.EmailOfVictim, owner, endsProves},
		{"A-098 a user name", socialtest.UsernameOfVictim, owner, endsAsks},
	} {
		for _, json := range []bool{i%2 == 0, i%2 == 1} {
			t.Run(fmt.Sprintf("%s json=%v", row.what, json), func(t *testing.T) {
				defer s.within(t)()
				s.Clock.Advance(time.Hour)
				if row.attack != 0 {
					s.at["microsoft"].Hostile(row.attack)
				}
				v := s.visitor(json)
				s.goes(v, "microsoft", row.who)
				s.ends(v, row.want)
				s.at["microsoft"].Behave()
			})
		}
	}
}

// brought posts or gets what came back with the cookies of a browser, as often as wanted at once, and answers who was signed in each time.
func (s *stand) brought(v *visitor, r authtest.Reply, times int) (in int) {
	s.t.Helper()
	at, method, body := r.URL, http.MethodGet, ""
	cookies := []*http.Cookie{{Name: "__Host-flow", Value: v.Cookie("__Host-flow")}}
	if r.Form != nil {
		method, body = http.MethodPost, r.Form.Encode()
	}
	to, err := url.Parse(at)
	if err != nil {
		s.t.Fatal(err)
	}
	send := func(method, path, kind, body string, cookies []*http.Cookie) *http.Response {
		req := httptest.NewRequest(method, path, strings.NewReader(body))
		req.RemoteAddr = "192.0.2.1:1234"
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Accept", "application/json")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		for _, c := range cookies {
			req.AddCookie(c)
		}
		w := httptest.NewRecorder()
		s.mux.ServeHTTP(w, req)
		return w.Result()
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range times {
		wg.Go(func() {
			var answer *http.Response
			if method == http.MethodPost {
				answer = send(method, to.RequestURI(), urlencoded, body, nil)
				if next := answer.Header.Get("Location"); next != "" {
					answer = send(http.MethodGet, next, "", "", cookies)
				}
			} else {
				answer = send(method, to.RequestURI(), "", "", cookies)
			}
			for _, c := range answer.Cookies() {
				if c.Name == "__Host-session" && c.Value != "" {
					mu.Lock()
					in++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return in
}

// nothing checks that nobody is signed in in some browsers, and that nothing has come of what they did.
func (s *stand) nothing(what string, all ...*visitor) {
	s.t.Helper()
	for i, v := range all {
		if got := v.whoIs(); got != "" {
			s.t.Errorf("%s: browser %d is %q's, want nobody's", what, i, got)
		}
	}
	if did := s.happened(); len(did) > 0 {
		s.t.Errorf("%s: it has come to %q, want nothing", what, did)
	}
}

// leave takes a visitor to a provider and answers what comes back.
func (s *stand) leave(v *visitor, id string, who socialtest.Person) authtest.Reply {
	s.t.Helper()
	v.open().do("social/" + id + "/start").status(200)
	return s.answer(v, id, who)
}

// tokens counts what was asked at a provider's token address since the last call.
func (s *stand) tokens(id string) (n int) {
	for _, visit := range s.at[id].Visits() {
		if strings.HasPrefix(visit, "POST ") && strings.Contains(strings.ToLower(visit), "token") {
			n++
		}
	}
	return n
}

// TestSocialBrowsers is about which browser an answer counts in, and for which request.
func TestSocialBrowsers(t *testing.T) {
	s := newStand(t, socialtest.Google, socialtest.Microsoft, socialtest.Apple, socialtest.Plain)
	all := []string{"google", "microsoft", "apple", "plain"}
	for _, id := range all {
		s.ties(solo, id, soloAt)
	}
	each := func(what string, story func(t *testing.T, id string, json bool)) {
		for i, id := range all {
			for _, json := range []bool{i%2 == 0, i%2 == 1} {
				if json != (i%2 == 0) && id != "google" && id != "apple" {
					continue // the others answer as Google does
				}
				t.Run(fmt.Sprintf("%s %s json=%v", what, id, json), func(t *testing.T) {
					defer s.within(t)()
					s.Clock.Advance(61 * time.Second)
					s.at[id].Visits()
					story(t, id, json)
					s.Faults()
				})
			}
		}
	}
	each("A-078 the browser of a victim loads an attacker's answer", func(t *testing.T, id string, json bool) {
		attacker, fresh, busy, away, in := s.visitor(json), s.visitor(json), s.visitor(json), s.visitor(json), s.visitor(json).enter(ann)
		s.happened()
		busy.open().identify(ann)
		s.leave(away, id, annAt)
		for _, victim := range []*visitor{fresh, busy, away} {
			r := s.leave(attacker, id, soloAt)
			victim.brings(r)
			victim.get("/auth/signin/arrived")
			victim.get("/auth/signin")
		}
		s.nothing("the callback", fresh, busy, away, attacker)
		in.brings(s.leave(attacker, id, soloAt))
		if got := in.whoIs(); got != "ann" {
			t.Errorf("the browser of ann is %q's", got)
		}
		if id != "apple" {
			if n := s.tokens(id); n > 0 {
				t.Errorf("%d codes of another browser were sent to the provider", n)
			}
			return
		}
		// The attacker posts the answer, and has the victim load what it is answered with: a flow and a ticket.
		for _, victim := range []*visitor{s.visitor(json), busy, away} {
			r := s.leave(attacker, id, soloAt)
			to := attacker.PostFrom("http://127.0.0.1", r.URL, r.Form)
			if to.Status != 303 {
				t.Fatalf("status %d, want 303", to.Status)
			}
			victim.get(to.Location().RequestURI())
			s.nothing("A-102 the attacker's ticket", victim)
			if attacker.get(to.Location().RequestURI()); attacker.whoIs() != "solo" { // nothing of that has spent it
				t.Errorf("whoever asked and has the ticket is %q's", attacker.whoIs())
			}
			s.happened()
			attacker = s.visitor(json)
		}
	})
	each("A-079 A-114 A-106 what is given at the start counts for nothing", func(t *testing.T, id string, json bool) {
		v := s.visitor(json)
		extra := "state=evil&redirect_uri=https%3A%2F%2Fevil.example&nonce=evil&code_challenge=evil&prompt=none&login_hint=evil%40evil.example&acr_values=evil" +
			"&scope=evil&response_mode=evil&client_id=evil&hd=evil&email=evil%40evil.example"
		r := v.Request(http.MethodPost, "/auth/social/"+id+"/start?"+extra, urlencoded, extra)
		r.Host = "evil.example"
		for name, value := range map[string]string{"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example", "X-Original-URL": "/evil"} {
			r.Header.Set(name, value)
		}
		if json {
			r.Header.Set("Accept", "application/json")
		}
		v.take(v.Do(r)).status(200)
		away := v.shown.Away().URL
		to, err := url.Parse(away)
		if err != nil || strings.Contains(away+v.shown.Body+fmt.Sprint(v.shown.Header), "evil") {
			t.Errorf("the way leads to %s (%v)", away, err)
		}
		if got := to.Query().Get("redirect_uri"); got != authtest.BaseURL+"/auth/social/"+id+"/callback" {
			t.Errorf("redirect_uri %q", got)
		}
		for name, values := range to.Query() {
			if len(values) != 1 {
				t.Errorf("%s stands there %d times", name, len(values))
			}
		}
		back := s.answer(v, id, soloAt)
		w := s.visitor(json)
		forged := with(back, "state", "evil")
		w.brings(forged).status(422)
		v.brings(forged).status(422)
		s.nothing("the attacker's state", v, w)
		if v.brings(back).is("in").whoIs() != "solo" {
			t.Error("the honest answer does not count any more")
		}
		s.happened()
	})
	each("A-080 an answer counts once, and one of 64 at once", func(t *testing.T, id string, json bool) {
		v := s.visitor(json)
		r := s.leave(v, id, soloAt)
		if n := s.brought(v, r, 64); n != 1 {
			t.Errorf("%d of 64 are signed in, want one", n)
		}
		if did := s.happened(); !slices.Equal(did, []string{"signed_in solo"}) {
			t.Errorf("it has come to %q, want solo signed in once", did)
		}
		v.brings(r).status(422).told(auth.ReasonSocialFailed)
		s.nothing("the replay", v)
		r = s.leave(v, id, soloAt)
		v.brings(r).is("in")
		s.happened()
		v.brings(r).status(422).told(auth.ReasonSocialFailed)
		if did := s.happened(); len(did) > 0 {
			t.Errorf("a replay in the browser that is signed in has come to %q", did)
		}
	})
	each("A-081 an answer at another provider's address", func(t *testing.T, id string, json bool) {
		v := s.visitor(json)
		for _, at := range all {
			if at == id {
				continue
			}
			s.tokens(at)
			s.tokens(id)
			r := s.leave(v, id, soloAt)
			moved := r
			moved.URL = strings.Replace(r.URL, "/social/"+id+"/", "/social/"+at+"/", 1)
			if v.brings(moved); v.shown.Status < 400 {
				t.Errorf("at %s: status %d", at, v.shown.Status)
			}
			// The same in the way that the other one answers.
			u, _ := url.Parse(moved.URL)
			switch {
			case moved.Form != nil:
				v.brings(authtest.Reply{URL: u.Path + "?" + moved.Form.Encode()})
			case at == "apple":
				v.brings(authtest.Reply{URL: u.Path, Form: u.Query()})
			}
			s.nothing("at "+at, v)
			if n := s.tokens(at) + s.tokens(id); n > 0 {
				t.Errorf("at %s: %d codes were sent to a provider", at, n)
			}
			v.brings(r).status(422)
			s.nothing("A-081 the request afterwards", v)
		}
	})
	each("A-085 what is added to an answer reaches nobody", func(t *testing.T, id string, json bool) {
		v := s.visitor(json)
		for _, twice := range []string{"code", "state"} {
			r := s.leave(v, id, soloAt)
			r = withTwice(r, twice)
			v.brings(r).status(422).told(auth.ReasonSocialFailed)
			s.nothing("two of "+twice, v)
		}
		s.at[id].Caught()
		r := s.leave(v, id, soloAt)
		r = with(r, "redirect_uri", "https://evil.example", "code_verifier", "evil", "client_id", "evil", "grant_type", "password", "client_secret", "evil", "nonce", "evil", "scope", "evil", "id_token", "evil", "access_token", "evil", "return_to", "https://evil.example/", "flow", "evil")
		v.brings(r).is("in")
		s.happened()
		if caught := s.at[id].Caught(); len(caught) != 1 || strings.Contains(caught[0].Encode(), "evil") || caught[0].Get("code_verifier") == "" {
			t.Errorf("the provider was told %v", caught)
		}
		if strings.Contains(fmt.Sprint(v.shown.Header)+v.shown.Body, "evil.example/") {
			t.Errorf("the browser is led to %v", v.shown)
		}
	})
	t.Run("A-082 a provider that leads people on to an honest one learns no code", func(t *testing.T) {
		for json, hostile := range map[bool]string{false: "plain", true: "microsoft"} {
			honest := s.at["google"]
			honest.RegisterClient(socialtest.Client{ID: "of-the-other", Secret: "s", RedirectURIs: []string{authtest.BaseURL + "/auth/social/" + hostile + "/callback"}})
			s.at[hostile].MixUp(honest, "of-the-other")
			v := s.visitor(json)
			v.open().do("social/" + hostile + "/start").status(200)
			lured, err := s.at[hostile].LuredURL(v.shown.Away().URL)
			s.must(err)
			honest.AddPerson(soloAt)
			back, err := honest.SignIn(lured, solo)
			s.must(err)
			s.at[hostile].Caught()
			v.brings(authtest.Reply(back))
			if caught := s.at[hostile].Caught(); len(caught) > 0 {
				t.Errorf("%s was told %v, want nothing", hostile, caught)
			}
			s.nothing(hostile, v)
			s.at[hostile].Behave()
			s.Faults()
		}
	})
	t.Run("A-102 what Apple posts, from anywhere", func(t *testing.T) {
		v := s.visitor(false)
		r := s.leave(v, "apple", soloAt)
		bare := s.visitor(false)
		// From an attacker's page, by a browser that has asked for nothing: it waits, and nobody has it.
		got := bare.PostFrom("https://evil.example", r.URL, r.Form)
		if got.Status != 303 || len(got.Header.Values("Set-Cookie")) > 0 {
			t.Errorf("status %d, cookies %v; want 303 and none", got.Status, got.Header.Values("Set-Cookie"))
		}
		bare.take(bare.Get(got.Location().RequestURI()))
		s.nothing("without the flow's cookie", bare)
		v.take(v.Get("/auth/signin/arrived"))
		s.nothing("without the ticket", v)
		for path, want := range map[string]int{"google": 403, "microsoft": 403, "plain": 403} {
			if got := bare.PostFrom("https://evil.example", "/auth/social/"+path+"/callback", r.Form); got.Status != want {
				t.Errorf("posted to %s: status %d, want %d", path, got.Status, want)
			}
		}
		again := s.leave(v, "apple", soloAt)
		if got := v.take(v.Get("/auth/social/apple/callback?" + again.Form.Encode())).shown.Status; got != 422 {
			t.Errorf("brought by GET: status %d, want 422", got)
		}
		s.nothing("by GET", v)
		v.brings(again).is("in") // a GET has not spent it
		s.happened()
		s.Faults()
	})
	t.Run("A-103 a name of the browser's is text", func(t *testing.T) {
		v := s.visitor(false)
		r := s.leave(v, "apple", socialtest.Person{Email: "vic@elsewhere.example", Subject: "100000000000000009"})
		r.Form.Set("user", `{"name":{"firstName":"<script>alert(1)</script>","lastName":"\u202eevil"},"email":"`+ann+`","sub":"`+annAt.Subject+`"}`)
		v.brings(r).is("in")
		u, err := s.Auth.User(t.Context(), v.whoIs())
		if err != nil || u.Email != "vic@elsewhere.example" || u.Name != "<script>alert(1)</script> evil" {
			t.Errorf("the person is %+v (%v)", u, err)
		}
		s.dropParts()
		if body := v.get("/auth/account").shown.Body; strings.Contains(body, "<script>alert") {
			t.Errorf("the name is no text on the page:\n%s", body)
		}
		s.happened()
	})
	t.Run("A-107 no address takes a token", func(t *testing.T) {
		token := s.at["google"].IDToken("app", soloAt, "")
		for _, path := range []string{"/auth/social/google/start", "/auth/signin/identify", "/auth/signin/password", "/auth/signin/code", "/auth/social/apple/callback", "/auth/social/apple/notice"} {
			v := s.visitor(true)
			v.post(path, "id_token", token, "access_token", token, "token", token, "credential", token, "code", token, "payload", token, "state", token)
			if v.get("/auth/social/google/callback?id_token=" + token + "&access_token=" + token + "&code=" + token); v.shown.Status != 422 {
				t.Errorf("status %d, want 422", v.shown.Status)
			}
			s.nothing(path, v)
		}
		s.Faults()
	})
	t.Run("A-112 every redirect after a POST is a 303", func(t *testing.T) {
		v := s.visitor(false)
		v.Stay = true
		check := func(what string, p *authtest.Page) {
			t.Helper()
			if p.Location() != nil && p.Status != 303 {
				t.Errorf("%s: status %d to %s", what, p.Status, p.Location())
			}
		}
		for _, id := range all {
			check("the start", v.Post("/auth/social/"+id+"/start", nil))
			r := s.leave(v, id, soloAt)
			p := v.Bring(r)
			check("the answer", p)
			if p.Location() == nil || !strings.HasPrefix(p.Header.Get("Location"), "/") {
				t.Errorf("%s: the answer is answered by %d to %q, want a redirect to a path of ours", id, p.Status, p.Header.Get("Location"))
			}
			v = s.visitor(false)
			v.open().do("social/" + id + "/start").status(200)
			no, err := s.at[id].Cancel(v.shown.Away().URL)
			s.must(err)
			v.Stay = true
			check("a refusal", v.Bring(authtest.Reply(no)))
			s.Faults()
		}
		s.happened()
	})
}

// with is what came back with some parameters set.
func with(r authtest.Reply, pairs ...string) authtest.Reply {
	return changed(r, func(q url.Values) {
		for i := 0; i < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
	})
}

// withTwice is what came back with one parameter twice.
func withTwice(r authtest.Reply, name string) authtest.Reply {
	return changed(r, func(q url.Values) { q.Add(name, q.Get(name)) })
}

func changed(r authtest.Reply, change func(url.Values)) authtest.Reply {
	if r.Form != nil {
		r.Form = maps.Clone(r.Form)
		change(r.Form)
		return r
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		panic(err) // the provider has made it
	}
	q := u.Query()
	change(q)
	u.RawQuery = q.Encode()
	r.URL = u.String()
	return r
}

// TestSocialLinks is about how an account elsewhere becomes somebody's.
func TestSocialLinks(t *testing.T) {
	s := newStand(t, socialtest.Google, socialtest.Microsoft, socialtest.Apple)
	story := func(what string, tell func(t *testing.T, json bool)) {
		for _, json := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s json=%v", what, json), func(t *testing.T) {
				defer s.within(t)()
				s.Clock.Advance(61 * time.Minute)
				s.happened()
				tell(t, json)
				s.Faults()
			})
		}
	}
	n := 0
	// person adds somebody at acme.example, and answers their address, and their account at Google, Apple and Microsoft.
	person := func(u auth.User) (auth.User, socialtest.Person) {
		n++
		u.ID = fmt.Sprintf("p%03d", n)
		u.Email, u.Name = u.ID+"@acme.example", "Person"
		u = s.AddUser(u, secret)
		t.Cleanup(func() { s.Clock.Advance(11 * time.Second); s.Mail.Take(u.Email) })
		return u, socialtest.Person{Email: u.Email, Subject: fmt.Sprint(200000000000000000 + n), HostedDomain: "acme.example", Tenant: tenantOfAcme}
	}
	// owns checks at which providers somebody has accounts, and that nobody else has got one.
	owns := func(t *testing.T, u auth.User, want ...string) {
		t.Helper()
		if got := s.links(u.ID); !slices.Equal(got, want) {
			t.Errorf("links of %s: %v, want %v", u.ID, got, want)
		}
	}
	story("A-115 A-116 A-117 A-123 an account that somebody has set up with another person's address", func(t *testing.T, json bool) {
		u, who := person(auth.User{Unverified: true})
		thief, theirs := s.visitor(json), who
		theirs.Email, theirs.Subject = "thief@evil.example", who.Subject+"9"
		thief.enter(u.Email).get(connectedPage).connecting("microsoft").status(200)
		thief.brings(s.answer(thief, "microsoft", theirs))
		owns(t, u, "microsoft")
		under := s.visitor(json)
		under.open().identify(u.Email).is("password")
		v := s.visitor(json)
		if s.goes(v, map[bool]string{false: "google", true: "apple"}[json], who); v.is("in").whoIs() != u.ID {
			t.Errorf("the owner of the address is %q, want %s", v.whoIs(), u.ID)
		}
		owns(t, u, map[bool]string{false: "google", true: "apple"}[json])
		if now, err := s.Auth.User(t.Context(), u.ID); err != nil || now.Unverified {
			t.Errorf("the person is %+v (%v), want verified", now, err)
		}
		if got := thief.whoIs(); got != "" {
			t.Errorf("A-116 the session of the one who has set it up is %q's", got)
		}
		w := s.visitor(json)
		w.open().identify(u.Email).password(secret)
		if under.password(secret); w.whoIs()+under.whoIs() != "" {
			t.Error("A-115 the password of the one who has set it up opens the account")
		}
		x := s.visitor(json)
		if s.goes(x, "microsoft", theirs); x.whoIs() != "" {
			t.Errorf("A-117 the social account of the one who has set it up is %q's", x.whoIs())
		}
	})
	story("A-119 an account at a provider that checks no address makes no account here", func(t *testing.T, json bool) {
		mal := socialtest.Person{Email: "una@gmail.com", Subject: fmt.Sprint(300000000000000000 + n), Tenant: tenantOfAcme}
		v := s.visitor(json)
		s.goes(v, "microsoft", mal).is("mailcode")
		v.code("000000").status(422)
		v.do("signin/code/resend")
		s.nothing("before the code", v)
		if u, err := s.People.UserByEmail(t.Context(), mal.Email); err == nil {
			t.Errorf("there is %+v", u)
		}
	})
	story("A-118 a change of address that waits dies when an account is connected", func(t *testing.T, json bool) {
		u, who := person(auth.User{})
		v := s.visitor(json).enter(u.Email)
		v.get("/auth/account/email").do("account/email", "email", "thief@evil.example")
		var link string
		s.Clock.Advance(11 * time.Second)
		for _, m := range s.Mail.Take("thief@evil.example") {
			link = m.Link
		}
		if link == "" {
			t.Fatalf("no letter:\n%s", v.shown.Body)
		}
		v.get(connectedPage).connecting("google").status(200)
		v.brings(s.answer(v, "google", who))
		owns(t, u, "google")
		to, err := url.Parse(link)
		s.must(err)
		v.get(to.RequestURI())
		if now, err := s.Auth.User(t.Context(), u.ID); err != nil || now.Email != u.Email {
			t.Errorf("the address is %q (%v)", now.Email, err)
		}
		if pending, err := s.Auth.PendingEmail(t.Context(), u.ID); err != nil || pending != "" {
			t.Errorf("%q waits (%v)", pending, err)
		}
	})
	story("A-120 A-126 A-230 another site starts, connects, confirms and disconnects nothing", func(t *testing.T, json bool) {
		u, who := person(auth.User{})
		v := s.visitor(json).enter(u.Email)
		v.get(connectedPage).connecting("google").status(200)
		v.brings(s.answer(v, "google", who))
		owns(t, u, "google")
		id := s.connectedIDs(u.ID)[0]
		s.happened()
		for path, f := range map[string]url.Values{
			"/auth/social/microsoft/start": nil, connectedPage + "/connect": form("provider", "microsoft"), connectedPage + "/disconnect": form("id", id),
			"/auth/signin/link": form("do", "link"), "/auth/stepup": form("action", "connect", "provider", "microsoft"),
		} {
			if got := v.PostFrom("https://evil.example", path, f); got.Status != 403 {
				t.Errorf("%s: status %d, want 403", path, got.Status)
			}
			if got := v.Get(path + "?" + f.Encode()); got.Status < 400 && strings.HasSuffix(path, "/connect") {
				t.Errorf("%s by GET: status %d", path, got.Status)
			}
		}
		owns(t, u, "google")
		// An attacker who connects an account of their own leaves, and has the victim's browser bring the answer.
		a, _ := person(auth.User{})
		for _, at := range []string{"microsoft", "apple"} {
			attacker, theirs := s.visitor(json).enter(a.Email), who
			theirs.Subject, theirs.Email = who.Subject+"7", "mal@evil.example"
			attacker.get(connectedPage).connecting(at).status(200)
			s.happened()
			r := s.answer(attacker, at, theirs)
			v.brings(r)
			v.get("/auth/stepup")
			owns(t, u, "google")
			owns(t, a)
			if did := s.happened(); len(did) > 0 || v.whoIs() != u.ID {
				t.Errorf("%s: it has come to %q, and the browser is %q's", at, did, v.whoIs())
			}
		}
	})
	story("A-121 begun as one person, finished in the session of another", func(t *testing.T, json bool) {
		for _, at := range []string{"google", "apple"} {
			a, who := person(auth.User{})
			b, _ := person(auth.User{})
			v := s.visitor(json).enter(a.Email)
			v.get(connectedPage).connecting(at).status(200)
			r := s.answer(v, at, who)
			v.post("/auth/signout")
			v.enter(b.Email)
			s.happened()
			v.brings(r)
			v.get("/auth/stepup")
			owns(t, a)
			owns(t, b)
			if did := s.happened(); len(did) > 0 || v.whoIs() != b.ID {
				t.Errorf("%s: it has come to %q, and the browser is %q's", at, did, v.whoIs())
			}
		}
	})
	story("A-122 a sign-in does not become a connection, nor a connection a sign-in", func(t *testing.T, json bool) {
		a, who := person(auth.User{})
		v := s.visitor(json)
		r := s.leave(v, "microsoft", who)
		token := v.Cookie("__Host-flow")
		v.enter(a.Email)
		v.SetCookie("__Host-flow", token)
		r = with(r, "action", "connect", "link", "1", "do", "link", "provider", "microsoft", "purpose", "stepup")
		s.happened()
		v.brings(r)
		owns(t, a)
		if did := s.happened(); len(did) > 0 {
			t.Errorf("a sign-in has come to %q", did)
		}
		// The reverse: a stranger's browser with nothing but the flow of a connection.
		v = s.visitor(json).enter(a.Email)
		v.get(connectedPage).connecting("google").status(200)
		r = s.answer(v, "google", who)
		w := s.visitor(json)
		for _, name := range []string{"__Host-stepup", "__Host-flow"} {
			w.SetCookie(name, v.Cookie("__Host-stepup"))
		}
		s.happened()
		w.brings(with(r, "purpose", "signin"))
		owns(t, a)
		s.nothing("a connection", w)
	})
	story("A-124 the password, the app and a word: nothing less connects an account", func(t *testing.T, json bool) {
		u, who := person(auth.User{})
		phone, _ := s.withApp(t, u.Email)
		v := s.visitor(json)
		s.happened()
		s.goes(v, "google", who).is("password")
		v.post("/auth/signin/link", "do", "link")
		v.get("/auth/signin").is("password").password(secret).is("appcode")
		v.post("/auth/signin/link", "do", "link")
		owns(t, u)
		s.nothing("without the app", v)
		v.get("/auth/signin").is("appcode").totp(phone.Code()).is("link")
		owns(t, u)
		s.nothing("without a word", v)
		v.do("signin/link", "do", "link").is("in")
		owns(t, u, "google")
	})
	story("A-125 an account that opens somebody else's", func(t *testing.T, json bool) {
		a, who := person(auth.User{})
		b, _ := person(auth.User{})
		c, _ := person(auth.User{})
		s.ties(a.Email, "google", who)
		v := s.visitor(json).enter(b.Email)
		v.get(connectedPage).connecting("google").status(200)
		v.brings(s.answer(v, "google", who)).status(422).told(auth.ReasonSocialAlreadyLinked)
		if strings.Contains(v.shown.Body, a.ID) {
			t.Errorf("the page says whose it is:\n%s", v.shown.Body)
		}
		owns(t, b)
		// Two at once: each has proven who they are, and confirms the same account.
		fresh := socialtest.Person{Subject: who.Subject + "5", Tenant: tenantOfAcme}
		ways := []*visitor{s.visitor(json), s.visitor(json)}
		for i, u := range []auth.User{b, c} {
			s.Clock.Advance(2 * time.Minute)
			s.goes(ways[i], "microsoft", fresh).is("identify").do("signin/identify", "email", u.Email).is("mailcode")
			ways[i].code(s.Mail.Code(u.Email)).is("password").password(secret).is("link")
		}
		var wg sync.WaitGroup
		for _, w := range ways {
			wg.Go(func() { w.post("/auth/signin/link", "do", "link") })
		}
		wg.Wait()
		if got := len(s.links(b.ID)) + len(s.links(c.ID)); got != 1 {
			t.Errorf("%d people have the account, want one", got)
		}
	})
	story("A-126 A-110 not without a recent proof, and not the last one", func(t *testing.T, json bool) {
		u, who := person(auth.User{})
		s.ties(u.Email, "google", who)
		id := s.connectedIDs(u.ID)[0]
		v := s.visitor(json).enter(u.Email)
		stolen := s.visitor(json)
		stolen.SetCookie("__Host-session", v.Cookie("__Host-session"))
		v.stale()
		stolen.disconnects(id).sentToProve(connectedPage + "/disconnect?id=" + id)
		stolen.post(connectedPage+"/connect", "provider", "microsoft")
		if stolen.at() == "away" || strings.Contains(stolen.shown.Body, s.at["microsoft"].BaseURL()) {
			t.Errorf("the way to another account is open:\n%s", stolen.shown.Body)
		}
		owns(t, u, "google")
		v = s.visitor(json).enter(u.Email)
		s.Clock.Advance(11 * time.Second)
		s.Mail.Take(u.Email)
		v.disconnects(id).status(200)
		owns(t, u)
		v.letter(u.Email, mail.SocialUnlinked)
		// Somebody who has nothing else.
		mal := socialtest.Person{Email: fmt.Sprintf("only%d@gmail.com", n), Subject: who.Subject + "3"}
		t.Cleanup(func() { s.Clock.Advance(11 * time.Second); s.Mail.Take(mal.Email) })
		w := s.visitor(json)
		s.goes(w, "google", mal).is("in")
		s.dropParts()
		only := w.whoIs()
		id = s.connectedIDs(only)[0]
		w.disconnects(id).sentToProve(connectedPage + "/disconnect?id=" + id)
		if json {
			w.do("stepup", "provider", "google")
		} else {
			w.is("provider").do("stepup").is("away")
		}
		w.brings(s.answer(w, "google", mal)).is("mailcode").code(s.Mail.Code(mal.Email))
		w.disconnects(id).status(422).told(auth.ReasonLastMethod)
		if got := s.links(only); !slices.Equal(got, []string{"google"}) {
			t.Errorf("links %v, want google", got)
		}
	})
	story("R27 A-124 whose company asks for its own sign-in", func(t *testing.T, json bool) {
		u, who := person(auth.User{})
		b, other := person(auth.User{})
		s.ties(u.Email, "google", who)
		s.ties(u.Email, "microsoft", who)
		in := s.visitor(json).enter(b.Email)
		pending, linking, coded := s.visitor(json), s.visitor(json), s.visitor(json)
		s.goes(pending, "google", other).is("password")
		s.goes(linking, "google", other).is("password").password(secret).is("link")
		s.goes(coded, "microsoft", other).is("mailcode")
		code := s.Mail.Code(b.Email)
		in.get(connectedPage).connecting("google").status(200)
		r := s.answer(in, "google", other)
		s.enforced()
		t.Cleanup(func() { s.must(s.People.SetDomainSSO(context.Background(), "acme.example", auth.SSOOff)) })
		s.happened()
		for _, id := range []string{"google", "microsoft", "apple"} {
			newcomer := socialtest.Person{Email: fmt.Sprintf("newcomer%d@acme.example", n), Subject: other.Subject + "1", HostedDomain: "acme.example", Tenant: tenantOfAcme}
			for what, p := range map[string]socialtest.Person{"connected": who, "the address of somebody": other, "the address of nobody": newcomer} {
				s.Clock.Advance(time.Minute)
				v := s.visitor(json)
				if s.goes(v, id, p).status(422).told(auth.ReasonSSORequired); strings.Contains(v.shown.Body, p.Email) {
					t.Errorf("%s: the page names the address:\n%s", what, v.shown.Body)
				}
				s.nothing(id+" "+what, v)
			}
		}
		pending.password(secret)
		linking.do("signin/link", "do", "link")
		coded.code(code)
		in.brings(r)
		in.get("/auth/stepup")
		if got := pending.whoIs() + linking.whoIs() + coded.whoIs(); got != "" {
			t.Errorf("%q is signed in by what was under way", got)
		}
		owns(t, b)
		owns(t, u, "google", "microsoft")
	})
}

// instant is a time in an answer, which is another one for whoever comes later.
var instant = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// TestSocialStrangers tells that a provider that does not speak for an address learns nothing by it, nor does anybody else before the
// mailed code is right.
func TestSocialStrangers(t *testing.T) {
	names := []string{"nann", "nsus", "nnop", "nuna", "nunk"} // equally long; the last is nobody
	for _, signUp := range []auth.SocialSignUp{auth.SocialSignUpOff, auth.SocialSignUpOn} {
		s := newStand(t, socialtest.Google, socialtest.Microsoft, socialtest.LinkedIn, socialtest.LastPass, socialtest.Plain)
		goth := newStand(t, socialtest.Facebook)
		if signUp == auth.SocialSignUpOff {
			s = newStandWith(t, nil, socialtest.Google, socialtest.Microsoft, socialtest.LinkedIn, socialtest.LastPass, socialtest.Plain)
		}
		for i, id := range []string{"google", "microsoft", "linkedin", "lastpass", "plain", "facebook"} {
			json := (i%2 == 0) == (signUp == auth.SocialSignUpOn)
			t.Run(fmt.Sprintf("A-139 A-101 invariant 3 %s sign-up %s json=%v", id, signUp, json), func(t *testing.T) {
				s := s
				if id == "facebook" {
					s = goth
				}
				defer s.within(t)()
				if _, err := s.People.UserByEmail(t.Context(), "nann@acme.example"); err != nil {
					s.AddUser(auth.User{ID: "nann", Email: "nann@acme.example", Name: "Name"}, secret)
					s.AddUser(auth.User{ID: "nsus", Email: "nsus@acme.example", Name: "Name"}, secret)
					s.AddUser(auth.User{ID: "nnop", Email: "nnop@acme.example", Name: "Name"}, "")
					s.AddUser(auth.User{ID: "nuna", Email: "nuna@acme.example", Name: "Name", Unverified: true}, secret)
					s.must(s.People.SuspendUser(t.Context(), "nsus"))
				}
				var first []string
				var letters []mail.Kind
				for k, name := range names {
					email := name + "@acme.example"
					s.Clock.Advance(2 * time.Hour)
					s.happened()
					began := s.Clock.Now()
					v := s.visitor(json)
					v.Stay = true
					var shown []*authtest.Page
					sees := func(w *visitor) {
						shown = append(shown, w.shown)
						if to := w.shown.Location(); to != nil {
							shown = append(shown, w.get(to.RequestURI()).shown)
						}
					}
					sees(s.goes(v, id, socialtest.Person{Email: email, Subject: fmt.Sprint(400000000000000000 + 10*i + k), Name: "Name", Tenant: tenantOfAcme}))
					sees(v.is("mailcode").get("/auth/signin"))
					sees(v.code("000000"))
					sees(v.is("mailcode").code("123"))
					s.Clock.Advance(time.Minute)
					sees(v.get("/auth/signin").do("signin/code/resend"))
					sees(v.get("/auth/signin"))
					sees(v.post("/auth/signin/password", "password", secret))
					sees(v.post("/auth/signin/link", "do", "link"))
					sees(v.get("/auth/signin"))
					sees(v.do("signin/cancel"))
					sees(v.get("/auth/signin"))
					var kinds []mail.Kind
					for _, m := range s.Mail.Take(email) {
						kinds = append(kinds, m.Kind)
					}
					for n, p := range shown {
						bare := *p
						at := *p.URL
						at.RawQuery = ""
						bare.URL = &at
						got := instant.ReplaceAllStringFunc(whole(&bare, name), func(at string) string {
							when, err := time.Parse(time.RFC3339, at)
							s.must(err)
							return when.Sub(began).String()
						})
						if k == 0 {
							first = append(first, got)
						} else if got != first[n] {
							t.Errorf("step %d tells %s from %s:\n%s", n, name, names[0], difference(got, first[n]))
						}
					}
					if k == 0 {
						letters = kinds
					}
					if !slices.Equal(kinds, letters) || len(kinds) == 0 || kinds[0] != mail.SocialCode {
						t.Errorf("letters to %s: %q, and to %s %q", name, kinds, names[0], letters)
					}
					s.nothing(name, v)
				}
			})
		}
	}
}

// TestSocialNotices plays every attack on what Apple posts, and what it posts twice.
func TestSocialNotices(t *testing.T) {
	s := newStand(t, socialtest.Apple)
	apple := s.at["apple"]
	s.ties(ann, "apple", annAt)
	notice := func(body []byte) *authtest.Page {
		v := s.visitor(false)
		return v.Do(v.Request(http.MethodPost, "/auth/social/apple/notice", "application/json", string(body)))
	}
	v := s.visitor(true)
	// connected tells whether the account opens ann's yet, and puts it back where it does not.
	connected := func(t *testing.T) bool {
		t.Helper()
		is := len(s.links("ann")) == 1
		if in := v.whoIs() == "ann"; in != is {
			t.Errorf("the account is connected: %v, and somebody who came by it is signed in: %v", is, in)
		}
		if !is {
			s.Clock.Advance(time.Minute)
			s.ties(ann, "apple", annAt)
		}
		return is
	}
	judged := map[socialtest.Attack]bool{ // whether it counts
		socialtest.NoticeNoExpiry:      true,  // Apple's own example has none
		socialtest.NoticeIssuedLongAgo: false, // a notice is good for a day
		socialtest.NoticeEventsObject:  true,  // it is signed, whatever form it has
	}
	for _, a := range socialtest.NoticeAttacks() {
		for _, kind := range []string{socialtest.ConsentRevoked, socialtest.AccountDelete} {
			t.Run(a.String()+" "+kind, func(t *testing.T) {
				defer s.within(t)()
				s.Clock.Advance(61 * time.Second)
				if v.whoIs() == "" {
					v = s.visitor(true)
					s.goes(v, "apple", annAt).is("in")
				}
				s.happened()
				s.Faults()
				counts, rule := judged[a]
				if a.Want() == socialtest.Judge && !rule {
					t.Fatal("the attack needs a rule of ours")
				}
				counts = counts || a.Want() == socialtest.Accept
				want := 400
				if counts || a.Want() == socialtest.Ignore {
					want = 200
				}
				got := notice(apple.Notice("app", kind, annAt, a))
				if got.Status != want || got.Body != "" || len(got.Header.Values("Set-Cookie")) > 0 {
					t.Errorf("status %d, body %q, cookies %v; want %d and nothing", got.Status, got.Body, got.Header.Values("Set-Cookie"), want)
				}
				if faults := s.Faults(); len(faults) > 0 != (want == 400) {
					t.Errorf("reported %v with status %d", faults, got.Status)
				}
				if did := s.happened(); !counts && len(did) > 0 {
					t.Errorf("it has come to %q, want nothing", did)
				}
				if connected(t) == counts {
					t.Errorf("the account is disconnected: %v, want %v", counts, !counts)
				}
			})
		}
	}
	t.Run("R39 a good one disconnects, and does nothing once the account is connected anew", func(t *testing.T) {
		for _, kind := range []string{socialtest.ConsentRevoked, socialtest.AccountDelete, socialtest.AccountDeleted} {
			v = s.visitor(true)
			s.goes(v, "apple", annAt).is("in")
			s.Clock.Advance(time.Minute)
			body := apple.Notice("app", kind, annAt)
			if got := notice(body); got.Status != 200 || connected(t) {
				t.Errorf("%s: status %d, and the account is connected", kind, got.Status)
			}
			v = s.visitor(true)
			s.goes(v, "apple", annAt).is("in")
			s.happened()
			if got := notice(body); got.Status != 200 || !connected(t) || len(s.happened()) > 0 {
				t.Errorf("%s: the same again: status %d, links %v", kind, got.Status, s.links("ann"))
			}
		}
	})
	t.Run("A-094 about somebody else, of another provider, and in other clothes", func(t *testing.T) {
		v = s.visitor(true)
		s.goes(v, "apple", annAt).is("in")
		s.happened()
		good := apple.Notice("app", socialtest.ConsentRevoked, annAt)
		if got := notice(apple.Notice("app", socialtest.ConsentRevoked, soloAt)); got.Status != 200 {
			t.Errorf("about nobody here: status %d, want 200", got.Status)
		}
		for what, body := range map[string]string{"nothing": "", "text": string(good[12:]), "a list": "[" + string(good) + "]", "null": "null", "too much": `{"payload":"` + strings.Repeat("A", 70<<10) + `"}`} {
			if got := notice([]byte(body)); got.Status != 400 {
				t.Errorf("%s: status %d, want 400", what, got.Status)
			}
		}
		w := s.visitor(false)
		if got := w.Do(w.Request(http.MethodGet, "/auth/social/apple/notice", "application/json", string(good))); got.Status != 405 {
			t.Errorf("by GET: status %d, want 405", got.Status)
		}
		if did := s.happened(); len(did) > 0 || !connected(t) {
			t.Errorf("it has come to %q", did)
		}
		s.Faults()
	})
}
