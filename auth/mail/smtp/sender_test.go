package smtp_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/auth/mail/smtp"
)

func config(s *server, mode smtp.TLS) smtp.Config {
	return smtp.Config{
		Host: "localhost", Port: s.port, TLS: mode, RootCAs: s.roots, LocalName: "app.example.com",
		From: "Harbour <no-reply@app.example.com>", ReplyTo: "Harbour Support <help@app.example.com>",
	}
}

func newSender(t *testing.T, cfg smtp.Config) *smtp.Sender {
	t.Helper()
	s, err := smtp.New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return s
}

// message is a mail in French, with lines that every encoding has to work for.
func message() mail.Message {
	return mail.Message{
		ID: "k3v9", Kind: mail.VerifyLogin, To: "ana@acme.example", Lang: "fr", Subject: "Vérification de l’e-mail pour Harbour",
		Text: "Votre code : 482913\n.\n" + strings.Repeat("très long ", 200) + "\n", HTML: "<p lang=\"fr\">Votre code <b>482913</b></p>\n", Code: "482913",
	}
}

// parts reads a mail as a mail program does: the header, and the bodies by their type.
func parts(t *testing.T, data []byte) (netmail.Header, map[string]string) {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("what arrived is no mail: %v\n%s", err, data)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type = %q, want multipart/alternative", m.Header.Get("Content-Type"))
	}
	bodies := map[string]string{}
	var order []string
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil || !strings.EqualFold(params["charset"], "utf-8") {
			t.Errorf("Content-Type of a part = %q, want it in UTF-8", p.Header.Get("Content-Type"))
		}
		if got := p.Header.Get("Content-Transfer-Encoding"); got != "quoted-printable" {
			t.Errorf("Content-Transfer-Encoding of %s = %q, want quoted-printable", kind, got)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		bodies[kind] = strings.ReplaceAll(string(body), "\r\n", "\n")
		order = append(order, kind)
	}
	if strings.Join(order, " ") != "text/plain text/html" {
		t.Errorf("parts = %q, want the text, then the HTML", order)
	}
	return m.Header, bodies
}

func TestSend(t *testing.T) {
	for name, mode := range map[string]smtp.TLS{"STARTTLS": smtp.STARTTLS, "implicit TLS": smtp.ImplicitTLS} {
		t.Run(name+" with a password", func(t *testing.T) {
			s := serve(t, mode, nil)
			cfg := config(s, mode)
			cfg.Username, cfg.Password = user, password
			if err := newSender(t, cfg).Send(t.Context(), message()); err != nil {
				t.Fatalf("Send: %v", err)
			}
			if got := s.mails(); len(got) != 1 || got[0].from != "no-reply@app.example.com" || got[0].to != "ana@acme.example" {
				t.Errorf("arrived %+v, want one mail from no-reply@app.example.com to ana@acme.example", got)
			}
			if s.hello[0] != cfg.LocalName {
				t.Errorf("we said hello as %q, want %q", s.hello[0], cfg.LocalName)
			}
			if len(s.signedIn) != 1 || s.signedIn[0] != user || !s.secure[0] {
				t.Errorf("signed in %q over TLS %v, want %q over TLS", s.signedIn, s.secure, user)
			}
		})
	}

	t.Run("InsecureNoTLS", func(t *testing.T) {
		s := serve(t, smtp.InsecureNoTLS, nil)
		if err := newSender(t, config(s, smtp.InsecureNoTLS)).Send(t.Context(), message()); err != nil {
			t.Fatalf("Send: %v", err)
		}
		if len(s.mails()) != 1 || s.secure[0] {
			t.Errorf("%d mails arrived, TLS %v; want one without", len(s.mails()), s.secure)
		}
	})

	t.Run("64 at once", func(t *testing.T) {
		s := serve(t, smtp.STARTTLS, nil)
		sender := newSender(t, config(s, smtp.STARTTLS))
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if err := sender.Send(t.Context(), message()); err != nil {
					t.Errorf("Send: %v", err)
				}
			})
		}
		wg.Wait()
		if got := len(s.mails()); got != 64 {
			t.Errorf("%d mails arrived, want 64", got)
		}
	})
}

func TestMessage(t *testing.T) {
	s := serve(t, smtp.STARTTLS, nil)
	cfg := config(s, smtp.STARTTLS)
	sender := newSender(t, cfg)
	m := message()
	for range 2 { // the second is another attempt at the same letter
		if err := sender.Send(t.Context(), m); err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
	header, bodies := parts(t, s.mails()[0].data)
	again, _ := parts(t, s.mails()[1].data)

	t.Run("U49 text and HTML", func(t *testing.T) {
		if bodies["text/plain"] != m.Text {
			t.Errorf("text = %q, want %q", bodies["text/plain"], m.Text)
		}
		if bodies["text/html"] != m.HTML {
			t.Errorf("HTML = %q, want %q", bodies["text/html"], m.HTML)
		}
	})

	t.Run("U52 headers", func(t *testing.T) {
		for name, want := range map[string]string{
			"From": `"Harbour" <no-reply@app.example.com>`, "Reply-To": `"Harbour Support" <help@app.example.com>`, "To": "<ana@acme.example>",
			"Message-ID": "<k3v9@app.example.com>", "Content-Language": "fr", "Auto-Submitted": "auto-generated",
			"X-Auto-Response-Suppress": "All", "Mime-Version": "1.0", "Cc": "", "Bcc": "", "References": "", "In-Reply-To": "",
			"List-Unsubscribe": "", "Precedence": "", "X-Mailer": "", "User-Agent": "",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
		if subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject")); err != nil || subject != m.Subject {
			t.Errorf("Subject = %q, %v; want %q", subject, err, m.Subject)
		}
		if _, err := header.Date(); err != nil {
			t.Errorf("Date = %q: %v", header.Get("Date"), err)
		}
		if got, want := again.Get("Message-ID"), header.Get("Message-ID"); got != want {
			t.Errorf("Message-ID of the second attempt = %q, want %q", got, want)
		}
	})

	t.Run("A-192 no header has the code", func(t *testing.T) {
		for name, values := range header {
			if strings.Contains(strings.Join(values, " "), m.Code) {
				t.Errorf("%s = %q, which has the code", name, values)
			}
		}
	})
}

// TestInjection is about mails that package mail does not compose.
func TestInjection(t *testing.T) {
	s := serve(t, smtp.STARTTLS, nil)
	sender := newSender(t, config(s, smtp.STARTTLS))
	for _, bad := range []string{"\r\nBcc: eve@evil.example", "\nBcc: eve@evil.example", "\rBcc: eve@evil.example", "\x00", "\u2028Bcc: eve@evil.example"} {
		for field, change := range map[string]func(*mail.Message){
			"To":        func(m *mail.Message) { m.To += bad },
			"To before": func(m *mail.Message) { m.To = "a" + bad + "@acme.example" },
			"Subject":   func(m *mail.Message) { m.Subject += bad },
			"ID":        func(m *mail.Message) { m.ID += bad },
			"Lang":      func(m *mail.Message) { m.Lang += bad },
		} {
			m := message()
			change(&m)
			if err := sender.Send(t.Context(), m); err == nil || strings.Contains(err.Error(), "evil") {
				t.Errorf("A-164 Send with %q in %s = %v, want an error that does not repeat it", bad, field, err)
			}
		}
	}
	for _, to := range []string{
		"", "ana", "ana@acme.example,eve@evil.example", "Ana <ana@acme.example>", "<ana@acme.example>", "ana@acme.example, ",
		"ana@acme.example (eve)", strings.Repeat("a", 400) + "@acme.example", "a:b@acme.example;",
	} {
		m := message()
		m.To = to
		if err := sender.Send(t.Context(), m); !errors.Is(err, mail.ErrRefused) {
			t.Errorf("A-164 Send to %q = %v, want ErrRefused", to, err)
		}
	}
	if got := s.mails(); len(got) != 0 {
		t.Errorf("A-164 %d mails arrived, want none: %s", len(got), got[0].data)
	}
	t.Run("a body cannot end the mail", func(t *testing.T) {
		m := message()
		m.Text = "one\n.\nMAIL FROM:<eve@evil.example>\nRCPT TO:<eve@evil.example>\n"
		m.HTML = "<p>.\r\n.\r\n</p>"
		if err := sender.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if got := s.mails(); len(got) != 1 || got[0].to != "ana@acme.example" {
			t.Errorf("A-164 arrived %+v, want one mail to ana@acme.example", got)
		}
	})
	t.Run("a mail lacks a part", func(t *testing.T) {
		for _, change := range []func(*mail.Message){
			func(m *mail.Message) { m.Text = "" }, func(m *mail.Message) { m.HTML = "" }, func(m *mail.Message) { m.Subject = "" },
			func(m *mail.Message) { m.ID = "" }, func(m *mail.Message) { m.Lang = "" },
		} {
			m := message()
			change(&m)
			if err := sender.Send(t.Context(), m); err == nil {
				t.Errorf("Send(%+v) = nil, want an error", m)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	answer := func(code, a, b, c int) error {
		return &gosmtp.SMTPError{Code: code, EnhancedCode: gosmtp.EnhancedCode{a, b, c}, Message: "<ana@acme.example> and 482913: no"}
	}
	for _, tc := range []struct {
		name    string
		with    func(*server)
		refused bool
		want    string
	}{
		{"no such address", func(s *server) { s.refuse = answer(550, 5, 1, 1) }, true, "550 5.1.1"},
		{"address not allowed", func(s *server) { s.refuse = answer(553, 5, 1, 3) }, true, "553 5.1.3"},
		{"try later", func(s *server) { s.refuse = answer(450, 4, 2, 0) }, false, "450 4.2.0"},
		{"mailbox full for now", func(s *server) { s.refuse = answer(452, 4, 2, 2) }, false, "452 4.2.2"},
		{"we may not relay", func(s *server) { s.refuse = answer(554, 5, 7, 1) }, false, "554 5.7.1"},
		{"we must sign in first", func(s *server) { s.refuse = answer(530, 5, 5, 1) }, false, "530 5.5.1"},
		{"it likes the address but not the mail", func(s *server) { s.refused = answer(554, 5, 6, 0) }, false, "554 5.6.0"},
		{"it cannot store the mail", func(s *server) { s.refused = answer(451, 4, 3, 0) }, false, "451 4.3.0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, smtp.STARTTLS, tc.with)
			err := newSender(t, config(s, smtp.STARTTLS)).Send(t.Context(), message())
			if err == nil || errors.Is(err, mail.ErrRefused) != tc.refused || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("Send = %v, want %s and ErrRefused: %v", err, tc.want, tc.refused)
			}
			discreet(t, err)
		})
	}
}

// discreet tells that an error repeats nothing of what must not get into logs.
func discreet(t *testing.T, err error) {
	t.Helper()
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
	for _, secret := range []string{"482913", "ana@", password, plain, "Votre"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("A-192 the error %q has %q", err, secret)
		}
	}
}

func TestEncryption(t *testing.T) {
	t.Run("no downgrade: a server without STARTTLS gets nothing", func(t *testing.T) {
		s := serve(t, smtp.InsecureNoTLS, nil)
		cfg := config(s, smtp.STARTTLS)
		cfg.Username, cfg.Password = user, password
		err := newSender(t, cfg).Send(t.Context(), message())
		if err == nil || !strings.Contains(err.Error(), "STARTTLS") || errors.Is(err, mail.ErrRefused) {
			t.Errorf("Send = %v, want an error about STARTTLS", err)
		}
		if len(s.signedIn) != 0 || len(s.mails()) != 0 || len(s.secure) != 0 {
			t.Errorf("the server got %d passwords, %d mails, want none", len(s.signedIn), len(s.secure))
		}
	})

	for name, mode := range map[string]smtp.TLS{"STARTTLS": smtp.STARTTLS, "implicit TLS": smtp.ImplicitTLS} {
		t.Run("a certificate that nobody trusts, "+name, func(t *testing.T) {
			s := serve(t, mode, nil)
			cfg := config(s, mode)
			cfg.RootCAs = nil
			cfg.Username, cfg.Password = user, password
			untrusted(t, s, cfg)
		})
		t.Run("a certificate of another host, "+name, func(t *testing.T) {
			s := serve(t, mode, nil)
			cfg := config(s, mode)
			cfg.Host = "127.0.0.1"
			cfg.Username, cfg.Password = user, password
			untrusted(t, s, cfg)
		})
	}

	t.Run("implicit TLS where there is none", func(t *testing.T) {
		s := serve(t, smtp.STARTTLS, nil)
		err := newSender(t, config(s, smtp.ImplicitTLS)).Send(t.Context(), message())
		if err == nil || !strings.Contains(err.Error(), "TLS") || len(s.mails()) != 0 {
			t.Errorf("Send = %v with %d mails, want an error about TLS and none", err, len(s.mails()))
		}
	})

	t.Run("a wrong password", func(t *testing.T) {
		s := serve(t, smtp.STARTTLS, nil) // which says the password back
		cfg := config(s, smtp.STARTTLS)
		cfg.Username, cfg.Password = user, password+"!"
		err := newSender(t, cfg).Send(t.Context(), message())
		if err == nil || !strings.Contains(err.Error(), "535") || errors.Is(err, mail.ErrRefused) || len(s.mails()) != 0 {
			t.Fatalf("Send = %v with %d mails, want an error with 535 and none", err, len(s.mails()))
		}
		discreet(t, err)
	})
}

func untrusted(t *testing.T, s *server, cfg smtp.Config) {
	t.Helper()
	err := newSender(t, cfg).Send(t.Context(), message())
	var certificate *tls.CertificateVerificationError
	if !errors.As(err, &certificate) || errors.Is(err, mail.ErrRefused) {
		t.Errorf("Send = %v, want a CertificateVerificationError", err)
	}
	if len(s.signedIn) != 0 || len(s.mails()) != 0 || len(s.secure) != 0 {
		t.Errorf("the server got %d passwords, %d mails, want none", len(s.signedIn), len(s.secure))
	}
}

// silence is what a server says that says nothing more and stays.
const silence = ""

// talk is a server that says these lines, one after each line that it hears, and then leaves.
func talk(t *testing.T, lines ...string) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		for _, line := range lines {
			if line == silence {
				io.Copy(io.Discard, r) // until the other side has had enough
				return
			}
			io.WriteString(conn, line+"\r\n")
			if _, err := r.ReadString('\n'); err != nil {
				return
			}
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func TestStrangeServers(t *testing.T) {
	insecure := func(port int) smtp.Config {
		return smtp.Config{Host: "127.0.0.1", Port: port, TLS: smtp.InsecureNoTLS, From: "no-reply@app.example.com"}
	}
	t.Run("A-277 one that falls silent is left when the context ends", func(t *testing.T) {
		for said, lines := range map[string][]string{
			"nothing": {silence}, "hello": {"220 hi", silence}, "all but the answer to RCPT": {"220 hi", "250 hi", "250 ok", silence},
			"all but the last answer": {"220 hi", "250 hi", "250 ok", "250 ok", "354 go on", silence},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			err := newSender(t, insecure(talk(t, lines...))).Send(ctx, message())
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Send to a server that says %s = %v, want context.DeadlineExceeded", said, err)
			}
			cancel()
		}
	})
	t.Run("A-277 Timeout is for the whole mail", func(t *testing.T) {
		cfg := insecure(talk(t, "220 hi", "250 hi", silence))
		cfg.Timeout = 50 * time.Millisecond
		if err := newSender(t, cfg).Send(t.Context(), message()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Send = %v, want context.DeadlineExceeded", err)
		}
	})
	t.Run("one that repeats what it hears", func(t *testing.T) {
		for _, lines := range [][]string{
			{"220 hi", "250 hi", "250 ok", "<ana@acme.example> 482913"}, {"482913"}, {"220 hi", "482913", "482913"}, {"421 482913"},
		} {
			err := newSender(t, insecure(talk(t, lines...))).Send(t.Context(), message())
			if err == nil || errors.Is(err, mail.ErrRefused) {
				t.Fatalf("Send to %q = %v, want an error that is not ErrRefused", lines, err)
			}
			discreet(t, err)
		}
	})
	t.Run("one that takes the mail and leaves", func(t *testing.T) {
		lines := []string{"220 hi", "250 hi", "250 ok", "250 ok", "354 go on"}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			r := bufio.NewReader(conn)
			for _, line := range lines[:4] {
				io.WriteString(conn, line+"\r\n")
				r.ReadString('\n')
			}
			io.WriteString(conn, lines[4]+"\r\n")
			for line := ""; line != ".\r\n"; {
				if line, err = r.ReadString('\n'); err != nil {
					return
				}
			}
			io.WriteString(conn, "250 taken\r\n") // and no answer to QUIT
		}()
		if err := newSender(t, insecure(l.Addr().(*net.TCPAddr).Port)).Send(t.Context(), message()); err != nil {
			t.Errorf("Send = %v, want nil: the mail was taken, and would be sent twice", err)
		}
	})
	t.Run("none at all", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		err = newSender(t, insecure(port)).Send(t.Context(), message())
		var network *net.OpError
		if !errors.As(err, &network) {
			t.Errorf("Send = %v, want a net.OpError", err)
		}
	})
}

func TestNew(t *testing.T) {
	good := smtp.Config{Host: "mail.example.com", From: "no-reply@app.example.com"}
	newSender(t, good)
	for field, change := range map[string]func(*smtp.Config){
		"Host":      func(c *smtp.Config) { c.Host = "" },
		"Port":      func(c *smtp.Config) { c.Port = 70000 },
		"TLS":       func(c *smtp.Config) { c.TLS = 9 },
		"From":      func(c *smtp.Config) { c.From = "Harbour" },
		"From ":     func(c *smtp.Config) { c.From = "a@example.com\r\nBcc: eve@evil.example" },
		"ReplyTo":   func(c *smtp.Config) { c.ReplyTo = "help" },
		"Password":  func(c *smtp.Config) { c.Password = password },
		"Username":  func(c *smtp.Config) { c.TLS, c.Username, c.Password = smtp.InsecureNoTLS, user, password },
		"Timeout":   func(c *smtp.Config) { c.Timeout = -1 },
		"ReplyTo  ": func(c *smtp.Config) { c.ReplyTo = "a@example.com, b@example.com" },
	} {
		cfg := good
		change(&cfg)
		_, err := smtp.New(cfg)
		if err == nil || !strings.Contains(err.Error(), "smtp: Config."+strings.TrimSpace(field)) {
			t.Errorf("New with a bad %s = %v, want an error that names it", field, err)
		}
		if err != nil {
			discreet(t, err)
		}
	}
}
