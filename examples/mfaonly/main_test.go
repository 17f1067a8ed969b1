package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A visitor fills in the forms of the page.
type visitor struct {
	t   *testing.T
	url string
}

func (v visitor) send(method, path, site string, form url.Values) (status int, page string) {
	v.t.Helper()
	req, err := http.NewRequest(method, v.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", site)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK && resp.Header.Get("Cache-Control") != "no-store" {
		v.t.Errorf("A-207 %s %s may be kept by caches", method, path)
	}
	return resp.StatusCode, html.UnescapeString(string(body))
}

// part is what the page has at a place.
func (v visitor) part(page, pattern string) string {
	v.t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(page)
	if found == nil {
		v.t.Fatalf("there is no %s on the page:\n%s", pattern, page)
	}
	return found[1]
}

// phone is the code that an app shows (RFC 6238), some steps later.
func phone(t *testing.T, key string, later int64) string {
	t.Helper()
	raw, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(key, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, raw)
	binary.Write(mac, binary.BigEndian, time.Now().Unix()/30+later)
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}

func TestSecondStep(t *testing.T) {
	server := httptest.NewServer(newHandler())
	defer server.Close()
	v := visitor{t, server.URL}
	_, page := v.send("GET", "/", "none", nil)
	sealed, key := v.part(page, `name="sealed" value="([^"]+)"`), v.part(page, `<code>([A-Z2-7 ]+)</code>`)
	v.part(page, `(data:image/png;base64,\S+)`)
	first := phone(t, key, 0)
	codes := []string{"none yet"}
	for _, step := range []struct {
		name, path, site string
		form             func() url.Values
		status           int
		want             string
	}{
		{"another site sets nothing up", "/setup", "cross-site", func() url.Values { return url.Values{"sealed": {sealed}, "code": {first}} }, 403, ""},
		{"R55 no code", "/setup", "same-origin", func() url.Values { return url.Values{"sealed": {sealed}, "code": {"code"}} }, 200, "does not look like a code"},
		{"R55 the picture stays", "/setup", "same-origin", func() url.Values { return url.Values{"sealed": {sealed}, "code": {"1"}} }, 200, key},
		{"A-205 a secret of somebody's own", "/setup", "same-origin", func() url.Values { return url.Values{"sealed": {"00ff"}, "code": {"000000"}} }, 200, "is wrong"},
		{"A-206 nothing is set up yet", "/check", "same-origin", func() url.Values { return url.Values{"code": {first}} }, 200, "does not work"},
		{"R55 the code of the app", "/setup", "same-origin", func() url.Values { return url.Values{"sealed": {sealed}, "code": {first}} }, 200, "is set up"},
		{"A-193 the same again", "/check", "same-origin", func() url.Values { return url.Values{"code": {first}} }, 200, "was used before"},
		{"R60 a later one", "/check", "same-origin", func() url.Values { return url.Values{"code": {phone(t, key, 1)}} }, 200, "is the right code"},
		{"R59 a recovery code", "/recover", "same-origin", func() url.Values { return url.Values{"code": {strings.ToUpper(codes[0])}} }, 200, "(9 left)"},
		{"A-214 it counts once", "/recover", "same-origin", func() url.Values { return url.Values{"code": {codes[0]}} }, 200, "was used before"},
		{"A-214 a wrong one", "/recover", "same-origin", func() url.Values { return url.Values{"code": {"22222-22222"}} }, 200, "is wrong"},
	} {
		t.Run(step.name, func(t *testing.T) {
			status, page := v.send("POST", step.path, step.site, step.form())
			if status != step.status || !strings.Contains(page, step.want) {
				t.Errorf("POST %s = %d\n%s\nwant %d with %q", step.path, status, page, step.status, step.want)
			}
			if strings.Contains(page, "is set up") {
				codes = regexp.MustCompile(`[2-9a-z]{5}-[2-9a-z]{5}`).FindAllString(page[strings.Index(page, "<ul>"):], -1)
				if len(codes) != 10 {
					t.Fatalf("R59 the page shows %d recovery codes, want 10", len(codes))
				}
			}
		})
	}
	if _, page = v.send("GET", "/", "none", nil); strings.Contains(page, key) || strings.Contains(page, "data:image") || strings.Contains(page, codes[1]) {
		t.Errorf("A-207 the page shows a secret after the set-up:\n%s", page)
	}
}

func TestLinksNothingElse(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	const ours = "github.com/sallyport-auth/sallyport/"
	for path := range strings.FieldsSeq(string(out)) {
		first, _, _ := strings.Cut(path, "/")
		switch {
		case !strings.Contains(first, "."), // the standard library
			path == ours+"mfa", path == ours+"internal/token", path == ours+"examples/mfaonly",
			strings.HasPrefix(path, "github.com/pquerna/otp"), strings.HasPrefix(path, "github.com/boombuler/barcode"):
		default:
			t.Errorf("a program with a second step only links %s", path)
		}
	}
	if !strings.Contains(string(out), ours+"mfa") {
		t.Errorf("go list did not find package mfa: %s", out)
	}
}
