package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/auth/web"
)

// gated puts a product behind its gate, and gives Acme an administrator.
func (v *visitor) gated() *visitor {
	v.p.mux.Handle("/reports/", v.p.Auth.RequireProduct("Reports", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "app: reports")
	})))
	boss := v.p.AddUser(auth.User{ID: "boss", Email: "boss@acme.example", Name: "Bea Boss"}, secret)
	v.p.member("acme", boss.ID, func(m *directory.Member) { m.Role = auth.RoleSuperAdmin })
	v.p.anyLetters()
	return v
}

// atReports asks for the product, and follows to the page that says why it is shut.
func (v *visitor) atReports() *visitor {
	v.p.t.Helper()
	if !v.json {
		return v.take(v.Get("/reports/"))
	}
	v.take(v.JSON(http.MethodGet, "/reports/", "")).status(http.StatusForbidden)
	gate, _ := v.state["gate"].(map[string]any)
	to, _ := gate["url"].(string)
	v.get(to)
	if got := fmt.Sprint(v.state["gate"]); got != fmt.Sprint(gate) {
		v.p.t.Errorf("gate %s, want %v as the guard has it", got, gate)
	}
	return v
}

func TestProduct(t *testing.T) {
	billing := unverified(nil)
	billing.Web = func(c *web.Config) { c.Billing = "/billing" }
	t.Run("R94 R95 R98 no seat: whom to ask, and asking once a day", func(t *testing.T) {
		both(t, billing, func(t *testing.T, v *visitor) {
			text := english(t)
			v.gated().signIn(ann).atReports().status(200)
			if !v.json {
				v.is("product").tells("Reports").tells("Bea Boss").tells("boss@acme.example")
			} else if v.told(auth.ReasonNotAssigned); fmt.Sprint(v.state["contacts"]) != "[map[email:boss@acme.example name:Bea Boss]]" {
				t.Errorf("contacts %v", v.state["contacts"])
			}
			v.do("product", "name", "Reports").status(200).tells(text.Get("product.asked.text"), "asked")
			if !v.json && strings.Contains(v.shown.Body, "<form method=\"post\" action=\"/auth/product\"") {
				t.Error("the button is still there")
			}
			if m := v.p.Mail.TakeOne("boss@acme.example", mail.SeatRequest); !strings.Contains(m.Text, "Reports") || !strings.Contains(m.Text, "Acme") {
				t.Errorf("the letter says %s", m.Text)
			}
			v.atReports()
			v.do("product", "name", "Reports").status(http.StatusTooManyRequests).tells(text.Get("product.asked.already"), "reason")
			if got := retryAfter(v.shown); got < 86000 {
				t.Errorf("Retry-After %d, want a day", got)
			}
			for _, err := range []error{
				v.p.People.SetSeats(t.Context(), "acme", "Reports", 1), v.p.People.TakeSeat(t.Context(), "acme", "Reports", "ann"),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if !v.json {
				v.get("/auth/product?name=Reports").is("product").tells(text.Get("product.open.heading", "name", "Reports"))
				v.get("/reports/").is("in")
			} else if v.get("/auth/product?name=Reports").status(200); v.state["reason"] != nil {
				t.Errorf("reason %v, want none", v.state["reason"])
			}
		})
	})
	t.Run("R95 no seat: a super administrator is sent to nobody else", func(t *testing.T) {
		both(t, billing, func(t *testing.T, v *visitor) {
			v.gated().signIn("boss@acme.example").atReports().status(200)
			want := english(t).Get("product.seat.own.text", "name", "Reports")
			if v.json && v.state["message"] != want || !v.json && !strings.Contains(v.shown.Body, want) {
				t.Errorf("the answer does not say %q:\n%s", want, v.shown.Body)
			}
			if strings.Contains(v.shown.Body, "/billing") {
				t.Error("the way to a renewal is there, and nothing is to be renewed")
			}
		})
	})
	t.Run("R96 expired: a member is told whom to ask, and who may renew is led there", func(t *testing.T) {
		both(t, billing, func(t *testing.T, v *visitor) {
			v.gated().signIn(ann)
			boss := v.again().signIn("boss@acme.example")
			if err := v.p.People.SetAccountState(t.Context(), "acme", auth.AccountExpired, time.Time{}); err != nil {
				t.Fatal(err)
			}
			v.atReports().status(200).told(auth.ReasonAccountExpired).tells("boss@acme.example", "contacts")
			if strings.Contains(v.shown.Body, "/billing") {
				t.Error("a member is led to the renewal")
			}
			late := v.again().identify(ann).password("wrong")
			if strings.Contains(late.shown.Body, "boss@") {
				t.Error("a stranger is told who administers a company")
			}
			late.password(secret).is("stop").told(auth.ReasonAccountExpired).tells("boss@acme.example", "contacts")
			late.get("/auth/signin").is("stop").tells("boss@acme.example", "contacts")
			boss.atReports().tells(`href="/billing"`)
			if boss.json && boss.state["links"].(map[string]any)["renew"] != "/billing" {
				t.Errorf("links %v", boss.state["links"])
			}
		})
	})
	t.Run("R97 lapsed, and within its grace, it works", func(t *testing.T) {
		v := newProduct(t, billing).visitor(false).gated().signIn(ann)
		for _, err := range []error{
			v.p.People.SetSeats(t.Context(), "acme", "Reports", 1), v.p.People.TakeSeat(t.Context(), "acme", "Reports", "ann"),
			v.p.People.SetAccountState(t.Context(), "acme", auth.AccountLapsed, v.p.Clock.Now().Add(time.Hour)),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		v.get("/reports/").is("in")
		v.p.Clock.Advance(time.Hour)
		v.get("/reports/").is("product").told(auth.ReasonAccountExpired)
	})
	t.Run("R95 no company, or suspended in it: no contacts, and a way to the other company", func(t *testing.T) {
		both(t, billing, func(t *testing.T, v *visitor) {
			v.gated().signIn(solo).atReports().told(auth.ReasonNoCompany)
			if strings.Contains(v.shown.Body, "boss@") {
				t.Error("R99 whoever is no member is told who administers it")
			}
			w := v.again().identify("two@acme.example").password(secret).is("account").do("signin/account", "account", "acme").is("in")
			w.atReports().tells("/auth/account/switch")
			v.p.member("acme", "two", func(m *directory.Member) { m.State = auth.MemberSuspended })
			w.atReports().told(auth.ReasonUserSuspended).tells("/auth/account/switch")
			if strings.Contains(w.shown.Body, "boss@") {
				t.Error("a suspended member is told who administers the company")
			}
		})
	})
	t.Run("R95 what is no name is no page, and signing in comes first", func(t *testing.T) {
		v := newProduct(t, billing).visitor(false).gated()
		v.get("/auth/product?name=Reports").is("identify").identify(ann).password(secret).is("product").tells("Reports")
		for _, name := range []string{"", "+", strings.Repeat("a", 81), "a%0Ab", "a%E2%80%AEb"} {
			v.get("/auth/product?name=" + name).status(http.StatusNotFound)
		}
	})
	t.Run("A-233 no other site asks for a seat", func(t *testing.T) {
		v := newProduct(t, billing).visitor(false).gated().signIn(ann)
		if got := v.PostFrom("https://evil.example", "/auth/product", form("name", "Reports")); got.Status != http.StatusForbidden {
			t.Errorf("status %d", got.Status)
		}
	})
	t.Run("Config.Billing is checked", func(t *testing.T) {
		w := authtest.New(t, authtest.Config{})
		if _, err := web.New(web.Config{Auth: w.Auth, Billing: "javascript:alert(1)"}); err == nil || !strings.Contains(err.Error(), "Config.Billing") {
			t.Errorf("New answers %v", err)
		}
	})
}
