package main

import (
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/browsertest"
)

// step is how long each code of an app counts, in seconds.
const step = 30

// A phone has an authenticator app: one made by others, so that what we show is what apps understand.
type phone struct {
	t        *testing.T
	oathtool string
	secret   string
	last     int64 // the time step of the code given last
}

func newPhone(t *testing.T) *phone {
	t.Helper()
	return &phone{t: t, oathtool: browsertest.Tool(t, "oathtool", "oathtool")}
}

// scan reads the QR code that a page shows, and checks that the key beside it is the same.
func (p *phone) scan(page person) {
	p.t.Helper()
	address := page.Scan()
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" {
		p.t.Fatalf("R58: the code says %q (%v), want an otpauth://totp address", address, err)
	}
	p.secret, p.last = u.Query().Get("secret"), 0
	if key := strings.ReplaceAll(page.Text("#key"), " ", ""); key != p.secret {
		p.t.Errorf("R58: the key to be typed is %q, want that of the code, %q", key, p.secret)
	}
	if got, want := u.Query().Get("issuer"), "Sallyport Demo"; got != want {
		p.t.Errorf("R58: the app is told that the issuer is %q, want %q", got, want)
	}
}

// code is a code that was not given before. The program takes those of the step before and after the present one, too, so that
// there is seldom a need to wait.
func (p *phone) code() string {
	p.t.Helper()
	now := time.Now().Unix()
	next := max(p.last+1, now/step-1)
	if next == now/step-1 && now%step > step-10 {
		next++ // it would be over before it is typed
	}
	time.Sleep(time.Until(time.Unix((next-1)*step, 0)))
	p.last = next
	return p.at(next)
}

// at is the code of a time step.
func (p *phone) at(timeStep int64) string {
	p.t.Helper()
	out, err := exec.Command(p.oathtool, "--totp", "-b", "-N", fmt.Sprintf("@%d", timeStep*step), p.secret).Output()
	if err != nil {
		p.t.Fatalf("oathtool: %v", err)
	}
	return strings.TrimSpace(string(out))
}
