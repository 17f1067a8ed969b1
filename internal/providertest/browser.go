package providertest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// A Browser is a person's, on the way between a program and a provider: it keeps the cookies of each host, follows redirects from one
// to the other, and posts the forms that post themselves. It takes this machine for trustworthy, as browsers do: Secure cookies go
// there by plain http. What another site posts comes without cookies, but those that say SameSite=None; unlike a real browser it does
// not ask that they be Secure, which a provider cannot have by plain http. It is not safe for concurrent use.
type Browser struct {
	t      testing.TB
	client *http.Client
	jar    http.CookieJar
	none   map[string]bool // host and name of the cookies that say SameSite=None
}

// NewBrowser opens a browser that has been nowhere.
func NewBrowser(t testing.TB) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Browser{t: t, jar: jar, none: map[string]bool{}, client: &http.Client{CheckRedirect: stay, Timeout: patience}}
}

// Get opens an address, and goes where it leads.
func (b *Browser) Get(address string) *Page {
	b.t.Helper()
	return b.arrive(b.send(nil, http.MethodGet, b.parse(address), nil))
}

// Submit fills in a form of a page and posts it, or gets it, and goes where that leads. Values take the place of what stands in the
// form's fields.
func (b *Browser) Submit(at *Page, f *Form, values map[string]string) *Page {
	b.t.Helper()
	return b.arrive(b.submit(at, f, values))
}

// Post posts fields to an address from a page of another site, as a form of that page does, and goes where it leads.
func (b *Browser) Post(from, address string, fields url.Values) *Page {
	b.t.Helper()
	return b.arrive(b.send(b.parse(from), http.MethodPost, b.parse(address), fields))
}

func (b *Browser) submit(at *Page, f *Form, values map[string]string) *Page {
	b.t.Helper()
	to, err := at.URL.Parse(f.Action)
	if err != nil {
		b.t.Fatalf("providertest: %s has a form for %q: %v", at, f.Action, err)
	}
	fields := url.Values{}
	for name, value := range f.Fields {
		fields.Set(name, value)
	}
	for name, value := range values {
		fields.Set(name, value)
	}
	if f.Method == http.MethodPost {
		return b.send(at.URL, http.MethodPost, to, fields)
	}
	to.RawQuery = fields.Encode()
	return b.send(at.URL, http.MethodGet, to, nil)
}

// arrive goes on until there is something for a person to do.
func (b *Browser) arrive(p *Page) *Page {
	b.t.Helper()
	for range 30 {
		if to := p.location(); to != nil {
			p = b.send(p.URL, http.MethodGet, to, nil)
			continue
		}
		f := p.posting()
		if f == nil {
			return p
		}
		p = b.submit(p, f, nil)
	}
	b.t.Fatalf("providertest: %s leads in circles", p)
	return nil
}

// send sends one request, from a page or from none.
func (b *Browser) send(from *url.URL, method string, to *url.URL, fields url.Values) *Page {
	b.t.Helper()
	if ip := to.Hostname(); ip != "127.0.0.1" && ip != "localhost" {
		b.t.Fatalf("providertest: the way leads to %s, off this machine", to)
	}
	r, err := http.NewRequest(method, to.String(), strings.NewReader(fields.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", "en")
	site := "none"
	if from != nil {
		site = "same-origin"
		switch {
		case from.Hostname() != to.Hostname():
			site = "cross-site"
		case from.Host != to.Host:
			site = "same-site"
		}
	}
	r.Header.Set("Sec-Fetch-Site", site)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", from.Scheme+"://"+from.Host)
	}
	for _, c := range b.jar.Cookies(trusted(to)) {
		if method == http.MethodGet || site != "cross-site" || b.none[to.Hostname()+" "+c.Name] {
			r.AddCookie(c)
		}
	}
	answer, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.jar.SetCookies(trusted(to), answer.Cookies())
	for _, c := range answer.Cookies() {
		b.none[to.Hostname()+" "+c.Name] = c.SameSite == http.SameSiteNoneMode
	}
	return &Page{Status: answer.StatusCode, Header: answer.Header, URL: to, Body: string(body), t: b.t}
}

func (b *Browser) parse(address string) *url.URL {
	b.t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		b.t.Fatalf("providertest: %q is no address", address)
	}
	return u
}

// trusted is an address as the cookie jar must see it to send Secure cookies there.
func trusted(u *url.URL) *url.URL {
	https := *u
	https.Scheme = "https"
	return &https
}

// A Page is what somebody has answered.
type Page struct {
	Status int
	Header http.Header
	URL    *url.URL
	Body   string

	t testing.TB
}

// String says what there is to see, in short.
func (p *Page) String() string { return strconv.Itoa(p.Status) + " " + p.URL.Redacted() }

func (p *Page) location() *url.URL {
	at := p.Header.Get("Location")
	if p.Status < 300 || p.Status > 399 || at == "" {
		return nil
	}
	to, err := p.URL.Parse(at)
	if err != nil {
		p.t.Fatalf("providertest: %s redirects to %q: %v", p, at, err)
	}
	return to
}

// A Form is a form of a page, as it came.
type Form struct {
	Action string
	Method string // in capitals; empty in the page: GET
	Fields map[string]string

	visible bool // there is something to fill in
}

// Form finds the first form with a field of this name, or ends the test. Empty: the first form.
func (p *Page) Form(field string) *Form {
	p.t.Helper()
	for _, f := range p.forms() {
		if _, ok := f.Fields[field]; ok || field == "" {
			return f
		}
	}
	p.t.Fatalf("providertest: %s has no form with a field %q:\n%s", p, field, p.Body)
	return nil
}

// posting is the form that a page posts by itself, as those do that carry a message of SAML on its way; nil: none.
func (p *Page) posting() *Form {
	p.t.Helper()
	for _, f := range p.forms() {
		_, request := f.Fields["SAMLRequest"]
		_, response := f.Fields["SAMLResponse"]
		if (request || response) && !f.visible {
			return f
		}
	}
	return nil
}

func (p *Page) forms() []*Form {
	p.t.Helper()
	if !strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
		return nil
	}
	doc, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		p.t.Fatal(err)
	}
	var forms []*Form
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" {
			forms = append(forms, readForm(n))
		}
	}
	return forms
}

func readForm(form *html.Node) *Form {
	f := &Form{Action: attribute(form, "action"), Method: strings.ToUpper(attribute(form, "method")), Fields: map[string]string{}}
	for n := range form.Descendants() {
		name, kind := attribute(n, "name"), attribute(n, "type")
		if n.Type != html.ElementNode || n.Data != "input" || name == "" || kind == "submit" || kind == "checkbox" || kind == "radio" {
			continue
		}
		f.Fields[name] = attribute(n, "value")
		f.visible = f.visible || kind != "hidden"
	}
	return f
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
