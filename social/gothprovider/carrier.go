package gothprovider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"runtime"
	"sync"

	"golang.org/x/oauth2"

	"github.com/sallyport-auth/sallyport/internal/fetch"
	"github.com/sallyport-auth/sallyport/internal/openid"
	"github.com/sallyport-auth/sallyport/social"
)

const (
	maxRequests = 8        // of one answer: a token, asked for in two ways, a profile and its addresses
	maxBytes    = 1 << 20  // of everything that one answer makes a provider say
	maxForm     = 64 << 10 // of what asks for a token
)

// A carrier is the way out of one answer. goth knows no contexts and tells little of what went wrong, so the carrier brings the one and
// writes down the other. It changes nothing but the form that a code stands in, which gets the verifier of PKCE.
type carrier struct {
	ctx      context.Context // of Verify: goth's requests come with one that never ends
	next     http.RoundTripper
	code     string
	verifier string // empty: none

	mu     sync.Mutex // foreign code may ask from wherever it likes
	left   int64      // bytes
	asked  int
	sent   bool            // the verifier
	broken *social.Refusal // the first rule that was not met; nothing goes out after it
	failed error           // of the network, in the last request; nil: it answered
	status int             // of the last request that was answered
}

// RoundTrip implements http.RoundTripper.
func (c *carrier) RoundTrip(req *http.Request) (*http.Response, error) {
	out, err := c.prepare(req)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	ctx, cancel := context.WithCancel(c.ctx)
	stop := context.AfterFunc(req.Context(), cancel) // http.Client.Timeout, for one
	done := func() { stop(); cancel() }
	resp, err := c.next.RoundTrip(out.WithContext(ctx))
	if err != nil {
		done()
		return nil, c.note(0, err)
	}
	if 300 <= resp.StatusCode && resp.StatusCode < 400 {
		resp.Body.Close()
		done()
		return nil, c.refuse(social.Refusal{Code: social.Code(fetch.Redirected), Received: resp.Status})
	}
	c.note(resp.StatusCode, nil)
	resp.Body = &counted{ReadCloser: resp.Body, carrier: c, done: done}
	return resp, nil
}

// prepare counts a request, and puts the verifier into the one that carries the code.
func (c *carrier) prepare(req *http.Request) (*http.Request, error) {
	c.mu.Lock()
	c.asked++
	broken, asked := c.broken, c.asked
	c.mu.Unlock()
	switch {
	case broken != nil:
		return nil, broken
	case asked > maxRequests:
		return nil, c.refuse(social.Refusal{Code: ProviderRequests, Expected: fmt.Sprintf("%d or fewer", maxRequests)})
	}
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if c.verifier == "" || req.Method != http.MethodPost || req.Body == nil || kind != "application/x-www-form-urlencoded" {
		return req, nil
	}
	text, err := io.ReadAll(io.LimitReader(req.Body, maxForm+1))
	req.Body.Close()
	if err != nil || len(text) > maxForm {
		return nil, c.refuse(social.Refusal{Code: TokenVerifier})
	}
	if form, err := url.ParseQuery(string(text)); err == nil && form.Get("code") == c.code {
		form.Set("code_verifier", c.verifier)
		text = []byte(form.Encode())
		c.mu.Lock()
		c.sent = true
		c.mu.Unlock()
	}
	out := req.Clone(req.Context())
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	return out, nil
}

// note writes down what a request came to.
func (c *carrier) note(status int, err error) error {
	if refused, ok := errors.AsType[*fetch.Refused](err); ok {
		return c.refuse(social.Refusal{Code: social.Code(refused.Code), Received: refused.Received})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = err
	if err == nil {
		c.status = status
	}
	return err
}

// refuse writes down a rule that was not met, and answers the first one that was not.
func (c *carrier) refuse(r social.Refusal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		c.broken = &r
	}
	return c.broken
}

func (c *carrier) broke() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		return nil
	}
	return c.broken
}

func (c *carrier) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

func (c *carrier) verified() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

// spend takes bytes from what may come. It is false once there was too much: half of an answer is none.
func (c *carrier) spend(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left -= int64(n)
	return c.left >= 0
}

// explain makes a Refusal or a failure of what goth came to. It goes by what the carrier saw: the errors of goth are texts, in which
// addresses stand with the tokens in their queries.
func (c *carrier) explain(failed, malformed openid.Code, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	panicked, isPanic := errors.AsType[*panicked](err)
	said, isAnswer := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case c.broken != nil:
		return c.broken
	case c.ctx.Err() != nil:
		return &failure{failed, fetch.TooSlow, c.ctx.Err()}
	case c.failed != nil:
		reason, _ := fetch.Explain(c.failed)
		return &failure{failed, reason, c.failed}
	case c.status >= http.StatusInternalServerError || c.status == http.StatusTooManyRequests:
		return &failure{failed, fetch.BadStatus, nil}
	case isPanic:
		return &social.Refusal{Code: ProviderPanicked, Received: panicked.what}
	case isAnswer:
		return &social.Refusal{Code: social.Code(openid.TokenError), Received: text(said.ErrorCode)}
	}
	return &social.Refusal{Code: social.Code(malformed)}
}

// A failure is a provider that cannot be reached now. It is no Refusal: trying again may help.
type failure struct {
	code   openid.Code
	reason fetch.Code
	err    error // of the network, below http.Client: no address stands in it
}

func (f *failure) Error() string { return fmt.Sprintf("gothprovider: %s: %s", f.code, f.reason) }

func (f *failure) Unwrap() error { return f.err }

// counted is the body of an answer.
type counted struct {
	io.ReadCloser
	carrier *carrier
	done    func()
}

func (b *counted) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if !b.carrier.spend(n) {
		return 0, b.carrier.refuse(social.Refusal{Code: social.Code(fetch.TooLarge), Received: fmt.Sprintf("more than %d bytes", maxBytes)})
	}
	if err != nil && err != io.EOF {
		err = b.carrier.note(0, err)
	}
	return n, err
}

func (b *counted) Close() error {
	err := b.ReadCloser.Close()
	b.done()
	return err
}

// nobody is a way out that leads nowhere.
type nobody struct{}

func (nobody) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close()
	}
	return nil, errors.New("gothprovider: nobody is asked before people leave")
}

func transport(client *http.Client) http.RoundTripper {
	if client.Transport == nil {
		return http.DefaultTransport
	}
	return client.Transport
}

// goes tells whether a client would go to an address. It is asked with a context that has ended: its rules are tried, and nobody is asked.
func goes(client *http.Client, u *url.URL) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.Scheme+"://"+u.Host, nil)
	if err != nil {
		return false
	}
	resp, err := transport(client).RoundTrip(req)
	if err == nil {
		resp.Body.Close()
		return true
	}
	_, refused := errors.AsType[*fetch.Refused](err)
	return !refused
}

// panicked is foreign code that gave up.
type panicked struct{ what string }

func (p *panicked) Error() string { return "gothprovider: the goth.Provider panicked: " + p.what }

// try runs foreign code. Of what it panics with only the words of the runtime are repeated; anything else may hold an answer.
func try(f func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case runtime.Error:
			err = &panicked{p.Error()}
		default:
			err = &panicked{fmt.Sprintf("%T", p)}
		}
	}()
	return f()
}
