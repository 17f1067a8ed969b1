package mfa

import "time"

// What the tests of the arithmetic look at.

func HOTP(key [20]byte, counter int64) uint32 {
	s := secret(key)
	h := padded(&s)
	return h.number(counter)
}

func Match(key [20]byte, now time.Time, code uint32) int64 {
	s := secret(key)
	return match(&s, now, code)
}

const RecoveryAlphabet = recoveryAlphabet

// Keep bounds the codes of a Memory, so that a test need not fill it.
func (m *Memory) Keep(codes int) { m.codes.max = codes }
