package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

//go:embed mailbox.html
var mailboxHTML string

//go:embed letter.html
var letterHTML string

// kept is how many letters the mailbox holds.
const kept = 200

// A mailbox takes the place of mail: everybody's letters come here, and everybody may read them. It is for demonstrations only; a
// real host gives auth.Config.Mail an smtp.Sender. What is in it goes with the program.
type mailbox struct {
	mu      sync.Mutex
	letters []delivered // oldest first
}

// A delivered letter is one that has arrived.
type delivered struct {
	mail.Message
	Number int // counts letters, from 1
	At     time.Time
}

// Send implements mail.Sender.
func (b *mailbox) Send(_ context.Context, m mail.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	number := 1
	if n := len(b.letters); n > 0 {
		number = b.letters[n-1].Number + 1
	}
	b.letters = append(b.letters, delivered{m, number, time.Now()})
	b.letters = slices.Delete(b.letters, 0, max(0, len(b.letters)-kept))
	return nil
}

// newestFirst is what is in the mailbox.
func (b *mailbox) newestFirst() []delivered {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := slices.Clone(b.letters)
	slices.Reverse(all)
	return all
}

// letter finds a letter by the number in the request's path.
func (b *mailbox) letter(r *http.Request) (delivered, bool) {
	for _, l := range b.newestFirst() {
		if strconv.Itoa(l.Number) == r.PathValue("number") {
			return l, true
		}
	}
	return delivered{}, false
}

// routes adds the pages of the mailbox.
func (b *mailbox) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /dev/mail", b.list)
	mux.HandleFunc("GET /dev/mail/{number}", b.show)
	mux.HandleFunc("GET /dev/mail/{number}/html", b.showHTML)
}

// list shows the letters: as a page to people, and to programs as JSON.
func (b *mailbox) list(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	if auth.WantsJSON(r) {
		b.listJSON(w)
		return
	}
	servePage(w, http.StatusOK, mailboxHTML, mailboxData{Letters: b.newestFirst(), Kept: kept})
}

// listJSON answers a list of {"to", "subject", "text", "code", "link"}, newest first. Where a letter has no code or no link it is
// empty.
func (b *mailbox) listJSON(w http.ResponseWriter) {
	type letter struct {
		To      string `json:"to"`
		Subject string `json:"subject"`
		Text    string `json:"text"`
		Code    string `json:"code"`
		Link    string `json:"link"`
	}
	list := []letter{}
	for _, l := range b.newestFirst() {
		list = append(list, letter{l.To, l.Subject, l.Text, l.Code, l.Link})
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err := json.NewEncoder(w).Encode(list); err != nil {
		log.Printf("mailbox: %v", err)
	}
}

// show shows one letter: as it looks, or with ?as=text as those see it who read no HTML.
func (b *mailbox) show(w http.ResponseWriter, r *http.Request) {
	l, ok := b.letter(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	servePage(w, http.StatusOK, letterHTML, letterData{delivered: l, AsText: r.URL.Query().Get("as") == "text"})
}

// showHTML is what the frame of show has in it: the letter as it was sent, alone in a site of its own, where it can run nothing.
// Its links open beside.
func (b *mailbox) showHTML(w http.ResponseWriter, r *http.Request) {
	l, ok := b.letter(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	page := strings.Replace(l.HTML, "<head>", `<head><base target="_blank">`, 1)
	setHeaders(w, "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "+
		"sandbox allow-popups allow-popups-to-escape-sandbox")
	fmt.Fprint(w, page)
}

type mailboxData struct {
	Letters []delivered
	Kept    int
}

type letterData struct {
	delivered
	AsText bool
}

// Moment is when the letter arrived, as people read it.
func (l delivered) Moment() string { return moment(l.At) }

// servePage answers with a page of the host.
func servePage(w http.ResponseWriter, status int, text string, data any) {
	var page bytes.Buffer
	t, err := template.New("page").Parse(text)
	if err == nil {
		err = t.Execute(&page, data)
	}
	if err != nil {
		log.Printf("making a page: %v", err)
		http.Error(w, "The page cannot be shown at the moment.", http.StatusInternalServerError)
		return
	}
	setHeaders(w, "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	w.Write(page.Bytes())
}

func setHeaders(w http.ResponseWriter, policy string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}
