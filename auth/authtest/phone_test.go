package authtest_test

import (
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth/authtest"
)

// The secret of the examples in RFC 6238, which are of eight digits: the last six are ours.
const rfcSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

func TestPhone(t *testing.T) {
	clock := authtest.NewClock()
	set := func(unix int64) { clock.Advance(time.Unix(unix, 0).Sub(clock.Now())) }

	t.Run("the codes of RFC 6238, appendix B", func(t *testing.T) {
		for what, secret := range map[string]string{
			"a key as typed": "gezd gnbv gy3t qojq gezd gnbv gy3t qojq",
			"an address":     "otpauth://totp/Demo:ann@acme.example?secret=" + rfcSecret + "&issuer=Demo&algorithm=SHA1&digits=6&period=30",
			"a short one":    "otpauth://totp/Demo:ann@acme.example?secret=" + rfcSecret,
		} {
			p := authtest.NewPhone(t, clock)
			p.Scan(secret)
			for unix, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"} {
				set(unix)
				if got := p.Code(); got != want {
					t.Errorf("%s: the code at %d is %s, want %s", what, unix, got, want)
				}
			}
		}
	})

	t.Run("the next code is the first of the next step", func(t *testing.T) {
		p := authtest.NewPhone(t, clock)
		p.Scan(rfcSecret)
		for unix, want := range map[int64]int64{30: 60, 31: 60, 59: 60} {
			set(unix)
			before := p.Code()
			if after := p.Next(); after == before || after != p.Code() || clock.Now().Unix() != want {
				t.Errorf("at %d: %s, and then %s at %d, want another code at %d", unix, before, after, clock.Now().Unix(), want)
			}
		}
	})

	for name, row := range map[string]struct {
		test func(p *authtest.Phone)
		want string
	}{
		"nothing scanned":       {func(p *authtest.Phone) { p.Code() }, "scanned nothing"},
		"a key that is none":    {func(p *authtest.Phone) { p.Scan("not base 32!") }, "cannot read the key"},
		"no key":                {func(p *authtest.Phone) { p.Scan("otpauth://totp/Demo:ann") }, "cannot read the key"},
		"counted, not timed":    {func(p *authtest.Phone) { p.Scan("otpauth://hotp/Demo:ann?secret=" + rfcSecret) }, "not every app"},
		"eight digits":          {func(p *authtest.Phone) { p.Scan("otpauth://totp/Demo:ann?digits=8&secret=" + rfcSecret) }, "not every app"},
		"another hash":          {func(p *authtest.Phone) { p.Scan("otpauth://totp/Demo:ann?algorithm=SHA256&secret=" + rfcSecret) }, "not every app"},
		"a minute":              {func(p *authtest.Phone) { p.Scan("otpauth://totp/Demo:ann?period=60&secret=" + rfcSecret) }, "not every app"},
		"an address of the web": {func(p *authtest.Phone) { p.Scan("https://app.example.com/") }, "not every app"},
	} {
		t.Run(name+" fails the test", func(t *testing.T) {
			failsWith(t, try(func(inner *trial) { row.test(authtest.NewPhone(inner, clock)) }), row.want)
		})
	}
}
