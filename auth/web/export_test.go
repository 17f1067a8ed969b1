package web

import "net/http"

// Routes are the methods and paths that a Handler answers, for the test of the papers.
func (h *Handler) Routes() [][2]string {
	var list [][2]string
	for _, r := range h.routeTable() {
		list = append(list, [2]string{r.method, r.path})
	}
	return list
}

// Rehearsed are all pages in a language, filled with samples.
func (h *Handler) Rehearsed(lang string) map[string]string {
	pages := map[string]string{}
	for _, p := range samples() {
		h.framed(p, h.words.Text(lang))
		body, err := h.render(p)
		if err != nil {
			body = []byte(err.Error())
		}
		name := p.Template()
		for pages[name] != "" { // another way to show the same page
			name += "_2"
		}
		pages[name] = string(body)
	}
	return pages
}

// ParseForm and ParseJSON are what the fuzz targets try.
var (
	ParseForm = parseForm
	ParseJSON = parseJSON
)

// ReadCookie reads one of our cookies.
func ReadCookie(r *http.Request, prefix, name string) string {
	return cookies{prefix: prefix}.read(r, name)
}

// Brands are the colours of providers' buttons: fill, edge and text, in the light scheme and in the dark one.
func Brands() map[string][2][3]string {
	all := map[string][2][3]string{}
	for id, b := range brands() {
		for i, c := range []colours{b.light, b.dark} {
			schemes := all[id]
			schemes[i] = [3]string{c.fill, c.edge, c.text}
			all[id] = schemes
		}
	}
	return all
}
