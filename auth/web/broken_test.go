package web_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
)

// A faultyTable is a host's table of people that can be made to fail, or to let its readers wait.
type faultyTable struct {
	auth.Users
	broken atomic.Bool
	wait   chan struct{} // nil: nobody waits
	inside chan struct{}
}

var errTable = errors.New("dial tcp 10.1.2.3:5432: connection refused for user sallyport")

func (u *faultyTable) UserByEmail(ctx context.Context, email string) (auth.User, error) {
	if u.wait != nil {
		u.inside <- struct{}{}
		<-u.wait
	}
	if u.broken.Load() {
		return auth.User{}, errTable
	}
	return u.Users.UserByEmail(ctx, email)
}

// faulty is a configuration whose people stand in such a table.
func faulty(table *faultyTable, edit func(*auth.Config)) authtest.Config {
	return authtest.Config{Auth: func(c *auth.Config) {
		table.Users = c.Users
		c.Users = table
		if edit != nil {
			edit(c)
		}
	}}
}

func TestBroken(t *testing.T) {
	t.Run("R101 U29 a failure has a reference, and nothing of what it was", func(t *testing.T) {
		table := &faultyTable{}
		both(t, faulty(table, nil), func(t *testing.T, v *visitor) {
			table.broken.Store(false)
			v.identify("ann@acme.example").is("password")
			table.broken.Store(true)
			v.password(secret).status(503).told(auth.ReasonBroken)
			faults := v.p.Faults()
			if len(faults) != 1 || !errors.Is(faults[0].Err, errTable) || faults[0].Method != "POST" || faults[0].Path != "/auth/signin/password" {
				t.Fatalf("faults %+v, want the one that was", faults)
			}
			if !strings.Contains(v.shown.Body, faults[0].Reference) || len(faults[0].Reference) < 20 {
				t.Errorf("the visitor is not told the reference %q", faults[0].Reference)
			}
			for _, inside := range []string{"10.1.2.3", "refused", "dial", secret} {
				if strings.Contains(v.shown.Body, inside) {
					t.Errorf("the visitor is told %q", inside)
				}
			}
			table.broken.Store(false)
			v.open().is("password").password(secret).is("in")
		})
	})
	t.Run("A-151 too many at once are told to wait, and nothing is charged", func(t *testing.T) {
		table := &faultyTable{}
		both(t, faulty(table, func(c *auth.Config) { c.HashesAtOnce, c.HashesWaiting = 1, 1 }), func(t *testing.T, v *visitor) {
			table.wait, table.inside = nil, make(chan struct{}, 2)
			first, second := v.again(), v.again()
			first.Address, second.Address = "198.51.100.1:4711", "198.51.100.2:4711" // one source gets a part of the places only
			first.identify("ann@acme.example")
			second.identify("ann@acme.example")
			v.identify("ann@acme.example")
			table.wait = make(chan struct{})
			done := make(chan struct{}, 2)
			for _, w := range []*visitor{first, second} {
				go func() { w.password("wrong"); done <- struct{}{} }()
				<-table.inside
			}
			v.password(secret).status(503).told(auth.ReasonBusy)
			if retryAfter(v.shown) < 1 {
				t.Errorf("Retry-After %q, want at least a second", v.shown.Header.Get("Retry-After"))
			}
			close(table.wait)
			<-done
			<-done
			if faults := v.p.Faults(); len(faults) != 0 {
				t.Errorf("faults %v, want none: nothing is broken", faults)
			}
			v.password(secret).is("in")
		})
	})
}
