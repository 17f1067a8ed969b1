package mail_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
)

func ExampleLetters_Compose() {
	letters, err := mail.NewLetters(mail.LettersConfig{Product: "Harbour"})
	if err != nil {
		fmt.Println(err)
		return
	}
	when := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	m, err := letters.Compose(mail.Letter{
		Kind: mail.VerifyLogin, To: "ana@acme.example", Lang: "es", Code: "482913", When: when, ExpiresAt: when.Add(10 * time.Minute),
	}, "id1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Subject)
	fmt.Println(strings.Contains(m.Text, "Su código: 482913"))
	// Output:
	// Verificación de correo electrónico para Harbour
	// true
}

func ExampleNewOutbox() {
	letters, err := mail.NewLetters(mail.LettersConfig{Product: "Harbour"})
	if err != nil {
		fmt.Println(err)
		return
	}
	key := make([]byte, 32) // a host keeps its keys: what a lost one has sealed cannot be sent
	rand.Read(key)
	var log bytes.Buffer
	outbox, err := mail.NewOutbox(mail.OutboxConfig{
		Store: mail.NewMemory(), Keys: [][]byte{key}, Sender: &mail.LogSender{W: &log}, Letters: letters,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if _, err := outbox.Post(ctx, mail.Letter{Kind: mail.PasswordChanged, To: "ana@acme.example", When: time.Now()}, 0); err != nil {
		fmt.Println(err)
		return
	}
	sent, err := outbox.Deliver(ctx)
	fmt.Println(sent, err, strings.Contains(log.String(), "Your password was changed"))
	// Output: 1 <nil> true
}
