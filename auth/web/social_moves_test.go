package web_test

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
)

// a page leads to a provider by itself only where this site has led to it, and only for a flow that is there.
func TestSocialPagesStay(t *testing.T) {
	led := func(v *visitor, site string) bool {
		v.p.t.Helper()
		r := v.Request("GET", "/auth/stepup?go=1", "", "")
		r.Header.Set("Sec-Fetch-Site", site)
		page := v.Do(r)
		if page.Status != 200 || !strings.Contains(page.Body, "/auth/s") {
			t.Fatalf("the page of the step-up: %d\n%s", page.Status, page.Body)
		}
		return strings.Contains(page.Body, "data-moves")
	}
	t.Run("A-120 no step-up is begun by a link", func(t *testing.T) {
		v := newProduct(t, withSocial(func(p *auth.Preset) { p.SocialSignUp = auth.SocialSignUpOn })).visitor(false)
		v.p.letGo()
		v.comes("google", newThere).is("in")
		v.stale()
		for _, site := range []string{"cross-site", "same-site", "none", "same-origin"} {
			if led(v, site) {
				t.Errorf("a navigation from %q posts the form that begins a step-up", site)
			}
		}
	})
	t.Run("A-120 a connection that was left lying goes on by no other site's link", func(t *testing.T) {
		v := newProduct(t, withSocial(nil)).visitor(false)
		v.p.letGo()
		v.enter(ann).get(connectedPage).connecting("google")
		v.brings(v.p.Providers["google"].Refusal(v.shown))
		for site, want := range map[string]bool{"cross-site": false, "same-site": false, "none": false, "same-origin": true} {
			if got := led(v, site); got != want {
				t.Errorf("a navigation from %q goes on by itself: %v, want %v", site, got, want)
			}
		}
	})
}

// R35, R66: whoever has nothing but a social account connects another one, after having come by the first once more.
func TestSocialOnlyConnects(t *testing.T) {
	elsewhere(t, withSocial(func(p *auth.Preset) { p.SocialSignUp = auth.SocialSignUpOn }), func(t *testing.T, v *visitor) {
		v.comes("google", newThere).is("in")
		v.stale().get(connectedPage).status(200)
		v.connecting("microsoft").offering("google")
		v.comes("google", newThere).is("mailcode")
	})
}
