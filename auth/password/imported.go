package password

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// The bounds of imported hashes. Cheaper ones are refused, not upgraded; dearer ones would take seconds.
const (
	minBcrypt = 8 // as a power of two
	maxBcrypt = 15
	minRounds = 10_000
	maxRounds = 5_000_000
)

// maxBcryptBytes is how much of a password bcrypt reads.
const maxBcryptBytes = 72

// A bcryptHash is the text of one, known to be well-formed and affordable.
type bcryptHash string

// parseBcrypt reads $2a$, $2b$ or $2y$, a cost of two digits, and 53 letters of bcrypt's own base64. $2x$ marks hashes of a
// faulty program and is refused.
func parseBcrypt(text string) (bcryptHash, bool) {
	const letters = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	if len(text) != 60 || text[:2] != "$2" || !strings.Contains("aby", text[2:3]) || text[3] != '$' || text[6] != '$' {
		return "", false
	}
	cost, ok := decimal(strings.TrimPrefix(text[4:6], "0"), 8)
	if !ok || cost < minBcrypt || cost > maxBcrypt || strings.Trim(text[7:], letters) != "" {
		return "", false
	}
	return bcryptHash(text), true
}

// matches does the work for a password that bcrypt cannot hold as well, and then says no. A zero byte is one of them:
// bcrypt ends the password with one and starts over, so "ab" and "ab\x00ab" are the same to it.
func (b bcryptHash) matches(password string) bool {
	whole := len(password) <= maxBcryptBytes && !strings.Contains(password, "\x00")
	read := password[:min(len(password), maxBcryptBytes)]
	return bcrypt.CompareHashAndPassword([]byte(b), []byte(read)) == nil && whole
}

// A pbkdf2Hash is a stored hash, taken apart and affordable.
type pbkdf2Hash struct {
	digest    func() hash.Hash
	rounds    int
	salt, key []byte
}

// parsePBKDF2 reads four spellings, each with SHA-256 or SHA-512:
//
//	$pbkdf2-sha256$29000$salt$key           passlib: base64 without padding, and "." for "+"
//	$pbkdf2-sha256$i=29000$salt$key         PHC: base64 without padding
//	$pbkdf2-sha256$i=29000,l=32$salt$key
//	pbkdf2_sha256$29000$salt$key            Django: a salt that is text, and padded base64
func parsePBKDF2(text string) (p pbkdf2Hash, ok bool) {
	if len(text) > maxText {
		return p, false
	}
	phc := strings.HasPrefix(text, "$")
	fields := strings.Split(strings.TrimPrefix(text, "$"), "$")
	if len(fields) != 4 {
		return p, false
	}
	size, length := 0, ""
	switch name := fields[0]; {
	case phc && name == "pbkdf2-sha256", !phc && name == "pbkdf2_sha256":
		p.digest, size, length = sha256.New, sha256.Size, ",l=32"
	case phc && name == "pbkdf2-sha512", !phc && name == "pbkdf2_sha512":
		p.digest, size, length = sha512.New, sha512.Size, ",l=64"
	default:
		return p, false
	}
	digits, salt, key := fields[1], fields[2], fields[3]
	switch named := strings.HasPrefix(digits, "i="); {
	case phc && named:
		digits = strings.TrimSuffix(digits[2:], length)
	case phc:
		if strings.Contains(salt+key, "+") {
			return p, false
		}
		salt, key = strings.ReplaceAll(salt, ".", "+"), strings.ReplaceAll(key, ".", "+")
	default:
		bare := strings.TrimRight(key, "=")
		if len(key)%4 != 0 || len(key)-len(bare) > 2 {
			return p, false
		}
		key = bare
	}
	rounds, okRounds := decimal(digits, 31)
	if !okRounds || rounds < minRounds || rounds > maxRounds {
		return p, false
	}
	p.rounds = int(rounds)
	okSalt := len(salt) >= minSalt && len(salt) <= maxSalt
	p.salt = []byte(salt)
	if phc {
		p.salt, okSalt = unbase64(salt, minSalt, maxSalt)
	}
	p.key, ok = unbase64(key, size, size) // a longer key would multiply the work
	return p, ok && okSalt
}

func (p pbkdf2Hash) matches(password string) bool {
	key, err := pbkdf2.Key(p.digest, password, p.salt, p.rounds, len(p.key))
	return err == nil && subtle.ConstantTimeCompare(key, p.key) == 1
}
