//go:build !race

package saml_test

import (
	"runtime"
	"testing"
)

// TestBeginAllocates keeps Begin from taking a new packer every time, which is most of a megabyte. (Under the race detector pools
// forget on purpose.)
func TestBeginAllocates(t *testing.T) {
	p := newProtocol(t)
	r := signIn()
	begin(t, p, r)
	const times = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		begin(t, p, r)
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / times; each > 16<<10 {
		t.Errorf("Begin allocates %d bytes, want at most 16 KiB", each)
	}
}
