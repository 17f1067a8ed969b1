package ssotest

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
)

//go:embed pages.html
var pagesHTML string

var pages = template.Must(template.New("").Parse(pagesHTML))

// view is what a page shows.
type view struct {
	Company, Nonce, Root string
	Title                string
	Wide                 bool

	Waiting, Email, Wrong string // the sign-in page
	Who                   Person // home
	Apps                  []app
	Form                  *delivery // an answer on its way
	Problem               string
}

// Fields, Action and so on are for the page that posts an answer.
func (d *delivery) Fields() [][2]string { return d.fields }
func (d *delivery) Method() string      { return d.method }
func (d *delivery) Multipart() bool     { return d.multipart }
func (d *delivery) Action() template.URL {
	return template.URL(d.action) // the product registered it, or an attack wants it so
}

type app struct{ Name, URL string }

func (p *Provider) show(w http.ResponseWriter, status int, page string, v view) {
	v.Company, v.Nonce, v.Root = p.cfg.Name, random(), p.path
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'nonce-"+v.Nonce+"'; script-src 'nonce-"+v.Nonce+"'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	pages.ExecuteTemplate(w, page, v) // what fails here is the connection
}

// home says who is signed in, and where to.
func (p *Provider) home(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sessionLocked(r)
	if s == nil {
		p.askLocked(w, r, waiting{})
		return
	}
	p.setCookie(w, s)
	v := view{Title: "Your applications", Who: s.who}
	for _, sp := range p.sps {
		v.Apps = append(v.Apps, app{hostOf(sp.ACS), p.StartURL(sp.EntityID, "")})
	}
	for _, c := range p.clients {
		if c.StartURL != "" {
			v.Apps = append(v.Apps, app{hostOf(c.StartURL), c.StartURL})
		}
	}
	p.show(w, http.StatusOK, "home", v)
}

func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return address
}

// askLocked sends somebody to the sign-in page, and keeps what is to happen afterwards.
func (p *Provider) askLocked(w http.ResponseWriter, r *http.Request, next waiting) {
	id := random()
	if len(p.waiting) > 1000 {
		clear(p.waiting) // nobody signs in that often and never finishes
	}
	p.waiting[id] = next
	address := url.Values{"id": {id}}
	if next.openid != nil && next.openid.Get("login_hint") != "" {
		address.Set("email", next.openid.Get("login_hint"))
	}
	http.Redirect(w, r, p.path+"/signin?"+address.Encode(), http.StatusSeeOther)
}

func (p *Provider) signInPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.show(w, http.StatusOK, "signin", view{Title: "Sign in", Waiting: q.Get("id"), Email: q.Get("email")})
}

// signIn takes an e-mail address and a password.
func (p *Provider) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	id, email, password := r.PostFormValue("id"), r.PostFormValue("email"), r.PostFormValue("password")
	p.mu.Lock()
	defer p.mu.Unlock()
	who, ok := p.personLocked(email)
	if !ok || password == "" || who.Password != "" && who.Password != password {
		p.show(w, http.StatusUnprocessableEntity, "signin", view{
			Title: "Sign in", Waiting: id, Email: email, Wrong: "That address and password do not belong together.",
		})
		return
	}
	s := p.openLocked(who)
	p.setCookie(w, s)
	next, ok := p.waiting[id]
	delete(p.waiting, id)
	switch {
	case ok && next.saml != nil:
		p.answerRequestLocked(w, s, *next.saml)
	case ok && next.openid != nil:
		p.grantLocked(w, r, s, next.openid)
	default:
		http.Redirect(w, r, p.path+"/", http.StatusSeeOther)
	}
}

// refuse tells whoever develops the product what the provider did not like.
func (p *Provider) refuse(w http.ResponseWriter, err error) {
	p.show(w, http.StatusBadRequest, "problem", view{Title: "That did not work", Problem: err.Error()})
}

// deliver sends an answer on its way: at once with script, with a button without.
func (p *Provider) deliver(w http.ResponseWriter, d *delivery) {
	p.show(w, http.StatusOK, "deliver", view{Title: "Continue to " + hostOf(d.action), Form: d})
}
