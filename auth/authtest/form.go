package authtest

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// A Form is a form of a page, as it came: with what stands in its fields, and the boxes that are ticked. Buttons are not among the Fields:
// where one has a name, as those of a question with two answers, give it with the values that you submit.
type Form struct {
	Action string
	Method string // in capitals
	Fields map[string]string
	Boxes  []string // the names of all boxes, ticked or not
}

// Form finds the form whose action ends like this, or ends the test.
func (p *Page) Form(action string) *Form {
	p.t.Helper()
	for _, f := range p.Forms() {
		if strings.HasSuffix(f.Action, action) {
			return f
		}
	}
	p.t.Fatalf("authtest: %s (status %d) has no form for %s:\n%s", p.URL, p.Status, action, p.Body)
	return nil
}

// Forms are all forms of the page, and of the buttons that lead elsewhere with a form of it one each.
func (p *Page) Forms() []*Form {
	p.t.Helper()
	doc, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		p.t.Fatal(err)
	}
	var forms []*Form
	named := map[string]*Form{}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" {
			f := readForm(n)
			forms, named[attribute(n, "id")] = append(forms, f), f
		}
	}
	for n := range doc.Descendants() { // buttons that lead elsewhere with what stands in a form
		f, action := named[attribute(n, "form")], attribute(n, "formaction")
		if n.Type == html.ElementNode && n.Data == "button" && f != nil && action != "" {
			forms = append(forms, &Form{Action: action, Method: f.Method, Fields: f.Fields, Boxes: f.Boxes})
		}
	}
	return forms
}

func readForm(form *html.Node) *Form {
	f := &Form{Action: attribute(form, "action"), Method: strings.ToUpper(attribute(form, "method")), Fields: map[string]string{}}
	for n := range form.Descendants() {
		name := attribute(n, "name")
		if n.Type != html.ElementNode || n.Data != "input" || name == "" {
			continue
		}
		kind := attribute(n, "type")
		if kind == "checkbox" {
			f.Boxes = append(f.Boxes, name)
		}
		if kind != "checkbox" && kind != "radio" || slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
			f.Fields[name] = attribute(n, "value")
		}
	}
	return f
}

// Title is the title of the page.
func (p *Page) Title() string {
	p.t.Helper()
	doc, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		p.t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "title" && n.FirstChild != nil {
			return n.FirstChild.Data
		}
	}
	return ""
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
