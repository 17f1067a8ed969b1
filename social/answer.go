package social

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// ErrUsed says that an Answer was looked at before.
var ErrUsed = errors.New("social: the answer was looked at before")

const (
	maxSubject = 255 // bytes
	maxName    = 256 // runes of each name
	maxEmail   = 320 // bytes
	maxIssuer  = 512 // bytes
)

// An Answer is what a browser brings back, before it is believed. Its request was taken: nobody else gets it, whatever comes of it.
type Answer struct {
	Provider Provider // without its secret
	State    []byte   // Opening.State
	Fresh    bool     // Opening.Fresh

	m       *Manager
	known   known
	request Request
	message Message
	used    *atomic.Bool // by Identity, of this and every copy
}

// Receive takes a message that came to the callback of a provider. The request that it is for is over from then on; nothing else of the
// message is believed yet, and nobody was asked about it. Compare State with the browser before you call Identity where the browser's
// cookies come along, as they do with a GET. Answers of a provider that posts come by POST only, all others by GET only.
//
// Errors: ErrNotFound, there is no such provider; a *Refusal; any other means that something is broken here.
func (m *Manager) Receive(ctx context.Context, id string, msg Message) (Answer, error) {
	k, ok := m.known[id]
	switch {
	case !ok:
		return Answer{}, ErrNotFound
	case msg.Post != k.provider.Posts():
		return Answer{}, &Refusal{Code: CodeMethod}
	case len(msg.values()["state"]) > 1:
		return Answer{}, &Refusal{Code: CodeDuplicate, Received: "state"}
	}
	now, state := m.cfg.Now(), msg.values().Get("state")
	row, kept, err := m.take(ctx, id, state, now)
	if err != nil {
		return Answer{}, err
	}
	return Answer{
		Provider: k.shown(), State: kept.State, Fresh: kept.Fresh, m: m, known: k, message: msg, used: new(atomic.Bool),
		request: Request{MadeAt: row.MadeAt, State: state, Callback: m.Callback(id), Memory: kept.Memory, Fresh: kept.Fresh, HTTP: m.http},
	}, nil
}

// Identity checks the answer and says who it is, once. It asks the provider.
//
// Errors: a *Refusal; ErrUsed; any other means that the provider cannot be reached now, or something is broken here.
func (a Answer) Identity(ctx context.Context) (Identity, error) {
	switch {
	case a.m == nil:
		return Identity{}, errors.New("social: the answer was not made by Receive")
	case a.used.Swap(true):
		return Identity{}, ErrUsed
	}
	r := a.request
	if r.Now = a.m.cfg.Now(); !r.Now.Before(r.MadeAt.Add(requestLife)) {
		return Identity{}, &Refusal{Code: CodeRequestUnknown}
	}
	if err := checkAnswer(a.message.values()); err != nil {
		return Identity{}, err
	}
	id, err := a.known.speaker.Verify(ctx, r, a.message)
	if err != nil {
		return Identity{}, a.m.explain("checking an answer of", a.Provider.ID, err)
	}
	return a.known.judge(id)
}

// checkAnswer refuses what is no answer: parameters that are there twice, and what the provider says instead of one.
func checkAnswer(q url.Values) error {
	for name, values := range q {
		if len(values) > 1 {
			return &Refusal{Code: CodeDuplicate, Received: cut(name)}
		}
	}
	said := cut(q.Get("error"))
	switch {
	case q.Has("error") && q.Has("code"):
		return &Refusal{Code: CodeAmbiguous}
	case q.Has("error") && slices.Contains([]string{
		"access_denied",            // RFC 6749 §4.1.2.1
		"user_cancelled_authorize", // Apple and LinkedIn
		"user_cancelled_login",     // LinkedIn: somebody did not even sign in there
	}, said):
		return &Refusal{Code: CodeCancelled, Received: said}
	case q.Has("error"):
		return &Refusal{Code: CodeProviderError, Received: said}
	}
	return nil
}

// judge holds what a Speaker says against what it may say, and clears what is only for show.
func (k known) judge(id Identity) (Identity, error) {
	id.Provider = k.provider.ID
	if k.provider.OpenID == nil {
		id.Issuer = k.provider.Issuer
	}
	id.Email = strings.TrimSpace(id.Email)
	if !goodSubject(id.Subject) || id.Email != "" && strings.EqualFold(id.Subject, id.Email) { // an address can be given to somebody else
		return Identity{}, &Refusal{Code: CodeSubject, Received: cut(id.Subject)}
	}
	if len(id.Email) > maxEmail || oneLine(id.Email) != id.Email {
		id.Email = ""
	}
	id.Authoritative = id.Authoritative && id.Email != ""
	id.GivenName, id.FamilyName = oneLine(id.GivenName), oneLine(id.FamilyName)
	if id.Name = oneLine(id.Name); id.Name == "" {
		id.Name = oneLine(id.GivenName + " " + id.FamilyName)
	}
	return id, nil
}

// goodSubject tells whether a text can be what somebody is known by.
func goodSubject(s string) bool {
	return s != "" && len(s) <= maxSubject && utf8.ValidString(s) && strings.TrimSpace(s) == s && !strings.EqualFold(s, "null") && s != "0" &&
		strings.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }) < 0
}

// oneLine is a text of a provider without what no name holds, cut to maxName runes.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.Cf, r): // marks that turn the text around them, above all
			return -1
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	for i, n := 0, 0; i < len(s); n++ {
		if n == maxName {
			return strings.TrimSpace(s[:i])
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return s
}

// cut is what a refusal repeats of what came.
func cut(s string) string {
	if len(s) > 256 {
		s = s[:256]
	}
	return oneLine(s)
}
