// Package mail writes the letters that a sign-in sends, and keeps them until they are sent.
//
// [NewLetters] reads the templates and texts; [Letters.Compose] makes a mail of text and HTML from a [Letter], in the language of
// the person. [NewOutbox] puts a queue before a [Sender]: [Outbox.Post] only writes a row, so that no page waits for a mail
// server, and [Outbox.Deliver] sends what is due. Package auth does all of that for a host that gives it a Sender; one for SMTP
// is in auth/mail/smtp, and [LogSender] is one for development.
//
// A letter is sent at least once, and nearly always once: who stops between sending it and striking it off sends it again, with
// the same Message-ID. What waits is sealed: a copied table tells neither codes nor addresses. A letter that cannot be sent is
// tried again, at first after 30 seconds and in the end every hour, for 48 hours; one with a code, until the code expires.
//
// An answer to a stranger must cost the same whether there was somebody to write to or not: where there was nobody, post a letter of
// the kind [Nothing], which waits as the others do and is never sent.
//
// Names of companies and products, and addresses of other people, are written by others. They stand in the table of a letter, a
// company's also in the heading of an invitation; never in a subject or beside a link. They are one line of bounded length, and broken
// up where a mail program could make a link of them ("Booking. com"); a name that is an address with its scheme, or a number to call,
// is left out.
//
// The words are in auth/locale. A host replaces them there, and the form of a letter with templates of its own: see [Content].
//
// It reads no bounces, offers nothing to unsubscribe from, because nothing here is advertising, and its outbox is for these
// letters only: it is no queue for a host's other mails. It starts no goroutine: somebody has to call Deliver.
package mail
