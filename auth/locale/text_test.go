package locale_test

import (
	"testing"

	"github.com/sallyport-auth/sallyport/auth/locale"
)

func TestGet(t *testing.T) {
	en := ours(t).Text("en")
	for _, tc := range []struct {
		name, got, want string
	}{
		{"a text", en.Get("button.next"), "Next"},
		{"a placeholder", en.Get("title.help", "product", "Acme"), "Help with signing in – Acme"},
		{"a value that looks like a placeholder", en.Get("title.problem", "title", "{title} {product}", "product", "no"), "Error: {title} {product}"},
		{"a value that is missing stays visible", en.Get("title.help"), "Help with signing in – {product}"},
		{"a pair too many", en.Get("button.next", "product", "Acme"), "Next"},
		{"half a pair", en.Get("title.help", "product"), "Help with signing in – {product}"},
		{"HTML is not our business", en.Get("title.help", "product", "<b>"), "Help with signing in – <b>"},
		{"a key that does not exist", en.Get("button.nxt"), "[button.nxt]"},
		{"a counted text without a number", en.Get("reason.too_many_attempts.minutes"), "Too many attempts. Try again in {n} minutes."},
		{"the zero Text", locale.Text{}.Get("button.next"), "[button.next]"},
		{"the zero Text, counting", locale.Text{}.Count("button.next", 1), "[button.next]"},
		{"the direction of the zero Text", locale.Text{}.Dir(), "ltr"},
		{"the tag of the zero Text", locale.Text{}.Tag(), ""},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, tc.got, tc.want)
		}
	}
}

func TestCount(t *testing.T) {
	c := ours(t)
	const key = "reason.too_many_attempts.minutes"
	for _, tc := range []struct {
		tag  string
		n    int
		want string
	}{
		{"en", 0, "Too many attempts. Try again in 0 minutes."},
		{"en", 1, "Too many attempts. Try again in 1 minute."},
		{"en", 2, "Too many attempts. Try again in 2 minutes."},
		{"es", 1, "Demasiados intentos. Inténtelo de nuevo en 1 minuto."},
		{"es", 0, "Demasiados intentos. Inténtelo de nuevo en 0 minutos."},
		{"fr", 0, "Trop de tentatives. Réessayez dans 0 minute."}, // French counts nothing as one
		{"fr", 1, "Trop de tentatives. Réessayez dans 1 minute."},
		{"fr", 15, "Trop de tentatives. Réessayez dans 15 minutes."},
		{"fr", -1 << 63, "Trop de tentatives. Réessayez dans -9223372036854775808 minutes."},
	} {
		if got := c.Text(tc.tag).Count(key, tc.n); got != tc.want {
			t.Errorf("%s, %d: %q, want %q", tc.tag, tc.n, got, tc.want)
		}
	}
	if got := c.Text("en").Count("button.next", 3); got != "Next" {
		t.Errorf("a text that is not counted = %q, want Next", got)
	}
	if got := c.Text("en").Count("nothing", 3); got != "[nothing]" {
		t.Errorf("a key that does not exist = %q, want [nothing]", got)
	}
}
