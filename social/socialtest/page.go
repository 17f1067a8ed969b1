package socialtest

import (
	"cmp"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed pages.html
var pagesHTML string

var pages = template.Must(template.New("").Parse(pagesHTML))

// view is what a page shows.
type view struct {
	Provider, Nonce, Root string
	Brand                 template.CSS
	Title                 string

	Product string   // whom somebody signs in to
	At      string   // the endpoint that the request went to
	Request string   // its parameters
	People  []choice // who can be chosen
	Shares  []string // what the product gets
	Form    *delivery
	Problem string
}

// choice is somebody who can be chosen.
type choice struct{ Key, Name, Detail, Initial string }

// Action and Fields are for the page that posts an answer.
func (d *delivery) Action() template.URL {
	return template.URL(d.action) // the product registered it
}

// Fields are the names and values that are posted.
func (d *delivery) Fields() [][2]string {
	var all [][2]string
	for name, values := range d.fields {
		for _, v := range values {
			all = append(all, [2]string{name, v})
		}
	}
	slices.SortFunc(all, func(x, y [2]string) int { return strings.Compare(x[0], y[0]) })
	return all
}

func (p *Provider) show(w http.ResponseWriter, status int, page string, v view) {
	v.Provider, v.Nonce, v.Root, v.Brand = p.cfg.Name, random(), p.path, template.CSS(p.trait.brand)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'nonce-"+v.Nonce+"'; script-src 'nonce-"+v.Nonce+"'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	pages.ExecuteTemplate(w, page, v) // what fails here is the connection
}

// home says who has an account.
func (p *Provider) home(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.show(w, http.StatusOK, "home", view{Title: "Accounts", People: p.choicesLocked(asking{})})
}

// askLocked asks who somebody is. The page carries the whole request, so that nothing has to be kept until it is answered.
func (p *Provider) askLocked(w http.ResponseWriter, a asking) {
	p.show(w, http.StatusOK, "choose", view{
		Title: "Choose an account", Product: cmp.Or(a.client.Name, hostOf(a.q.Get("redirect_uri"))), At: a.path, Request: a.q.Encode(),
		People: p.choicesLocked(a), Shares: p.shares(a.scopes),
	})
}

// shares says what a product asks for.
func (p *Provider) shares(scopes []string) []string {
	var all []string
	if slices.Contains(scopes, "profile") || slices.Contains(scopes, "name") || p.cfg.Personality == Facebook {
		all = append(all, "your name")
	}
	if slices.Contains(scopes, "email") {
		all = append(all, "your e-mail address")
	}
	return all
}

// choicesLocked are the people who can sign in, whoever login_hint names first.
func (p *Provider) choicesLocked(a asking) []choice {
	var all []choice
	hint := strings.ToLower(a.q.Get("login_hint"))
	for _, w := range p.cfg.People {
		if a.path != "" && p.mayLocked(a, w) != nil {
			continue
		}
		name := cmp.Or(w.name(), w.Email, w.Subject)
		c := choice{Key: w.key(), Name: name, Initial: strings.ToUpper(string([]rune(name)[:1]))}
		if w.Email != name {
			c.Detail = cmp.Or(w.Email, "no e-mail address")
		}
		if w.Email != "" && w.HidesEmail && p.cfg.Personality == Apple {
			c.Detail = "hides the address " + w.Email
		}
		if hint != "" && strings.EqualFold(w.Email, hint) {
			all = slices.Insert(all, 0, c)
			continue
		}
		all = append(all, c)
	}
	return all
}

// choose takes who somebody is, or that they do not want to.
func (p *Provider) choose(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<17)
	q, err := url.ParseQuery(r.PostFormValue("request"))
	if err != nil {
		p.refuse(w, err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a, answer, err := p.readLocked(r.PostFormValue("at"), q)
	if err != nil {
		p.refuse(w, err)
		return
	}
	who, ok := p.personLocked(r.PostFormValue("person"))
	switch {
	case answer != nil:
		p.deliver(w, r, answer)
	case ok && p.mayLocked(a, who) == nil:
		p.deliver(w, r, p.grantLocked(a, who, p.now()))
	case r.PostForm.Has("cancel"):
		p.deliver(w, r, p.cancelLocked(a))
	default:
		p.askLocked(w, a)
	}
}

// refuse tells whoever develops the product what the provider did not like.
func (p *Provider) refuse(w http.ResponseWriter, err error) {
	p.show(w, http.StatusBadRequest, "problem", view{Title: "That did not work", Problem: err.Error()})
}

func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return address
}
