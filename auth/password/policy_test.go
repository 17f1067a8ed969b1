package password_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sallyport-auth/sallyport/auth/password"
)

func TestPolicyCheck(t *testing.T) {
	for _, p := range []password.Policy{
		{}, password.Modern(), password.Platform(), password.Enhanced(),
		{MinLength: 8}, {MinLength: 64, MinLengthWithTwoStep: 64}, {History: 24},
	} {
		if err := p.Check(); err != nil {
			t.Errorf("Check(%+v) = %v, want nil", p, err)
		}
	}
	for _, c := range []struct {
		policy password.Policy
		field  string
	}{
		{password.Policy{MinLength: 7}, "MinLength "},
		{password.Policy{MinLength: -1}, "MinLength "},
		{password.Policy{MinLength: 65}, "MinLength "},
		{password.Policy{MinLength: 15, MinLengthWithTwoStep: 7}, "MinLengthWithTwoStep "},
		{password.Policy{MinLength: 15, MinLengthWithTwoStep: -8}, "MinLengthWithTwoStep "},
		{password.Policy{MinLength: 15, MinLengthWithTwoStep: 16}, "MinLengthWithTwoStep "},
		{password.Policy{MinLengthWithTwoStep: 8}, "MinLengthWithTwoStep "},
		{password.Policy{History: -1}, "History "},
		{password.Policy{History: 25}, "History "},
	} {
		if err := c.policy.Check(); err == nil || !strings.Contains(err.Error(), "Policy."+c.field) {
			t.Errorf("Check(%+v) = %v, want an error about %s", c.policy, err, c.field)
		}
	}
}

func TestStrictest(t *testing.T) {
	t.Run("R10 a company's 12 characters beside a second step win over the product's 8", func(t *testing.T) {
		got := password.Modern().Strictest(password.Policy{MinLength: 12, RequireDigit: true})
		want := password.Modern()
		want.MinLengthWithTwoStep = 12
		want.RequireDigit = true
		if got != want {
			t.Errorf("Strictest = %+v, want %+v", got, want)
		}
	})
	t.Run("no opinion changes nothing", func(t *testing.T) {
		for _, p := range []password.Policy{{}, password.Modern(), password.Platform(), password.Enhanced()} {
			if got := p.Strictest(password.Policy{}); got != p {
				t.Errorf("Strictest(zero) = %+v, want %+v", got, p)
			}
			if got := (password.Policy{}).Strictest(p); got != p {
				t.Errorf("zero.Strictest = %+v, want %+v", got, p)
			}
		}
	})
	t.Run("what either refuses, both refuse, in any order, and the outcome can be checked", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			p, q := drawPolicy(t), drawPolicy(t)
			both := p.Strictest(q)
			if other := q.Strictest(p); other != both {
				t.Fatalf("Strictest depends on the order: %+v, %+v", both, other)
			}
			if err := both.Check(); err != nil {
				t.Fatalf("Check(%+v) = %v, want nil", both, err)
			}
			for _, twoStep := range []bool{false, true} {
				rules := map[password.Rule]int{}
				for _, r := range (password.Judge{Policy: both}).Rules(twoStep) {
					rules[r.Rule] = r.N
				}
				for _, one := range []password.Policy{p, q} {
					if one == (password.Policy{}) {
						continue // to a Judge this is Modern, to Strictest it is no opinion
					}
					for _, r := range (password.Judge{Policy: one}).Rules(twoStep) {
						if n, ok := rules[r.Rule]; !ok || n < r.N {
							t.Fatalf("%+v asks for %v, which %+v does not", one, r, both)
						}
					}
				}
			}
		})
	})
}

func drawPolicy(t *rapid.T) password.Policy {
	p := password.Policy{
		RequireLetter:  rapid.Bool().Draw(t, "letter"),
		RequireLower:   rapid.Bool().Draw(t, "lower"),
		RequireUpper:   rapid.Bool().Draw(t, "upper"),
		RequireDigit:   rapid.Bool().Draw(t, "digit"),
		History:        rapid.IntRange(0, 24).Draw(t, "history"),
		RefuseCommon:   rapid.Bool().Draw(t, "common"),
		RefusePersonal: rapid.Bool().Draw(t, "personal"),
	}
	if rapid.Bool().Draw(t, "length") {
		p.MinLength = rapid.IntRange(8, 64).Draw(t, "min")
		if rapid.Bool().Draw(t, "two-step") {
			p.MinLengthWithTwoStep = rapid.IntRange(8, p.MinLength).Draw(t, "min with two-step")
		}
	}
	return p
}
