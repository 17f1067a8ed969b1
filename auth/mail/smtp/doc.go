// Package smtp sends mails through a mail server. Give [New] the server and who the mails are from, and the [Sender] to
// auth.Config.Mail, or to an outbox of package mail.
//
// A connection is made for each mail and is encrypted, with a certificate that is checked: first thing (465), or by STARTTLS (587)
// before anything else is said. A server that offers no STARTTLS gets neither a mail nor a password.
//
// It does not queue and does not try again, which is the outbox's business; it signs nothing (DKIM is the server's), reads no bounces,
// and sends no other mails than those of package mail.
package smtp
