package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

// A letter is one as the mailbox tells programs of it.
type letter struct{ To, Subject, Text, Code, Link string }

func TestMailbox(t *testing.T) {
	p, err := newProduct(t.Context(), options{db: ":memory:", preset: "recommended"}, "http://localhost:8080", "http://127.0.0.1:8081")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	b := authtest.NewBrowser(t, "http://localhost:8080", p.handler())
	list := func(t *testing.T) []letter {
		t.Helper()
		page := b.JSON(http.MethodGet, "/dev/mail", "")
		var all []letter
		if err := json.Unmarshal([]byte(page.Body), &all); err != nil || page.Status != http.StatusOK {
			t.Fatalf("the mailbox answers %s: %s (%v)", page, page.Body, err)
		}
		return all
	}
	send := func(t *testing.T, m mail.Message) {
		t.Helper()
		if err := p.mail.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("with nothing in it", func(t *testing.T) {
		if got := b.JSON(http.MethodGet, "/dev/mail", ""); strings.TrimSpace(got.Body) != "[]" {
			t.Errorf("programs get %s, want an empty list", got.Body)
		}
		if got := b.Get("/dev/mail"); !strings.Contains(got.Body, "Nothing has come yet.") {
			t.Errorf("people get %s: %s", got, got.Body)
		}
	})

	t.Run("the fields of a letter in JSON", func(t *testing.T) {
		send(t, mail.Message{To: "ann@acme.example", Subject: "S", Text: "T", HTML: "H", Code: "123456", Link: "http://localhost:8080/l"})
		const want = `[{"to":"ann@acme.example","subject":"S","text":"T","code":"123456","link":"http://localhost:8080/l"}]`
		if got := b.JSON(http.MethodGet, "/dev/mail", ""); strings.TrimSpace(got.Body) != want || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("programs get %s as %s, want %s", got.Body, got.Header.Get("Content-Type"), want)
		}
	})

	t.Run("what stands in a letter is text", func(t *testing.T) {
		const evil = `<script>alert(1)</script>`
		send(t, mail.Message{To: evil, Subject: evil, Text: evil, HTML: "<head></head>" + evil, Code: evil, Link: "javascript:alert(1)"})
		number := fmt.Sprint(p.mail.newestFirst()[0].Number)
		for _, path := range []string{"/dev/mail", "/dev/mail/" + number, "/dev/mail/" + number + "?as=text"} {
			page := b.Get(path)
			if page.Status != http.StatusOK || strings.Contains(page.Body, evil) || strings.Contains(page.Body, `"javascript:`) {
				t.Errorf("%s has the letter's own HTML in it:\n%s", page, page.Body)
			}
			if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
				t.Errorf("%s may load what %q lets it", page, policy)
			}
		}
		page := b.Get("/dev/mail/" + number + "/html")
		if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "sandbox allow-popups") || strings.Contains(policy, "script") {
			t.Errorf("the letter itself has the policy %q, want a sandbox without scripts", policy)
		}
		if !strings.Contains(page.Body, `<head><base target="_blank">`) {
			t.Errorf("the links of a letter open within its frame: %s", page.Body)
		}
	})

	t.Run("a letter that is not there", func(t *testing.T) {
		for _, path := range []string{"/dev/mail/999", "/dev/mail/999/html", "/dev/mail/x"} {
			if page := b.Get(path); page.Status != http.StatusNotFound {
				t.Errorf("%s answers %d, want 404", path, page.Status)
			}
		}
	})

	t.Run("the newest first, and not all for ever", func(t *testing.T) {
		for i := range 2 * kept {
			send(t, mail.Message{To: "ann@acme.example", Subject: fmt.Sprint("letter ", i)})
		}
		all := list(t)
		if len(all) != kept || all[0].Subject != fmt.Sprint("letter ", 2*kept-1) || all[kept-1].Subject != fmt.Sprint("letter ", kept) {
			t.Errorf("%d letters, from %q to %q, want the last %d, newest first", len(all), all[0].Subject, all[len(all)-1].Subject, kept)
		}
		seen := map[int]bool{}
		for _, l := range p.mail.newestFirst() {
			if seen[l.Number] {
				t.Fatalf("two letters have the number %d", l.Number)
			}
			seen[l.Number] = true
		}
	})
}

// letters are what is in the mailbox of the program at home, newest first.
func letters(home string) ([]letter, error) {
	req, err := http.NewRequest(http.MethodGet, home+"/dev/mail", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var all []letter
	return all, json.NewDecoder(answer.Body).Decode(&all)
}

// newCode waits for a letter to an address whose code is not among those seen, and notes it there. Several programs on one
// database send each other's letters, so it looks at all of these. It answers no code if none comes.
func newCode(email string, seen map[string]bool, wait time.Duration, homes ...string) (string, error) {
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, home := range homes {
			all, err := letters(home)
			if err != nil {
				return "", err
			}
			for _, l := range all {
				if l.To == email && l.Code != "" && !seen[l.Code] {
					seen[l.Code] = true
					return l.Code, nil
				}
			}
		}
	}
	return "", nil
}
