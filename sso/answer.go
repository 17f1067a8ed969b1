package sso

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/internal/token"
)

// Errors of an Answer that is used for what it is not.
var (
	ErrTest = errors.New("sso: the answer is one of a test, and signs nobody in")
	ErrUsed = errors.New("sso: the answer was looked at before")
)

// An Answer is what a browser brings back, before it is believed. It was taken: nobody else gets it, whatever comes of it.
type Answer struct {
	Connection  Connection // without its secret
	State       []byte     // Opening.State; empty where nobody asked
	Unsolicited bool       // nobody asked. It counts only after somebody has agreed on a page of ours
	Test        bool       // Opening.Test

	m        *Manager
	protocol Protocol
	request  Request
	message  Message
	used     *atomic.Bool // by Identity or DryRun, of this and every copy
}

// Receive takes a message that came to the address of a connection where answers come. The request that it is for is over from then
// on; nothing else of the message is believed yet, and nobody was asked about it. Compare State with the browser before you call
// Identity where the browser's cookies come along, as they do with a GET.
//
// Errors: ErrNotFound, ErrDisabled, a *Refusal; any other means that something is broken here.
func (m *Manager) Receive(ctx context.Context, connectionID string, msg Message) (Answer, error) {
	c, p, err := m.open(ctx, connectionID)
	if err != nil {
		return Answer{}, err
	}
	now := m.cfg.Now()
	handle, err := p.Handle(msg)
	if err != nil {
		return Answer{}, m.refused(ctx, c, AnswerRefused, Event{Time: now}, err)
	}
	a := Answer{Connection: withoutSecret(c), m: m, protocol: p, message: msg, used: new(atomic.Bool)}
	a.request = Request{Connection: c, Addresses: m.Addresses(c), Now: now}
	if _, ours := token.Lookup(token.SSORequest, handle); !ours {
		// SAML alone has answers that nobody asked for.
		if c.Protocol != "saml" || !c.IdPInitiated {
			return Answer{}, m.refused(ctx, c, AnswerRefused, Event{Time: now, Unsolicited: true}, &Refusal{Code: CodeUnsolicited})
		}
		a.Unsolicited = true
		return a, nil
	}
	var kept remembered
	row, err := m.take(ctx, token.SSORequest, handle, &kept, now)
	switch {
	case errors.Is(err, ErrNotFound):
		return Answer{}, m.refused(ctx, c, AnswerRefused, Event{Time: now}, &Refusal{Code: CodeRequestUnknown})
	case err != nil:
		return Answer{}, err
	case row.Connection != c.ID:
		r := &Refusal{Code: CodeRequestConnection, Expected: row.Connection, Received: c.ID}
		return Answer{}, m.refused(ctx, c, AnswerRefused, Event{Time: now}, r)
	}
	a.State, a.Test = kept.State, kept.Test
	a.request.Handle, a.request.Memory, a.request.MadeAt = handle, kept.Memory, row.MadeAt
	a.request.Fresh, a.request.LoginHint = kept.Fresh, kept.Hint
	return a, nil
}

// refused records a refusal. What is none goes through.
func (m *Manager) refused(ctx context.Context, c Connection, kind Kind, e Event, err error) error {
	var r *Refusal
	if !errors.As(err, &r) {
		return err
	}
	e.Kind, e.Code = kind, r.Code
	if err := m.record(ctx, c, e); err != nil {
		return err
	}
	return r
}

// Identity checks the answer and says who it is, once. The Report says what was checked, whatever comes out; it is for the people who
// run the connection.
//
// Errors: a *Refusal; ErrTest; ErrUsed; any other means that the provider cannot be reached or something is broken here.
func (a Answer) Identity(ctx context.Context) (Identity, Report, error) {
	switch {
	case a.m == nil:
		return Identity{}, Report{}, errors.New("sso: the answer was not made by Receive")
	case a.Test:
		return Identity{}, Report{}, ErrTest
	}
	id, rep, err := a.look(ctx)
	e := Event{Kind: AnswerAccepted, Time: id.At, Unsolicited: a.Unsolicited}
	if err != nil {
		e.Time = a.m.cfg.Now()
		return Identity{}, rep, a.m.refused(ctx, a.Connection, AnswerRefused, e, err)
	}
	if err := a.m.record(ctx, a.Connection, e); err != nil {
		return Identity{}, rep, err
	}
	return id, rep, nil
}

// DryRun checks the answer of a test, once, and says what Identity would have said. It goes on after the first rule that is not met
// where that is possible, so that an administrator sees all that is to mend. The Identity is for showing: nothing may follow from it.
//
// Errors are those of Identity. An answer that is not one of a test is an error.
func (a Answer) DryRun(ctx context.Context) (Report, Identity, error) {
	if a.m == nil || !a.Test {
		return Report{}, Identity{}, errors.New("sso: the answer is not one of a test")
	}
	id, rep, err := a.look(ctx)
	e := Event{Kind: AnswerTested, Time: a.m.cfg.Now(), Test: true}
	if err != nil {
		return rep, Identity{}, a.m.refused(ctx, a.Connection, AnswerTested, e, err)
	}
	return rep, id, a.m.record(ctx, a.Connection, e)
}

// look is what Identity and DryRun share.
func (a Answer) look(ctx context.Context) (Identity, Report, error) {
	var rep Report
	if a.used.Swap(true) {
		return Identity{}, rep, ErrUsed
	}
	r := a.request
	r.Now = a.m.cfg.Now()
	if r.Handle != "" && !r.Now.Before(r.MadeAt.Add(requestLife)) {
		return Identity{}, rep, rep.Fail(Refusal{Code: CodeRequestUnknown})
	}
	v, err := a.protocol.Verify(ctx, r, a.message, &rep)
	if c, ok := a.m.renewed(ctx, r, err); ok {
		r.Connection, rep = c, Report{}
		v, err = a.protocol.Verify(ctx, r, a.message, &rep)
	}
	if err != nil {
		var refusal *Refusal
		if !errors.As(err, &refusal) {
			err = fmt.Errorf("sso: checking an answer of %q: %w", r.Connection.ID, err)
		}
		return Identity{}, rep, err
	}
	// Written down whatever else is wrong with it: an answer counts once. Not before it was verified, or junk would fill the table.
	if err := a.useOnce(ctx, r, v, &rep); err != nil {
		return Identity{}, rep, err
	}
	id, refusal := judge(r.Connection, v.Identity, r.Now, &rep)
	if refusal != nil {
		return Identity{}, rep, refusal
	}
	return id, rep, nil
}

// renewed answers the connection with what its provider says now, where an answer was refused for a key that it does not know. Anybody
// can bring such an answer, so this happens once in ten minutes for each connection. What goes wrong leaves the refusal as it is.
func (m *Manager) renewed(ctx context.Context, r Request, err error) (Connection, bool) {
	var refusal *Refusal
	if m.cfg.Renew == nil || r.Connection.SAML.MetadataURL == "" || !errors.As(err, &refusal) || refusal.Code != CodeSignatureKey {
		return Connection{}, false
	}
	window := r.Now.Truncate(renewEvery)
	first, err := m.once(ctx, "renew", r.Connection.ID, stamp(window), window.Add(renewEvery), r.Now)
	if err != nil || !first {
		return Connection{}, false
	}
	c, err := m.cfg.Renew(ctx, r.Connection.ID)
	return c, err == nil && c.ID == r.Connection.ID && !c.Disabled
}

const renewEvery = 10 * time.Minute

func (a Answer) useOnce(ctx context.Context, r Request, v Verified, rep *Report) error {
	if v.Once == "" {
		if r.Handle == "" {
			return fmt.Errorf("sso: %q accepts an answer that nobody asked for and that has no name: it could be used again", r.Connection.Protocol)
		}
		return nil
	}
	first, err := a.m.once(ctx, "answer", r.Connection.ID, v.Once, v.OnceEnds, r.Now)
	switch {
	case err != nil:
		return err
	case !first:
		return rep.Fail(Refusal{Code: CodeReplayed})
	}
	rep.Pass(CodeReplayed, "")
	return nil
}

// once is true for the first message of this name. It does not depend on the key ring: a new key must not make old messages new.
func (m *Manager) once(ctx context.Context, what, connection, name string, ends, now time.Time) (bool, error) {
	h := sha256.New()
	for _, part := range []string{"sso once", what, connection, name} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write([]byte(part))
	}
	if soonest := now.Add(requestLife); ends.Before(soonest) {
		ends = soonest
	}
	if latest := now.Add(longestOnce); ends.After(latest) { // what a provider writes must not fill the table for years
		ends = latest
	}
	first, err := m.cfg.Requests.UseAssertion(ctx, [32]byte(h.Sum(nil)), ends, now)
	if err != nil {
		return false, fmt.Errorf("sso: writing down a message of %q: %w", connection, err)
	}
	return first, nil
}

// longestOnce is how long a message is remembered at most. No protocol here accepts one a day after it was made, whatever that says of
// its own end.
const longestOnce = 24 * time.Hour

const (
	maxSubject = 512 // bytes: as many as a store of identities keeps
	maxName    = 256 // bytes of each name
)

// judge holds what a provider says against what its connection may say. All rules are tried; the first that is not met is answered.
func judge(c Connection, id Identity, now time.Time, rep *Report) (Identity, *Refusal) {
	var first *Refusal
	fail := func(f Refusal) {
		if r := rep.Fail(f); first == nil {
			first = r
		}
	}
	if why := badSubject(id.Subject); why != "" {
		fail(Refusal{Code: CodeSubject, Received: printable(id.Subject), Detail: why})
	} else {
		rep.Pass(CodeSubject, id.Subject)
	}
	judgeEmail(c, &id, rep, fail)
	switch {
	case c.SkipSessionEnd || id.SessionEnds.IsZero():
		id.SessionEnds = time.Time{}
	case !now.Before(id.SessionEnds):
		fail(Refusal{Code: CodeSessionOver, Expected: "after " + stamp(now), Received: stamp(id.SessionEnds)})
	default:
		rep.Pass(CodeSessionOver, stamp(id.SessionEnds))
	}
	if id.Role = c.RoleOf(id.Groups); id.Role == "" {
		rep.tell(CodeRole, strings.Join(id.Groups, ", "))
	} else {
		rep.Pass(CodeRole, id.Role)
	}
	if id.MultiFactor = !c.RequireTwoStep && c.believes(id.Contexts); !id.MultiFactor {
		rep.tell(CodeMultiFactor, strings.Join(id.Contexts, ", "))
	} else {
		rep.Pass(CodeMultiFactor, strings.Join(id.Contexts, ", "))
	}
	id.Name, id.GivenName, id.FamilyName = printable(id.Name), printable(id.GivenName), printable(id.FamilyName)
	id.Connection, id.AccountID, id.At = c.ID, c.AccountID, now
	id.Login.Subject = cmp.Or(id.Login.Subject, id.Subject)
	return id, first
}

// judgeEmail is the rule that keeps companies apart: a connection speaks for the addresses of its own domains.
func judgeEmail(c Connection, id *Identity, rep *Report, fail func(Refusal)) {
	a, err := address.Parse(id.Email)
	switch {
	case errors.Is(err, address.Empty):
		fail(Refusal{Code: CodeEmailMissing})
		return
	case err != nil:
		fail(Refusal{Code: CodeEmailInvalid, Received: printable(id.Email)})
		return
	}
	rep.Pass(CodeEmailMissing, a.Canonical)
	if !c.SpeaksFor(a.Domain) {
		fail(Refusal{Code: CodeEmailDomain, Expected: strings.Join(c.Domains, ", "), Received: a.Domain})
		return
	}
	rep.Pass(CodeEmailDomain, a.Domain)
	id.Email = a.Canonical
}

// badSubject tells why a text cannot name a person for good; empty: it can.
func badSubject(s string) string {
	switch {
	case strings.TrimSpace(s) == "":
		return "empty"
	case len(s) > maxSubject:
		return fmt.Sprintf("%d bytes, at most %d", len(s), maxSubject)
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return "not text"
	}
	return ""
}

// believes tells whether one of the contexts asserts a second step.
func (c Connection) believes(contexts []string) bool {
	believed := c.MultiFactor
	if len(believed) == 0 {
		believed = DefaultMultiFactor()
	}
	return slices.ContainsFunc(contexts, func(s string) bool { return slices.Contains(believed, s) })
}

// printable is a text of a provider without what no name holds, cut to maxName bytes.
func printable(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, s))
	for len(s) > maxName {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
