package mail_test

import (
	"context"
	"testing"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/internal/testdb"
)

// nobody is a sender that costs nothing.
type nobody struct{}

func (nobody) Send(context.Context, mail.Message) error { return nil }

// BenchmarkCompose is one letter. It is most of what an outbox in memory does.
func BenchmarkCompose(b *testing.B) {
	letters, l := newLetters(b, harbour()), letter(mail.VerifyLogin)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := letters.Compose(l, "id1"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOutbox posts 10,000 letters and delivers them.
func BenchmarkOutbox(b *testing.B) {
	for name, open := range map[string]func() mail.OutboxStore{
		"memory": func() mail.OutboxStore { return mail.NewMemory() },
		"sqlite": func() mail.OutboxStore { return testdb.SQLite(b) },
	} {
		b.Run(name, func(b *testing.B) {
			const letters = 10_000
			o := newOutbox(b, mail.OutboxConfig{Store: open(), Keys: [][]byte{key(1)}, Sender: nobody{}, Letters: newLetters(b, harbour())})
			l, ctx := letter(mail.NewDevice), context.Background()
			b.ReportAllocs()
			for b.Loop() {
				for range letters {
					if _, err := o.Post(ctx, l, 0); err != nil {
						b.Fatal(err)
					}
				}
				if sent, err := o.Deliver(ctx); sent != letters || err != nil {
					b.Fatalf("Deliver = %d, %v, want %d", sent, err, letters)
				}
			}
			b.ReportMetric(float64(letters*b.N)/b.Elapsed().Seconds(), "letters/s")
		})
	}
}

// BenchmarkNewLetters is what a program pays once, and a test of a sign-in each time.
func BenchmarkNewLetters(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		newLetters(b, harbour())
	}
}
