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
	"github.com/sallyport-auth/sallyport/auth/password"
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
	program           bool             // asks for JSON
	in                fields           // what was posted; of a GET, what stands in the query
	client            auth.Client      // who asks
	purpose           auth.Purpose     // of the flow that counts here
	flow              string           // the token of its cookie; empty: none
	issued            string           // the token of a flow made by this request, for the cookie
	why               auth.Reason      // why the stage refuses, where the step's own reason says something else
	purport           string           // what the first page says to whoever comes from another page
	view              view             // which of a stage's pages
	resends           bool             // another code was asked for
	sent              bool             // a letter went out by this request
	named             string           // in the address: the company's sign-in, or the provider, that the request is about; empty: none
	reference         string           // of what a company's sign-in, or a provider's answer, was refused for, in this request
	moves             bool             // the page that follows may go on by itself
	codes             []string         // recovery codes made by this request: its answer shows them, and no other
	unmet             []password.Unmet // the rules that the new password does not meet
	here              url.URL          // the page that a change of language leads to
	flowLang, ownLang string           // languages chosen earlier in the flow, and by the person; empty: unknown
}

func (h *Handler) visit(w http.ResponseWriter, r *http.Request) *visit {
	harden(w.Header())
	v := &visit{
		in: fields{},
		h:  h, w: w, r: r, program: auth.WantsJSON(r) || isJSON(r) && !strings.Contains(r.Header.Get("Accept"), "text/html"),
		client: auth.Client{
			IP: ClientIP(r, h.proxies), UserAgent: r.UserAgent(), Device: h.cookies.read(r, deviceCookie),
		},
	}
	v.client.Session, _ = h.auth.SessionToken(r)
	v.of(auth.SignIn)
	return v
}

// A room is where the flows of a purpose are: each has a cookie and a page of its own.
type room struct {
	cookie string
	page   string // below the prefix
}

func roomOf(p auth.Purpose) room {
	switch p {
	case auth.StepUp:
		return room{stepUpCookie, "/stepup"}
	case auth.Reset:
		return room{resetCookie, "/reset"}
	case auth.Activate:
		return room{activateCookie, "/activate"}
	case auth.SignUp:
		return room{signUpCookie, "/signup"}
	}
	return room{flowCookie, "/signin"}
}

// of makes this a visit to the flow of a purpose.
func (v *visit) of(p auth.Purpose) {
	r := roomOf(p)
	v.purpose, v.flow, v.here.Path = p, v.h.cookies.read(v.r, r.cookie), v.h.prefix+r.page
}

// A view is one of the pages of a stage that has several. A link leads from one to another, and changes nothing.
type view string

const (
	viewRecovery  view = "recovery" // a recovery code instead of the app's
	viewSetupCode view = "5"        // the fifth dialog of the set-up, which is the fourth without the key
)

// read takes in what was posted, or the query of a GET. It answers the visitor, and false, where that cannot be done.
func (v *visit) read() bool {
	if v.r.Method != http.MethodPost {
		if q, err := parseForm(v.r.URL.RawQuery); err == nil {
			v.in = q // else it is somebody's broken link, and the page is the better answer
		}
		v.client.Lang = v.text().Tag()
		return true
	}
	var err error
	v.in, err = posted(v.w, v.r)
	v.client.Lang = v.text().Tag()
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

// showsView takes over which page of its stage a GET asks for.
func (v *visit) showsView() {
	switch {
	case v.in["way"] == string(viewRecovery):
		v.view = viewRecovery
	case v.in["dialog"] == string(viewSetupCode):
		v.view = viewSetupCode
	}
}

// ref names the flow that a step is for: what the form saw of it, and the cookie, which the posted id picks. Without an id it is
// that of the sign-in; a program that has none under way, and names no address for one, means the other one that it has.
func (v *visit) ref() auth.Ref {
	v.of(auth.PurposeOf(v.in["flow"]))
	if v.program && v.in["flow"] == "" && v.flow == "" && !v.in.has("email") {
		for _, p := range []auth.Purpose{auth.SignUp, auth.Activate, auth.Reset, auth.StepUp} {
			if v.h.cookies.read(v.r, roomOf(p).cookie) != "" {
				v.of(p)
			}
		}
	}
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
