package socialtest_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sallyport-auth/sallyport/social/socialtest"
)

// published reads what a provider publishes: see the README there.
func published(t *testing.T, file string) socialtest.Claims {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	var c socialtest.Claims
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return c
}

// sameMembers compares names. Those that may be missing in what is published are optional.
func sameMembers(t *testing.T, what string, got, want socialtest.Claims, optional ...string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] == nil {
			t.Errorf("%s has no %s, the published one has", what, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if want[name] == nil && !slices.Contains(optional, name) {
			t.Errorf("%s has %s, the published one has not", what, name)
		}
	}
}

// list reads a member that is a list of strings.
func list(t *testing.T, c socialtest.Claims, name string) []string {
	t.Helper()
	var all []string
	if err := json.Unmarshal(c[name], &all); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return all
}

func object(t *testing.T, text []byte) socialtest.Claims {
	t.Helper()
	var c socialtest.Claims
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

// TestPublished tells that the personalities say what the real providers say, by the names of it.
func TestPublished(t *testing.T) {
	for _, c := range []struct {
		k        socialtest.Personality
		person   string
		optional []string // of ID tokens
	}{
		{socialtest.Google, anna().Email, nil},
		{socialtest.Microsoft, anna().Email, []string{"uti", "rh", "sid", "xms_edov"}},
		{socialtest.Apple, ben().Email, nil},
		{socialtest.LinkedIn, anna().Email, nil},
	} {
		t.Run(c.k.String(), func(t *testing.T) {
			pr := start(t, c.k, socialtest.Settings{})
			document := published(t, c.k.String()+"/discovery.json")
			sameMembers(t, "the discovery document", pr.document(), document)
			for name, value := range document {
				if s := document.String(name); s != "" && pr.document().String(name) == "" {
					t.Errorf("%s is %s, want a string such as %s", name, pr.document()[name], value)
				}
			}
			for _, name := range []string{"claims_supported", "scopes_supported", "response_types_supported"} {
				if got, want := list(t, pr.document(), name), list(t, document, name); !slices.Equal(got, want) {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			optional := append(c.optional, list(t, document, "claims_supported")...)
			sameMembers(t, "the ID token", pr.idToken(c.person), published(t, c.k.String()+"/id_token.json"), optional...)
		})
	}
	t.Run("tenant", func(t *testing.T) {
		pr := start(t, socialtest.Microsoft, socialtest.Settings{})
		_, got := pr.get(pr.p.TenantIssuer(tenant)+"/.well-known/openid-configuration", "")
		sameMembers(t, "the discovery document of a tenant", got, published(t, "microsoft/discovery_tenant.json"))
	})
	t.Run("userinfo", func(t *testing.T) {
		pr := start(t, socialtest.LinkedIn, socialtest.Settings{})
		_, got := pr.get(pr.document().String("userinfo_endpoint"), pr.tokens(anna().Email).String("access_token"))
		sameMembers(t, "userinfo", got, published(t, "linkedin/userinfo.json"))
	})
	t.Run("user", func(t *testing.T) {
		pr := start(t, socialtest.Apple, socialtest.Settings{})
		got, want := object(t, []byte(pr.signIn(ben().Email).Get("user"))), published(t, "apple/user.json")
		sameMembers(t, "the field user", got, want)
		sameMembers(t, "the name in the field user", object(t, got["name"]), object(t, want["name"]))
	})
	t.Run("notices", func(t *testing.T) {
		pr := start(t, socialtest.Apple, socialtest.Settings{})
		for kind, file := range map[string]string{socialtest.ConsentRevoked: "notice.json", socialtest.EmailDisabled: "notice_email.json"} {
			_, got := parts(t, object(t, pr.p.Notice("product", kind, ben())).String("payload"))
			want := published(t, "apple/"+file)
			sameMembers(t, "a notice", got, want)
			sameMembers(t, "the events of a notice", object(t, []byte(got.String("events"))), object(t, []byte(want.String("events"))))
		}
	})
	t.Run("facebook", func(t *testing.T) {
		pr := start(t, socialtest.Facebook, socialtest.Settings{})
		tokens := pr.tokens(anna().Email)
		sameMembers(t, "the answer of the token endpoint", tokens, published(t, "facebook/token.json"))
		_, me := pr.me("id,name,email,picture", tokens.String("access_token"), "")
		want := published(t, "facebook/me.json")
		sameMembers(t, "/me", me, want)
		sameMembers(t, "the picture", object(t, object(t, me["picture"])["data"]), object(t, object(t, want["picture"])["data"]))
		_, problem := pr.me("id", tokens.String("access_token"), "wrong")
		sameMembers(t, "an error", object(t, problem["error"]), object(t, published(t, "facebook/error.json")["error"]))
		c, err := pr.p.Cancel(pr.address())
		if err != nil {
			t.Fatal(err)
		}
		sameMembers(t, "a cancel", claimsOf(t, c.Query()), published(t, "facebook/denied.json"))
	})
}

// claimsOf are parameters as members.
func claimsOf(t *testing.T, q url.Values) socialtest.Claims {
	t.Helper()
	c := socialtest.Claims{}
	for name := range q {
		c.SetString(name, q.Get(name))
	}
	return c
}
