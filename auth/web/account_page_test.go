package web_test

import (
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth/locale"
	"github.com/sallyport-auth/sallyport/auth/web"
)

func TestMoment(t *testing.T) {
	words, err := locale.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	now := time.Date(2026, time.November, 22, 23, 5, 0, 0, time.FixedZone("", -3600))
	for _, tc := range []struct {
		tag  string
		ago  time.Duration
		want string
	}{
		{"en", -time.Second, "Just now"}, // clocks differ
		{"en", 59 * time.Second, "Just now"},
		{"en", time.Minute, "1 minute ago"},
		{"en", 59*time.Minute + 59*time.Second, "59 minutes ago"},
		{"en", time.Hour, "1 hour ago"},
		{"en", day - time.Second, "23 hours ago"},
		{"en", day, "1 day ago"},
		{"en", 60*day - time.Second, "59 days ago"},
		{"en", 60 * day, "2 months ago"},
		{"es", 3 * time.Hour, "Hace 3 horas"},
		{"fr", 2 * day, "Il y a 2 jours"},
	} {
		if got := (web.Moment{At: now.Add(-tc.ago), Now: now}).Ago(words.Text(tc.tag)); got != tc.want {
			t.Errorf("%s, %v ago: %q, want %q", tc.tag, tc.ago, got, tc.want)
		}
	}
	m := web.Moment{At: now, Now: now}
	if got, want := m.Stamp(), "2026-11-23T00:05:00Z"; got != want {
		t.Errorf("Stamp = %q, want %q", got, want)
	}
	for tag, want := range map[string][2]string{
		"en": {"23 November 2026", "23 November 2026, 00:05 UTC"},
		"es": {"23 de noviembre de 2026", "23 de noviembre de 2026, 00:05 UTC"},
		"fr": {"23\u00a0novembre 2026", "23 novembre 2026, 00:05 UTC"},
	} {
		if got := [2]string{m.Day(words.Text(tag)), m.Full(words.Text(tag))}; got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
	if first := (web.Moment{At: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}); first.Day(words.Text("fr")) != "1er\u00a0décembre 2026" {
		t.Errorf("the first of a month in French is %q", first.Day(words.Text("fr")))
	}
	if !(web.Moment{}).IsZero() || m.IsZero() {
		t.Error("IsZero is wrong")
	}
}
