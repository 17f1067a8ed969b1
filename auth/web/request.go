package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/locale"
)

const (
	maxBody   = 64 << 10 // bytes of a form or of JSON
	maxFields = 32       // in it
)

// A visit is one request on its way to an answer.
type visit struct {
	h                 *Handler
	w                 http.ResponseWriter
	r                 *http.Request
	program           bool        // asks for JSON
	in                fields      // what was posted; of a GET, what stands in the query
	client            auth.Client // who asks
	flow              string      // the flow cookie's token; empty: none
	issued            string      // the token of a flow made by this request, for the cookie
	here              url.URL     // the page that a change of language leads to
	flowLang, ownLang string      // languages chosen earlier in the flow, and by the person; empty: unknown
}

func (h *Handler) visit(w http.ResponseWriter, r *http.Request) *visit {
	harden(w.Header())
	return &visit{
		h: h, w: w, r: r, program: auth.WantsJSON(r) || isJSON(r) && !strings.Contains(r.Header.Get("Accept"), "text/html"),
		client: auth.Client{
			IP: ClientIP(r, h.proxies), UserAgent: r.UserAgent(), Device: h.cookies.read(r, deviceCookie),
		},
		flow: h.cookies.read(r, flowCookie),
		here: url.URL{Path: h.prefix + "/signin"},
	}
}

// read takes in what was posted, or the query of a GET. It answers the visitor, and false, where that cannot be done.
func (v *visit) read() bool {
	if v.r.Method != http.MethodPost {
		if q, err := parseForm(v.r.URL.RawQuery); err == nil {
			v.in = q // else it is somebody's broken link, and the page is the better answer
		}
		return true
	}
	var err error
	v.in, err = posted(v.w, v.r)
	tooLarge := (*http.MaxBytesError)(nil)
	switch {
	case err == nil:
		return true
	case errors.As(err, &tooLarge):
		v.fail(http.StatusRequestEntityTooLarge, auth.ReasonTooLarge)
	case errors.Is(err, errMediaType):
		v.fail(http.StatusUnsupportedMediaType, auth.ReasonBadRequest)
	default:
		v.fail(http.StatusBadRequest, auth.ReasonBadRequest)
	}
	return false
}

// ref names the flow that a step is for: the cookie's, and what the form saw of it.
func (v *visit) ref() auth.Ref {
	version, _ := strconv.ParseInt(v.in["version"], 10, 64) // fields.check has tried
	return auth.Ref{Token: v.flow, ID: v.in["flow"], Version: version}
}

// chosen is the language that the visitor has chosen on a page, if there are words for it.
func (v *visit) chosen() string {
	for _, l := range v.h.words.Languages() {
		if strings.EqualFold(l.Tag, v.in["lang"]) {
			return l.Tag
		}
	}
	return ""
}

// text is the words to speak: in the language chosen just now, else that of the flow, of the person, of an earlier visit,
// of the browser.
func (v *visit) text() locale.Text {
	return v.h.words.Text(v.h.words.Match(
		v.chosen(), v.flowLang, v.ownLang, v.h.cookies.open(v.r, langCookie), v.r.Header.Get("Accept-Language")))
}

// fields are the names and values that came in: each name once.
type fields map[string]string

// ticked tells whether a box was ticked: by the value that browsers send for it, or by true.
func (f fields) ticked(name string) bool {
	return slices.Contains([]string{"on", "true", "1", "yes"}, f[name])
}

func (f fields) has(name string) bool {
	_, ok := f[name]
	return ok
}

// Errors of reading what was posted.
var (
	errMediaType  = errors.New("web: neither a form nor JSON")
	errUnreadable = errors.New("web: the form or JSON cannot be read")
)

// posted reads the fields of a body. What stands in the address of a POST is not read: it ends up in logs.
func posted(w http.ResponseWriter, r *http.Request) (fields, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, err
	}
	switch {
	case len(body) == 0:
		return fields{}, nil
	case isJSON(r):
		return parseJSON(body)
	case mediaType(r) == "application/x-www-form-urlencoded":
		return parseForm(string(body))
	}
	return nil, errMediaType
}

func isJSON(r *http.Request) bool { return mediaType(r) == "application/json" }

func mediaType(r *http.Request) string {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

func parseForm(form string) (fields, error) {
	if len(form) > maxBody || strings.Count(form, "&") >= maxFields { // before anything is made of them
		return nil, errUnreadable
	}
	values, err := url.ParseQuery(form)
	if err != nil {
		return nil, errUnreadable
	}
	f := fields{}
	for name, all := range values {
		if len(all) != 1 {
			return nil, errUnreadable
		}
		f[name] = all[0]
	}
	return f, f.check()
}

// parseJSON reads an object of texts, numbers and truth values. Names that nobody asks for are read past, whatever they claim.
func parseJSON(body []byte) (fields, error) {
	if !utf8.Valid(body) { // encoding/json would mend it, and so change a password
		return nil, errUnreadable
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errUnreadable
	}
	f, seen := fields{}, map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil || len(seen) == maxFields {
			return nil, errUnreadable
		}
		value, err := d.Token()
		if err != nil {
			return nil, errUnreadable
		}
		name := key.(string) // the decoder accepts nothing else here
		if seen[name] {
			return nil, errUnreadable
		}
		seen[name] = true
		switch value := value.(type) {
		case string:
			f[name] = value
		case bool:
			f[name] = strconv.FormatBool(value)
		case json.Number:
			f[name] = value.String()
		case nil: // as if it were not there
		default:
			return nil, errUnreadable
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, errUnreadable
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errUnreadable
	}
	return f, f.check()
}

// check refuses what no field may hold: bytes that are no text, and the sign that stands for text that was damaged on its way,
// which encoding/json puts in the place of half a character. A password would be changed by it.
func (f fields) check() error {
	for name, value := range f {
		if !utf8.ValidString(name) || !utf8.ValidString(value) || strings.ContainsRune(value, utf8.RuneError) {
			return errUnreadable
		}
	}
	if f["version"] != "" {
		if _, err := strconv.ParseInt(f["version"], 10, 64); err != nil {
			return errUnreadable
		}
	}
	return nil
}
