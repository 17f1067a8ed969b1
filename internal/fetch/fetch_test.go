package fetch_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/sallyport-auth/sallyport/internal/fetch"
)

// The proxy of the environment leads nowhere, so whoever asks it gets nothing. net/http reads the environment once.
func TestMain(m *testing.M) {
	os.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	os.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	os.Exit(m.Run())
}

func newClient(t *testing.T, cfg fetch.Config) *fetch.Client {
	t.Helper()
	c, err := fetch.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// refused fails unless err is a refusal with this code.
func refused(t *testing.T, what string, err error, want fetch.Code) {
	t.Helper()
	var r *fetch.Refused
	if !errors.As(err, &r) || r.Code != want {
		t.Errorf("%s: %v, want a refusal %s", what, err, want)
	}
}

// counted is a server on loopback that counts who comes.
func counted(t *testing.T, h http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		h(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv, &n
}

func hello(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }

func TestNew(t *testing.T) {
	for field, cfg := range map[string]fetch.Config{"Timeout": {Timeout: -1}, "MaxBytes": {MaxBytes: -1}} {
		if _, err := fetch.New(cfg); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("New with a negative %s = %v, want an error that names it", field, err)
		}
	}
}

func TestGet(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		hello(w, r)
	}))
	defer srv.Close()
	c := newClient(t, fetch.Config{AllowPrivate: true, RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs})
	body, typ, err := c.Get(t.Context(), srv.URL)
	if err != nil || string(body) != "hello" || typ != "text/plain" {
		t.Errorf("Get = %q, %q, %v, want hello as text/plain", body, typ, err)
	}

	_, _, err = newClient(t, fetch.Config{AllowPrivate: true}).Get(t.Context(), srv.URL)
	if code, _ := fetch.Explain(err); code != fetch.Untrusted {
		t.Errorf("Get from a server with a certificate of its own making = %v (%s), want %s", err, code, fetch.Untrusted)
	}
}

func TestAddresses(t *testing.T) {
	strict, lax := newClient(t, fetch.Config{}), newClient(t, fetch.Config{AllowPrivate: true})
	for _, c := range []struct {
		addr      string
		want, lax bool
	}{
		{"8.8.8.8", true, true},
		{"2606:4700::1111", true, true},
		{"::ffff:8.8.8.8", true, true},
		{"64:ff9b::808:808", true, true},  // NAT64 of 8.8.8.8
		{"2002:808:808::1", true, true},   // 6to4 of 8.8.8.8
		{"127.0.0.1", false, true},        // this machine
		{"127.255.255.254", false, true},  //
		{"::1", false, true},              //
		{"10.0.0.1", false, true},         // private
		{"172.16.0.1", false, true},       //
		{"172.31.255.255", false, true},   //
		{"192.168.1.1", false, true},      //
		{"fd00::1", false, true},          //
		{"100.64.0.1", false, false},      // of a carrier
		{"169.254.169.254", false, false}, // link-local
		{"fe80::1", false, false},         //
		{"fe80::1%eth0", false, false},    //
		{"fec0::1", false, false},         // site-local, as once was
		{"0.0.0.0", false, false},         // unspecified
		{"::", false, false},              //
		{"0.1.2.3", false, false},         //
		{"224.0.0.1", false, false},       // multicast
		{"ff02::1", false, false},         //
		{"240.0.0.1", false, false},       // reserved
		{"255.255.255.255", false, false}, // broadcast
		{"192.0.2.1", false, false},       // documentation
		{"198.18.0.1", false, false},      // benchmarks
		{"2001:db8::1", false, false},     // documentation
		{"2001::1", false, false},         // Teredo
		{"::ffff:127.0.0.1", false, true}, // IPv4 in IPv6: mapped
		{"::ffff:169.254.169.254", false, false},
		{"::ffff:10.1.2.3", false, true},
		{"::127.0.0.1", false, false},        // compatible
		{"::ffff:0:127.0.0.1", false, false}, // translated
		{"64:ff9b::7f00:1", false, true},     // NAT64
		{"64:ff9b::a9fe:a9fe", false, false},
		{"64:ff9b:1::7f00:1", false, false}, // NAT64 within a site
		{"2002:7f00:1::1", false, true},     // 6to4
		{"2002:a9fe:a9fe::", false, false},
		{"2002:a00:1::", false, true},
	} {
		t.Run("A-068 A-113 "+c.addr, func(t *testing.T) {
			a := netip.MustParseAddr(c.addr)
			if got := strict.Public(a); got != c.want {
				t.Errorf("a client dials %s: %v, want %v", a, got, c.want)
			}
			if got := lax.Public(a); got != c.lax {
				t.Errorf("a client that may go to private addresses dials %s: %v, want %v", a, got, c.lax)
			}
		})
	}
	if strict.Public(netip.Addr{}) {
		t.Errorf("a client dials no address, want not")
	}
}

func TestRefusesBeforeDialling(t *testing.T) {
	srv, hits := counted(t, hello)
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	strict, lax := newClient(t, fetch.Config{}), newClient(t, fetch.Config{AllowPrivate: true})
	for _, c := range []struct {
		name, url string
		client    *fetch.Client
		want      fetch.Code
	}{
		{"A-068 loopback", "https://127.0.0.1:" + port, strict, fetch.Private},
		{"A-068 loopback of IPv6", "https://[::1]:" + port, strict, fetch.Private},
		{"A-068 mapped", "https://[::ffff:127.0.0.1]:" + port, strict, fetch.Private},
		{"A-068 localhost", "https://localhost:" + port, strict, fetch.Private},
		{"A-068 link-local", "https://169.254.169.254/latest/meta-data/", strict, fetch.Private},
		{"A-068 private", "https://10.0.0.1/", strict, fetch.Private},
		{"A-068 decimal", "https://2130706433:" + port, strict, fetch.BadAddress},
		{"A-068 octal", "https://0177.0.0.1:" + port, strict, fetch.BadAddress},
		{"A-068 hexadecimal", "https://0x7f.0.0.0x1:" + port, strict, fetch.BadAddress},
		{"A-068 hexadecimal, one number", "https://0x7f000001:" + port, lax, fetch.BadAddress},
		{"A-068 short", "https://127.1:" + port, lax, fetch.BadAddress},
		{"A-068 short, with a dot behind", "https://127.1.:" + port, lax, fetch.BadAddress},
		{"A-068 user", "https://example.com@127.0.0.1:" + port, lax, fetch.BadAddress},
		{"A-068 plain http", "http://127.0.0.1:" + port, strict, fetch.BadScheme},
		{"A-068 file", "file:///etc/passwd", lax, fetch.BadScheme},
		{"A-068 gopher", "gopher://127.0.0.1:" + port + "/_x", lax, fetch.BadScheme},
		{"A-068 ftp", "ftp://127.0.0.1:" + port + "/", lax, fetch.BadScheme},
		{"A-068 data", "data:text/plain,hello", lax, fetch.BadScheme},
		{"A-068 relative", "/metadata", lax, fetch.BadScheme},
		{"A-068 no host", "https:///metadata", lax, fetch.BadAddress},
		{"A-068 not an address", "https://%zz", lax, fetch.BadAddress},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := c.client.Get(t.Context(), c.url)
			refused(t, "Get("+c.url+")", err, c.want)
		})
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests arrived, want none", hits.Load())
	}
}

// A name that leads somewhere else each time it is asked for.
func TestRebinding(t *testing.T) {
	srv, hits := counted(t, hello)
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	var asked atomic.Int64
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go nameServer(theirs, func() [4]byte {
			if asked.Add(1) == 1 {
				return [4]byte{8, 8, 8, 8}
			}
			return [4]byte{127, 0, 0, 1}
		})
		return ours, nil
	}}
	t.Run("A-068 A-113 a name that has changed since it was looked up", func(t *testing.T) {
		addrs, err := resolver.LookupNetIP(t.Context(), "ip4", "idp.example.")
		if err != nil || len(addrs) != 1 || addrs[0].String() != "8.8.8.8" {
			t.Fatalf("the first look-up = %v, %v, want 8.8.8.8", addrs, err)
		}
		c := newClient(t, fetch.Config{})
		c.Resolve(resolver)
		_, _, err = c.Get(t.Context(), "https://idp.example.:"+port)
		refused(t, "Get of a name that leads to loopback now", err, fetch.Private)
		if hits.Load() != 0 {
			t.Errorf("%d requests arrived, want none", hits.Load())
		}
	})
	t.Run("the same name, where private addresses are allowed, and without the proxy of the environment", func(t *testing.T) {
		c := newClient(t, fetch.Config{AllowPrivate: true})
		c.Resolve(resolver)
		if _, _, err := c.Get(t.Context(), "http://idp.example.:"+port); err != nil || hits.Load() != 1 {
			t.Errorf("Get = %v after %d requests, want the one that arrived", err, hits.Load())
		}
	})
}

// nameServer answers questions for IPv4 addresses on a stream, and says of all others that there is nothing.
func nameServer(conn net.Conn, address func() [4]byte) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, b); err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(b) != nil || len(m.Questions) != 1 {
			return
		}
		q := m.Questions[0]
		answer := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true}, Questions: m.Questions}
		if q.Type == dnsmessage.TypeA {
			answer.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
				Body:   &dnsmessage.AResource{A: address()},
			}}
		}
		b, err := answer.Pack()
		if err != nil {
			return
		}
		conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	}
}

func TestRedirects(t *testing.T) {
	inner, hits := counted(t, hello)
	c := newClient(t, fetch.Config{AllowPrivate: true})
	for _, status := range []int{301, 302, 303, 307, 308} {
		srv, _ := counted(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inner.URL, status) })
		t.Run("A-068 redirect "+http.StatusText(status), func(t *testing.T) {
			_, _, err := c.Get(t.Context(), srv.URL)
			refused(t, "Get of an address that points elsewhere", err, fetch.Redirected)
			if _, err = c.HTTP().Post(srv.URL, "text/plain", strings.NewReader("secret")); err == nil {
				t.Errorf("Post to an address that points elsewhere succeeds, want a refusal")
			}
			refused(t, "Post to an address that points elsewhere", err, fetch.Redirected)
		})
	}
	if hits.Load() != 0 {
		t.Errorf("%d redirects were followed, want none", hits.Load())
	}
}

func TestBounds(t *testing.T) {
	c := newClient(t, fetch.Config{AllowPrivate: true, MaxBytes: 5, Timeout: 300 * time.Millisecond})
	get := func(h http.HandlerFunc) ([]byte, error) {
		srv, _ := counted(t, h)
		body, _, err := c.Get(t.Context(), srv.URL)
		return body, err
	}
	t.Run("as many bytes as may come", func(t *testing.T) {
		if body, err := get(hello); err != nil || string(body) != "hello" {
			t.Errorf("Get = %q, %v, want hello", body, err)
		}
	})
	t.Run("A-068 one more, announced", func(t *testing.T) {
		_, err := get(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello!") })
		refused(t, "Get", err, fetch.TooLarge)
	})
	t.Run("A-068 one more, not announced", func(t *testing.T) {
		body, err := get(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "hel")
			w.(http.Flusher).Flush()
			io.WriteString(w, "lo!")
		})
		refused(t, "Get", err, fetch.TooLarge)
		if body != nil {
			t.Errorf("Get answers %q of it, want nothing", body)
		}
	})
	t.Run("A-068 endless headers", func(t *testing.T) {
		_, err := get(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) })
		if err == nil {
			t.Errorf("Get succeeds, want an error")
		}
	})
	for name, h := range map[string]http.HandlerFunc{
		"A-068 a server that does not answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"A-068 a server that dribbles": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "h")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := get(h)
			if code, _ := fetch.Explain(err); code != fetch.TooSlow {
				t.Errorf("Get = %v (%s), want %s", err, code, fetch.TooSlow)
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("Get took %s, want about its Timeout", d)
			}
		})
	}
	t.Run("a status that is not 200", func(t *testing.T) {
		_, err := get(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
		refused(t, "Get", err, fetch.BadStatus)
	})
	t.Run("a context that is over", func(t *testing.T) {
		srv, _ := counted(t, hello)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := c.Get(ctx, srv.URL); !errors.Is(err, context.Canceled) {
			t.Errorf("Get = %v, want %v", err, context.Canceled)
		}
	})
}

func TestExplain(t *testing.T) {
	srv, _ := counted(t, hello)
	srv.Close()
	_, _, err := newClient(t, fetch.Config{AllowPrivate: true}).Get(t.Context(), srv.URL)
	if code, received := fetch.Explain(err); code != fetch.Unreachable || received != "" {
		t.Errorf("Explain(%v) = %s, %q, want %s", err, code, received, fetch.Unreachable)
	}
	if code, _ := fetch.Explain(&net.DNSError{Name: "idp.example", IsNotFound: true}); code != fetch.NoSuchName {
		t.Errorf("Explain(no such name) = %s, want %s", code, fetch.NoSuchName)
	}
}

func TestNoCookies(t *testing.T) {
	srv, hits := counted(t, func(w http.ResponseWriter, r *http.Request) {
		if c := r.Header.Get("Cookie"); c != "" {
			t.Errorf("a request brings the cookies %q, want none", c)
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
	})
	c := newClient(t, fetch.Config{AllowPrivate: true})
	for range 2 {
		if _, _, err := c.Get(t.Context(), srv.URL); err != nil {
			t.Errorf("Get = %v, want an answer", err)
		}
	}
	if hits.Load() != 2 {
		t.Errorf("%d requests arrived, want 2", hits.Load())
	}
}
