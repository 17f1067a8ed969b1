package web_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
)

// random are the values in an answer that differ from one sign-in to the next, whoever it is for: tokens and public ids.
var random = regexp.MustCompile(`flw_[\w-]{43}|\b[a-z2-7]{26}\b`)

// difference is where two answers begin to differ.
func difference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return as[i] + "\n" + bs[i]
		}
	}
	return "one goes on after the end of the other"
}

// whole is an answer byte for byte, but for random values and the name that was typed.
func whole(p *authtest.Page, name string) string {
	var b strings.Builder
	fmt.Fprintln(&b, p.Status, p.URL.RequestURI())
	for _, key := range slices.Sorted(maps.Keys(p.Header)) {
		fmt.Fprintln(&b, key, p.Header[key])
	}
	b.WriteString(p.Body)
	return strings.ReplaceAll(random.ReplaceAllString(b.String(), "?"), name, "name")
}

func TestEnumeration(t *testing.T) {
	// The names are equally long, so that nothing but what is compared differs.
	people := []string{"nann", "nunk", "nnop", "nsus"}
	setup := func(t *testing.T, v *visitor) {
		for _, name := range people {
			if name == "nunk" {
				continue
			}
			password := secret
			if name == "nnop" {
				password = ""
			}
			v.p.AddUser(auth.User{ID: name, Email: name + "@acme.example", Name: "Name", Locale: "fr"}, password)
		}
		if err := v.p.People.SuspendUser(t.Context(), "nsus"); err != nil {
			t.Fatal(err)
		}
	}
	// compare tells the same story for everybody; each step of it answers a page.
	compare := func(t *testing.T, v *visitor, story func(v *visitor, email string) []*authtest.Page) {
		setup(t, v)
		var first []string
		for _, name := range people {
			for i, p := range story(v.again(), name+"@acme.example") {
				got := whole(p, name)
				if name == people[0] {
					first = append(first, got)
				} else if got != first[i] {
					t.Errorf("step %d tells %s from %s:\n%s", i, name, people[0], difference(got, first[i]))
				}
			}
		}
	}
	t.Run("A-139 A-141 R4 invariant 3 after the address", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			compare(t, v, func(v *visitor, email string) []*authtest.Page {
				v.Stay = true
				first := v.identify(email).shown
				return []*authtest.Page{first, v.open().shown}
			})
		})
	})
	t.Run("A-135 A-141 R9 invariant 3 after a wrong password", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			compare(t, v, func(v *visitor, email string) []*authtest.Page {
				return []*authtest.Page{v.identify(email).password("wrong").shown, v.password("").shown, v.password("wrong again").shown}
			})
		})
	})
	t.Run("A-135 A-141 R2 on one page", func(t *testing.T) {
		both(t, preset(auth.OnePage()), func(t *testing.T, v *visitor) {
			compare(t, v, func(v *visitor, email string) []*authtest.Page {
				v.open().step("signin/password", map[string]string{"email": email, "password": "wrong"})
				return []*authtest.Page{v.shown}
			})
		})
	})
	t.Run("A-142 A-141 R13 through the throttle", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			setup(t, v)
			first := map[int]string{}
			for n, name := range people {
				w := v.again()
				w.Address = fmt.Sprintf("198.51.%d.7:4000", n) // of the same budget each
				w.identify(name + "@acme.example")
				for i := range 14 {
					w.password("wrong")
					got := whole(w.shown, name)
					if n == 0 {
						first[i] = got
					} else if got != first[i] {
						t.Errorf("try %d tells %s from %s:\n%s", i, name, people[0], difference(got, first[i]))
					}
				}
				w.status(http.StatusTooManyRequests)
			}
		})
	})
	t.Run("A-139 invariant 3 an enforced domain answers the same for everybody in it", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.Stay = true
			known := whole(v.identify("pat@globex.example").shown, "pat")
			w := v.again()
			w.Stay = true
			if unknown := whole(w.identify("pyz@globex.example").shown, "pyz"); unknown != known {
				t.Errorf("known and unknown people are told apart:\n%s", difference(known, unknown))
			}
		})
	})
	// eve has an account, a password, and is bound to the company; evx is nobody.
	for what, mode := range map[string]auth.SSOMode{"enforced": auth.SSOEnforced, "optional": auth.SSOOptional} {
		t.Run("A-139 R27 invariants 3 and 9 a company's domain answers the same for everybody in it: "+what, func(t *testing.T) {
			in(t, "oidc", withSSO, mode, func(t *testing.T, v *visitor, f *firm) {
				v.identify(eve.Email).arrivesFrom(f, eve).is("in")
				var first []string
				for _, name := range []string{"eve", "evx"} {
					email := name + "@initech.example"
					w := v.again()
					w.Stay = true
					shown := []*authtest.Page{w.identify(email).shown, w.open().shown}
					w = v.again()
					w.Stay = true
					w.get("/auth/signin/company")
					shown = append(shown, w.do("signin/company", "email", email).shown, w.open().shown)
					w = v.again()
					w.open("way", "password")
					shown = append(shown, w.do("signin/identify", "email", email, "way", "password").is("password").shown)
					shown = append(shown, w.password("wrong").shown, w.password("").shown)
					for i, p := range shown {
						got := whole(p, name)
						if name == "eve" {
							first = append(first, got)
						} else if got != first[i] {
							t.Errorf("step %d tells them apart:\n%s", i, difference(got, first[i]))
						}
					}
				}
			})
		})
	}
}
