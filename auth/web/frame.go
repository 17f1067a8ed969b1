package web

import (
	"net/http"
	"net/url"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/locale"
)

// newFrame is what all pages of a language have.
func (h *Handler) newFrame(text locale.Text, page string) Frame {
	return Frame{
		Lang: text.Tag(), Dir: text.Dir(), Text: text,
		Product: h.product, Title: text.Get("title."+page, "product", h.product),
		Prefix: h.prefix, Home: h.home, Styles: h.assets.named["style.css"], Script: h.assets.named["script.js"], assets: h.assets.named,
		Help: h.prefix + "/help", Support: h.support,
	}
}

// show sends a page. What the page says of itself is kept; the rest of its Frame is filled in here.
func (v *visit) show(status int, p Page) {
	text := v.text()
	own := *p.frame()
	f := v.h.newFrame(text, p.Template())
	f.Chosen, f.Languages = v.chosen(), v.languages(text.Tag())
	f.Problem, f.Notice, f.Flow, f.Version, f.ReturnTo = own.Problem, own.Notice, own.Flow, own.Version, own.ReturnTo
	if f.Problem != nil {
		f.Title = text.Get("title.problem", "title", f.Title)
	}
	if f.Chosen != "" {
		f.Help += "?" + url.Values{"lang": {f.Chosen}}.Encode()
	}
	*p.frame() = f
	body, err := v.h.render(p)
	if err != nil {
		v.unrendered(err)
		return
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	v.w.Write(body) // nobody is left to tell if this fails
}

// languages are the links that change the language of the page.
func (v *visit) languages(current string) []Language {
	var links []Language
	for _, l := range v.h.words.Languages() {
		to := v.here
		q := to.Query()
		q.Set("lang", l.Tag)
		to.RawQuery = q.Encode()
		links = append(links, Language{Tag: l.Tag, Name: l.Name, URL: to.String(), Current: l.Tag == current})
	}
	return links
}

// problem is the summary of what was wrong with the last form.
func (v *visit) problem(reason auth.Reason, step auth.Step) *Problem {
	p := &Problem{Reason: reason, Message: v.message(reason, step.RetryAfter)}
	switch field(reason) {
	case "password":
		p.Field = "current-password"
	default:
		p.Field = field(reason)
	}
	if reason == auth.ReasonInvalidCredentials || reason == auth.ReasonTooManyAttempts {
		p.Link, p.Label = v.h.prefix+"/help", v.text().Get("help.heading")
	}
	return p
}

// redirect sends the browser on with a GET.
func (v *visit) redirect(to string) {
	v.w.Header().Set("Location", to)
	v.w.WriteHeader(http.StatusSeeOther)
}
