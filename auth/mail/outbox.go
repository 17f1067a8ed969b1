package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sallyport-auth/sallyport/internal/token"
)

// OutboxConfig is what NewOutbox needs.
type OutboxConfig struct {
	Store OutboxStore // required
	// Keys have 32 bytes each: the first seals, all open; required. A letter sealed with a key that is not here cannot be sent: give
	// a new key to every node as the last before it becomes the first of any, and keep an old one for 48 hours.
	Keys    [][]byte
	Sender  Sender   // required
	Letters *Letters // required
	// Dead is told of a letter that will not be sent any more. An error keeps the letter, to be told of again. Nil: nobody is told.
	Dead func(ctx context.Context, d DeadLetter) error
	Now  func() time.Time // nil: time.Now
}

// A DeadLetter is a letter that was given up.
type DeadLetter struct {
	ID       string
	Kind     Kind   // empty: the letter could not be opened
	UserID   string // the same
	Attempts int    // how often it was tried
	Expired  bool   // its code has expired, or would before it could be tried again
	Err      error  // why the last attempt failed, as far as it is known; nil: there was none
}

// How letters are sent. A mail server that is down for a weekend's night loses nothing.
const (
	claimed   = 50               // letters that a worker takes at once
	lease     = 2 * time.Minute  // for how long they are its own
	sendTime  = 30 * time.Second // for one letter
	retryMin  = 30 * time.Second // after the first failure; twice as long after each further one
	retryMax  = time.Hour
	codeRetry = time.Minute      // the longest wait of a letter that expires soon: a tenth of the time that is left to it, or this
	giveUp    = 48 * time.Hour   // after the letter was posted
	lastWord  = 10 * time.Second // for writing down what became of a letter
)

// sealPurpose and the id of the row bind what is sealed.
const sealPurpose = "letter"

// An Outbox keeps letters until they are sent. It is safe for concurrent use, and any number of them may work on one store.
type Outbox struct {
	store   OutboxStore
	ring    *token.Ring
	sender  Sender
	letters *Letters
	dead    func(ctx context.Context, d DeadLetter) error
	now     func() time.Time
}

// NewOutbox returns an outbox over a store. Call Deliver again and again, or nothing is sent.
func NewOutbox(cfg OutboxConfig) (*Outbox, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("mail: OutboxConfig.Store is required")
	case cfg.Sender == nil:
		return nil, errors.New("mail: OutboxConfig.Sender is required")
	case cfg.Letters == nil:
		return nil, errors.New("mail: OutboxConfig.Letters is required")
	}
	ring, err := token.NewRing(cfg.Keys)
	if err != nil {
		return nil, fmt.Errorf("mail: OutboxConfig.Keys: %w", err)
	}
	o := &Outbox{store: cfg.Store, ring: ring, sender: cfg.Sender, letters: cfg.Letters, dead: cfg.Dead, now: cfg.Now}
	if o.now == nil {
		o.now = time.Now
	}
	return o, nil
}

// sealed is what stands in a row.
type sealed struct {
	Posted time.Time
	Letter Letter
}

// Post puts a letter into the outbox, to be sent once hold has passed, and answers its id. It does not look at the address: a
// letter to what is none is told of as dead when its time comes. Nothing is accepted with whatever stands in it, and costs what any
// other letter costs: whoever watches the clock does not learn whether there was somebody to write to.
func (o *Outbox) Post(ctx context.Context, l Letter, hold time.Duration) (id string, err error) {
	if l.Kind != Nothing {
		if err := l.check(); err != nil {
			return "", err
		}
	}
	now := o.now()
	plain, err := json.Marshal(sealed{Posted: now, Letter: l})
	if err != nil {
		return "", fmt.Errorf("mail: writing down a letter: %w", err)
	}
	id = token.NewID()
	body, err := o.ring.Seal(sealPurpose, id, plain)
	if err != nil {
		return "", fmt.Errorf("mail: sealing a letter: %w", err)
	}
	row := OutboxRow{ID: id, DueAt: now.Add(max(hold, 0)), ExpiresAt: l.ExpiresAt, Body: body}
	if err := o.store.AddOutbox(ctx, row); err != nil {
		return "", fmt.Errorf("mail: posting a letter: %w", err)
	}
	return id, nil
}

// Drop takes a letter back that was not sent yet.
func (o *Outbox) Drop(ctx context.Context, id string) error {
	if err := o.store.DropOutbox(ctx, id); err != nil {
		return fmt.Errorf("mail: dropping a letter: %w", err)
	}
	return nil
}

// Deliver sends what is due, until nothing is or ctx ends, and answers how many were sent. A letter that cannot be sent does not
// stop the others: the error is that of a broken store. Nothing is taken out of the outbox and not counted. Several may run at once,
// here and on other nodes.
func (o *Outbox) Deliver(ctx context.Context) (sent int, err error) {
	for ctx.Err() == nil {
		until := o.now().Add(lease)
		rows, err := o.store.ClaimOutbox(ctx, o.now(), until, claimed)
		if err != nil {
			return sent, unless(ctx, fmt.Errorf("mail: claiming letters: %w", err))
		}
		if len(rows) == 0 {
			return sent, nil
		}
		for _, row := range rows {
			ok, err := o.deliver(ctx, row, until)
			if ok {
				sent++
			}
			if err != nil {
				return sent, err
			}
		}
	}
	return sent, nil
}

// unless is the error, if it is not only that ctx has ended.
func unless(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// deliver does what there is to do with one letter that is ours until then.
func (o *Outbox) deliver(ctx context.Context, row OutboxRow, until time.Time) (sent bool, err error) {
	if ctx.Err() != nil {
		return false, o.putBack(ctx, row)
	}
	now := o.now()
	s, err := o.open(row)
	d := DeadLetter{ID: row.ID, Kind: s.Letter.Kind, UserID: s.Letter.UserID, Attempts: row.Attempts - 1, Err: err}
	if err != nil {
		return false, o.bury(ctx, row, d)
	}
	if s.Letter.Kind == Nothing { // however old it is: nobody waits for it, so nobody is told of it
		return false, o.strikeOff(ctx, row)
	}
	if d.Expired = !row.ExpiresAt.IsZero() && !now.Before(row.ExpiresAt); d.Expired {
		return false, o.bury(ctx, row, d)
	}
	if mine, err := o.hold(ctx, row, now, until); err != nil || !mine {
		return false, err
	}
	if err = o.send(ctx, s.Letter, row.ID); err == nil {
		return true, o.strikeOff(ctx, row)
	}
	if ctx.Err() != nil {
		return false, o.putBack(ctx, row)
	}
	d.Attempts, d.Err = row.Attempts, err
	return false, o.failed(ctx, row, d, s.Posted)
}

func (o *Outbox) open(row OutboxRow) (s sealed, err error) {
	plain, err := o.ring.Open(sealPurpose, row.ID, row.Body)
	if err != nil {
		return sealed{}, fmt.Errorf("mail: opening a letter: %w", err)
	}
	if err := json.Unmarshal(plain, &s); err != nil {
		return sealed{}, fmt.Errorf("mail: reading a letter: %w", err)
	}
	return s, nil
}

// hold makes sure that a letter stays ours while it is being sent. It is false where another worker has it by now, because those
// before it in the batch took their time.
func (o *Outbox) hold(ctx context.Context, row OutboxRow, now, until time.Time) (mine bool, err error) {
	if now.Add(2 * sendTime).Before(until) {
		return true, nil
	}
	err = o.store.RetryOutbox(ctx, row.ID, row.Attempts, now.Add(lease))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unless(ctx, fmt.Errorf("mail: keeping a letter: %w", err))
	}
	return true, nil
}

func (o *Outbox) send(ctx context.Context, l Letter, id string) error {
	m, err := o.letters.Compose(l, id)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	return o.sender.Send(ctx, m)
}

// failed decides what becomes of a letter that could not be sent.
func (o *Outbox) failed(ctx context.Context, row OutboxRow, d DeadLetter, posted time.Time) error {
	now := o.now()
	due := now.Add(pause(row, now))
	d.Expired = !row.ExpiresAt.IsZero() && !due.Before(row.ExpiresAt)
	if d.Expired || errors.Is(d.Err, ErrRefused) || !now.Before(posted.Add(giveUp)) {
		return o.bury(ctx, row, d)
	}
	return o.retry(ctx, row, due)
}

// bury tells of a letter that is given up, and deletes it. While nobody can be told, it stays.
func (o *Outbox) bury(ctx context.Context, row OutboxRow, d DeadLetter) error {
	if o.dead != nil {
		if err := o.dead(ctx, d); err != nil {
			return o.retry(ctx, row, o.now().Add(pause(row, o.now())))
		}
	}
	return o.strikeOff(ctx, row)
}

// retry makes a letter due later. Another worker who has it by now does so itself.
func (o *Outbox) retry(ctx context.Context, row OutboxRow, due time.Time) error {
	ctx, cancel := outlive(ctx)
	defer cancel()
	if err := o.store.RetryOutbox(ctx, row.ID, row.Attempts, due); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("mail: putting a letter off: %w", err)
	}
	return nil
}

// putBack leaves a letter to whoever delivers next, because ctx has ended.
func (o *Outbox) putBack(ctx context.Context, row OutboxRow) error { return o.retry(ctx, row, o.now()) }

// strikeOff deletes a letter that is done with, even if ctx has ended meanwhile: it would be sent again.
func (o *Outbox) strikeOff(ctx context.Context, row OutboxRow) error {
	ctx, cancel := outlive(ctx)
	defer cancel()
	return o.Drop(ctx, row.ID)
}

// outlive is a context for the last word about a letter, which is to be written down though ctx has ended.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), lastWord)
}

// pause is how long a letter waits after a failure, a little longer now and then so that many do not come back at once.
func pause(row OutboxRow, now time.Time) time.Duration {
	wait := retryMax
	if doublings := max(row.Attempts-1, 0); doublings < 7 { // the seventh is beyond an hour
		wait = retryMin << doublings
	}
	if !row.ExpiresAt.IsZero() {
		wait = min(wait, max(codeRetry, row.ExpiresAt.Sub(now)/10))
	}
	return wait + rand.N(wait/10)
}
