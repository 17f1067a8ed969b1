package mail_test

import (
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
)

var update = flag.Bool("update", false, "write the golden letters anew")

// noon is when everything here happens.
var noon = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// harbour is the product of these tests.
func harbour() mail.LettersConfig {
	return mail.LettersConfig{
		Product: "Harbour", Security: "https://app.example.com/auth/account/devices",
		Help: "https://app.example.com/auth/help", Support: "mailto:help@app.example.com",
	}
}

// harbourLetters are made once: they do not change.
var harbourLetters = sync.OnceValues(func() (*mail.Letters, error) { return mail.NewLetters(harbour()) })

func newLetters(t testing.TB, cfg mail.LettersConfig) *mail.Letters {
	t.Helper()
	l, err := mail.NewLetters(cfg)
	if err != nil {
		t.Fatalf("NewLetters: %v", err)
	}
	return l
}

// letter is one of a kind, as package auth would post it.
func letter(kind mail.Kind) mail.Letter {
	l := mail.Letter{
		Kind: kind, UserID: "usr1", To: "ana@acme.example", When: noon, IP: "203.0.113.7", Browser: "Firefox, Linux",
	}
	link := func(page string, counts time.Duration) {
		l.Link, l.ExpiresAt = "https://app.example.com/auth/"+page+"&lang=en", noon.Add(counts)
	}
	const week = 7 * 24 * time.Hour
	switch kind {
	case mail.VerifyLogin, mail.VerifyStepUp, mail.EnrollEmail:
		l.Code, l.ExpiresAt = "482913", noon.Add(10*time.Minute)
	case mail.SocialLinked, mail.SocialUnlinked:
		l.Item, l.Person, l.Link = "Google", "ana.personal@gmail.com", "https://app.example.com/auth/account/connected"
	case mail.SocialCode:
		l.Code, l.ExpiresAt, l.Item = "482913", noon.Add(10*time.Minute), "Google"
	case mail.Reset:
		link("reset?token=rst_4kZ9vQ", time.Hour)
	case mail.SignUp:
		link("signup?token=sgn_4kZ9vQ", time.Hour)
	case mail.EmailConfirm:
		link("email?token=eml_4kZ9vQ", 24*time.Hour)
	case mail.RecoveryConfirm:
		link("recovery?token=rcv_4kZ9vQ", 24*time.Hour)
	case mail.Invite, mail.InviteExisting, mail.InviteSSO:
		link("invite?token=inv_4kZ9vQ", week)
		l.Company, l.IP, l.Browser = "Acme & Sons Ltd.", "", ""
	case mail.SeatRequest:
		l.Link = "https://app.example.com/auth/seats?lang=en"
		l.Company, l.Person, l.Item, l.IP, l.Browser = "Acme & Sons Ltd.", "bob@acme.example", "Harbour Pro", "", ""
	case mail.SignUpTaken:
		l.Link = "https://app.example.com/auth/?lang=en"
	case mail.EmailChanged:
		link("undo?token=und_4kZ9vQ", week)
		l.NewEmail = "ana.lopez@acme.example"
	case mail.EmailAsked, mail.RecoveryChanged:
		l.NewEmail = "ana.lopez@acme.example"
	case mail.TwoStepAsked:
		l.Until = noon.Add(24 * time.Hour)
	case mail.RecoveryUsed:
		l.Left = 7
	}
	return l
}

func compose(t testing.TB, letters *mail.Letters, l mail.Letter) mail.Message {
	t.Helper()
	m, err := letters.Compose(l, "id1")
	if err != nil {
		t.Fatalf("Compose(%s): %v", l.Kind, err)
	}
	return m
}

// TestGolden compares every letter in every language with what it was. After a change that is meant, run
//
//	go test ./auth/mail -run TestGolden -update
//
// and read the difference.
func TestGolden(t *testing.T) {
	letters := newLetters(t, harbour())
	for _, lang := range []string{"en", "es", "fr"} {
		for _, kind := range mail.Kinds() {
			l := letter(kind)
			l.Lang = lang
			m := compose(t, letters, l)
			golden(t, lang+"-"+string(kind)+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
			golden(t, lang+"-"+string(kind)+".html", m.HTML)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed; look at it and run with -update:\n%s", file, got)
	}
}
