package openid

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/internal/fetch"
)

// Config is what New needs.
type Config struct {
	HTTP *fetch.Client // required

	// AllowHTTP takes providers whose addresses are plain http: for tests and demonstrations, together with fetch.Config.AllowPrivate.
	AllowHTTP bool

	Lifetime time.Duration // how long a provider's document and keys are used without asking again; zero: an hour
}

func (c Config) lifetime() time.Duration { return cmp.Or(c.Lifetime, time.Hour) }

const (
	maxProviders = 1024             // whose documents are kept; one more drops another
	skew         = 2 * time.Minute  // by how much clocks may differ
	maxAge       = 10 * time.Minute // of a token that was made for us just now
	missPause    = time.Minute      // between two looks for a key that is not there
	failPause    = 5 * time.Second  // between two tries after one that failed
	maxToken     = 64 << 10         // bytes of a token
	maxSubject   = 255              // bytes: OpenID Core §2
)

// A Client talks to any number of providers. It is safe for concurrent use.
type Client struct {
	cfg Config

	mu        sync.Mutex
	providers map[source]*provider
}

// New checks the Config and returns a Client.
func New(cfg Config) (*Client, error) {
	switch {
	case cfg.HTTP == nil:
		return nil, errors.New("openid: Config.HTTP is required")
	case cfg.Lifetime < 0:
		return nil, errors.New("openid: Config.Lifetime is negative")
	}
	return &Client{cfg: cfg, providers: map[source]*provider{}}, nil
}

// provider finds what is known about a provider. Connections with one issuer share it: all of it is public.
func (c *Client) provider(s source) *provider {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.providers[s]; p != nil {
		return p
	}
	if len(c.providers) >= maxProviders {
		for other := range c.providers { // any: what is dropped is fetched again
			delete(c.providers, other)
			break
		}
	}
	p := &provider{client: c, source: s, busy: make(chan struct{}, 1)}
	c.providers[s] = p
	return p
}

// http is a client for one kind of answer.
func (c *Client) http(kind reader) *http.Client {
	h := *c.cfg.HTTP.HTTP()
	kind.next = h.Transport
	h.Transport = kind
	return &h
}

// Forget drops what is known about an issuer, so that an administrator who has mended something need not wait.
func (c *Client) Forget(issuer string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.providers, func(s source, _ *provider) bool { return s.issuer == issuer })
}
