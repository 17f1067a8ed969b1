package password_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth/password"
)

func ExampleJudge() {
	judge := password.Judge{Policy: password.Enhanced()}
	unmet, err := judge.Unmet(context.Background(), "acme2026", password.About{
		Email: "grace@acme.example",
		Name:  "Grace Hopper",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, u := range unmet {
		fmt.Println(u.Rule, u.N)
	}
	// Output:
	// too_short 12
	// needs_upper 0
	// personal 0
}

// rules joins the codes of what is unmet.
func rules(unmet []password.Unmet) string {
	var codes []string
	for _, u := range unmet {
		codes = append(codes, string(u.Rule))
	}
	return strings.Join(codes, " ")
}

func judge(t *testing.T, j password.Judge, text string, about password.About) []password.Unmet {
	t.Helper()
	unmet, err := j.Unmet(t.Context(), text, about)
	if err != nil {
		t.Fatalf("Unmet(%q) = %v", text, err)
	}
	return unmet
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name    string
		policy  password.Policy
		text    string
		twoStep bool
		want    string
	}{
		{"R10 modern takes 15 characters of any kind", password.Modern(), "four small pigs", false, ""},
		{"R10 modern refuses 14", password.Modern(), "four small pig", false, "too_short"},
		{"R10 modern takes 8 beside a second step", password.Modern(), "mk vu ot", true, ""},
		{"R10 modern refuses 7 beside a second step", password.Modern(), "mk vu o", true, "too_short"},
		{"R10 the zero policy is modern", password.Policy{}, "four small pig", false, "too_short"},
		{"R10 characters are counted, not bytes", password.Modern(), "\u00e9\u00e8\u00ea\u00eb\u00e7\u00e0\u00f9\u00e9\u00e8\u00ea\u00eb\u00e7\u00e0\u00f9", false, "too_short"},
		{"R10 characters are counted after NFC", password.Modern(), "e\u0301e\u0300e\u0302e\u0308c\u0327a\u0300u\u0300o\u0302", false, "too_short"},
		{"R10 an emoji is a character", password.Modern(), "🐖🐎🐄🐑🐐🐓🐇🐈🐕🦆🦢🦉🐢🐍🦎", false, ""},
		{"R10 64 characters are taken", password.Modern(), strings.Repeat("zq fj kx wv ", 6)[:63] + "!", false, ""},
		{"R10 platform takes 8 with letters and digits", password.Platform(), "vu7otmk9", false, ""},
		{"R10 platform refuses letters alone", password.Platform(), "vuxotmkz", false, "needs_digit"},
		{"R10 platform refuses digits alone", password.Platform(), "84029571", false, "needs_letter"},
		{"R10 a letter of any script is a letter", password.Platform(), "\u0436\u0448\u0449\u044e\u044f\u043b84", false, ""},
		{"R10 enhanced takes 12 with all three", password.Enhanced(), "vu7otMk9zqwx", false, ""},
		{"R10 enhanced refuses all three missing, at once", password.Enhanced(), "!?!~ ^#=", false, "too_short needs_lower needs_upper needs_digit"},
		{"R10 all unmet rules at once", password.Enhanced(), "password", false, "too_short needs_upper needs_digit common"},
		{"nobody goes below 8", password.Policy{RequireDigit: true}, "vu7otmk", false, "too_short"},
		{"an empty password is too short", password.Policy{}, "", true, "too_short"},
		{"A-152 too long is told alone", password.Modern(), strings.Repeat("x", 1025), false, "too_long"},
		{"what is not UTF-8 is told alone", password.Enhanced(), "caf\xe9", false, "not_text"},
		{"what was damaged on its way is told alone", password.Enhanced(), "caf\ufffd", false, "not_text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := judge(t, password.Judge{Policy: c.policy}, c.text, password.About{TwoStep: c.twoStep})
			if rules(got) != c.want {
				t.Errorf("Unmet(%q) = %q, want %q", c.text, rules(got), c.want)
			}
		})
	}
	t.Run("R10 the numbers come with the rules", func(t *testing.T) {
		for _, c := range []struct {
			text  string
			about password.About
			want  password.Unmet
		}{
			{"mk vu ot zq", password.About{}, password.Unmet{Rule: password.TooShort, N: 15}},
			{"mk vu", password.About{TwoStep: true}, password.Unmet{Rule: password.TooShort, N: 8}},
			{strings.Repeat("mk vu ot zq", 100), password.About{}, password.Unmet{Rule: password.TooLong, N: 1024}},
		} {
			if got := judge(t, password.Judge{}, c.text, c.about); !slices.Equal(got, []password.Unmet{c.want}) {
				t.Errorf("Unmet(%.20q) = %v, want %v", c.text, got, c.want)
			}
		}
	})
	t.Run("R10 the rules are shown before anything is typed", func(t *testing.T) {
		breaches := func(context.Context, string) (bool, error) { return false, nil }
		for _, c := range []struct {
			judge   password.Judge
			twoStep bool
			want    string
		}{
			{password.Judge{}, false, "[{too_short 15} {common 0} {personal 0} {reused 1}]"},
			{password.Judge{}, true, "[{too_short 8} {common 0} {personal 0} {reused 1}]"},
			{password.Judge{Policy: password.Platform()}, false, "[{too_short 8} {needs_letter 0} {needs_digit 0} {common 0} {personal 0} {reused 1}]"},
			{password.Judge{Policy: password.Enhanced(), Breaches: breaches}, true,
				"[{too_short 12} {needs_lower 0} {needs_upper 0} {needs_digit 0} {common 0} {personal 0} {reused 4} {breached 0}]"},
		} {
			if got := fmt.Sprint(c.judge.Rules(c.twoStep)); got != c.want {
				t.Errorf("Rules(%v) = %v, want %v", c.twoStep, got, c.want)
			}
		}
	})
}

func TestHistory(t *testing.T) {
	var previous []string
	for i := range 6 {
		previous = append(previous, hash(t, quick, fmt.Sprintf("zq wv %d fj kx mk", i)))
	}
	j := password.Judge{Policy: password.Policy{MinLength: 8, History: 4}, Hasher: quick}
	for i := range 6 {
		want := ""
		if i < 4 {
			want = "reused"
		}
		t.Run(fmt.Sprintf("R10 the password %d back", i), func(t *testing.T) {
			got := judge(t, j, fmt.Sprintf("zq wv %d fj kx mk", i), password.About{Previous: previous})
			if rules(got) != want || want != "" && got[0].N != 4 {
				t.Errorf("Unmet = %v, want %q with 4", got, want)
			}
		})
	}
	t.Run("R10 in another Unicode form it is the same password", func(t *testing.T) {
		about := password.About{Previous: []string{hash(t, quick, "cr\u00e8me br\u00fbl\u00e9e")}}
		if got := judge(t, j, "cre\u0300me bru\u0302le\u0301e", about); rules(got) != "reused" {
			t.Errorf("Unmet = %v, want reused", got)
		}
	})
	t.Run("hashes that cannot be read are passed over", func(t *testing.T) {
		about := password.About{Previous: []string{"", "rubbish", bcryptHorse, previous[0]}}
		if got := judge(t, j, "zq wv 0 fj kx mk", about); rules(got) != "reused" {
			t.Errorf("Unmet = %v, want reused", got)
		}
		if got := judge(t, j, "correct horse", about); rules(got) != "reused" {
			t.Errorf("Unmet(an imported one) = %v, want reused", got)
		}
	})
	t.Run("no history asks for none", func(t *testing.T) {
		j := password.Judge{Policy: password.Policy{MinLength: 8}, Hasher: quick}
		if got := judge(t, j, "zq wv 0 fj kx mk", password.About{Previous: previous}); len(got) != 0 {
			t.Errorf("Unmet = %v, want none", got)
		}
	})
	t.Run("an ended context stops the hashing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := j.Unmet(ctx, "zq wv 5 fj kx mk", password.About{Previous: previous}); !errors.Is(err, context.Canceled) {
			t.Errorf("Unmet = %v, want Canceled", err)
		}
	})
	t.Run("a Hasher that is set wrong is an error, not a pass", func(t *testing.T) {
		bad := password.Judge{Policy: j.Policy, Hasher: password.Hasher{Params: password.Params{Passes: 1}}}
		if _, err := bad.Unmet(t.Context(), "zq wv 0 fj kx mk", password.About{Previous: previous}); err == nil {
			t.Error("Unmet = nil, want an error")
		}
	})
}

func TestBreached(t *testing.T) {
	var asked []string
	known := func(_ context.Context, text string) (bool, error) {
		asked = append(asked, text)
		return strings.HasPrefix(text, "known"), nil
	}
	j := password.Judge{Breaches: known}
	t.Run("A-155 a breached password is refused", func(t *testing.T) {
		if got := judge(t, j, "known to zq wv fj", password.About{}); rules(got) != "breached" {
			t.Errorf("Unmet = %v, want breached", got)
		}
		if got := judge(t, j, "not known to zq wv", password.About{}); len(got) != 0 {
			t.Errorf("Unmet = %v, want none", got)
		}
	})
	t.Run("A-155 beside other rules", func(t *testing.T) {
		if got := judge(t, j, "known zq", password.About{}); rules(got) != "too_short breached" {
			t.Errorf("Unmet = %v, want too_short breached", got)
		}
	})
	t.Run("A-154 it is asked about in NFC", func(t *testing.T) {
		asked = nil
		judge(t, j, "cre\u0300me bru\u0302le\u0301e zq", password.About{})
		if want := []string{"cr\u00e8me br\u00fbl\u00e9e zq"}; !slices.Equal(asked, want) {
			t.Errorf("asked %+q, want %+q", asked, want)
		}
	})
	t.Run("nobody is asked about an empty, a common, an over-long or an unreadable one", func(t *testing.T) {
		asked = nil
		for _, text := range []string{"", "password", strings.Repeat("x", 1025), "\xff"} {
			judge(t, j, text, password.About{})
		}
		if len(asked) != 0 {
			t.Errorf("asked %q, want nobody", asked)
		}
	})
	t.Run("a failure comes with the rules found, for the caller to choose", func(t *testing.T) {
		down := errors.New("down")
		j := password.Judge{Breaches: func(context.Context, string) (bool, error) { return false, down }}
		unmet, err := j.Unmet(t.Context(), "mk vu ot zq", password.About{})
		var breach *password.BreachError
		if !errors.As(err, &breach) || !errors.Is(err, down) {
			t.Errorf("Unmet = %v, want a *BreachError around %v", err, down)
		}
		if rules(unmet) != "too_short" {
			t.Errorf("Unmet = %v, want too_short", unmet)
		}
	})
}
