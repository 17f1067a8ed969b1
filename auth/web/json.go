package web

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/internal/address"
)

// stepAnswer is the one shape of a sign-in in JSON. docs/openapi.yaml describes it.
type stepAnswer struct {
	Flow       string          `json:"flow,omitempty"`
	Version    int64           `json:"version,omitempty"`
	Stage      auth.Stage      `json:"stage"`
	Offer      []auth.Method   `json:"offer"`
	Reason     auth.Reason     `json:"reason,omitempty"`
	Field      string          `json:"field,omitempty"`
	Message    string          `json:"message,omitempty"`
	Hint       string          `json:"hint,omitempty"`
	RetryAfter int             `json:"retry_after,omitempty"` // seconds
	Expires    string          `json:"expires,omitempty"`     // RFC 3339
	Accounts   []accountAnswer `json:"accounts,omitempty"`
	ReturnTo   string          `json:"return_to,omitempty"`
	Links      links           `json:"links"`
}

type accountAnswer struct {
	ID    string            `json:"id"`
	Name  string            `json:"name"`
	State auth.AccountState `json:"state"`
}

// errorAnswer is the shape of every other refusal.
type errorAnswer struct {
	Reason    auth.Reason `json:"reason"`
	Message   string      `json:"message"`
	Reference string      `json:"reference,omitempty"`
	Links     links       `json:"links"`
}

// links are the addresses that lead on, by what is done there.
type links map[string]string

// stepAnswer is what a program is told of a step. It holds nothing of the person but the address as it was typed, masked.
func (v *visit) stepAnswer(step auth.Step) stepAnswer {
	f := step.Flow
	a := stepAnswer{
		Flow: f.ID, Version: f.Version, Stage: step.Stage, Offer: append([]auth.Method{}, step.Offer...), Reason: step.Reason,
		Hint: address.Mask(f.Email), RetryAfter: wholeSeconds(step.RetryAfter), Links: v.stepLinks(step),
	}
	if step.Reason != "" {
		a.Field, a.Message = field(step.Reason), v.message(step.Reason, step.RetryAfter)
	}
	if !f.ExpiresAt.IsZero() {
		a.Expires = f.ExpiresAt.UTC().Format(time.RFC3339)
	}
	for _, c := range step.Accounts {
		a.Accounts = append(a.Accounts, accountAnswer(c))
	}
	return a
}

func (v *visit) stepLinks(step auth.Step) links {
	l := v.links()
	signIn := v.h.prefix + "/signin"
	switch step.Stage {
	case auth.StageIdentify:
		l["identify"] = signIn + "/identify"
	case auth.StageAuthenticate:
		for _, m := range step.Offer {
			l[string(m)] = signIn + "/" + string(m)
		}
	case auth.StageAccount:
		l["account"] = signIn + "/account"
	case auth.StageReady:
		if step.Flow.ID != "" {
			l["account"] = signIn + "/account"
			break
		}
		l["signout"], l["sessions"] = v.h.prefix+"/signout", v.h.prefix+"/account/sessions"
	}
	switch {
	case step.Flow.ID != "":
		l["restart"], l["cancel"] = signIn+"/restart", signIn+"/cancel"
	case step.Reason == auth.ReasonFlowGone:
		l["restart"] = signIn
	}
	return l
}

// links are those that every answer has.
func (v *visit) links() links {
	l := links{"help": v.h.prefix + "/help"}
	if v.h.support != "" {
		l["support"] = v.h.support
	}
	return l
}

// field is the name of the field that a reason is about; empty: none.
func field(reason auth.Reason) string {
	switch reason {
	case auth.ReasonEmailInvalid:
		return "email"
	case auth.ReasonInvalidCredentials, auth.ReasonPasswordMissing:
		return "password"
	case auth.ReasonAccountUnknown:
		return "account"
	}
	return ""
}

// message says a reason in the visitor's language, and how long to wait where that is known.
func (v *visit) message(reason auth.Reason, wait time.Duration) string {
	text := v.text()
	key := "reason." + string(reason)
	switch {
	case reason != auth.ReasonTooManyAttempts || wait <= 0 || wait > day:
		return text.Get(key, "product", v.h.product)
	case wait <= time.Minute:
		return text.Count(key+".seconds", wholeSeconds(wait))
	}
	return text.Count(key+".minutes", int((wait+time.Minute-1)/time.Minute))
}

// wholeSeconds rounds up: whoever waits that long has waited long enough.
func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func seconds(d time.Duration) string { return strconv.Itoa(wholeSeconds(d)) }

// json sends an answer to a program.
func (v *visit) json(status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil { // our own structs of texts and numbers: cannot happen
		status, body = http.StatusServiceUnavailable, []byte(`{"reason":"broken"}`)
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(status)
	v.w.Write(append(body, '\n')) // nobody is left to tell if this fails
}
