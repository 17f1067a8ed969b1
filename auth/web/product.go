package web

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/auth"
)

const (
	productPath = "/product"
	maxProduct  = 80 // characters of the name of a product
	maxContacts = 3  // people that a page names
)

// productAnswer is how a person stands with a product, for a program.
type productAnswer struct {
	Gate     gateAnswer      `json:"gate"`
	Reason   auth.Reason     `json:"reason,omitempty"` // why it is shut
	Message  string          `json:"message,omitempty"`
	Company  string          `json:"company,omitempty"`
	Contacts []contactAnswer `json:"contacts,omitempty"`
	Asks     bool            `json:"asks,omitempty"`  // a seat can be asked for
	Asked    bool            `json:"asked,omitempty"` // by this request it was
	Links    links           `json:"links"`
}

// gateAnswer is the same as in the answers of auth.Manager.RequireProduct.
type gateAnswer struct {
	Product string `json:"product"`
	URL     string `json:"url"`
}

type contactAnswer struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email"`
}

// showProduct says why a product is not open, and what can be done. It looks anew each time: whoever has been given a seat since is
// shown the way in.
func (h *Handler) showProduct(v *visit) {
	if p, name, ok := v.atProduct(); ok {
		v.productStands(http.StatusOK, p, name, auth.Answer{})
	}
}

// askSeat asks the administrators of the person's company for a seat.
func (h *Handler) askSeat(v *visit) {
	p, name, ok := v.atProduct()
	if !ok {
		return
	}
	a, err := h.auth.AskSeat(v.r.Context(), p.Session, name, v.client)
	switch {
	case err != nil:
		v.broken(err)
	case a.Reason != "":
		v.productStands(statusOf(a.Reason), p, name, a)
	case v.program:
		v.in["done"] = "asked"
		v.productStands(http.StatusOK, p, name, a)
	default:
		v.rememberLanguage()
		q := v.here.Query()
		q.Set("done", "asked")
		v.here.RawQuery = q.Encode()
		v.redirect(v.here.String())
	}
}

// atProduct is whoever asks for a product, and its name. It answers the visitor, and false, where nobody is signed in, and where
// the name is none: the page repeats it.
func (v *visit) atProduct() (person, string, bool) {
	name := v.in["name"]
	unfit := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > maxProduct || strings.ContainsFunc(name, unfit) {
		v.fail(http.StatusNotFound, auth.ReasonNotFound)
		return person{}, "", false
	}
	q := url.Values{"name": {name}}
	p, ok := v.signedInAs(productPath + "?" + q.Encode())
	if v.chosen() != "" {
		q.Set("lang", v.chosen())
	}
	v.here = url.URL{Path: v.h.prefix + productPath, RawQuery: q.Encode()}
	return p, name, ok
}

// productStands shows how a person stands with a product; a reason says why a seat was not asked for.
func (v *visit) productStands(status int, p person, name string, refused auth.Answer) {
	ctx := v.r.Context()
	g, err := v.h.auth.Gate(ctx, p.Session, name)
	if err != nil {
		v.broken(err)
		return
	}
	all, err := v.h.auth.Memberships(ctx, p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	contacts, err := v.contacts(g)
	if err != nil {
		v.broken(err)
		return
	}
	if refused.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", seconds(refused.RetryAfter))
	}
	page := &ProductPage{
		Name: name, Reason: g.Reason, Company: g.Company.AccountName, Contacts: contacts, Asks: g.Asks && len(contacts) > 0,
		Asked: g.Reason == auth.ReasonNotAssigned && v.in["done"] == "asked", Renews: g.Renews,
	}
	if g.Renews && g.Reason == auth.ReasonAccountExpired {
		page.Renew = v.h.billing
	}
	usable := 0
	for _, m := range all {
		if m.Usable() {
			usable++
		}
	}
	if usable > 1 || usable == 1 && !g.Company.Usable() {
		page.Switch = inLanguage(v.h.prefix+"/account/switch", v.chosen())
	}
	message := ""
	switch refused.Reason {
	case "":
	case auth.ReasonTooManyAttempts:
		message, page.Asks = v.text().Get("product.asked.already"), false
	default:
		message = v.message(refused.Reason, 0)
	}
	if v.program {
		v.json(status, v.productAnswer(page, refused.Reason, message))
		return
	}
	switch {
	case message != "":
		page.Problem = &Problem{Reason: refused.Reason, Message: message}
	case page.Asked:
		page.Notice = v.text().Get("product.asked.text")
	}
	v.show(status, page)
}

// productAnswer is the page for a program.
func (v *visit) productAnswer(page *ProductPage, refused auth.Reason, message string) productAnswer {
	q := url.Values{"name": {page.Name}}
	a := productAnswer{
		Gate:   gateAnswer{Product: page.Name, URL: v.h.prefix + productPath + "?" + q.Encode()},
		Reason: page.Reason, Company: page.Company, Asks: page.Asks && !page.Asked, Asked: page.Asked, Links: v.links(),
		Contacts: answerOfContacts(page.Contacts),
	}
	if page.Reason != "" {
		a.Message = v.message(page.Reason, 0)
	}
	if page.Renews && page.Reason == auth.ReasonNotAssigned { // there is nobody above them to ask
		a.Message = v.text().Get("product.seat.own.text", "name", page.Name)
	}
	if refused != "" {
		a.Reason, a.Message = refused, message
	}
	for name, to := range map[string]string{"renew": page.Renew, "switch": page.Switch} {
		if to != "" {
			a.Links[name] = to
		}
	}
	if a.Asks {
		a.Links["ask"] = v.h.prefix + productPath
	}
	return a
}

func answerOfContacts(list []Contact) (a []contactAnswer) {
	for _, c := range list {
		a = append(a, contactAnswer(c))
	}
	return a
}

// contacts are the people to turn to where a member's company could do something. Nobody else is told who they are.
func (v *visit) contacts(g auth.Gate) ([]Contact, error) {
	if g.Reason != auth.ReasonNotAssigned && g.Reason != auth.ReasonAccountExpired || g.Renews {
		return nil, nil
	}
	return v.contactsOf(g.Company.AccountID)
}

// contactsOf are the first of a company's administrators.
func (v *visit) contactsOf(accountID string) ([]Contact, error) {
	all, err := v.h.auth.Contacts(v.r.Context(), accountID)
	var list []Contact
	for _, u := range all[:min(len(all), maxContacts)] {
		list = append(list, Contact{Name: u.Name, Email: u.Email})
	}
	return list, err
}
