package auth

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/session"
)

// A Gate is how a person who is signed in stands with a product.
type Gate struct {
	Product string
	Reason  Reason     // why it is shut; empty: it is open
	Company Membership // that of the session; the zero Membership: the session has none
	Renews  bool       // the person may renew an expired company
	Asks    bool       // a seat can be asked for
}

// Gate tells whether a product is open to a session: to an active member of its company, which has not expired, with a seat for the
// product (Membership.Products). Reasons: ReasonAccountExpired, ReasonNotAssigned, ReasonUserSuspended, ReasonNoCompany (the session has
// no company, or it is no longer the person's).
func (m *Manager) Gate(ctx context.Context, s session.Session, product string) (Gate, error) {
	all, err := m.memberships(ctx, s.UserID, m.now())
	if err != nil {
		return Gate{}, err
	}
	g := Gate{Product: product}
	var member bool
	g.Company, member = in(all, s.AccountID)
	g.Renews = g.Company.State == MemberActive && g.Company.Role == RoleSuperAdmin
	switch {
	case !member || g.Company.State == MemberInvited:
		g.Reason = ReasonNoCompany
	case g.Company.State != MemberActive:
		g.Reason = ReasonUserSuspended
	case g.Company.AccountState == AccountExpired:
		g.Reason = ReasonAccountExpired
	case !slices.Contains(g.Company.Products, product):
		g.Reason = ReasonNotAssigned
		g.Asks = m.admins != nil && m.CanMail()
	}
	return g, nil
}

// RequireProduct is Require for the pages of a product, which only people with a seat for it may see (see Gate). Others are sent to
// a page that says why and what to do; programs get 403 and a reason. My account, help and whatever is not behind it stay open to them.
//
// Seats belong to companies: without Config.Companies, and to a session that has no company, nothing is open.
func (m *Manager) RequireProduct(product string, next http.Handler) http.Handler {
	return m.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := session.From(r.Context())
		g, err := m.Gate(r.Context(), s, product)
		switch {
		case err != nil:
			m.brokenGuard(w, r, err)
		case g.Reason == "":
			next.ServeHTTP(w, r)
		default:
			m.shut(w, r, g)
		}
	}))
}

// shut answers a request to a product that is not open.
func (m *Manager) shut(w http.ResponseWriter, r *http.Request, g Gate) {
	to := url.URL{Path: m.prefix + "product", RawQuery: url.Values{"name": {g.Product}}.Encode()}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Add("Vary", "Accept")
	if WantsJSON(r) {
		answer(w, http.StatusForbidden, refused{
			Reason: g.Reason, Gate: &gate{g.Product, to.String()}, Links: map[string]string{"product": to.String()},
		})
		return
	}
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

// Contacts are the people to turn to in a company: its administrators, the first of them those who can do everything. None: the host
// names none.
func (m *Manager) Contacts(ctx context.Context, accountID string) ([]User, error) {
	if m.admins == nil || accountID == "" {
		return nil, nil
	}
	all, err := m.admins.Administrators(ctx, accountID)
	return all, wrapped("auth: reading administrators", err)
}

// AskSeat mails a person's wish for a seat to the administrators of their company: once a day.
//
// Reasons: ReasonTooManyAttempts (they were asked already), ReasonForbidden (there is nobody to ask, or nothing to ask for).
func (m *Manager) AskSeat(ctx context.Context, s session.Session, product string, c Client) (Answer, error) {
	g, err := m.Gate(ctx, s, product)
	if err != nil || !g.Asks {
		return Answer{Reason: ReasonForbidden}, err
	}
	u, err := m.User(ctx, s.UserID)
	if err != nil {
		return Answer{}, err
	}
	admins, err := m.Contacts(ctx, s.AccountID)
	if err != nil || len(admins) == 0 {
		return Answer{Reason: ReasonForbidden}, err
	}
	now := m.now()
	var t toll
	t.add(m.counters("seat asked", u.ID, s.AccountID, product), Charge{Window: day, Limit: 1, Lock: day}, false)
	t.add(m.counters("seats asked", u.ID), Charge{Window: day, Limit: 10, Lock: day}, false) // of whatever products
	if wait, err := m.charge(ctx, t, now); err != nil || wait > 0 {
		return Answer{ReasonTooManyAttempts, wait}, err
	}
	e := m.event(SeatAsked, now, c)
	e.UserID, e.AccountID, e.SessionID = u.ID, s.AccountID, s.ID
	if err := m.note(ctx, e); err != nil {
		return Answer{}, err
	}
	for _, admin := range admins {
		l := m.letter(mail.SeatRequest, admin, "", Client{}, now)
		l.Company, l.Person, l.Item = g.Company.AccountName, u.Email, oneLine(product)
		if err := m.post(ctx, l); err != nil {
			return Answer{}, fmt.Errorf("auth: asking for a seat: %w", err)
		}
	}
	return Answer{}, nil
}
