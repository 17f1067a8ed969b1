package mail_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Outbox(t, func(*testing.T) mail.OutboxStore { return mail.NewMemory() })

	t.Run("A-277 with MaxMemory letters it takes no more, and loses none", func(t *testing.T) {
		m, ctx := mail.NewMemory(), context.Background()
		for i := range mail.MaxMemory {
			if err := m.AddOutbox(ctx, mail.OutboxRow{ID: fmt.Sprint(i), DueAt: noon.Add(-time.Duration(i))}); err != nil {
				t.Fatalf("AddOutbox(letter %d) = %v, want nil", i, err)
			}
		}
		if err := m.AddOutbox(ctx, mail.OutboxRow{ID: "one more", DueAt: noon}); err == nil {
			t.Errorf("AddOutbox(one more) = nil, want an error")
		}
		rows, err := m.ClaimOutbox(ctx, noon, noon.Add(time.Hour), mail.MaxMemory+1)
		if err != nil || len(rows) != mail.MaxMemory {
			t.Fatalf("ClaimOutbox = %d letters, %v, want all %d", len(rows), err, mail.MaxMemory)
		}
		if want := fmt.Sprint(mail.MaxMemory - 1); rows[0].ID != want {
			t.Errorf("the first is %s, want %s, which is due longest", rows[0].ID, want)
		}
		if err := m.DropOutbox(ctx, "7"); err != nil {
			t.Fatal(err)
		}
		if err := m.AddOutbox(ctx, mail.OutboxRow{ID: "one more", DueAt: noon}); err != nil {
			t.Errorf("AddOutbox where there is room again = %v, want nil", err)
		}
	})

	t.Run("an id that is taken", func(t *testing.T) {
		m, ctx := mail.NewMemory(), context.Background()
		if err := m.AddOutbox(ctx, mail.OutboxRow{ID: "a", DueAt: noon}); err != nil {
			t.Fatal(err)
		}
		if err := m.AddOutbox(ctx, mail.OutboxRow{ID: "a", DueAt: noon}); err == nil {
			t.Errorf("AddOutbox(taken) = nil, want an error: one of the two letters would be lost")
		}
	})
}
