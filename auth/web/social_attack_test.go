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
	cfg.Social = kinds
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
	to := v.shown.Away().URL
	if id != "linkedin" && id != "facebook" && !strings.Contains(to, "code_challenge_method=S256") { // which do not know it
		s.t.Errorf("A-084 %s is asked without PKCE: %s", id, to)
	}
	if !strings.HasPrefix(to, s.at[id].BaseURL()) {
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
	} else if says := longest(s.words.Get("reason." + string(reason))); strings.Contains(v.shown.Body, "{name}") || !strings.Contains(html.UnescapeString(v.shown.Body), says) {
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
					if on && (published || i%12 < 2) {
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
