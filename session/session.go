// Package session keeps people signed in: opaque cookies in front of rows that a server can end at any moment.
//
// Make a [Manager] with [New], guard a handler with [Manager.Require], and read who is there with [From].
// [Manager.Issue] starts a session for somebody whom your program has identified; [Manager.SignOut] ends it.
// It is usable alone, without the rest of Sallyport (examples/sessiononly).
//
// It does not check passwords, does not know roles or permissions, and puts nothing into the cookie but a random
// token: a session row holds ids, methods and times, and what a person may do is asked of your own tables.
package session

import (
	"iter"
	"strings"
	"time"
)

// A Session is a person signed in on one browser. It is a value: changing it changes nothing.
type Session struct {
	ID        string        // names the session in lists and events; opens nothing
	UserID    string        // who is signed in
	AccountID string        // the company chosen at sign-in; empty where there is none
	DeviceID  string        // the browser's device record; empty where none is kept
	Methods   Methods       // how the person proved who they are, in order
	Via       string        // the connection or provider the person came by; empty: this application itself
	Kept      bool          // "keep me signed in" was chosen
	CreatedAt time.Time     // when the person signed in
	AuthTime  time.Time     // when something was last proven; a step-up moves it
	SeenAt    time.Time     // last activity that was written: it may lag behind by Config.TouchEvery, never run ahead
	Idle      time.Duration // ends this long after the last activity
	ExpiresAt time.Time     // ends then, whatever happens
	UserAgent string        // the browser's own description at sign-in, cut to 256 bytes
	IP        string        // the address at sign-in; empty where unknown
}

// Methods lists how somebody proved who they are, in order and separated by spaces: "password totp".
// It is a string so that a Session can be copied without sharing anything.
type Methods string

// NewMethods makes a Methods of single names.
func NewMethods(names ...string) Methods { return Methods(strings.Join(names, " ")) }

// All yields each method in order.
func (m Methods) All() iter.Seq[string] { return strings.FieldsSeq(string(m)) }

// Has tells whether a method is in the list.
func (m Methods) Has(name string) bool {
	for one := range m.All() {
		if one == name {
			return true
		}
	}
	return false
}

// Live tells whether the session may still be used: neither idle for too long nor past its end.
func (s Session) Live(now time.Time) bool { return s.live(now) }

// live is Live without copying the session.
func (s *Session) live(now time.Time) bool {
	return now.UnixMicro() < s.ExpiresAt.UnixMicro() && s.rest(now) < s.Idle.Microseconds()
}

// rest is the time since the last activity in microseconds, as it is stored. Every request asks for it, and whole numbers are
// cheaper to subtract than times.
func (s *Session) rest(now time.Time) int64 { return now.UnixMicro() - s.SeenAt.UnixMicro() }
