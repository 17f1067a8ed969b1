package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/locale"
)

// newFrame is what all pages of a language have.
func (h *Handler) newFrame(text locale.Text, title string) Frame {
	return Frame{
		Lang: text.Tag(), Dir: text.Dir(), Text: text,
		Product: h.product, Title: text.Get(title, "product", h.product),
		Prefix: h.prefix, Home: h.home, Styles: h.assets.named["style.css"], Script: h.assets.named["script.js"], assets: h.assets.named,
		Help: h.prefix + "/help", Support: h.support, Forgot: h.forgotAt(), SignUp: h.signUpAt(), CompanyID: h.companyIDAt(), Connected: h.connectedAt(),
	}
}

// companyIDAt is the page for whoever knows that their company has its own sign-in; empty: none has.
func (h *Handler) companyIDAt() string {
	if h.sso == nil {
		return ""
	}
	return h.prefix + "/signin/company"
}

// connectedAt is the page of connected accounts elsewhere; empty: nobody can have any.
func (h *Handler) connectedAt() string {
	if h.social == nil {
		return ""
	}
	return h.prefix + connectedPath
}

// forgotAt is the page that a new password is asked for on; empty: nothing can be mailed.
func (h *Handler) forgotAt() string {
	if !h.auth.CanMail() {
		return ""
	}
	return h.prefix + "/forgot"
}

// signUpAt is the page to get an account on; empty: nobody can by themselves.
func (h *Handler) signUpAt() string {
	if !h.signsUp() {
		return ""
	}
	return h.prefix + "/signup"
}

// inLanguage is an address with the language that was chosen on a page, if there is such an address.
func inLanguage(address, chosen string) string {
	if address == "" || chosen == "" {
		return address
	}
	return address + "?" + url.Values{"lang": {chosen}}.Encode()
}

// framed fills in the Frame of a page. What the page says of itself stays.
func (h *Handler) framed(p Page, text locale.Text) *Frame {
	f := p.frame()
	own := *f
	*f = h.newFrame(text, cmp.Or(own.titled, "title."+p.Template()))
	f.Problem, f.Notice, f.Flow, f.Version, f.ReturnTo = own.Problem, own.Notice, own.Flow, own.Version, own.ReturnTo
	f.Purpose, f.Action, f.At, f.LinkID = own.Purpose, own.Action, own.At, own.LinkID
	return f
}

// show sends a page. What the page says of itself is kept; the rest of its Frame is filled in here.
func (v *visit) show(status int, p Page) {
	text := v.text()
	f := v.h.framed(p, text)
	f.Chosen, f.Languages = v.chosen(), v.languages(text.Tag())
	if _, once := p.(*RecoveryCodesPage); once {
		f.Languages = nil // a link would leave the page, which nothing shows again
	}
	if f.Problem != nil {
		f.Title = text.Get("title.problem", "title", f.Title)
	}
	f.Help, f.Forgot, f.SignUp = inLanguage(f.Help, f.Chosen), inLanguage(f.Forgot, f.Chosen), inLanguage(f.SignUp, f.Chosen)
	f.CompanyID = inLanguage(f.CompanyID, f.Chosen)
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
func (v *visit) problem(step auth.Step) *Problem {
	p := &Problem{Reason: step.Reason, Field: field(step.Reason), Message: v.stepMessage(step)}
	switch {
	case p.Field == "password" && step.Stage == auth.StageNewPassword:
		p.Field = "new-password"
	case p.Field == "password":
		p.Field = "current-password"
	}
	throttled := step.Reason == auth.ReasonTooManyAttempts && slices.Contains(step.Offer, auth.MethodPassword)
	switch {
	case throttled && v.h.forgotAt() != "": // a new password opens what guesses have closed
		p.Link, p.Label = inLanguage(v.h.forgotAt(), v.chosen()), v.text().Get("forgot.link")
	case step.Reason == auth.ReasonCompanyIDUnknown:
		p.Link, p.Label = v.h.prefix+"/signin", v.text().Get("companyid.own")
	case step.Reason == auth.ReasonInvalidCredentials, step.Reason == auth.ReasonTooManyAttempts && !spent(step):
		p.Link, p.Label = v.h.prefix+"/help", v.text().Get("help.heading")
	}
	return p
}

// redirect sends the browser on with a GET.
func (v *visit) redirect(to string) {
	v.w.Header().Set("Location", to)
	v.w.WriteHeader(http.StatusSeeOther)
}
