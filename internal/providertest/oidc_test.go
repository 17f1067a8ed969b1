package providertest_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/providertest"
)

// party is a program that people sign in to by OpenID, with just enough of it to be talked to.
type party struct {
	t      *testing.T
	url    string
	issuer string
	found  map[string]any // what discovery says

	mu   sync.Mutex
	back []map[string]any // what came by the back channel: the claims of logout tokens
}

func newParty(t *testing.T) *party {
	t.Helper()
	p := &party{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "arrived") })
	mux.HandleFunc("GET /bye", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "signed out") })
	mux.HandleFunc("POST /back", func(_ http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.back = append(p.back, p.claims(r.PostFormValue("logout_token")))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.url = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return p
}

func (p *party) client(id, method string) providertest.OIDCClient {
	return providertest.OIDCClient{
		ID: id, AuthMethod: method, RedirectURIs: []string{p.url + "/callback"}, SignedOut: []string{p.url + "/bye"}, BackChannel: p.url + "/back",
	}
}

// claims are those of a signed token, which these tests believe without looking at the signature.
func (p *party) claims(token string) map[string]any {
	var claims map[string]any
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[len(parts)/2])
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil {
		p.t.Errorf("%q is no token: %v", token, err)
	}
	return claims
}

func (p *party) discover(t *testing.T, issuer string) {
	t.Helper()
	p.issuer = issuer
	answer, err := http.Get(issuer + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	p.found = map[string]any{}
	if err := json.NewDecoder(answer.Body).Decode(&p.found); err != nil {
		t.Fatal(err)
	}
	if p.found["issuer"] != issuer {
		t.Errorf("issuer = %v, want %s", p.found["issuer"], issuer)
	}
}

func (p *party) endpoint(name string) string { address, _ := p.found[name].(string); return address }

const verifier = "a verifier that is long enough to be one of PKCE"

// ask is the address at which somebody signs in for a client.
func (p *party) ask(client string) string {
	sum := sha256.Sum256([]byte(pkceVerifier()))
	return p.endpoint("authorization_endpoint") + "?" + url.Values{
		"client_id": {client}, "redirect_uri": {p.url + "/callback"}, "response_type": {"code"}, "scope": {"openid email profile"},
		"state": {"s-" + client}, "nonce": {"n-" + client}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}.Encode()
}

// pkceVerifier is the verifier in the letters that it may have.
func pkceVerifier() string { return strings.ReplaceAll(verifier, " ", "-") }

// code is the code that the provider has sent somebody back with.
func (p *party) code(t *testing.T, at *providertest.Page, client string) string {
	t.Helper()
	q := at.URL.Query()
	if at.Body != "arrived" || q.Get("state") != "s-"+client || q.Get("code") == "" || q.Get("iss") != p.issuer {
		t.Fatalf("the way ends at %s, want the program with a code, state s-%s and iss %s:\n%s", at, client, p.issuer, at.Body)
	}
	return q.Get("code")
}

// exchange swaps a code for tokens.
func (p *party) exchange(t *testing.T, form url.Values, code string, prepare func(*http.Request)) (int, map[string]any) {
	t.Helper()
	form.Set("grant_type", "authorization_code")
	form.Set("code", code)
	form.Set("redirect_uri", p.url+"/callback")
	form.Set("code_verifier", pkceVerifier())
	r, err := http.NewRequest(http.MethodPost, p.endpoint("token_endpoint"), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	prepare(r)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	tokens := map[string]any{}
	if err := json.NewDecoder(answer.Body).Decode(&tokens); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, tokens
}

func text(m map[string]any, name string) string { s, _ := m[name].(string); return s }

// assertionOf is what a client with a key of its own shows at the token address.
func assertionOf(t *testing.T, key *rsa.PrivateKey, client, audience string) string {
	t.Helper()
	now := time.Now().Unix()
	claims := fmt.Sprintf(`{"iss":%q,"sub":%q,"aud":%q,"jti":%q,"iat":%d,"exp":%d}`, client, client, audience, rand.Text(), now, now+60)
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"mine"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// TestOIDC signs somebody in at oidc-provider as each kind of client, and out again.
func TestOIDC(t *testing.T) {
	party := newParty(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	basic, posted, keyed := party.client("basic", ""), party.client("posted", "client_secret_post"), party.client("keyed", "private_key_jwt")
	basic.Secret, posted.Secret = rand.Text(), rand.Text()
	keyed.JWKS, err = json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "kid": "mine", "use": "sig", "alg": "RS256",
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	op := providertest.StartOIDC(t, providertest.OIDCConfig{Clients: []providertest.OIDCClient{basic, posted, keyed}})
	party.discover(t, op.Issuer)
	ann := providertest.People()[0]

	// signIn signs somebody in for the first client, and answers the claims of the ID token, and the token.
	signIn := func(t *testing.T, b *providertest.Browser) (map[string]any, string) {
		t.Helper()
		code := party.code(t, op.SignIn(b, b.Get(party.ask("basic")), ann), "basic")
		status, tokens := party.exchange(t, url.Values{}, code, func(r *http.Request) { r.SetBasicAuth("basic", basic.Secret) })
		if status != http.StatusOK {
			t.Fatalf("the exchange is answered by %d %v", status, tokens)
		}
		return party.claims(text(tokens, "id_token")), text(tokens, "id_token")
	}

	for _, row := range []struct {
		client  string
		form    url.Values
		prepare func(*http.Request)
	}{
		{client: "basic", prepare: func(r *http.Request) { r.SetBasicAuth("basic", basic.Secret) }},
		{client: "posted", form: url.Values{"client_id": {"posted"}, "client_secret": {posted.Secret}}},
		{client: "keyed", form: url.Values{
			"client_id": {"keyed"}, "client_assertion": {assertionOf(t, key, "keyed", op.Issuer)},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		}},
	} {
		t.Run(row.client, func(t *testing.T) {
			if row.form == nil {
				row.form = url.Values{}
			}
			if row.prepare == nil {
				row.prepare = func(*http.Request) {}
			}
			b := providertest.NewBrowser(t)
			code := party.code(t, op.SignIn(b, b.Get(party.ask(row.client)), ann), row.client)
			status, tokens := party.exchange(t, row.form, code, row.prepare)
			if status != http.StatusOK {
				t.Fatalf("the exchange is answered by %d %v", status, tokens)
			}
			claims := party.claims(text(tokens, "id_token"))
			for name, want := range map[string]string{
				"sub": ann.ID, "email": ann.Email, "given_name": ann.GivenName, "family_name": ann.FamilyName,
				"nonce": "n-" + row.client, "iss": op.Issuer, "aud": row.client,
			} {
				if text(claims, name) != want {
					t.Errorf("%s = %v, want %q", name, claims[name], want)
				}
			}
			if claims["email_verified"] != true || fmt.Sprint(claims["groups"]) != "[staff admins]" || fmt.Sprint(claims["amr"]) != "[pwd]" {
				t.Errorf("email_verified, groups, amr = %v, %v, %v", claims["email_verified"], claims["groups"], claims["amr"])
			}
			if status, _ := party.exchange(t, row.form, code, row.prepare); status == http.StatusOK {
				t.Error("a code is taken twice")
			}
		})
	}

	t.Run("a wrong password", func(t *testing.T) {
		b := providertest.NewBrowser(t)
		mallory := ann
		mallory.Password = "wrong"
		op.SignIn(b, b.Get(party.ask("basic")), mallory).Form("password") // asks again
	})

	t.Run("a wrong secret", func(t *testing.T) {
		b := providertest.NewBrowser(t)
		code := party.code(t, op.SignIn(b, b.Get(party.ask("basic")), ann), "basic")
		if status, got := party.exchange(t, url.Values{}, code, func(r *http.Request) { r.SetBasicAuth("basic", "wrong") }); text(got, "error") != "invalid_client" {
			t.Errorf("a wrong secret is answered by %d %v", status, got)
		}
	})

	t.Run("PKCE is asked for", func(t *testing.T) {
		b := providertest.NewBrowser(t)
		without, _, _ := strings.Cut(party.ask("basic"), "&code_challenge=")
		_, rest, _ := strings.Cut(party.ask("basic"), "&code_challenge_method=S256")
		if at := b.Get(without + rest); at.URL.Query().Get("error") != "invalid_request" {
			t.Errorf("a request without PKCE ends at %s", at)
		}
	})

	t.Run("a fresh sign-in", func(t *testing.T) {
		b := providertest.NewBrowser(t)
		signIn(t, b)
		party.code(t, b.Get(party.ask("basic")), "basic")            // known by now
		b.Get(party.ask("basic") + "&prompt=login").Form("password") // and yet asked
	})

	t.Run("signing out of the program", func(t *testing.T) {
		b := providertest.NewBrowser(t)
		claims, token := signIn(t, b)
		at := op.ConfirmSignOut(b, b.Get(party.endpoint("end_session_endpoint")+"?"+url.Values{
			"id_token_hint": {token}, "post_logout_redirect_uri": {party.url + "/bye"}, "state": {"x"},
		}.Encode()))
		if at.Body != "signed out" || at.URL.Query().Get("state") != "x" {
			t.Errorf("the way ends at %s, want the program", at)
		}
		party.told(t, claims)
		b.Get(party.ask("basic")).Form("password")
	})

	t.Run("signing out at the provider", func(t *testing.T) {
		b := providertest.NewBrowser(t)
		claims, _ := signIn(t, b)
		if at := op.ConfirmSignOut(b, b.Get(op.SignOut())); at.Status != http.StatusOK {
			t.Errorf("the way ends at %s", at)
		}
		party.told(t, claims)
		b.Get(party.ask("basic")).Form("password")
	})
}

// told checks that the last word on the back channel was that the session of an ID token has ended. The provider sends it before it
// answers the browser.
func (p *party) told(t *testing.T, in map[string]any) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.back) == 0 {
		t.Fatal("nothing came by the back channel")
	}
	got := p.back[len(p.back)-1]
	_, event := got["events"].(map[string]any)["http://schemas.openid.net/event/backchannel-logout"]
	if text(got, "sub") != text(in, "sub") || text(in, "sid") == "" || !event {
		t.Errorf("the back channel says %v, want the end of %v", got, in)
	}
	if sid := text(in, "sid"); text(got, "sid") != sid {
		t.Errorf("sid = %s, want %s", text(got, "sid"), sid)
	}
}

// TestOIDCUserInfo: claims may be had at the userinfo address alone.
func TestOIDCUserInfo(t *testing.T) {
	party := newParty(t)
	client := party.client("basic", "")
	client.Secret = rand.Text()
	op := providertest.StartOIDC(t, providertest.OIDCConfig{Clients: []providertest.OIDCClient{client}, ClaimsAtUserInfo: true})
	party.discover(t, op.Issuer)
	b, ben := providertest.NewBrowser(t), providertest.People()[1]
	code := party.code(t, op.SignIn(b, b.Get(party.ask("basic")), ben), "basic")
	_, tokens := party.exchange(t, url.Values{}, code, func(r *http.Request) { r.SetBasicAuth("basic", client.Secret) })
	if claims := party.claims(text(tokens, "id_token")); text(claims, "sub") != ben.ID || claims["email"] != nil {
		t.Errorf("the ID token says %v, want sub %s and no email", claims, ben.ID)
	}
	r, err := http.NewRequest(http.MethodGet, party.endpoint("userinfo_endpoint"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+text(tokens, "access_token"))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	info := map[string]any{}
	if err := json.NewDecoder(answer.Body).Decode(&info); err != nil {
		t.Fatal(err)
	}
	if text(info, "sub") != ben.ID || text(info, "email") != ben.Email || text(info, "family_name") != ben.FamilyName {
		t.Errorf("userinfo says %v, want %+v", info, ben)
	}
}
