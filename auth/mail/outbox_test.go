package mail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
)

// key is a key that looks random.
func key(first byte) []byte {
	k := make([]byte, 32)
	for i := range k {
		k[i] = first + byte(i*7)
	}
	return k
}

// A post is an outbox with everything around it.
type post struct {
	*mail.Outbox
	cfg   mail.OutboxConfig
	store *mail.Memory
	send  func(ctx context.Context, m mail.Message) error // nil: it is sent
	tell  func(d mail.DeadLetter) error                   // nil: it is heard

	mu   sync.Mutex
	now  time.Time
	sent []mail.Message
	dead []mail.DeadLetter
}

func newPost(t testing.TB, with func(*mail.OutboxConfig)) *post {
	t.Helper()
	letters, err := harbourLetters()
	if err != nil {
		t.Fatal(err)
	}
	p := &post{store: mail.NewMemory(), now: noon}
	p.cfg = mail.OutboxConfig{Store: p.store, Keys: [][]byte{key(1)}, Sender: p, Letters: letters, Dead: p.bury, Now: p.clock}
	if with != nil {
		with(&p.cfg)
	}
	p.Outbox = newOutbox(t, p.cfg)
	return p
}

func newOutbox(t testing.TB, cfg mail.OutboxConfig) *mail.Outbox {
	t.Helper()
	o, err := mail.NewOutbox(cfg)
	if err != nil {
		t.Fatalf("NewOutbox: %v", err)
	}
	return o
}

func (p *post) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *post) pass(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

// Send implements mail.Sender.
func (p *post) Send(ctx context.Context, m mail.Message) error {
	if p.send != nil {
		if err := p.send(ctx, m); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, m)
	return nil
}

func (p *post) bury(_ context.Context, d mail.DeadLetter) error {
	if p.tell != nil {
		if err := p.tell(d); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = append(p.dead, d)
	return nil
}

func (p *post) post(t testing.TB, l mail.Letter, hold time.Duration) string {
	t.Helper()
	id, err := p.Post(context.Background(), l, hold)
	if err != nil || id == "" {
		t.Fatalf("Post(%s) = %q, %v, want an id", l.Kind, id, err)
	}
	return id
}

// wantSent delivers and compares how many that sends.
func (p *post) wantSent(t testing.TB, want int, why string) {
	t.Helper()
	got, err := p.Deliver(context.Background())
	if err != nil || got != want {
		t.Errorf("Deliver at noon + %v = %d, %v, want %d: %s", p.clock().Sub(noon), got, err, want, why)
	}
}

var errDown = errors.New("the server is down")

func down(context.Context, mail.Message) error { return errDown }

func TestPost(t *testing.T) {
	t.Run("R68 a letter is sent once, as it was posted", func(t *testing.T) {
		p := newPost(t, nil)
		l := letter(mail.VerifyLogin)
		l.Lang = "fr"
		id := p.post(t, l, 0)
		p.wantSent(t, 1, "it is due")
		p.wantSent(t, 0, "it was sent")
		want, err := p.cfg.Letters.Compose(l, id)
		if err != nil || len(p.sent) != 1 || p.sent[0] != want {
			t.Errorf("sent %+v, want %+v (%v)", p.sent, want, err)
		}
		if left := mail.Rows(p.store); len(left) != 0 || len(p.dead) != 0 {
			t.Errorf("%d letters left and %d dead, want none", len(left), len(p.dead))
		}
	})

	t.Run("it is held, and can be taken back", func(t *testing.T) {
		p := newPost(t, nil)
		p.post(t, letter(mail.PasswordChanged), 10*time.Second)
		refused := p.post(t, letter(mail.TwoStepOff), 10*time.Second)
		if err := p.Drop(context.Background(), refused); err != nil {
			t.Fatalf("Drop: %v", err)
		}
		p.pass(10*time.Second - 1)
		p.wantSent(t, 0, "both are held")
		p.pass(1)
		p.wantSent(t, 1, "the other was taken back")
		if len(p.sent) == 1 && p.sent[0].Kind != mail.PasswordChanged {
			t.Errorf("sent %s, want the one that was not taken back", p.sent[0].Kind)
		}
		if err := p.Drop(context.Background(), refused); err != nil {
			t.Errorf("Drop again = %v, want nil", err)
		}
	})

	t.Run("what waits is sealed", func(t *testing.T) {
		p := newPost(t, nil)
		l := letter(mail.Reset)
		l.Code = "482913"
		id := p.post(t, l, 0)
		row := mail.Rows(p.store)[0]
		for _, secret := range []string{l.Code, l.To, l.Link, l.UserID, l.IP, string(l.Kind)} {
			if bytes.Contains(row.Body, []byte(secret)) {
				t.Errorf("the row has %q in clear", secret)
			}
		}
		if row.ID != id || !row.ExpiresAt.Equal(l.ExpiresAt) {
			t.Errorf("row %q expires %v, want %q and %v", row.ID, row.ExpiresAt, id, l.ExpiresAt)
		}
	})

	t.Run("a mistake of the caller is told at once", func(t *testing.T) {
		p := newPost(t, nil)
		for _, l := range []mail.Letter{
			{}, {Kind: "birthday", To: "ana@acme.example"}, {Kind: mail.VerifyLogin, To: "ana@acme.example"}, {Kind: mail.Reset, To: "ana@acme.example"},
			{Kind: mail.Invite, To: "ana@acme.example", Link: "https://app.example.com/auth/invite"},
		} {
			if id, err := p.Post(context.Background(), l, 0); err == nil || id != "" {
				t.Errorf("Post(%+v) = %q, %v, want an error", l, id, err)
			}
		}
	})
}

// TestNothing is about the letter that takes the place of one which nobody must get.
func TestNothing(t *testing.T) {
	t.Run("R45 its row is like that of a letter", func(t *testing.T) {
		p := newPost(t, nil)
		rows := map[mail.Kind]mail.OutboxRow{}
		for _, kind := range []mail.Kind{mail.Reset, mail.Nothing} {
			l := letter(mail.Reset)
			l.Kind = kind
			id := p.post(t, l, time.Second)
			for _, row := range mail.Rows(p.store) {
				if row.ID == id {
					rows[kind] = row
				}
			}
		}
		real, none := rows[mail.Reset], rows[mail.Nothing]
		if !none.DueAt.Equal(real.DueAt) || !none.ExpiresAt.Equal(real.ExpiresAt) || len(none.ID) != len(real.ID) {
			t.Errorf("the row is %+v, want one like %+v", none, real)
		}
		if got, want := len(none.Body)-len(real.Body), len(mail.Nothing)-len(mail.Reset); got != want {
			t.Errorf("the body has %d bytes more, want %d: the name of the kind alone", got, want)
		}
		if bytes.Contains(none.Body, []byte(mail.Nothing)) {
			t.Error("the row says in clear that it is nothing")
		}
	})

	t.Run("R45 it is accepted whatever stands in it, and neither sent nor told of", func(t *testing.T) {
		p := newPost(t, nil)
		p.tell = func(mail.DeadLetter) error { return errors.New("nobody is to be told") }
		for _, l := range []mail.Letter{
			{Kind: mail.Nothing}, {Kind: mail.Nothing, To: "ana@acme.example"}, {Kind: mail.Nothing, To: "no address\r\n", Link: "/auth"},
			{Kind: mail.Nothing, To: "ana@acme.example", ExpiresAt: noon.Add(time.Minute)},
		} {
			p.post(t, l, 0)
		}
		p.post(t, mail.Letter{Kind: mail.Nothing}, 2*time.Hour)
		p.pass(time.Hour) // one has expired
		p.wantSent(t, 0, "there is nothing to send")
		if len(p.sent) != 0 || len(p.dead) != 0 {
			t.Errorf("%d sent, %d dead, want none", len(p.sent), len(p.dead))
		}
		if left := mail.Rows(p.store); len(left) != 1 {
			t.Errorf("%d letters left, want the one that is held", len(left))
		}
		p.pass(time.Hour)
		p.wantSent(t, 0, "there is nothing to send")
		if left := mail.Rows(p.store); len(left) != 0 {
			t.Errorf("%d letters left, want none", len(left))
		}
	})

	t.Run("it is not counted among letters, and holds none of them up", func(t *testing.T) {
		p := newPost(t, nil)
		for range 60 { // more than a worker takes at once
			p.post(t, mail.Letter{Kind: mail.Nothing}, 0)
			p.post(t, letter(mail.NewDevice), 0)
		}
		p.wantSent(t, 60, "the other half is nothing")
		if left := mail.Rows(p.store); len(left) != 0 || len(p.sent) != 60 {
			t.Errorf("%d letters left and %d sent, want none and 60", len(left), len(p.sent))
		}
	})

	t.Run("a store that is broken is told of", func(t *testing.T) {
		p := newPost(t, func(c *mail.OutboxConfig) { c.Store = noDrop{c.Store} })
		p.post(t, mail.Letter{Kind: mail.Nothing}, 0)
		if sent, err := p.Deliver(context.Background()); sent != 0 || !errors.Is(err, errStore) {
			t.Errorf("Deliver = %d, %v, want none and the store's error", sent, err)
		}
	})
}

func TestRetry(t *testing.T) {
	t.Run("U54 later and later, and then not at all", func(t *testing.T) {
		p := newPost(t, nil)
		p.send = down
		id := p.post(t, letter(mail.PasswordChanged), 0)
		attempts := 0
		for _, wait := range []time.Duration{
			0, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour,
		} {
			p.pass(wait - 1)
			p.wantSent(t, 0, "too early")
			if rows := p.attempts(t); wait > 0 && rows != attempts {
				t.Fatalf("%d attempts before %v had passed, want %d", rows, wait, attempts)
			}
			p.pass(1 + wait/10) // with all that chance may add
			p.wantSent(t, 0, "the server is down")
			if attempts++; p.attempts(t) != attempts {
				t.Fatalf("%d attempts after %v, want %d", p.attempts(t), wait, attempts)
			}
		}
		for p.clock().Before(noon.Add(50*time.Hour)) && len(p.dead) == 0 {
			p.pass(66 * time.Minute)
			p.wantSent(t, 0, "the server is down")
		}
		if len(p.dead) != 1 {
			t.Fatalf("%d letters were given up, want 1", len(p.dead))
		}
		if d := p.dead[0]; d.ID != id || d.Kind != mail.PasswordChanged || d.UserID != "usr1" || d.Expired || !errors.Is(d.Err, errDown) || d.Attempts < 40 {
			t.Errorf("dead = %+v, want the letter after 40 attempts or more, and why", d)
		}
		if after := p.clock().Sub(noon); after < 48*time.Hour {
			t.Errorf("given up after %v, want 48 hours", after)
		}
		if left := mail.Rows(p.store); len(left) != 0 {
			t.Errorf("%d letters left, want none", len(left))
		}
	})

	t.Run("it arrives once the server is back", func(t *testing.T) {
		p := newPost(t, nil)
		p.send = down
		id := p.post(t, letter(mail.PasswordChanged), 0)
		p.wantSent(t, 0, "the server is down")
		p.send = nil
		p.pass(33 * time.Second)
		p.wantSent(t, 1, "it is back")
		if len(p.sent) != 1 || p.sent[0].ID != id {
			t.Errorf("U52 sent %+v, want the ID %s for every attempt", p.sent, id)
		}
	})

	t.Run("one that fails does not stop the others", func(t *testing.T) {
		p := newPost(t, nil)
		for i := range 120 {
			l := letter(mail.NewDevice)
			l.To = fmt.Sprintf("u%d@acme.example", i)
			p.post(t, l, 0)
		}
		p.send = func(_ context.Context, m mail.Message) error {
			if strings.HasSuffix(strings.TrimSuffix(m.To, "@acme.example"), "7") {
				return errDown
			}
			return nil
		}
		p.wantSent(t, 108, "twelve addresses end in 7")
		if left := mail.Rows(p.store); len(left) != 12 {
			t.Errorf("%d letters left, want 12", len(left))
		}
	})

	t.Run("a code that has expired is not sent", func(t *testing.T) {
		p := newPost(t, nil)
		id := p.post(t, letter(mail.VerifyLogin), 0)
		p.pass(10 * time.Minute)
		p.wantSent(t, 0, "the code is worth nothing")
		if len(p.dead) != 1 || len(p.sent) != 0 {
			t.Fatalf("%d dead, %d sent, want 1 and none", len(p.dead), len(p.sent))
		}
		if want := (mail.DeadLetter{ID: id, Kind: mail.VerifyLogin, UserID: "usr1", Expired: true}); p.dead[0] != want {
			t.Errorf("dead = %+v, want %+v", p.dead[0], want)
		}
		if left := mail.Rows(p.store); len(left) != 0 {
			t.Errorf("%d letters left, want none", len(left))
		}
	})

	t.Run("a code is tried each minute while it counts", func(t *testing.T) {
		p := newPost(t, nil)
		p.send = down
		p.post(t, letter(mail.VerifyLogin), 0)
		for range 40 {
			p.wantSent(t, 0, "the server is down")
			p.pass(15 * time.Second)
		}
		if len(p.dead) != 1 || !p.dead[0].Expired || p.dead[0].Attempts < 8 || !errors.Is(p.dead[0].Err, errDown) {
			t.Errorf("dead = %+v, want one letter, expired after 8 attempts or more, and why", p.dead)
		}
	})

	t.Run("a link that counts for days is not tried each minute", func(t *testing.T) {
		p := newPost(t, nil)
		tries := 0
		p.send = func(context.Context, mail.Message) error { tries++; return errDown }
		l := letter(mail.Invite)
		l.Company, l.ExpiresAt = "Acme", l.When.Add(7*24*time.Hour)
		p.post(t, l, 0)
		for range 24 * 4 {
			p.wantSent(t, 0, "the server is down")
			p.pass(15 * time.Minute)
		}
		if tries < 20 || tries > 35 {
			t.Errorf("tried %d times within a day, want 20 to 35: about once an hour", tries)
		}
	})

	t.Run("an address that does not exist is not tried again", func(t *testing.T) {
		p := newPost(t, nil)
		p.send = func(context.Context, mail.Message) error { return fmt.Errorf("550: %w", mail.ErrRefused) }
		p.post(t, letter(mail.NewDevice), 0)
		p.wantSent(t, 0, "it was refused")
		if len(p.dead) != 1 || p.dead[0].Attempts != 1 || p.dead[0].Expired || !errors.Is(p.dead[0].Err, mail.ErrRefused) {
			t.Errorf("dead = %+v, want one letter after one attempt, refused", p.dead)
		}
	})

	t.Run("A-164 what is no address never reaches the sender", func(t *testing.T) {
		p := newPost(t, nil)
		l := letter(mail.NewDevice)
		l.To = "ana@acme.example\r\nBcc: eve@evil.example"
		p.post(t, l, 0)
		p.wantSent(t, 0, "there is nobody to send it to")
		if len(p.sent) != 0 || len(p.dead) != 1 || !errors.Is(p.dead[0].Err, mail.ErrRefused) {
			t.Errorf("sent %d, dead %+v, want none and one that was refused", len(p.sent), p.dead)
		}
	})

	t.Run("while nobody can be told of a dead letter it stays", func(t *testing.T) {
		p := newPost(t, nil)
		p.tell = func(mail.DeadLetter) error { return errors.New("no trail") }
		p.post(t, letter(mail.VerifyLogin), 0)
		p.pass(10 * time.Minute)
		p.wantSent(t, 0, "it has expired")
		p.tell = nil
		p.wantSent(t, 0, "it is not due again yet")
		p.pass(66 * time.Second)
		p.wantSent(t, 0, "it has expired")
		if len(p.dead) != 1 || len(mail.Rows(p.store)) != 0 {
			t.Errorf("%d dead, %d left, want 1 and none", len(p.dead), len(mail.Rows(p.store)))
		}
	})

	t.Run("nobody wants to be told", func(t *testing.T) {
		p := newPost(t, func(c *mail.OutboxConfig) { c.Dead = nil })
		p.post(t, letter(mail.VerifyLogin), 0)
		p.pass(10 * time.Minute)
		p.wantSent(t, 0, "it has expired")
		if left := mail.Rows(p.store); len(left) != 0 {
			t.Errorf("%d letters left, want none", len(left))
		}
	})
}

// attempts is how often the one letter was claimed.
func (p *post) attempts(t testing.TB) int {
	t.Helper()
	rows := mail.Rows(p.store)
	if len(rows) != 1 {
		t.Fatalf("%d letters, want 1", len(rows))
	}
	return rows[0].Attempts
}

func TestKeys(t *testing.T) {
	t.Run("A-270 an old key opens, a new one seals", func(t *testing.T) {
		p := newPost(t, nil)
		p.post(t, letter(mail.NewDevice), 0)
		p.cfg.Keys = [][]byte{key(2), key(1)}
		p.Outbox = newOutbox(t, p.cfg)
		p.post(t, letter(mail.NewDevice), 0)
		p.wantSent(t, 2, "both keys are in the ring")
	})
	t.Run("A-270 a letter of a key that has gone is dead", func(t *testing.T) {
		p := newPost(t, nil)
		id := p.post(t, letter(mail.NewDevice), 0)
		p.cfg.Keys = [][]byte{key(2)}
		p.Outbox = newOutbox(t, p.cfg)
		p.wantSent(t, 0, "nobody can open it")
		if len(p.dead) != 1 || p.dead[0].ID != id || p.dead[0].Err == nil || p.dead[0].Kind != "" || p.dead[0].Attempts != 0 {
			t.Errorf("dead = %+v, want the letter that cannot be opened, and why", p.dead)
		}
		if left := mail.Rows(p.store); len(left) != 0 {
			t.Errorf("%d letters left, want none", len(left))
		}
	})
	t.Run("a body that was moved to another row does not open", func(t *testing.T) {
		p := newPost(t, nil)
		p.post(t, letter(mail.NewDevice), 0)
		row := mail.Rows(p.store)[0]
		row.ID = "another"
		if err := p.store.AddOutbox(context.Background(), row); err != nil {
			t.Fatal(err)
		}
		p.wantSent(t, 1, "the first is as it was")
		if len(p.dead) != 1 || p.dead[0].ID != "another" {
			t.Errorf("dead = %+v, want the one that was moved", p.dead)
		}
	})
	t.Run("what NewOutbox needs", func(t *testing.T) {
		for field, change := range map[string]func(*mail.OutboxConfig){
			"Store": func(c *mail.OutboxConfig) { c.Store = nil }, "Sender": func(c *mail.OutboxConfig) { c.Sender = nil },
			"Letters": func(c *mail.OutboxConfig) { c.Letters = nil }, "Keys": func(c *mail.OutboxConfig) { c.Keys = nil },
			"Keys ": func(c *mail.OutboxConfig) { c.Keys = [][]byte{key(1)[:31]} },
		} {
			cfg := newPost(t, nil).cfg
			change(&cfg)
			if _, err := mail.NewOutbox(cfg); err == nil || !strings.Contains(err.Error(), "mail: OutboxConfig."+strings.TrimSpace(field)) {
				t.Errorf("NewOutbox without %s = %v, want an error that names it", field, err)
			}
		}
	})
}

func TestDeliver(t *testing.T) {
	t.Run("64 at once send each letter once", func(t *testing.T) {
		p := newPost(t, nil)
		const letters = 300
		var ids []string
		for range letters {
			ids = append(ids, p.post(t, letter(mail.NewDevice), 0))
		}
		var mu sync.Mutex
		total := 0
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				sent, err := p.Deliver(context.Background())
				if err != nil {
					t.Errorf("Deliver: %v", err)
				}
				mu.Lock()
				defer mu.Unlock()
				total += sent
			})
		}
		wg.Wait()
		var got []string
		for _, m := range p.sent {
			got = append(got, m.ID)
		}
		slices.Sort(got)
		slices.Sort(ids)
		if total != letters || !slices.Equal(got, ids) {
			t.Errorf("Deliver counted %d, %d were sent, want each of %d once", total, len(got), letters)
		}
	})

	t.Run("a slow worker does not send what another has sent meanwhile", func(t *testing.T) {
		p := newPost(t, nil)
		var ids []string
		for range 10 {
			ids = append(ids, p.post(t, letter(mail.NewDevice), 0))
		}
		slow := true
		p.send = func(context.Context, mail.Message) error {
			if slow { // the first letter of the first worker: meanwhile its lease of all of them ends, and another takes over
				slow = false
				p.pass(2*time.Minute + time.Second)
				p.wantSent(t, 10, "the lease of the others, and of the one that is being sent, is over")
			}
			return nil
		}
		p.wantSent(t, 1, "the others are another's")
		count := map[string]int{}
		for _, m := range p.sent {
			count[m.ID]++
		}
		twice := 0
		for _, id := range ids {
			if count[id] == 2 {
				twice++
			} else if count[id] != 1 {
				t.Errorf("letter %s was sent %d times, want once", id, count[id])
			}
		}
		if twice != 1 {
			t.Errorf("%d letters were sent twice, want the one alone that took longer than the lease", twice)
		}
	})

	t.Run("a worker keeps what it takes long to come to", func(t *testing.T) {
		p := newPost(t, nil)
		for range 10 {
			p.post(t, letter(mail.NewDevice), 0)
		}
		other := newOutbox(t, p.cfg)
		p.send = func(context.Context, mail.Message) error {
			p.pass(25 * time.Second) // ten of them take twice as long as a lease
			return nil
		}
		p.wantSent(t, 10, "each is kept before the lease ends")
		if len(p.sent) != 10 || len(mail.Rows(p.store)) != 0 {
			t.Errorf("%d sent, %d left, want 10 and none", len(p.sent), len(mail.Rows(p.store)))
		}
		if sent, err := other.Deliver(context.Background()); sent != 0 || err != nil {
			t.Errorf("another worker's Deliver = %d, %v, want none", sent, err)
		}
	})

	t.Run("a crash after sending sends it again, with the same ID", func(t *testing.T) {
		p := newPost(t, func(c *mail.OutboxConfig) { c.Store = noDrop{c.Store} })
		p.post(t, letter(mail.NewDevice), 0)
		if sent, err := p.Deliver(context.Background()); sent != 1 || !errors.Is(err, errStore) {
			t.Errorf("Deliver = %d, %v, want 1 and the store's error", sent, err)
		}
		p.cfg.Store = p.store
		p.Outbox = newOutbox(t, p.cfg)
		p.wantSent(t, 0, "it is claimed")
		p.pass(2 * time.Minute)
		p.wantSent(t, 1, "the lease is over")
		p.pass(time.Hour)
		p.wantSent(t, 0, "it is done with")
		if len(p.sent) != 2 || p.sent[0] != p.sent[1] {
			t.Errorf("sent %+v, want the same mail twice", p.sent)
		}
	})

	t.Run("A-275 what is left when the context ends is due at once, and what was sent is struck off", func(t *testing.T) {
		p := newPost(t, func(c *mail.OutboxConfig) { c.Store = heeding{c.Store} })
		for range 5 {
			p.post(t, letter(mail.NewDevice), 0)
		}
		ctx, cancel := context.WithCancel(context.Background())
		p.send = func(context.Context, mail.Message) error { cancel(); return nil }
		if sent, err := p.Deliver(ctx); sent != 1 || err != nil {
			t.Errorf("Deliver = %d, %v, want 1 and no error", sent, err)
		}
		if sent, err := p.Deliver(ctx); sent != 0 || err != nil {
			t.Errorf("Deliver with an ended context = %d, %v, want none", sent, err)
		}
		p.send = nil
		p.wantSent(t, 4, "nobody has them")
	})

	t.Run("A-275 a letter whose sending the end of the context broke off has not failed", func(t *testing.T) {
		p := newPost(t, nil)
		p.post(t, letter(mail.VerifyLogin), 0)
		ctx, cancel := context.WithCancel(context.Background())
		p.send = func(ctx context.Context, _ mail.Message) error { cancel(); <-ctx.Done(); return mail.ErrRefused }
		if sent, err := p.Deliver(ctx); sent != 0 || err != nil || len(p.dead) != 0 {
			t.Errorf("Deliver = %d, %v with %d dead, want none", sent, err, len(p.dead))
		}
		p.send = nil
		p.wantSent(t, 1, "it is due at once")
	})

	t.Run("A-277 a sender that hangs is given 30 seconds", func(t *testing.T) {
		p := newPost(t, nil)
		p.post(t, letter(mail.NewDevice), 0)
		p.send = func(ctx context.Context, _ mail.Message) error {
			deadline, ok := ctx.Deadline()
			if left := time.Until(deadline); !ok || left > 30*time.Second || left < 20*time.Second {
				t.Errorf("the sender has %v (%v), want 30 seconds", left, ok)
			}
			return nil
		}
		p.wantSent(t, 1, "it is due")
	})

	t.Run("a store that is broken", func(t *testing.T) {
		p := newPost(t, func(c *mail.OutboxConfig) { c.Store = allBroken{} })
		if _, err := p.Post(context.Background(), letter(mail.NewDevice), 0); !errors.Is(err, errStore) {
			t.Errorf("Post = %v, want the store's error", err)
		}
		if _, err := p.Deliver(context.Background()); !errors.Is(err, errStore) {
			t.Errorf("Deliver = %v, want the store's error", err)
		}
		if err := p.Drop(context.Background(), "a"); !errors.Is(err, errStore) {
			t.Errorf("Drop = %v, want the store's error", err)
		}
	})

	t.Run("a store that breaks while a letter is put off", func(t *testing.T) {
		p := newPost(t, func(c *mail.OutboxConfig) { c.Store = noRetry{c.Store} })
		p.send = down
		p.post(t, letter(mail.NewDevice), 0)
		if sent, err := p.Deliver(context.Background()); sent != 0 || !errors.Is(err, errStore) {
			t.Errorf("Deliver = %d, %v, want the store's error", sent, err)
		}
	})
}

var errStore = errors.New("the store is broken")

type noDrop struct{ mail.OutboxStore }

func (noDrop) DropOutbox(context.Context, string) error { return errStore }

type noRetry struct{ mail.OutboxStore }

func (noRetry) RetryOutbox(context.Context, string, int, time.Time) error { return errStore }

type allBroken struct {
	noDrop
	noRetry
}

func (allBroken) AddOutbox(context.Context, mail.OutboxRow) error           { return errStore }
func (allBroken) DropOutbox(context.Context, string) error                  { return errStore }
func (allBroken) RetryOutbox(context.Context, string, int, time.Time) error { return errStore }
func (allBroken) ClaimOutbox(context.Context, time.Time, time.Time, int) ([]mail.OutboxRow, error) {
	return nil, errStore
}

// heeding is a store that does nothing once the context has ended, as a database does.
type heeding struct{ mail.OutboxStore }

func (s heeding) ClaimOutbox(ctx context.Context, now, until time.Time, limit int) ([]mail.OutboxRow, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return s.OutboxStore.ClaimOutbox(ctx, now, until, limit)
}

func (s heeding) RetryOutbox(ctx context.Context, id string, attempts int, due time.Time) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.OutboxStore.RetryOutbox(ctx, id, attempts, due)
}

func (s heeding) DropOutbox(ctx context.Context, id string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.OutboxStore.DropOutbox(ctx, id)
}
