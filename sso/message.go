package sso

import (
	"mime"
	"net/http"
	"net/url"
)

// maxMessage is how much of a body is read: an answer of 256 KiB in base64, escaped.
const maxMessage = 512 << 10

// ReadMessage reads what came to an address of a connection, by GET or as a form by POST. It is for handlers of one's own. Its error
// is a *Refusal: what came is no message.
func ReadMessage(w http.ResponseWriter, r *http.Request) (Message, error) {
	m := Message{RawQuery: r.URL.RawQuery, Form: url.Values{}}
	var err error
	if m.Query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return Message{}, &Refusal{Code: CodeMessage, Detail: "the query cannot be read"}
	}
	if r.Method != http.MethodPost {
		return m, nil
	}
	m.Post = true
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return Message{}, &Refusal{Code: CodeMessage, Expected: "application/x-www-form-urlencoded", Received: printable(kind)}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxMessage)
	if err := r.ParseForm(); err != nil {
		return Message{}, &Refusal{Code: CodeMessage, Detail: "the form cannot be read, or is too long"}
	}
	m.Form = r.PostForm // without what stands in the address
	return m, nil
}
