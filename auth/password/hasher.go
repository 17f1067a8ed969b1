package password

import (
	"cmp"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxBytes is the longest password that is looked at.
const maxBytes = 1024

// What a password or a stored hash can be wrong with.
var (
	ErrMismatch = errors.New("password: does not match")
	ErrFormat   = errors.New("password: the stored hash is in no known format, or its cost is out of bounds")
	ErrTooLong  = errors.New("password: longer than 1024 bytes")
	ErrEncoding = errors.New("password: not valid UTF-8")
	ErrEmpty    = errors.New("password: empty")
)

// Params is the cost of Argon2id. Each zero field means the recommendation.
type Params struct {
	Memory  uint32 // in KiB; zero means 19456 (19 MiB)
	Passes  uint32 // zero means 2
	Threads uint8  // lanes that run at the same time; zero means 1
}

// The recommendation: OWASP's Password Storage Cheat Sheet.
const (
	ourMemory  = 19 << 10
	ourPasses  = 2
	ourThreads = 1
	ourSalt    = 16 // bytes
	ourKey     = 32 // bytes
)

// The ceilings, of settings and of stored hashes: nobody who writes a row decides how much memory or time a sign-in takes.
const (
	maxMemory = 256 << 10 // KiB
	maxWork   = 1 << 20   // KiB written, that is memory times passes: about a second
)

// minMemory is the bare minimum of a stored hash, in KiB: cheaper ones are refused, not upgraded.
const minMemory = 4 << 10

// testCost is the least that Argon2 allows.
var testCost = Params{Memory: 8, Passes: 1, Threads: 1}

// A Verifier checks a hash that this package does not read. mine says that it reads this one, ok that the password is
// right. The password is in NFC. It must compare in constant time and bound the work it does.
type Verifier func(hash, password string) (mine, ok bool)

// A Hasher makes hashes and checks passwords against them. The zero value is ready to use. It is a plain value and safe
// for concurrent use; it does not bound how many run at once, a [Queue] does.
type Hasher struct {
	// Params is the cost of new hashes. The zero Params means 19 MiB, 2 passes, 1 thread.
	Params Params

	// Verifiers read, in order, the hashes that this package does not: other formats, and costs out of its bounds. Nil means none.
	Verifiers []Verifier

	// InsecureTestCost makes hashing cost next to nothing, for tests: 8 KiB, one pass. Params is then not read.
	// Outside a test binary every method answers with an error.
	InsecureTestCost bool
}

// Check tells what is wrong with the settings: a cost below OWASP's floor (19 MiB and 2 passes, or one of 46/1, 12/3,
// 9/4, 7/5) or above 256 MiB or 1 GiB of memory times passes. The other methods call it too.
func (h Hasher) Check() error {
	if h.InsecureTestCost {
		if flag.Lookup("test.v") == nil { // only the testing package registers it, and importing that would link it into hosts
			return errors.New("password: Hasher.InsecureTestCost is for test binaries only")
		}
		return nil
	}
	switch p := h.params(); {
	case !p.meetsFloor():
		return fmt.Errorf("password: Hasher.Params is too cheap: %d KiB and %d passes, want at least %d and %d or an equal of them",
			p.Memory, p.Passes, ourMemory, ourPasses)
	case !p.underCeiling():
		return fmt.Errorf("password: Hasher.Params is too dear: %d KiB and %d passes, want at most %d KiB, and %d KiB in all passes",
			p.Memory, p.Passes, maxMemory, maxWork)
	}
	return nil
}

// Hash makes the text to store for a new password: a PHC string of Argon2id with a fresh salt. It does not judge the
// password; a [Judge] does. It answers ErrTooLong, ErrEncoding or ErrEmpty before any work is done.
func (h Hasher) Hash(password string) (string, error) {
	if err := h.Check(); err != nil {
		return "", err
	}
	text, err := normal(password)
	if err != nil {
		return "", err
	}
	salt := make([]byte, ourSalt)
	rand.Read(salt) // never fails: crypto/rand ends the program instead
	a := argon2id{Params: h.params(), salt: salt}
	a.key = a.derive(text, ourKey)
	return a.String(), nil
}

// Verify checks a typed password against a stored hash. Nil means that it is right; stale then says that the hash should
// be replaced by a new one of the same password, because it is in another format, cheaper than Params, or has a shorter salt
// or key at the same cost. A hash with more memory or more passes is left alone, unless it is below the floor of Check.
//
// ErrMismatch: the password is wrong. ErrTooLong: it cannot be right, and nothing was hashed. ErrFormat: the hash is
// in no known format, or asks for more or less work than this package does for any row; nothing was hashed.
// An empty hash is ErrFormat too: for people without a password call [Hasher.Decoy].
func (h Hasher) Verify(hash, password string) (stale bool, err error) {
	if err := h.Check(); err != nil {
		return false, err
	}
	text, err := normal(password)
	if errors.Is(err, ErrTooLong) {
		return false, err
	}
	impossible := err != nil // found out after the work, so that it takes as long as any other wrong password

	right, stale, err := h.verify(hash, text)
	switch {
	case err != nil:
		return false, err
	case impossible || !right:
		return false, ErrMismatch
	}
	return stale, nil
}

func (h Hasher) verify(hash, password string) (right, stale bool, err error) {
	if a, ok := parseArgon2id(hash); ok && h.accepts(a.Params) {
		return a.matches(password), h.stale(a), nil
	}
	if b, ok := parseBcrypt(hash); ok {
		return b.matches(password), true, nil
	}
	if p, ok := parsePBKDF2(hash); ok {
		return p.matches(password), true, nil
	}
	for _, v := range h.Verifiers {
		if mine, ok := v(hash, password); mine {
			return ok, true, nil
		}
	}
	return false, false, ErrFormat
}

// Decoy does the work of Verify with a hash of today's cost, for an address that belongs to nobody or a person without a
// password, so that the time taken tells nobody apart. It never answers nil: ErrMismatch, or ErrTooLong as Verify does.
func (h Hasher) Decoy(password string) error {
	if err := h.Check(); err != nil {
		return err
	}
	text, err := normal(password)
	if errors.Is(err, ErrTooLong) {
		return err
	}
	nobody := argon2id{Params: h.params(), salt: make([]byte, ourSalt), key: make([]byte, ourKey)}
	nobody.matches(text)
	return ErrMismatch
}

// normal is the text that is hashed for what was typed.
func normal(password string) (string, error) {
	switch {
	case len(password) > maxBytes:
		return "", ErrTooLong
	case !utf8.ValidString(password):
		return "", ErrEncoding
	case password == "":
		return "", ErrEmpty
	}
	return norm.NFC.String(password), nil
}

func (h Hasher) params() Params {
	if h.InsecureTestCost {
		return testCost
	}
	return Params{
		Memory:  cmp.Or(h.Params.Memory, ourMemory),
		Passes:  cmp.Or(h.Params.Passes, ourPasses),
		Threads: cmp.Or(h.Params.Threads, ourThreads),
	}
}

// accepts tells whether a stored hash of this cost is checked at all.
func (h Hasher) accepts(p Params) bool {
	return p.underCeiling() && (p.Memory >= minMemory || h.InsecureTestCost)
}

// stale tells a hash that a new one would improve. It only goes upward: what is below the floor of Check is below
// anything made here, and what else has more memory or more passes than Params is not made cheaper.
func (h Hasher) stale(a argon2id) bool {
	p := h.params()
	if a.Memory > p.Memory || a.Passes > p.Passes {
		return !a.meetsFloor() && !h.InsecureTestCost
	}
	return a.Memory < p.Memory || a.Passes < p.Passes || len(a.salt) < ourSalt || len(a.key) < ourKey
}

// meetsFloor knows the costs that OWASP calls equal. Threads only divide the work.
func (p Params) meetsFloor() bool {
	return p.atLeast(46<<10, 1) || p.atLeast(ourMemory, ourPasses) || p.atLeast(12<<10, 3) || p.atLeast(9<<10, 4) || p.atLeast(7<<10, 5)
}

func (p Params) atLeast(memory, passes uint32) bool { return p.Memory >= memory && p.Passes >= passes }

func (p Params) underCeiling() bool {
	return p.Memory <= maxMemory && uint64(p.Memory)*uint64(p.Passes) <= maxWork
}
