package authtest

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/auth/password"
)

// A Clock is moved by hand. Give its Now to auth.Config. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at a whole second close to the present.
func NewClock() *Clock { return &Clock{now: time.Now().UTC().Truncate(time.Second)} }

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock, back where d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Keys is one random key, for auth.Config.Keys.
func Keys() [][]byte {
	key := make([]byte, 32)
	rand.Read(key) // never fails: crypto/rand ends the program instead
	return [][]byte{key}
}

// CheapPasswords hashes at no cost, for auth.Config.Passwords. It works in test binaries only.
func CheapPasswords() password.Hasher { return password.Hasher{InsecureTestCost: true} }
