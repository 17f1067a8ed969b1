package socialtest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/sallyport-auth/sallyport/social/socialtest"
)

func TestAttacks(t *testing.T) {
	every := map[socialtest.Attack]bool{}
	for _, k := range socialtest.Personalities() {
		names, last := map[string]bool{}, 0
		for _, a := range socialtest.Attacks(k) {
			if names[a.String()] {
				t.Errorf("%s has two attacks called %q", k, a)
			}
			names[a.String()], every[a] = true, true
			if a.Number() < last {
				t.Errorf("%q stands behind A-%03d", a, last)
			}
			if last = a.Number(); last < 77 || last > 113 {
				t.Errorf("%q is no attack of a provider", a)
			}
			if !a.Concerns(k) {
				t.Errorf("%q is listed for %s, and does not concern it", a, k)
			}
		}
	}
	for _, a := range socialtest.NoticeAttacks() {
		every[a] = true
	}
	for i := range len(every) {
		if !every[socialtest.Attack(i+1)] {
			t.Fatalf("attack %d is no row of the table, or nobody's", i+1)
		}
	}
	for _, number := range []int{82, 83, 84, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 103, 104, 105, 107, 108, 109} {
		found := false
		for a := range every {
			found = found || a.Number() == number
		}
		if !found {
			t.Errorf("nothing plays A-%03d", number)
		}
	}
}

// TestNotEverybodysAttack tells that a provider is not made hostile in a way that is not its own.
func TestNotEverybodysAttack(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Hostile(GraphIDNull) at Google: no panic")
		}
	}()
	start(t, socialtest.Google, socialtest.Settings{}).p.Hostile(socialtest.GraphIDNull)
}

// sight is what a product sees of one sign-in.
type sight struct {
	t    *testing.T
	keys *oidc.RemoteKeySet
	b    strings.Builder
}

func (s *sight) show(name string, c socialtest.Claims) {
	fmt.Fprintln(&s.b, name, text(s.t, c))
}

// seen is everything that a product sees of one sign-in of Anna's, without what is random.
func (s *sight) seen(pr *product) string {
	t := pr.t
	t.Helper()
	s.b.Reset()
	if pr.p.Personality().OpenID() {
		status, fields := pr.get(pr.p.Issuer()+"/.well-known/openid-configuration", "")
		s.show(fmt.Sprint("discovery ", status), fields)
	}
	q := pr.signIn(anna().Email)
	code := q.Get("code")
	if code != "" && len(q["code"]) == 1 && code != "0123456789abcdef" {
		q.Set("code", "random")
	}
	for _, name := range []string{"session_state", "access_token"} {
		if q.Has(name) {
			q.Set(name, "random")
		}
	}
	fmt.Fprintln(&s.b, "callback", q.Encode())
	status, tokens := pr.exchange(code, nil)
	if token := tokens.String("id_token"); strings.Count(token, ".") == 2 && token != "a.b.c" {
		s.token(pr, token, tokens.String("access_token"))
	}
	access := tokens.String("access_token")
	for _, name := range []string{"access_token", "id_token", "refresh_token"} {
		if tokens.String(name) != "" {
			tokens.SetString(name, "random")
		}
	}
	delete(tokens, "error") // Facebook's has a trace
	s.show(fmt.Sprint("tokens ", status), tokens)
	if pr.p.Personality() == socialtest.Facebook {
		status, fields := pr.me("id,name,email,first_name,last_name,picture", access, proof(pr.secret, access))
		if fields.String("error") == "" && fields["error"] != nil {
			fields.SetString("error", "some")
		}
		s.show(fmt.Sprint("me ", status), fields)
		return s.b.String()
	}
	if to := pr.infoURL(); to != "" {
		status, fields := pr.get(to, access)
		s.show(fmt.Sprint("userinfo ", status), fields)
	}
	return s.b.String()
}

// infoURL is where userinfo is, without the discovery document, which may be hostile; empty: nowhere.
func (pr *product) infoURL() string {
	switch pr.p.Personality() {
	case socialtest.Apple:
		return ""
	case socialtest.Google:
		return pr.p.BaseURL() + "/v1/userinfo"
	case socialtest.LinkedIn:
		return pr.p.BaseURL() + "/v2/userinfo"
	}
	return pr.p.BaseURL() + "/oidc/userinfo"
}

func (s *sight) token(pr *product, token, access string) {
	header, claims := parts(s.t, token)
	hash := claims.String("at_hash")
	for _, name := range []string{"jti", "uti", "rh", "sid", "aio", "at_hash"} {
		if claims[name] != nil {
			claims.SetString(name, "random")
		}
	}
	// at_hash follows the access token: it is right or it is wrong.
	if hash != "" && hash == half(access) {
		claims.SetString("at_hash", "right")
	}
	s.show("header", header)
	s.show("claims", claims)
	_, err := s.keys.VerifySignature(s.t.Context(), token)
	fmt.Fprintln(&s.b, "signature", err == nil)
}

// half is at_hash of an access token.
func half(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// ofBefore are attacks that send something again: TestAttacksOfBefore looks at them.
var ofBefore = []socialtest.Attack{socialtest.StateOfAnother, socialtest.NonceOld, socialtest.ReplayIDToken, socialtest.CodeInjected}

// TestAttacksDiffer tells for each attack of each personality that the product sees something else, once.
func TestAttacksDiffer(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine and many cases: run without -short")
	}
	for _, k := range socialtest.Personalities() {
		t.Run(k.String(), func(t *testing.T) {
			pr := start(t, k, socialtest.Settings{AuthTime: k != socialtest.Plain})
			if k == socialtest.Apple {
				pr.signIn(anna().Email) // the field user comes once
			}
			s := &sight{t: t, keys: oidc.NewRemoteKeySet(oidc.ClientContext(t.Context(), pr.http), pr.p.KeysURL())}
			honest := s.seen(pr)
			if again := s.seen(pr); again != honest {
				t.Fatalf("two honest sign-ins differ:\n%s\n%s", honest, again)
			}
			for _, a := range socialtest.Attacks(k) {
				if slices.Contains(ofBefore, a) || a == socialtest.DiscoveryHuge && k != socialtest.Plain { // twenty megabytes, once
					continue
				}
				t.Run(a.String(), func(t *testing.T) {
					pr.t, s.t = t, t
					pr.p.Hostile(a)
					if got := s.seen(pr); got == honest {
						t.Errorf("the sign-in is the honest one:\n%s", got)
					}
					pr.p.Behave()
					if got := s.seen(pr); got != honest {
						t.Errorf("after Behave the sign-in is not honest:\n%s\n%s", got, honest)
					}
				})
			}
			pr.t, s.t = t, t
			pr.p.Hostile(socialtest.CodeWrong)
			s.seen(pr)
			if got := s.seen(pr); got != honest {
				t.Errorf("an attack happened twice:\n%s", got)
			}
		})
	}
}

// TestMangleIDToken changes a token by hand, once.
func TestMangleIDToken(t *testing.T) {
	pr := start(t, socialtest.Google, socialtest.Settings{})
	pr.p.MangleIDToken(func(header, claims socialtest.Claims) {
		header.SetString("typ", "other")
		claims.SetString("sub", "mangled")
	})
	header, claims := parts(t, pr.tokens(anna().Email).String("id_token"))
	if header.String("typ") != "other" || claims.String("sub") != "mangled" {
		t.Errorf("MangleIDToken changed nothing: %s %s", header, claims)
	}
	if claims := pr.idToken(anna().Email); claims.String("sub") == "mangled" {
		t.Error("MangleIDToken changes the next token too")
	}
	if _, claims := parts(t, pr.p.IDToken("product", anna(), "n", socialtest.SubjectNumber)); claims.String("nonce") != "n" || string(claims["sub"]) != "12345678901234567890" {
		t.Errorf("IDToken with an attack: %s", claims)
	}
}

// TestAttacksOfBefore are the ones that send something again.
func TestAttacksOfBefore(t *testing.T) {
	pr := start(t, socialtest.Plain, socialtest.Settings{})
	first := pr.signIn(anna().Email, "state", "first", "nonce", "first")
	pr.p.Hostile(socialtest.StateOfAnother, socialtest.CodeInjected)
	second := pr.signIn(anna().Email)
	if second.Get("state") != "first" || second.Get("code") != first.Get("code") {
		t.Errorf("state %q, code %q, want those of the first: %v", second.Get("state"), second.Get("code"), first)
	}
	pr.exchange(second.Get("code"), nil)
	pr.p.Hostile(socialtest.NonceOld)
	tokens := pr.tokens(anna().Email)
	if _, claims := parts(t, tokens.String("id_token")); claims.String("nonce") != "first" {
		t.Errorf("nonce %q, want first", claims.String("nonce"))
	}
	pr.p.Hostile(socialtest.ReplayIDToken)
	if again := pr.tokens(anna().Email); again.String("id_token") != tokens.String("id_token") {
		t.Error("the ID token is not the one before")
	}
}

// TestCodeOfVictim tells that the stolen code is somebody else's, and that PKCE and nonce each would show it.
func TestCodeOfVictim(t *testing.T) {
	pr := start(t, socialtest.Plain, socialtest.Settings{})
	pr.p.Hostile(socialtest.CodeOfVictim)
	if status, _ := pr.exchange(pr.signIn(anna().Email).Get("code"), nil); status != http.StatusBadRequest {
		t.Errorf("with the verifier of another transaction: status %d, want 400", status)
	}
	pr.p.Set(func(s *socialtest.Settings) { s.IgnorePKCE = true })
	pr.p.Hostile(socialtest.CodeOfVictim)
	if claims := pr.idToken(anna().Email); claims.String("nonce") == "no" || !strings.HasPrefix(claims.String("email"), "victim@") {
		t.Errorf("the ID token of the stolen code: %s, want the victim's, with another nonce", claims)
	}
	pr.p.Set(func(s *socialtest.Settings) { s.Victim = ben() })
	pr.p.Hostile(socialtest.CodeOfVictim)
	if claims := pr.idToken(anna().Email); claims.String("email") != ben().Email {
		t.Errorf("Settings.Victim: the ID token is about %q, want %q", claims.String("email"), ben().Email)
	}
}

// TestAccessTokenOfAnother tells that Facebook's proof and at_hash each show a token of another product.
func TestAccessTokenOfAnother(t *testing.T) {
	facebook := start(t, socialtest.Facebook, socialtest.Settings{})
	facebook.p.Hostile(socialtest.AccessTokenOfAnother)
	token := facebook.tokens(anna().Email).String("access_token")
	if status, me := facebook.me("id,email", token, proof(facebook.secret, token)); status != http.StatusBadRequest {
		t.Errorf("with the product's proof: status %d with %s, want 400", status, me)
	}
	if _, me := facebook.me("id,email", token, ""); !strings.HasPrefix(me.String("email"), "victim@") {
		t.Errorf("without a proof: %s, want the victim's", me)
	}
	google := start(t, socialtest.Google, socialtest.Settings{})
	google.p.Hostile(socialtest.AccessTokenOfAnother)
	tokens := google.tokens(anna().Email)
	if _, claims := parts(t, tokens.String("id_token")); claims.String("at_hash") == half(tokens.String("access_token")) {
		t.Error("at_hash is that of the access token, want another")
	}
	if _, info := google.get(google.infoURL(), tokens.String("access_token")); !strings.HasPrefix(info.String("email"), "victim@") {
		t.Errorf("userinfo: %s, want the victim's", info)
	}
}

// TestTenants tells that a token of another tenant is in order but for the tenant.
func TestTenants(t *testing.T) {
	pr := start(t, socialtest.Microsoft, socialtest.Settings{})
	for a, want := range map[socialtest.Attack]string{socialtest.OtherTenant: "00000000-0000-4000-8000-000000000002", socialtest.PersonalAccount: socialtest.PersonalTenant} {
		pr.p.Hostile(a)
		claims := pr.idToken(anna().Email)
		if claims.String("tid") != want || claims.String("iss") != pr.p.TenantIssuer(want) || claims.String("email") != anna().Email || claims.String("nonce") != "no" {
			t.Errorf("%s: %s, want tid and iss of %s and all else in order", a, claims, want)
		}
	}
	pr.p.Hostile(socialtest.TenantOfAnother)
	if claims := pr.idToken(anna().Email); claims.String("iss") != pr.p.TenantIssuer(tenant) || claims.String("tid") == tenant {
		t.Errorf("%s: %s", socialtest.TenantOfAnother, claims)
	}
}

// TestRefusedByGoOIDC has go-oidc refuse what it knows of, at every personality.
func TestRefusedByGoOIDC(t *testing.T) {
	for _, k := range socialtest.Personalities() {
		if !k.OpenID() {
			continue
		}
		t.Run(k.String(), func(t *testing.T) {
			pr := start(t, k, socialtest.Settings{})
			keys := oidc.NewRemoteKeySet(oidc.ClientContext(t.Context(), pr.http), pr.p.KeysURL())
			issuer := pr.p.Issuer()
			if k == socialtest.Microsoft {
				issuer = pr.p.TenantIssuer(tenant)
			}
			for _, a := range []socialtest.Attack{
				socialtest.AlgNone, socialtest.AlgNoneCase, socialtest.AlgHS256Secret, socialtest.AlgHS256PublicKey, socialtest.AlgOtherKey, socialtest.AlgNotOffered,
				socialtest.SignatureWrong, socialtest.SignatureMissing, socialtest.HeaderJWK, socialtest.HeaderJKU, socialtest.HeaderX5U, socialtest.HeaderCrit,
				socialtest.UnknownKeyID, socialtest.AudienceOther, socialtest.AudienceEmpty, socialtest.AudienceMissing, socialtest.IssuerSlash, socialtest.IssuerCase, socialtest.IssuerHTTP,
				socialtest.IssuerPlaceholder, socialtest.IssuerLookalike, socialtest.IssuerSubpath, socialtest.IssuerMissing, socialtest.TokenExpired, socialtest.NotYetValid, socialtest.ExpiryOverflow,
				socialtest.SubjectNumber, socialtest.SubjectArray,
			} {
				pr.p.Hostile(a)
				token := pr.tokens(anna().Email).String("id_token")
				if _, err := oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: "product"}).Verify(t.Context(), token); err == nil {
					t.Errorf("%s: go-oidc accepts the token", a)
				}
			}
			for _, visit := range pr.p.Visits() {
				if strings.HasSuffix(visit, "/canary") {
					t.Error("somebody fetched the canary")
				}
			}
		})
	}
}

// TestDiscoveryRedirect tells that the canary is seen where somebody follows.
func TestDiscoveryRedirect(t *testing.T) {
	pr := start(t, socialtest.Plain, socialtest.Settings{})
	pr.p.Hostile(socialtest.DiscoveryRedirect)
	resp, err := pr.p.Client().Get(pr.p.Issuer() + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if visits := pr.p.Visits(); !slices.Contains(visits, "GET /canary") {
		t.Errorf("visits %q, want the canary", visits)
	}
	if again := pr.p.Visits(); len(again) != 0 {
		t.Errorf("Visits tells the same twice: %q", again)
	}
}

// TestUserField tells what the attacks on the field user post.
func TestUserField(t *testing.T) {
	pr := start(t, socialtest.Apple, socialtest.Settings{})
	for a, want := range map[socialtest.Attack]func(user string) bool{
		socialtest.UserForged: func(user string) bool {
			return json.Valid([]byte(user)) && strings.Contains(user, "victim@corp.example")
		},
		socialtest.UserMarkup: func(user string) bool {
			return json.Valid([]byte(user)) && strings.Contains(user, "<script>")
		},
		socialtest.UserBroken: func(user string) bool { return user != "" && !json.Valid([]byte(user)) },
		socialtest.UserHuge:   func(user string) bool { return len(user) > 100_000 },
	} {
		pr.p.Hostile(a)
		q := pr.signIn(anna().Email)
		if !want(q.Get("user")) || q.Get("code") == "" || q.Get("state") != "st" {
			t.Errorf("%s: the post is %.200q", a, q.Encode())
		}
	}
}
