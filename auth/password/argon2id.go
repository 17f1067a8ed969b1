package password

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Sizes that a stored hash may have, in bytes; the whole text is checked first.
const (
	maxText = 512
	minSalt = 8
	maxSalt = 64
	minKey  = 16
	maxKey  = 64
)

// An argon2id is a stored hash, taken apart.
type argon2id struct {
	Params
	salt, key []byte
}

// parseArgon2id reads $argon2id$v=19$m=…,t=…,p=…$salt$key, in exactly this order and spelling. What it reads is
// well-formed, not yet affordable.
func parseArgon2id(text string) (a argon2id, ok bool) {
	if len(text) > maxText {
		return a, false
	}
	fields := strings.Split(text, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" || fields[2] != "v=19" {
		return a, false
	}
	cost := strings.Split(fields[3], ",")
	if len(cost) != 3 {
		return a, false
	}
	memory, okMemory := setting(cost[0], "m=", 32)
	passes, okPasses := setting(cost[1], "t=", 32)
	threads, okThreads := setting(cost[2], "p=", 8)
	a.Params = Params{Memory: uint32(memory), Passes: uint32(passes), Threads: uint8(threads)}
	if !okMemory || !okPasses || !okThreads || memory < 8*threads { // RFC 9106, section 3.1
		return a, false
	}
	var okSalt, okKey bool
	a.salt, okSalt = unbase64(fields[4], minSalt, maxSalt)
	a.key, okKey = unbase64(fields[5], minKey, maxKey)
	return a, okSalt && okKey
}

func (a argon2id) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
		a.Memory, a.Passes, a.Threads, b64.EncodeToString(a.salt), b64.EncodeToString(a.key))
}

func (a argon2id) derive(password string, n int) []byte {
	return argon2.IDKey([]byte(password), a.salt, a.Passes, a.Memory, a.Threads, uint32(n))
}

func (a argon2id) matches(password string) bool {
	return subtle.ConstantTimeCompare(a.derive(password, len(a.key)), a.key) == 1
}

// setting reads "m=19456".
func setting(text, name string, bits int) (uint64, bool) {
	digits, ok := strings.CutPrefix(text, name)
	if !ok {
		return 0, false
	}
	return decimal(digits, bits)
}

// decimal reads a number from 1 on that is written in the one canonical way.
func decimal(digits string, bits int) (uint64, bool) {
	if strings.HasPrefix(digits, "0") {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, bits)
	return n, err == nil
}

// unbase64 reads the canonical base64 without padding. Go's decoder skips line ends and, unless strict, stray bits; going
// back shows both.
func unbase64(text string, least, most int) ([]byte, bool) {
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(raw) < least || len(raw) > most || base64.RawStdEncoding.EncodeToString(raw) != text {
		return nil, false
	}
	return raw, true
}
