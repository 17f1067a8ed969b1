package social

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/internal/openid"
)

// A Notice is a provider's word, on its own account, that something has happened to somebody's account there.
type Notice struct {
	Provider string
	Issuer   string
	Subject  string
	Kind     string    // in the provider's words: of Apple consent-revoked, account-delete(d), email-disabled, email-enabled
	Revoked  bool      // the consent was taken back, or the account deleted: the subject does not sign in here any more
	At       time.Time // when it happened: what was connected later stays
}

// Notice checks what a provider has posted to the address for notices. One may come twice, and late: what was connected after At is not
// what it speaks of. Answer 200 to each that is good, whatever its Kind, or it comes again.
//
// Errors: ErrNotFound, there is no such provider, or it sends none; a *Refusal; any other means that the provider's keys cannot be read
// now, or something is broken here.
func (m *Manager) Notice(ctx context.Context, id string, msg Message) (Notice, error) {
	k, ok := m.known[id]
	switch {
	case !ok || !k.provider.Notices():
		return Notice{}, ErrNotFound
	case !msg.Post:
		return Notice{}, &Refusal{Code: CodeMethod}
	case len(msg.Form["payload"]) != 1:
		return Notice{}, &Refusal{Code: CodeNotice, Expected: "one payload"}
	}
	party := k.o.party(m.Callback(id))
	party.Audiences = slices.Clone(k.o.ways.appIDs)
	n, err := m.openid.VerifyNotice(ctx, m.cfg.Now(), party, msg.Form.Get("payload"), &openid.Trail{})
	if err != nil {
		return Notice{}, m.explain("checking a notice of", id, refusal(err))
	}
	if !goodSubject(n.Subject) { // as no sign-in would have it
		return Notice{}, &Refusal{Code: CodeSubject, Received: cut(n.Subject)}
	}
	// Apple, "Processing changes for Sign in with Apple accounts": account-deleted in its text, account-delete in what it sends.
	revoked := slices.Contains([]string{"consent-revoked", "account-delete", "account-deleted"}, n.Kind)
	return Notice{Provider: id, Issuer: k.o.Issuer, Subject: n.Subject, Kind: n.Kind, Revoked: revoked, At: n.At}, nil
}

// maxMessage is how much of a body is read: a code, an ID token that nobody reads, and a name.
const maxMessage = 128 << 10

// ReadMessage reads what came to a callback, by GET or as a form by POST. Its error is a *Refusal: what came is no message.
func ReadMessage(w http.ResponseWriter, r *http.Request) (Message, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	switch {
	case err != nil:
		return Message{}, &Refusal{Code: CodeMessage, Expected: "a query"}
	case r.Method != http.MethodPost:
		return Message{Query: query}, nil
	}
	body, kind, err := readBody(w, r)
	if err != nil {
		return Message{}, err
	}
	if kind != "application/x-www-form-urlencoded" {
		return Message{}, &Refusal{Code: CodeMessage, Expected: "application/x-www-form-urlencoded", Received: cut(kind)}
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return Message{}, &Refusal{Code: CodeMessage, Expected: "a form"}
	}
	return Message{Post: true, Query: query, Form: form}, nil
}

// ReadNotice reads what came to an address for notices: a form, or JSON, which is what Apple sends. Its error is a *Refusal.
func ReadNotice(w http.ResponseWriter, r *http.Request) (Message, error) {
	if r.Method != http.MethodPost {
		return Message{}, &Refusal{Code: CodeMethod}
	}
	body, kind, err := readBody(w, r)
	if err != nil {
		return Message{}, err
	}
	form := url.Values{}
	switch kind {
	case "application/json":
		var sent struct {
			Payload string `json:"payload"`
		}
		if err := json.Unmarshal(body, &sent); err != nil {
			return Message{}, &Refusal{Code: CodeNotice, Expected: "JSON with a payload"}
		}
		form.Set("payload", sent.Payload)
	case "application/x-www-form-urlencoded":
		if form, err = url.ParseQuery(string(body)); err != nil {
			return Message{}, &Refusal{Code: CodeNotice, Expected: "a form"}
		}
	default:
		return Message{}, &Refusal{Code: CodeNotice, Expected: "application/json", Received: cut(kind)}
	}
	return Message{Post: true, Form: form}, nil
}

func readBody(w http.ResponseWriter, r *http.Request) (body []byte, kind string, err error) {
	kind, _, err = mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, "", &Refusal{Code: CodeMessage, Expected: "a Content-Type"}
	}
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	if err != nil {
		return nil, "", &Refusal{Code: CodeMessage, Expected: "at most 128 KiB"}
	}
	return body, kind, nil
}
