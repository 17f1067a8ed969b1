package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/social/socialtest"
)

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
	signUp := newStand(t, socialtest.Google, socialtest.LinkedIn, socialtest.Plain)
	none := newStandWith(t, nil, socialtest.Microsoft, socialtest.LastPass)
	goth := newStandWith(t, nil, socialtest.Facebook)
	for i, row := range []struct {
		id string
		s  *stand
	}{{"google", signUp}, {"microsoft", none}, {"linkedin", signUp}, {"facebook", goth}, {"plain", signUp}, {"lastpass", none}} {
		id, s, json := row.id, row.s, i%4 >= 2
		t.Run(fmt.Sprintf("A-139 A-101 invariant 3 %s json=%v", id, json), func(t *testing.T) {
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
