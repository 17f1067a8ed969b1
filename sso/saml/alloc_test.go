//go:build !race

package saml_test

import (
	"net/url"
	"runtime"
	"testing"

	"github.com/sallyport-auth/sallyport/sso"
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

// TestBombAllocates is A-075: what a message packs is not unpacked beyond the limit, even where the provider has signed it.
func TestBombAllocates(t *testing.T) {
	p := newProtocol(t, ours())
	m := byQuery(signQuery(t, "SAMLRequest="+url.QueryEscape(pack(make([]byte, 64<<20))), theirs()))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := p.Ended(t.Context(), signIn(), m, new(sso.Report))
	runtime.ReadMemStats(&after)
	refused(t, err, sso.CodeLogoutMessage)
	if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
		t.Errorf("a message of %d bytes that holds 64 MiB makes Ended allocate %d", len(m.RawQuery), got)
	}
}
