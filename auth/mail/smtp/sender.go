package smtp

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/sallyport-auth/sallyport/auth/mail"
)

// A TLS says how a connection is encrypted.
type TLS int

const (
	STARTTLS      TLS = iota // the connection is encrypted before anything is said, or nothing is said
	ImplicitTLS              // it is encrypted from its first byte on
	InsecureNoTLS            // it is not: for a mail server on this machine. No password is sent over it
)

// Config says which server takes the mails and who they are from.
type Config struct {
	Host      string         // of the server; required
	Port      int            // zero: 587 with STARTTLS, 465 with ImplicitTLS, 25 with InsecureNoTLS
	Username  string         // empty: the server asks for none
	Password  string         // of Username
	From      string         // "Harbour <no-reply@app.example.com>", the same for all mails; required
	ReplyTo   string         // the same for answers; empty: they go to From
	TLS       TLS            // zero: STARTTLS
	RootCAs   *x509.CertPool // that the server's certificate may come from; nil: those of this machine
	Timeout   time.Duration  // for one mail, with its connection; zero: 30 seconds
	LocalName string         // what this machine calls itself to the server; empty: its host name
}

func (c Config) port() int {
	return cmp.Or(c.Port, map[TLS]int{STARTTLS: 587, ImplicitTLS: 465, InsecureNoTLS: 25}[c.TLS])
}

func (c Config) timeout() time.Duration { return cmp.Or(c.Timeout, 30*time.Second) }

// A Sender is a mail.Sender for a mail server. It is safe for concurrent use.
type Sender struct {
	cfg     Config
	from    *netmail.Address
	replyTo *netmail.Address // nil: none
	domain  string           // of From, for Message-IDs
}

var _ mail.Sender = (*Sender)(nil)

// New returns a Sender. It does not connect.
func New(cfg Config) (*Sender, error) {
	switch {
	case cfg.Host == "":
		return nil, errors.New("smtp: Config.Host is required")
	case cfg.Port < 0 || cfg.Port > 65535:
		return nil, errors.New("smtp: Config.Port is none")
	case cfg.TLS < STARTTLS || cfg.TLS > InsecureNoTLS:
		return nil, errors.New("smtp: Config.TLS is none of STARTTLS, ImplicitTLS, InsecureNoTLS")
	case cfg.Username == "" && cfg.Password != "":
		return nil, errors.New("smtp: Config.Password needs a Username")
	case cfg.Username != "" && cfg.TLS == InsecureNoTLS:
		return nil, errors.New("smtp: Config.Username needs TLS: without it everybody on the way reads the password")
	case cfg.Timeout < 0:
		return nil, errors.New("smtp: Config.Timeout is negative")
	}
	s := &Sender{cfg: cfg}
	var err error
	if s.from, err = netmail.ParseAddress(cfg.From); err != nil {
		return nil, fmt.Errorf("smtp: Config.From: %w", err)
	}
	if cfg.ReplyTo != "" {
		if s.replyTo, err = netmail.ParseAddress(cfg.ReplyTo); err != nil {
			return nil, fmt.Errorf("smtp: Config.ReplyTo: %w", err)
		}
	}
	s.domain = s.from.Address[strings.LastIndexByte(s.from.Address, '@')+1:]
	if _, err := s.client(context.Background()); err != nil {
		return nil, fmt.Errorf("smtp: Config: %w", err)
	}
	return s, nil
}

// Send hands a mail to the server. An error that wraps mail.ErrRefused: the server says that there is no such address. Errors name
// the step and the server's code; what the server says beside it may repeat what we said to it, and is left out.
func (s *Sender) Send(ctx context.Context, m mail.Message) error {
	msg, err := s.message(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.timeout())
	defer cancel() // and with it the connection
	client, err := s.client(ctx)
	if err != nil {
		return fmt.Errorf("smtp: making a client: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() { // the server has taken it; what went wrong in parting does not matter
		return nil
	}
	return explain(ctx, err)
}

// client is made for each mail: the one of go-mail holds a connection, which ends with a context.
func (s *Sender) client(end context.Context) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.cfg.port()), gomail.WithDialContextFunc(s.dialUntil(end)),
		gomail.WithTimeout(s.cfg.timeout() + time.Minute), // counted anew for each step: it is end that counts
		gomail.WithoutNoop(), gomail.WithoutRset(),        // one mail: nothing to look after before it, nothing to clear behind it
		gomail.WithTLSConfig(s.cfg.tls()),
	}
	switch s.cfg.TLS {
	case ImplicitTLS:
		options = append(options, gomail.WithSSL())
	case InsecureNoTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.cfg.Username != "" {
		options = append(options, gomail.WithUsername(s.cfg.Username), gomail.WithPassword(s.cfg.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	if s.cfg.LocalName != "" {
		options = append(options, gomail.WithHELO(s.cfg.LocalName))
	}
	return gomail.NewClient(s.cfg.Host, options...)
}

func (c Config) tls() *tls.Config {
	return &tls.Config{ServerName: c.Host, RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12}
}

// dialUntil makes connections that end with a context, whatever is being said: go-mail heeds one only at the beginning, and leaves
// a connection open where the conversation does not begin well.
func (s *Sender) dialUntil(end context.Context) gomail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(end, func() { conn.Close() })
		if s.cfg.TLS != ImplicitTLS {
			return conn, nil
		}
		encrypted := tls.Client(conn, s.cfg.tls())
		return encrypted, encrypted.HandshakeContext(ctx)
	}
}

// message makes the MIME message of a mail.
func (s *Sender) message(m mail.Message) (*gomail.Msg, error) {
	if err := check(m); err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	msg.ToMailAddress(&netmail.Address{Address: m.To})
	if s.replyTo != nil {
		msg.ReplyToMailAddress(s.replyTo)
	}
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.ID + "@" + s.domain)
	msg.SetGenHeader(gomail.HeaderContentLang, m.Lang)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}

// maxAddress is longer than any address that a server takes. What is longer is not even parsed.
const maxAddress = 320

// check refuses what could become more than one line of a header, or more than one address. Package mail composes no such mail;
// a host might.
func check(m mail.Message) error {
	if len(m.To) > maxAddress {
		return fmt.Errorf("smtp: the address of the mail is too long: %w", mail.ErrRefused)
	}
	if to, err := netmail.ParseAddress(m.To); err != nil || to.Address != m.To {
		return fmt.Errorf("smtp: the mail is not for exactly one address: %w", mail.ErrRefused)
	}
	switch {
	case m.Subject == "" || strings.ContainsFunc(m.Subject, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		return errors.New("smtp: the subject is not one line")
	case !word(m.ID):
		return errors.New("smtp: the ID of the mail is not a word of letters, digits and hyphens")
	case !word(m.Lang):
		return errors.New("smtp: the language of the mail is not a tag")
	case m.Text == "" || m.HTML == "":
		return errors.New("smtp: the mail lacks its text or its HTML")
	}
	return nil
}

// word tells a text of ASCII letters, digits and hyphens that is short enough for a line.
func word(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}
