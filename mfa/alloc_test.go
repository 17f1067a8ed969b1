//go:build !race

package mfa_test

import (
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/mfa"
)

// The race detector allocates for itself, so this is not built with it.
func TestMatchAllocates(t *testing.T) {
	key := [20]byte([]byte(rfcSecret))
	now := time.Unix(1_800_000_000, 0)
	if got := testing.AllocsPerRun(200, func() { mfa.Match(key, now, 1) }); got != 0 {
		t.Errorf("Match allocates %v times, want 0", got)
	}
}
