package password_test

import (
	"testing"

	"github.com/sallyport-auth/sallyport/auth/password"
)

func TestPersonal(t *testing.T) {
	j := password.Judge{Policy: password.Policy{MinLength: 8, RefusePersonal: true}}
	grace := password.About{
		Email: "grace.hopper1906@mail.globex.example",
		Name:  "Grace Brewster Hopper",
		Words: []string{"Acme Rockets", "Sallyport", "IBM"},
	}
	for _, text := range []string{
		"grace.hopper1906", "gracehopper1906", "GraceHopper", "hopper2026!", "Hopper!!2026", "1906hopper", "grace.hopper1906@mail.globex.example",
		"globex2026", "Globex!!", "mail.globex", "globexglobexglobex", "globex1234567890",
		"brewster", "BrewsterHopper1", "gracehopper-xy7",
		"acme2026", "AcmeRockets1!", "rockets.acme", "Sallyport99", "$allyp0rt2026", "gr4c3h0pp3r", "IBM12345", "ibm-2026!",
		"acmeibmsallyport",
	} {
		t.Run("A-155 "+text, func(t *testing.T) {
			if got := judge(t, j, text, grace); rules(got) != "personal" {
				t.Errorf("Unmet(%q) = %q, want personal", text, rules(got))
			}
		})
	}
	t.Run("A-155 in another Unicode form and case", func(t *testing.T) {
		if got := judge(t, j, "RENE\u0301E2026", password.About{Name: "Ren\u00e9e"}); rules(got) != "personal" {
			t.Errorf("Unmet = %q, want personal", rules(got))
		}
	})
	for _, text := range []string{
		"four small grey donkeys", "examples and more", "acme has small grey donkeys", "globex8402957138467", "gracehopperxk;wq9mv", "graceful swans",
	} {
		t.Run("not "+text, func(t *testing.T) {
			if got := judge(t, j, text, grace); len(got) != 0 {
				t.Errorf("Unmet(%q) = %q, want none", text, rules(got))
			}
		})
	}
	t.Run("nothing is personal to nobody, and short words do not count", func(t *testing.T) {
		for _, about := range []password.About{{}, {Email: "li@x.io", Name: "Li Wu", Words: []string{"", "  ", "hp"}}, {Email: "@"}, {Email: "no address"}} {
			if got := judge(t, j, "liwuhpx2026", about); len(got) != 0 {
				t.Errorf("Unmet for %+v = %q, want none", about, rules(got))
			}
		}
	})
	t.Run("no opinion refuses nothing", func(t *testing.T) {
		j := password.Judge{Policy: password.Policy{MinLength: 8}}
		if got := judge(t, j, "gracehopper", grace); len(got) != 0 {
			t.Errorf("Unmet = %q, want none", rules(got))
		}
	})
}
