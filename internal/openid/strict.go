package openid

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/internal/fetch"
)

// An object is one in JSON, its members as they were written. Names are exact, as they are not for encoding/json's structs.
type object map[string]json.RawMessage

const maxDepth = 16 // of JSON: claims are flat, and an address claim is one deep

var errStrict = errors.New("openid: not a strict JSON object")

// parse reads an object: nothing behind it, no member twice anywhere in it, and no deeper than maxDepth.
func parse(data []byte) (object, error) {
	if !utf8.Valid(data) {
		return nil, errStrict
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := walk(dec, 0); err != nil {
		return nil, errStrict
	}
	var o object
	if err := json.Unmarshal(data, &o); err != nil || o == nil {
		return nil, errStrict
	}
	return o, nil
}

// walk reads one value and looks at the names in it.
func walk(dec *json.Decoder, depth int) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return errStrict
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			name, err := dec.Token()
			if err != nil {
				return err
			}
			s, ok := name.(string)
			if !ok || seen[s] {
				return errStrict
			}
			seen[s] = true
		}
		if err := walk(dec, depth+1); err != nil {
			return err
		}
	}
	_, err = dec.Token() // the end
	return err
}

func (o object) has(name string) bool { _, ok := o[name]; return ok }

// text is a member that is a string. Null is not one.
func (o object) text(name string) (string, bool) {
	raw := o[name]
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

// texts is a member that is a string, or an array of strings.
func (o object) texts(name string) ([]string, bool) {
	if s, ok := o.text(name); ok {
		return []string{s}, true
	}
	return o.list(name)
}

// list is a member that is an array of strings.
func (o object) list(name string) ([]string, bool) {
	var list []*string
	if raw := o[name]; len(raw) == 0 || raw[0] != '[' || json.Unmarshal(raw, &list) != nil {
		return nil, false
	}
	all := make([]string, len(list))
	for i, s := range list {
		if s == nil {
			return nil, false
		}
		all[i] = *s
	}
	return all, true
}

// yes is a member that is the boolean true. "true", 1 and everything else is not.
func (o object) yes(name string) bool { return string(o[name]) == "true" }

// time is a member that is a NumericDate, of this side of the year 10000.
func (o object) time(name string) (time.Time, bool) {
	raw := string(o[name])
	if raw == "" || len(raw) > 32 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return time.Time{}, false
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.IsNaN(f) || f <= 0 || f >= 253402300800 {
		return time.Time{}, false
	}
	return time.Unix(int64(f), 0).UTC(), true
}

// raw is a member as it was written, for a report.
func (o object) raw(name string) string {
	if s, ok := o.text(name); ok {
		return s
	}
	if raw := o[name]; len(raw) > 0 {
		return string(raw)
	}
	return "(none)"
}

// A reader lets answers through that are strict JSON.
type reader struct {
	next   http.RoundTripper
	typ    bool // they must say so: RFC 6749 §5.1 and OpenID Core §5.3.2 ask for it
	errors bool // answers of status 400 and above come through as they are: what they say is of use
	code   Code // of the refusal
}

func (r reader) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil || r.errors && resp.StatusCode >= 400 {
		return resp, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &fetch.Refused{Code: fetch.BadStatus, Received: strconv.Itoa(resp.StatusCode)}
	}
	if typ, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); r.typ && (err != nil || typ != "application/json") {
		return nil, &Refusal{Code: r.code, Expected: "application/json", Received: resp.Header.Get("Content-Type")}
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if _, err := parse(body); err != nil {
		return nil, &Refusal{Code: r.code, Expected: "a JSON object without a member twice"}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// network tells whether an error is one of getting through, and not of what was said.
func network(err error) bool {
	var u *url.Error
	return errors.As(err, &u) || errors.Is(err, io.ErrUnexpectedEOF)
}

// printable tells whether a text has nothing but what can be seen, in ASCII.
func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
