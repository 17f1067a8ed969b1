package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/session"
)

// devicesAnswer is a person's own list of devices.
type devicesAnswer struct {
	Devices []deviceAnswer `json:"devices"`
	Locked  bool           `json:"locked,omitempty"` // after a report: until a new password is set
	Links   links          `json:"links"`
}

type deviceAnswer struct {
	ID           string   `json:"id"` // opens nothing
	Current      bool     `json:"current"`
	Trusted      bool     `json:"trusted"`
	TrustedAt    string   `json:"trusted_at,omitempty"`
	TwoStepUntil string   `json:"two_step_until,omitempty"` // until then it needs no code of the app
	FirstSeen    string   `json:"first_seen"`
	LastSeen     string   `json:"last_seen"`
	UserAgent    string   `json:"user_agent,omitempty"`
	IP           string   `json:"ip,omitempty"`
	Sessions     []string `json:"sessions"` // the ids of those that are open there
}

// reportAnswer is the device that a report would be about.
type reportAnswer struct {
	Device deviceAnswer `json:"device"`
	Locks  bool         `json:"locks"` // the report ends all other sessions and locks the account until there is a new password
	Links  links        `json:"links"`
}

func answerOfDevice(d auth.Device) deviceAnswer {
	a := deviceAnswer{
		ID: d.ID, Current: d.Current, Trusted: d.Trusted, FirstSeen: stamp(d.FirstSeen), LastSeen: stamp(d.LastSeen),
		UserAgent: d.UserAgent, IP: d.IP, Sessions: []string{},
	}
	if d.Trusted {
		a.TrustedAt = stamp(d.TrustedAt)
	}
	if d.Spared {
		a.TwoStepUntil = stamp(d.TwoStepUntil)
	}
	for _, s := range d.Sessions {
		a.Sessions = append(a.Sessions, s.ID)
	}
	return a
}

// showDevices lists the browsers that the person has signed in from.
func (h *Handler) showDevices(v *visit) {
	if p, ok := v.signedInAs(devicesPath); ok {
		v.answerDevices(http.StatusOK, p, nil)
	}
}

// trustDevice spares a device mailed codes.
func (h *Handler) trustDevice(v *visit) {
	p, ok := v.signedInAs(devicesPath)
	if !ok {
		return
	}
	d, ok := v.device(p)
	if !ok {
		return
	}
	reason, err := h.auth.TrustDevice(v.r.Context(), p.Session, d.ID, v.client)
	if reason == auth.ReasonProofRequired && err == nil {
		v.proofFirst(devicesPath + "#" + partOf(d.ID))
		return
	}
	v.changedDevice(p, d.ID, "trusted", err)
}

// stopTrusting takes trust back, and with it what spares the device the app's code.
func (h *Handler) stopTrusting(v *visit) {
	p, ok := v.signedInAs(devicesPath)
	if !ok {
		return
	}
	if d, ok := v.device(p); ok {
		v.changedDevice(p, d.ID, "untrusted", h.auth.StopTrusting(v.r.Context(), p.Session, d.ID, v.client))
	}
}

// showReport asks whether a device is to be reported.
func (h *Handler) showReport(v *visit) {
	q := url.Values{"id": {v.in["id"]}}
	p, ok := v.signedInAs(devicesPath)
	if !ok {
		return
	}
	d, ok := v.device(p)
	if !ok {
		return
	}
	v.here = url.URL{Path: h.prefix + devicesPath + "/report", RawQuery: q.Encode()}
	alone := h.auth.Preset().KeepOnReport
	switch {
	case d.Current:
		v.refuseDevice(p, auth.ReasonDeviceCurrent)
	case v.program:
		a := reportAnswer{Device: answerOfDevice(d), Locks: !alone, Links: v.links()}
		a.Links["report"], a.Links["devices"] = h.prefix+devicesPath+"/report", h.prefix+devicesPath
		v.json(http.StatusOK, a)
	default:
		v.show(http.StatusOK, &AccountReportPage{Device: rowOfDevice(d, h.auth.Now()), Alone: alone})
	}
}

// reportDevice signs a device out that the person does not recognize, and whatever else Preset.KeepOnReport leaves.
func (h *Handler) reportDevice(v *visit) {
	p, ok := v.signedInAs(devicesPath)
	if !ok {
		return
	}
	d, ok := v.device(p)
	if !ok {
		return
	}
	alone := h.auth.Preset().KeepOnReport
	reason, err := h.auth.ReportDevice(v.r.Context(), p.Session, d.ID, v.client)
	switch {
	case errors.Is(err, session.ErrNotFound): // another tab was faster
		v.answerDevices(http.StatusNotFound, p, v.goneProblem("devices.gone"))
	case err != nil:
		v.broken(err)
	case reason == auth.ReasonProofRequired:
		v.proofFirst(devicesPath + "/report?" + url.Values{"id": {d.ID}}.Encode())
	case reason != "":
		v.refuseDevice(p, reason)
	case v.program:
		v.devicesJSON(p, !alone)
	default:
		v.rememberLanguage()
		v.show(http.StatusOK, &AccountReportedPage{Email: p.user.Email, Alone: alone})
	}
}

// device is the one that the request names. It answers the visitor, and false, where the person has no such device.
func (v *visit) device(p person) (auth.Device, bool) {
	all, err := v.h.auth.ListDevices(v.r.Context(), p.Session)
	if err != nil {
		v.broken(err)
		return auth.Device{}, false
	}
	d, ok := one(all, v.in["id"], func(d auth.Device) string { return d.ID })
	if !ok {
		v.answerDevices(http.StatusNotFound, p, v.goneProblem("devices.gone"))
	}
	return d, ok
}

// changedDevice answers what was done to a device.
func (v *visit) changedDevice(p person, id, what string, err error) {
	switch {
	case errors.Is(err, session.ErrNotFound):
		v.answerDevices(http.StatusNotFound, p, v.goneProblem("devices.gone"))
	case err != nil:
		v.broken(err)
	case v.program:
		v.devicesJSON(p, false)
	default:
		v.done(devicesPath, what, partOf(id))
	}
}

// refuseDevice answers what may not be done to a device.
func (v *visit) refuseDevice(p person, reason auth.Reason) {
	v.here.Path, v.here.RawQuery = v.h.prefix+devicesPath, ""
	v.answerDevices(http.StatusUnprocessableEntity, p, v.refusal(reason))
}

// answerDevices shows the list, with what was wrong with the last request.
func (v *visit) answerDevices(status int, p person, problem *Problem) {
	if v.program {
		if problem != nil {
			v.fail(status, problem.Reason)
			return
		}
		v.devicesJSON(p, false)
		return
	}
	ctx := v.r.Context()
	all, err := v.h.auth.ListDevices(ctx, p.Session)
	if err != nil {
		v.broken(err)
		return
	}
	state, err := v.h.auth.TwoStep(ctx, p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	page := &AccountDevicesPage{TwoStep: state.On(), TrustDays: int(v.h.auth.Preset().TrustFor / day)}
	now := v.h.auth.Now()
	for _, d := range all {
		page.Devices = append(page.Devices, rowOfDevice(d, now))
	}
	currentFirst(page.Devices, func(d DeviceRow) bool { return d.Current })
	if page.Problem = problem; problem == nil {
		page.Notice = v.notice(devicesPath)
	}
	v.show(status, page)
}

func (v *visit) devicesJSON(p person, locked bool) {
	all, err := v.h.auth.ListDevices(v.r.Context(), p.Session)
	if err != nil {
		v.broken(err)
		return
	}
	a := devicesAnswer{Devices: []deviceAnswer{}, Locked: locked, Links: v.links()}
	for _, d := range all {
		a.Devices = append(a.Devices, answerOfDevice(d))
	}
	at := v.h.prefix + devicesPath
	a.Links["account"] = v.h.prefix + homePath
	a.Links["trust"], a.Links["untrust"], a.Links["report"] = at+"/trust", at+"/untrust", at+"/report"
	v.json(http.StatusOK, a)
}

// partOf is the id of a device's part of the page.
func partOf(id string) string { return "device-" + id }
