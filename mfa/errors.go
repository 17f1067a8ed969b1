package mfa

import (
	"errors"
	"fmt"
	"time"
)

// Errors of a code that somebody typed. None of them says which part was wrong.
var (
	ErrFormat  = errors.New("mfa: not the form of a code") // nothing was charged; CodeShape tells more
	ErrWrong   = errors.New("mfa: wrong code")             // or a Sealed that is damaged or another person's
	ErrReused  = errors.New("mfa: the code was used already")
	ErrExpired = errors.New("mfa: the code has expired") // whatever was typed; or a set-up that took too long
)

// A ClosedError says that too many wrong codes came in a row, or that a code was asked for too early.
type ClosedError struct {
	Until time.Time
}

func (e *ClosedError) Error() string {
	return "mfa: closed until " + e.Until.UTC().Format(time.RFC3339)
}

// errNobody refuses to make a secret or a code that would be everybody's.
var errNobody = errors.New("mfa: the ID of the person is empty")

// failed leaves the answers of a store as they are, and says of any other error what was being done.
func failed(doing string, err error) error {
	for _, answer := range []error{ErrNotFound, ErrConflict, ErrSpent} {
		if errors.Is(err, answer) {
			return answer
		}
	}
	return fmt.Errorf("mfa: %s: %w", doing, err)
}
