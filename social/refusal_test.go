package social_test

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/social"
)

func TestRefusal(t *testing.T) {
	for _, tt := range []struct {
		r    social.Refusal
		want string
	}{
		{social.Refusal{Code: "request_unknown"}, "social: refused: request_unknown"},
		{social.Refusal{Code: "token_error", Received: "invalid_client"}, `social: refused: token_error, got "invalid_client"`},
		{social.Refusal{Code: "discovery_issuer", Expected: "https://x.example/", Received: "https://x.example"},
			`social: refused: discovery_issuer, got "https://x.example", want "https://x.example/"`},
		{social.Refusal{Code: "provider_error", Received: "a\r\nb\u202e"}, `social: refused: provider_error, got "a  b"`},
		{social.Refusal{Code: social.CodeSubject, Received: "ann@acme.example"}, "social: refused: subject"},
		{social.Refusal{Code: "id_token_subject", Received: "ann"}, "social: refused: id_token_subject"},
		{social.Refusal{Code: "userinfo_subject", Expected: "ann", Received: "mal"}, "social: refused: userinfo_subject"},
	} {
		if got := tt.r.Error(); got != tt.want {
			t.Errorf("A-245 Error = %s, want %s", got, tt.want)
		}
	}
	long := social.Refusal{Code: "x", Received: strings.Repeat("é", 5000)}
	if got := long.Error(); len(got) > 600 {
		t.Errorf("Error has %d bytes, want a line", len(got))
	}
}
