package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/social"
)

// socialRoutes are the addresses of providers, {provider} among them.
func (h *Handler) socialRoutes() []route {
	if h.social == nil {
		return nil
	}
	return []route{
		{http.MethodPost, "/social/{provider}/start", h.startSocial},
		{http.MethodGet, "/social/{provider}/callback", h.socialBrought},
		{http.MethodPost, "/social/{provider}/callback", h.socialPosted},
		{http.MethodPost, "/social/{provider}/notice", h.socialNotice},
		{http.MethodGet, connectedPath, h.showConnected},
		{http.MethodPost, connectedPath + "/connect", h.connect},
		{http.MethodGet, connectedPath + "/disconnect", h.showDisconnect},
		{http.MethodPost, connectedPath + "/disconnect", h.disconnect},
	}
}

// postsHere tells whether a provider posts to one of its addresses, without a browser or by one that sends no cookies: what it posts
// carries a secret of its own, which is used once, or a signature.
func (h *Handler) postsHere(method, pattern, provider string) bool {
	if h.social == nil || method != http.MethodPost {
		return false
	}
	p, known := h.social.Provider(provider)
	switch pattern {
	case "/social/{provider}/callback":
		return known && p.Posts()
	case "/social/{provider}/notice":
		return known && p.Notices()
	}
	return false
}

// provider is that of the address. It answers the visitor, and false, where there is none.
func (v *visit) provider() (p social.Provider, ok bool) {
	p, ok = v.h.social.Provider(v.named)
	if !ok {
		v.fail(http.StatusNotFound, auth.ReasonNotFound)
	}
	return p, ok
}

// startSocial takes the browser to a provider: in the flow that offers it, or in one that it makes.
func (h *Handler) startSocial(v *visit) {
	p, ok := v.provider()
	if !ok {
		return
	}
	ref := v.ref()
	d, err := h.auth.DepartSocial(v.r.Context(), ref, auth.Opening{
		Remember: v.in.ticked("remember"), ReturnTo: v.in["return_to"], Lang: v.chosen(), Replaces: v.flow,
	}, p.ID, v.client)
	if err != nil || d.Handle == nil {
		v.answer(ref, d.Step, err)
		return
	}
	v.departSocial(p, d)
}

// departSocial sends the browser off.
func (v *visit) departSocial(p social.Provider, d auth.Departure) {
	v.issued = cmp.Or(d.Token, v.issued)
	to, err := v.h.social.Begin(v.r.Context(), p.ID, social.Opening{
		State: d.Handle, LoginHint: d.LoginHint, Fresh: d.Fresh && p.Fresh(), SelectAccount: d.Connects,
	})
	v.keepFlow()
	if err != nil {
		step := d.Step
		step.Reason, step.Came.Reference = auth.ReasonSocialFailed, v.reported(err)
		v.reference = step.Came.Reference
		v.showStep(http.StatusUnprocessableEntity, step)
		return
	}
	v.rememberLanguage()
	if v.program {
		a := v.stepAnswer(d.Step)
		a.Redirect = to
		v.json(http.StatusOK, a)
		return
	}
	v.w.Header().Set("Refresh", "0; url="+to)
	v.show(http.StatusOK, &AwayPage{Frame: Frame{titled: "title.away.provider"}, Provider: p.Name, URL: to})
}

// socialBrought takes an answer that the browser brings itself, with its cookies: only that of the flow that asked goes on.
func (h *Handler) socialBrought(v *visit) {
	a, ok := v.receivedSocial()
	if !ok {
		return
	}
	v.of(auth.PurposeOf(h.auth.Departed(a.State)))
	if !h.auth.Belongs(a.State, v.flow) { // before the code is sent anywhere
		v.unansweredSocial(errors.New("web: the answer of a provider came by a browser that has not asked for it"))
		return
	}
	if ticket, ok := v.lay(a.State, v.socialArrival(a)); ok {
		v.meet(auth.Ref{Token: v.flow}, ticket, false)
	}
}

// socialPosted takes an answer that a provider's page has posted: without cookies, so that it waits for the browser's next request. The
// ticket in its address goes to this browser alone.
func (h *Handler) socialPosted(v *visit) {
	a, ok := v.receivedSocial()
	if !ok {
		return
	}
	if ticket, ok := v.lay(a.State, v.socialArrival(a)); ok {
		v.redirect(h.prefix + "/signin/arrived?" + url.Values{"flow": {h.auth.Departed(a.State)}, "answer": {ticket}}.Encode())
	}
}

// receivedSocial takes the answer that came to the address of a provider. It answers the visitor, and false, where there is none.
func (v *visit) receivedSocial() (a social.Answer, ok bool) {
	p, ok := v.provider()
	if !ok {
		return a, false
	}
	m, ok := v.brought()
	if !ok {
		return a, false
	}
	a, err := v.h.social.Receive(v.r.Context(), p.ID, social.Message{Post: m.Post, Query: m.Query, Form: m.Form})
	if err != nil {
		v.unansweredSocial(err)
	}
	return a, err == nil
}

// unansweredSocial answers a message that belongs to no flow.
func (v *visit) unansweredSocial(err error) {
	if errors.Is(err, social.ErrNotFound) {
		v.fail(http.StatusNotFound, auth.ReasonNotFound)
		return
	}
	why, reference := v.publiclySocial(err)
	v.refuse(http.StatusUnprocessableEntity, why, reference)
}

// publiclySocial is what the person may learn of an error. What they have stopped themselves is no failure, and has no reference.
func (v *visit) publiclySocial(err error) (why auth.Reason, reference string) {
	why = auth.ReasonSocialFailed
	if r := (*social.Refusal)(nil); errors.As(err, &r) {
		why = auth.Reason(r.Public())
	}
	if why == auth.ReasonSocialCancelled {
		return why, ""
	}
	return why, v.reported(err)
}

// socialArrival is what package auth is told of an answer.
func (v *visit) socialArrival(a social.Answer) auth.Arrival {
	to := auth.Arrival{Provider: a.Provider.ID, ProviderName: a.Provider.Name}
	id, err := a.Identity(v.r.Context())
	if err != nil {
		to.Why, to.Reference = v.publiclySocial(err)
		return to
	}
	to.Issuer, to.Subject, to.Email, to.Speaks = id.Issuer, id.Subject, id.Email, id.Authoritative
	if a.Provider.Fresh() { // else nobody promises what its auth_time means
		to.AuthTime = id.AuthTime
	}
	to.Name = cmp.Or(id.Name, strings.TrimSpace(id.GivenName+" "+id.FamilyName))
	return to
}

// socialNotice takes what a provider says to this program, with nobody in between: that somebody has forbidden it to sign them in, or has
// no account there any more. It answers with a status alone.
func (h *Handler) socialNotice(v *visit) {
	ctx := v.r.Context()
	p, known := h.social.Provider(v.named)
	if !known || !p.Notices() {
		v.w.WriteHeader(http.StatusNotFound)
		return
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxBody)
	m, err := social.ReadNotice(v.w, v.r)
	if err != nil {
		v.w.WriteHeader(http.StatusBadRequest)
		return
	}
	n, err := h.social.Notice(ctx, p.ID, m)
	if err == nil && n.Revoked {
		err = h.auth.Revoked(ctx, auth.Provider{ID: p.ID, Name: p.Name}, n.Issuer, n.Subject, n.At)
	}
	switch r := (*social.Refusal)(nil); {
	case errors.Is(err, social.ErrNotFound):
		v.w.WriteHeader(http.StatusNotFound)
	case errors.As(err, &r):
		v.reported(err)
		v.w.WriteHeader(http.StatusBadRequest)
	case err != nil:
		v.reported(err)
		v.w.WriteHeader(http.StatusServiceUnavailable) // it comes again
	default:
		v.w.WriteHeader(http.StatusOK)
	}
}

// providersOf are the buttons that a step's page shows, at its foot.
func (v *visit) providersOf(step auth.Step) ([]ProviderButton, error) {
	h, begins := v.h, step.Stage == auth.StageIdentify && step.Flow.ID == ""
	if h.social == nil || v.purpose != auth.SignIn || step.Flow.Way != auth.WayAny || !step.Social && !begins {
		return nil, nil
	}
	used := v.lastUsed()
	shown := func(string) bool { return true }
	display := h.auth.Preset().SocialDisplay
	if step.Reason == auth.ReasonSocialEmailExists { // whoever has proven the address may have nothing but another of these
		display = auth.SocialAllEnabled
	}
	switch display {
	case auth.SocialConnectedOnDevice:
		shown = func(id string) bool { return slices.Contains(used, id) }
	case auth.SocialConnectedForUser:
		ids, err := h.auth.ProvidersFor(v.r.Context(), step)
		if err != nil {
			return nil, err
		}
		shown = func(id string) bool { return slices.Contains(ids, id) }
	}
	var all []ProviderButton
	// Whoever is to say whose account waits has come by that one, which would come again.
	waits := ""
	if step.Stage == auth.StageAuthenticate {
		waits = step.Flow.Pending.Provider
	}
	for _, p := range h.social.Providers() {
		if p.ID != waits && shown(p.ID) {
			b := v.providerButton(p)
			b.Last = len(used) > 0 && used[0] == p.ID
			all = append(all, b)
		}
	}
	return all, nil
}

// providerButton is the button of a provider, in the visitor's language.
func (v *visit) providerButton(p social.Provider) ProviderButton {
	return v.h.providerButton(p.ID, p.Name, v.text().Get(labelOf(p.ID), "name", p.Name))
}

// offeredProviders are the buttons of the social accounts that a step asks for, in the place of anything else.
func (v *visit) offeredProviders(step auth.Step) (all []ProviderButton) {
	if v.h.social == nil {
		return nil
	}
	for _, m := range step.Offer {
		id, is := m.Social()
		if p, known := v.h.social.Provider(id); is && known {
			all = append(all, v.providerButton(p))
		}
	}
	return all
}

// waiting is the account elsewhere that waits in a flow; nil: none does.
func (v *visit) waiting(f auth.Flow) *Waiting {
	p := f.Pending
	if p.Provider == "" {
		return nil
	}
	return &Waiting{
		Provider: p.Provider, Name: cmp.Or(p.ProviderName, p.Provider), Email: p.Email, Logo: v.h.assets.named["provider-"+p.Provider+".svg"],
	}
}

// meant is the provider that a text is about, as people know it: that of a step, of the address, or of what was sent.
func (v *visit) meant(step auth.Step) string {
	if v.h.social == nil {
		return ""
	}
	ids := []string{step.Came.Provider, step.Flow.Pending.Provider}
	for _, m := range step.Offer {
		if id, is := m.Social(); is {
			ids = append(ids, id)
		}
	}
	for _, id := range append(ids, v.named, v.in["provider"]) {
		if p, known := v.h.social.Provider(id); known {
			return p.Name
		}
	}
	return ""
}

// providerNames are how people know the providers, by ID.
func (h *Handler) providerNames() map[string]string {
	names := map[string]string{}
	if h.social != nil {
		for _, p := range h.social.Providers() {
			names[p.ID] = p.Name
		}
	}
	return names
}

// maxLast is how many providers are remembered on a device.
const maxLast = 8

// lastUsed are the providers by which somebody has signed in on this browser, the newest first. An empty one in front says that the last
// sign-in was by something else.
func (v *visit) lastUsed() []string {
	list := v.h.cookies.open(v.r, lastCookie)
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// rememberConnected takes note of a provider that somebody has connected on this browser, without having signed in by it.
func (v *visit) rememberConnected(id string) {
	used := v.lastUsed()
	if slices.Contains(used, id) {
		return
	}
	if len(used) == 0 {
		used = []string{""}
	}
	used = slices.Insert(used, 1, id)
	v.h.cookies.hint(v.w, lastCookie, strings.Join(used[:min(len(used), maxLast)], ","), lastLife)
}

// rememberProvider takes note of how somebody has signed in just now.
func (v *visit) rememberProvider(done auth.Done) {
	used, now := v.lastUsed(), ""
	for name := range done.Session.Methods.All() {
		if id, ok := auth.Method(name).Social(); ok {
			now = id
		}
	}
	if now == "" && len(used) == 0 {
		return
	}
	used = slices.DeleteFunc(used, func(id string) bool { return id == now || id == "" })
	list := append([]string{now}, used...)
	v.h.cookies.hint(v.w, lastCookie, strings.Join(list[:min(len(list), maxLast)], ","), lastLife)
}
