package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A visitor is a program that signs somebody in. It keeps its cookies itself, so that it can take them along to another address of
// the same product: http.CookieJar keeps none that are Secure over plain http.
type visitor struct {
	url     string
	client  *http.Client
	cookies map[string]string
	email   string          // whose sign-in it is
	mail    []string        // programs whose mailboxes are looked at besides that at url
	seen    map[string]bool // mailed codes that were tried
	wait    time.Duration   // for a mailed code; zero: ten seconds
}

// A reply is what a visitor is told.
type reply struct {
	status   int
	location string
	body     string

	Stage    string
	Offer    []string
	Reason   string
	Flow     string
	Version  int64
	Redirect string
}

// newVisitor comes from an address of its own, such as 127.1.0.7: all of 127.0.0.0/8 is this machine.
func newVisitor(t *testing.T, url, from string) *visitor {
	dialer := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp4", address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{
		url: url, cookies: map[string]string{}, seen: map[string]bool{},
		client: &http.Client{
			Transport: transport, Timeout: 30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

func (v *visitor) get(path string) (reply, error) {
	return v.do(http.MethodGet, path, "text/html", nil)
}

// post posts an object of JSON.
func (v *visitor) post(path string, body map[string]any) (reply, error) {
	if body == nil {
		body = map[string]any{}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return reply{}, err
	}
	return v.do(http.MethodPost, path, "application/json", text)
}

func (v *visitor) do(method, path, accept string, body []byte) (reply, error) {
	req, err := http.NewRequest(method, v.url+path, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Accept", accept)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range v.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	answer, err := v.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return reply{}, err // an answer cut short is none
	}
	for _, c := range answer.Cookies() {
		if v.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		}
	}
	r := reply{status: answer.StatusCode, location: answer.Header.Get("Location"), body: string(text)}
	if answer.Header.Get("Content-Type") == "application/json" {
		err = json.Unmarshal(text, &r)
	}
	return r, err
}

// in tells whether the reply came with a session.
func (r reply) in() bool { return r.status == http.StatusOK && r.Stage == "ready" }

// signIn takes every step to a session. The error is that of the connection.
func (v *visitor) signIn(email string) (reply, error) {
	r, err := v.identify(email)
	if err != nil {
		return r, err
	}
	return v.finish(r)
}

// identify takes the first step.
func (v *visitor) identify(email string) (reply, error) {
	v.email = email
	return v.post("/auth/signin/identify", map[string]any{"email": email, "remember": "1"})
}

// finish takes the steps after the one that was answered like this. A sign-in that turns out to be further on goes on from there.
func (v *visitor) finish(r reply) (reply, error) {
	var err error
	for range 10 {
		body := map[string]any{"flow": r.Flow, "version": r.Version}
		switch {
		case r.in() || err != nil:
			return r, err
		case r.Stage == "authenticate" && (r.Reason == "" || r.Reason == "flow_changed"):
			body["password"] = demoPassword
			r, err = v.post("/auth/signin/password", body)
		case r.Stage == "verify" && slices.Equal(r.Offer, []string{"email_code"}):
			var code string
			if code, err = newCode(v.email, v.seen, cmp.Or(v.wait, 10*time.Second), append(v.mail, v.url)...); code == "" {
				return r, err
			}
			body["code"] = code
			r, err = v.post("/auth/signin/code", body)
		case r.Stage == "account":
			body["account"] = "umbra"
			r, err = v.post("/auth/signin/account", body)
		case r.Stage == "ready":
			r, err = v.post("/auth/signin/account", body)
		default:
			return r, nil
		}
	}
	return r, err
}

// sees fails the test unless the home page greets this person; with an empty name, unless it sends the visitor to sign in.
func (v *visitor) sees(t *testing.T, name string) {
	t.Helper()
	r, err := v.get("/")
	switch {
	case err != nil:
		t.Errorf("the home page: %v", err)
	case name == "" && (r.status != http.StatusSeeOther || !strings.Contains(r.location, "/auth/signin")):
		t.Errorf("the home page answers %d to somebody who is not signed in, want 303 to the sign-in", r.status)
	case name != "" && (r.status != http.StatusOK || !strings.Contains(r.body, "Hello, "+name)):
		t.Errorf("the home page answers %d, want 200 and a greeting for %s", r.status, name)
	}
}
