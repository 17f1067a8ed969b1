package smtp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"github.com/sallyport-auth/sallyport/auth/mail/smtp"
)

// A server is a real mail server on this machine.
type server struct {
	port    int
	roots   *x509.CertPool // its certificate
	refuse  error          // what it answers to RCPT
	refused error          // what it answers at the end of the mail

	mu       sync.Mutex
	arrived  []arrived
	signedIn []string // who, in order
	secure   []bool   // whether each MAIL came over TLS
	hello    []string // as whom
}

// arrived is a mail as the server has it.
type arrived struct {
	from, to string
	data     []byte
}

const (
	user     = "mailer"
	password = "correct horse battery"
)

// serve starts a server that offers what mode says: STARTTLS, TLS from the first byte, or neither.
func serve(t *testing.T, mode smtp.TLS, with func(*server)) *server {
	t.Helper()
	cert, roots := certificate(t)
	s := &server{roots: roots}
	if with != nil {
		with(s)
	}
	srv := gosmtp.NewServer(s)
	srv.Domain, srv.AllowInsecureAuth, srv.ErrorLog = "localhost", true, log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	switch mode {
	case smtp.STARTTLS:
		srv.TLSConfig = config
	case smtp.ImplicitTLS:
		l = tls.NewListener(l, config)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-ended; err != nil && !errors.Is(err, gosmtp.ErrServerClosed) {
			t.Errorf("the mail server ended with %v", err)
		}
	})
	return s
}

// certificate makes a certificate for localhost that nobody else trusts.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func (s *server) NewSession(c *gosmtp.Conn) (gosmtp.Session, error) {
	_, secure := c.TLSConnectionState()
	return &conversation{server: s, conn: c, secure: secure}, nil
}

// mails are those that arrived.
func (s *server) mails() []arrived {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrived
}

type conversation struct {
	server   *server
	conn     *gosmtp.Conn
	secure   bool
	from, to string
}

func (c *conversation) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *conversation) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, name, pass string) error {
		if name != user || pass != password {
			return &gosmtp.SMTPError{Code: 535, EnhancedCode: gosmtp.EnhancedCode{5, 7, 8}, Message: "no: " + name + "/" + pass}
		}
		c.server.mu.Lock()
		defer c.server.mu.Unlock()
		c.server.signedIn = append(c.server.signedIn, name)
		return nil
	}), nil
}

func (c *conversation) Mail(from string, _ *gosmtp.MailOptions) error {
	c.from = from
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.secure, c.server.hello = append(c.server.secure, c.secure), append(c.server.hello, c.conn.Hostname())
	return nil
}

func (c *conversation) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	c.to += to
	return c.server.refuse
}

func (c *conversation) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if c.server.refused != nil {
		return c.server.refused
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.arrived = append(c.server.arrived, arrived{c.from, c.to, data})
	return nil
}

func (c *conversation) Reset()        { c.from, c.to = "", "" }
func (c *conversation) Logout() error { return nil }
