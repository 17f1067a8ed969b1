package auth_test

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/store"
)

// FuzzLinks gives what stands in the address of a mailed link to everything that reads one. Whatever it is, it is answered, and opens
// nothing that was not mailed.
func FuzzLinks(f *testing.F) {
	cfg := fuzzConfig()
	db := store.NewMemory()
	people := directory.New(db)
	cfg.Users, cfg.Companies, cfg.Registrar, cfg.Invitations, cfg.Stores = people, people, people, people, db.Stores()
	cfg.AllowNoMail, cfg.Mail, cfg.Preset.SignUp = false, &mail.LogSender{W: f.Output()}, auth.SignUpPerson
	m, err := auth.New(cfg)
	if err != nil {
		f.Fatal(err)
	}
	first, err := people.Bootstrap(f.Context(), "Acme", "ada@acme.example")
	if err != nil {
		f.Fatal(err)
	}
	_, link, _, err := m.SendInvitation(f.Context(), first.ID, home)
	if err != nil {
		f.Fatal(err)
	}
	mailed := linkToken(mail.Message{Link: link})
	for _, seed := range []string{
		"", "rst_", "sup_" + mailed, mailed, mailed[:len(mailed)-1], mailed + "A", "und_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"rcv_\x00", "eml_\xff", "=", "AAAA", mailed[4:] + mailed[:4],
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		ctx := t.Context()
		if _, why, err := m.CheckReset(ctx, token); err != nil || why != auth.ReasonResetExpired {
			t.Errorf("A-178 CheckReset(%q) = %q, %v", token, why, err)
		}
		if _, why, err := m.CheckSignUp(ctx, token); err != nil || why != auth.ReasonLinkExpired {
			t.Errorf("A-178 CheckSignUp(%q) = %q, %v", token, why, err)
		}
		if _, why, err := m.CheckUndo(ctx, token); err != nil || why != auth.ReasonLinkExpired {
			t.Errorf("A-178 CheckUndo(%q) = %q, %v", token, why, err)
		}
		in, err := m.CheckInvitation(ctx, token, home)
		if err != nil || in.Why == "" != (strings.NewReplacer("\r", "", "\n", "").Replace(token) == mailed) { // as mail programs break lines
			t.Errorf("A-178 CheckInvitation(%q) = %q, %v", token, in.Why, err)
		}
	})
}
