package auth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/session"
)

// R94 to R99: who may see a product's pages.
func TestGate(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.must(w.people.SetSeats(ctx, "acme", "crm", 1))
		for _, tt := range []struct {
			name    string
			prepare func()
			user    string
			account string
			want    auth.Reason
			renews  bool
		}{
			{"R98 no seat", nil, "ann", "acme", auth.ReasonNotAssigned, false},
			{"R94 a seat", func() { w.must(w.people.TakeSeat(ctx, "acme", "crm", "ann")) }, "ann", "acme", "", false},
			{"R94 somebody else's seat", nil, "two", "acme", auth.ReasonNotAssigned, false},
			{"R94 a seat elsewhere", nil, "two", "umbra", auth.ReasonNotAssigned, false},
			{"R95 no company", nil, "ann", "", auth.ReasonNoCompany, false},
			{"R95 somebody else's company", nil, "ann", "umbra", auth.ReasonNoCompany, false},
			{"R95 suspended there", nil, "sam", "acme", auth.ReasonUserSuspended, false},
			{"R97 lapsed", func() { w.must(w.people.SetAccountState(ctx, "acme", auth.AccountLapsed, w.clock().Add(time.Hour))) }, "ann", "acme", "", false},
			{"R97 the grace has ended", func() { w.move(time.Hour) }, "ann", "acme", auth.ReasonAccountExpired, false},
			{"R96 expired", func() { w.must(w.people.SetAccountState(ctx, "acme", auth.AccountExpired, time.Time{})) }, "ann", "acme", auth.ReasonAccountExpired, false},
			{"R96 expired, who can renew", func() {
				m := memberOf("acme", "ann", auth.MemberActive)
				m.Role = auth.RoleSuperAdmin
				w.must(w.people.SetMember(ctx, m))
			}, "ann", "acme", auth.ReasonAccountExpired, true},
			{"R96 renewed", func() { w.must(w.people.SetAccountState(ctx, "acme", auth.AccountActive, time.Time{})) }, "ann", "acme", "", true},
			{"R94 freed", func() { w.must(w.people.FreeSeat(ctx, "acme", "crm", "ann")) }, "ann", "acme", auth.ReasonNotAssigned, true},
		} {
			if tt.prepare != nil {
				tt.prepare()
			}
			g, err := w.m.Gate(ctx, session.Session{UserID: tt.user, AccountID: tt.account}, "crm")
			if err != nil || g.Reason != tt.want || g.Renews != tt.renews || g.Product != "crm" || g.Asks {
				t.Errorf("%s: Gate = %+v, %v, want %q, renews %v", tt.name, g, err, tt.want, tt.renews)
			}
		}
	})
}

// R95, R98: the page behind the gate, for people and for programs.
func TestRequireProduct(t *testing.T) {
	w := mailed(t)
	ctx := t.Context()
	c, _ := w.known(annsOwn, home)
	w.must(w.people.SetSeats(ctx, "acme", "crm", 5))
	page := w.m.RequireProduct("crm", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	get := func(session, accept string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/crm?x=1", nil)
		r.Header.Set("Accept", accept)
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: session})
		rec := httptest.NewRecorder()
		page.ServeHTTP(rec, r)
		return rec
	}
	if rec := get("", "text/html"); rec.Code != http.StatusSeeOther || !strings.Contains(rec.Header().Get("Location"), "/auth/signin") {
		t.Errorf("R95 nobody: %d %s, want the sign-in", rec.Code, rec.Header().Get("Location"))
	}
	if rec := get(c.Session, "text/html"); rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/auth/product?name=crm" || rec.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("R98 without a seat: %d %v", rec.Code, rec.Header())
	}
	rec := get(c.Session, "application/json")
	var body struct {
		Reason string
		Gate   struct{ Product, URL string }
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil || rec.Code != http.StatusForbidden || body.Reason != "product_not_assigned" || body.Gate.Product != "crm" || body.Gate.URL == "" {
		t.Errorf("R98 a program without a seat: %d %s, %v", rec.Code, rec.Body, err)
	}
	w.must(w.people.TakeSeat(ctx, "acme", "crm", "ann"))
	if rec := get(c.Session, "text/html"); rec.Code != http.StatusTeapot {
		t.Errorf("R94 with a seat: %d", rec.Code)
	}
	w.spy.before = func(_ int, call string) error {
		if call == "Memberships" {
			return errCrash
		}
		return nil
	}
	if rec := get(c.Session, "text/html"); rec.Code != http.StatusServiceUnavailable || len(w.reports) != 1 {
		t.Errorf("invariant 7: with a store that does not answer: %d, %d reports, want 503 and one", rec.Code, len(w.reports))
	}
	w.spy.before = nil
}

// R98: a wish for a seat goes to the administrators, once a day, and to nobody else.
func TestAskSeat(t *testing.T) {
	w := mailed(t)
	ctx := t.Context()
	for name, role := range map[string]auth.Role{"two": auth.RoleAdmin, "solo": auth.RoleSuperAdmin} {
		m := memberOf("acme", name, auth.MemberActive)
		m.Role = role
		w.must(w.people.SetMember(ctx, m))
	}
	c, s := w.known(annsOwn, home)
	if g, err := w.m.Gate(ctx, s, "crm"); err != nil || !g.Asks || g.Reason != auth.ReasonNotAssigned {
		t.Errorf("R98 Gate = %+v, %v, want that a seat can be asked for", g, err)
	}
	if a, err := w.m.AskSeat(ctx, s, "crm", c); a.Reason != "" || err != nil {
		t.Fatalf("R98 AskSeat = %+v, %v", a, err)
	}
	var to []string // the address in the text is spaced, so that no program makes a link of it
	for _, m := range w.mail.notices(mail.SeatRequest, mail.SeatRequest) {
		to = append(to, m.To)
		if !strings.Contains(m.Text, "ann @ acme. example") || !strings.Contains(m.Text, "crm") || !strings.Contains(m.Text, "Acme") || strings.Contains(m.Text, home.IP.String()) {
			t.Errorf("R98 the letter says\n%s", m.Text)
		}
	}
	if slices.Sort(to); !slices.Equal(to, []string{"solo@acme.example", "two@acme.example"}) {
		t.Errorf("R98 mailed to %v", to)
	}
	w.move(23 * time.Hour)
	if a, err := w.m.AskSeat(ctx, s, "crm", c); a.Reason != auth.ReasonTooManyAttempts || err != nil {
		t.Errorf("R98 again within a day = %+v, %v", a, err)
	}
	asked := 0
	for i := range 30 {
		if a, err := w.m.AskSeat(ctx, s, "crm"+strings.Repeat("x", i+1), c); a.Reason == "" && err == nil {
			asked++
		}
	}
	if asked != 9 {
		t.Errorf("A-278 %d further products were asked for on one day, want nine", asked)
	}
	w.move(time.Minute)
	w.mail.take()
	for what, s := range map[string]session.Session{
		"no company": {UserID: "ann"}, "suspended there": {UserID: "sam", AccountID: "acme"}, "nobody to ask": {UserID: "two", AccountID: "umbra"},
	} {
		if a, err := w.m.AskSeat(ctx, s, "crm", c); a.Reason != auth.ReasonForbidden || err != nil {
			t.Errorf("R98 %s: AskSeat = %+v, %v, want forbidden", what, a, err)
		}
	}
	w.must(w.people.SetSeats(ctx, "acme", "other", 1))
	w.must(w.people.TakeSeat(ctx, "acme", "other", "ann"))
	if a, err := w.m.AskSeat(ctx, s, "other", c); a.Reason != auth.ReasonForbidden || err != nil {
		t.Errorf("R98 with a seat: AskSeat = %+v, %v, want forbidden", a, err)
	}
}

// EndMember ends what a person has open in one company, and nothing else.
func TestEndMember(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		enter := func(account string, c auth.Client) auth.Client {
			k := w.begin("two@acme.example", c)
			if k.step.Stage == auth.StageVerify {
				k.code(w.mail.one(mail.VerifyLogin).Code)
			}
			k.took(w.m.ChooseAccount(ctx, k.ref, account, c))
			return with(c, k.finish())
		}
		acme, umbra := enter("acme", home), enter("umbra", office)
		ann, _ := w.known(annsOwn, from("198.51.100.4"))
		under := w.begin("two@acme.example", acme).at(auth.StageAccount, "")
		w.must(w.people.SuspendMember(ctx, "", "acme", "two"))
		w.must(w.m.EndMember(ctx, "two", "acme"))
		if w.live(acme.Session) || !w.live(umbra.Session) || !w.live(ann.Session) {
			t.Errorf("R77 acme's session lives %v, umbra's %v, another member's %v, want all but the first", w.live(acme.Session), w.live(umbra.Session), w.live(ann.Session))
		}
		if s, err := w.m.ChooseAccount(ctx, under.ref, "acme", acme); err != nil || s.Stage == auth.StageReady {
			t.Errorf("R77 a sign-in under way enters acme: %s, %v", s.Stage, err)
		}
		if s := w.begin("two@acme.example", umbra).step; s.Stage != auth.StageReady || s.AccountID != "umbra" {
			t.Errorf("R77 the next sign-in = %s in %q, want umbra", s.Stage, s.AccountID)
		}
	})
}
