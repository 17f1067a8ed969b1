package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/sallyport-auth/sallyport/auth/mail"
)

// explain makes our error of go-mail's, which may hold all that was said: addresses, and what a strange server repeats.
func explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("smtp: sending: %w", ctx.Err())
	}
	var sending *gomail.SendError
	if errors.As(err, &sending) {
		return explainSending(sending)
	}
	return explainOpening(err)
}

// explainSending is about a mail that was being sent.
func explainSending(err *gomail.SendError) error {
	code, detail := err.ErrorCode(), err.EnhancedStatusCode()
	switch {
	case code == 0:
		return fmt.Errorf("smtp: %s: the conversation broke off", err.Reason)
	case err.Reason == gomail.ErrSMTPRcptTo && noSuchAddress(code, detail):
		return fmt.Errorf("smtp: %s: the server answered %s: %w", err.Reason, strings.TrimSpace(fmt.Sprint(code, " ", detail)), mail.ErrRefused)
	}
	return fmt.Errorf("smtp: %s: the server answered %s", err.Reason, strings.TrimSpace(fmt.Sprint(code, " ", detail)))
}

// noSuchAddress tells a server's final word about an address from one about us, which our host can mend: that we must sign in
// first (503, 530), or that it may not take mails for others from us (5.7).
func noSuchAddress(code int, detail string) bool {
	return code >= 500 && code != 503 && code != 530 && !strings.HasPrefix(detail, "5.7.")
}

// explainOpening is about a connection that did not come to sending: errors of the network and of certificates are let through,
// what the server said is not.
func explainOpening(err error) error {
	var (
		answer      *textproto.Error
		network     *net.OpError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &answer):
		return fmt.Errorf("smtp: opening the connection: the server answered %d", answer.Code)
	case errors.As(err, &certificate):
		return fmt.Errorf("smtp: opening the connection: %w", certificate)
	case errors.As(err, &record):
		return errors.New("smtp: opening the connection: the server does not speak TLS there")
	case errors.As(err, &network):
		return fmt.Errorf("smtp: opening the connection: %w", network)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("smtp: opening the connection: %w", io.ErrUnexpectedEOF)
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		return errors.New("smtp: opening the connection: the server offers no STARTTLS")
	case strings.Contains(err.Error(), "does not support SMTP AUTH"), errors.Is(err, gomail.ErrNoSupportedAuthDiscovered):
		return errors.New("smtp: opening the connection: the server offers no way to sign in that we know")
	}
	return errors.New("smtp: opening the connection: the server does not keep to SMTP")
}
