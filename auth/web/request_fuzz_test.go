package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/auth/web"
)

func FuzzParseForm(f *testing.F) {
	for _, s := range []string{"a=b&c=d", "a=%ff", "a;b=c", "=&=", "version=1", "a=1&a=2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fields, err := web.ParseForm(s)
		if err != nil {
			return
		}
		want, _ := url.ParseQuery(s)
		for name, value := range fields {
			if !utf8.ValidString(value) || len(want[name]) != 1 || want[name][0] != value {
				t.Errorf("field %q is %q, want the one value of %q", name, value, want[name])
			}
		}
		if len(fields) != len(want) {
			t.Errorf("%d fields, want %d", len(fields), len(want))
		}
	})
}

func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{`{"a":"b","version":1,"x":true,"y":null}`, `{"a":{}}`, `{"a":"\ud800"}`, "{}", `{"a":1}x`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fields, err := web.ParseJSON([]byte(s))
		if err != nil {
			return
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(s), &want); err != nil {
			t.Fatalf("%q is read, but is no JSON: %v", s, err)
		}
		for name, value := range fields {
			if text, ok := want[name].(string); ok && text != value {
				t.Errorf("field %q is %q, want %q", name, value, text)
			}
		}
	})
}

// FuzzCookies holds cookies against what can be told of any header: two of one name are none.
func FuzzCookies(f *testing.F) {
	f.Add("__Host-flow=a; __Host-flow=b")
	f.Add(`__Host-flow="a"`)
	f.Add("=;=;__Host-flow")
	f.Fuzz(func(t *testing.T, header string) {
		r := &http.Request{Header: http.Header{"Cookie": {header, "__Host-flow=flw_mine"}}}
		got := web.ReadCookie(r, "__Host-", "flow")
		if got != "" && (got != "flw_mine" || len(r.CookiesNamed("__Host-flow")) != 1) {
			t.Errorf("%q beside another cookie of its name is read as %q", header, got)
		}
	})
}
