package socialtest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/social/socialtest"
)

func text(t *testing.T, c socialtest.Claims) string {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestGoogle tells what is special about Google.
func TestGoogle(t *testing.T) {
	pr := start(t, socialtest.Google, socialtest.Settings{})
	q := pr.signIn(anna().Email)
	if q.Get("hd") != "corp.example" || q.Get("authuser") == "" || q.Get("scope") == "" || q.Get("iss") != pr.p.Issuer() {
		t.Errorf("the callback: %v, want what else Google sends", q)
	}
	if pr.document()["authorization_response_iss_parameter_supported"] != nil {
		t.Error("the document announces iss, which Google's does not")
	}
	claims := pr.idToken(anna().Email)
	if claims.String("hd") != "corp.example" || claims.String("azp") != "product" || string(claims["email_verified"]) != "true" || len(claims.String("sub")) != 21 || claims["auth_time"] != nil {
		t.Errorf("the ID token of a Workspace: %s", claims)
	}
	if claims := pr.idToken(ben().Email); claims["hd"] != nil || string(claims["email_verified"]) != "false" {
		t.Errorf("the ID token of a consumer account with an address that is not confirmed: %s", claims)
	}
	pr.p.Set(func(s *socialtest.Settings) { s.AuthTime = true })
	if claims := pr.idToken(anna().Email); claims["auth_time"] == nil {
		t.Error("AuthTime: no auth_time")
	}
	if a, b := pr.p.Subject("product", anna()), pr.p.Subject("another", anna()); a != b {
		t.Errorf("two products get %q and %q, want the same", a, b)
	}
}

// TestMicrosoft tells what is special about Microsoft.
func TestMicrosoft(t *testing.T) {
	pr := start(t, socialtest.Microsoft, socialtest.Settings{})
	base := pr.p.BaseURL()
	for tenantID, want := range map[string]string{
		"common":        base + "/{tenantid}/v2.0",
		"organizations": base + "/{tenantid}/v2.0",
		"consumers":     base + "/" + socialtest.PersonalTenant + "/v2.0",
		tenant:          base + "/" + tenant + "/v2.0",
	} {
		_, fields := pr.get(base+"/"+tenantID+"/v2.0/.well-known/openid-configuration", "")
		if fields.String("issuer") != want || !strings.Contains(fields.String("token_endpoint"), "/"+tenantID+"/") {
			t.Errorf("%s: issuer %q and token endpoint %q, want %q", tenantID, fields.String("issuer"), fields.String("token_endpoint"), want)
		}
	}
	if status, _ := pr.get(base+"/nothing/v2.0/.well-known/openid-configuration", ""); status != http.StatusBadRequest {
		t.Errorf("a tenant that is none: status %d, want 400", status)
	}
	work, personal := pr.idToken(anna().Email), pr.idToken(ben().Email)
	if work.String("iss") != pr.p.TenantIssuer(tenant) || work.String("tid") != tenant || string(work["xms_edov"]) != "true" || work["email_verified"] != nil || work["at_hash"] != nil {
		t.Errorf("the ID token of a work account: %s", work)
	}
	if personal.String("iss") != pr.p.TenantIssuer("") || personal.String("tid") != socialtest.PersonalTenant || personal["xms_edov"] != nil || !strings.HasPrefix(personal.String("oid"), "00000000-0000-0000-") {
		t.Errorf("the ID token of a personal account: %s", personal)
	}
	if a, b := pr.p.Subject("product", anna()), pr.p.Subject("another", anna()); a == b {
		t.Errorf("two products get %q, want one each", a)
	}
	pr.p.AddPerson(socialtest.Person{Subject: "guest", Name: "A Guest", Tenant: tenant, Username: "guest#EXT#@corp.example"})
	if guest := pr.idToken("guest"); guest["email"] != nil || guest.String("preferred_username") != "guest#EXT#@corp.example" || guest.String("sub") != "guest" {
		t.Errorf("the ID token of somebody without an address: %s", guest)
	}
	for path, who := range map[string]string{"consumers": anna().Email, "organizations": ben().Email, tenant: ben().Email} {
		address := strings.Replace(pr.address(), "/common/", "/"+path+"/", 1)
		if _, err := pr.p.SignIn(address, who); err == nil {
			t.Errorf("%s signs in at /%s/, want an error", who, path)
		}
		if _, page := pr.open(address); strings.Contains(page, `value="`+who) {
			t.Errorf("the page of /%s/ offers %s", path, who)
		}
	}
	if _, err := pr.p.SignIn(strings.Replace(pr.address(), "/common/", "/"+tenant+"/", 1), anna().Email); err != nil {
		t.Errorf("somebody of the tenant: %v", err)
	}
}

// TestLinkedIn tells what is special about LinkedIn.
func TestLinkedIn(t *testing.T) {
	pr := start(t, socialtest.LinkedIn, socialtest.Settings{})
	for _, name := range []string{"code_challenge_methods_supported", "token_endpoint_auth_methods_supported"} {
		if pr.document()[name] != nil {
			t.Errorf("the document has %s, which LinkedIn's has not", name)
		}
	}
	code := pr.signIn(anna().Email).Get("code")
	if status, fields := pr.exchange(code, func(f url.Values, _ *http.Request) { f.Set("code_verifier", "verifier") }); status != http.StatusUnauthorized || fields.String("error") != "invalid_client" {
		t.Errorf("a token request with code_verifier: status %d with %s, want 401 and invalid_client", status, fields)
	}
	tokens := pr.tokens(anna().Email)
	_, claims := parts(t, tokens.String("id_token"))
	if claims["nonce"] != nil || claims.String("email_verified") != "true" {
		t.Errorf("the ID token: %s, want no nonce, and email_verified as a string", claims)
	}
	if _, info := pr.get(pr.document().String("userinfo_endpoint"), tokens.String("access_token")); string(info["email_verified"]) != "true" {
		t.Errorf("userinfo: email_verified %s, want true", info["email_verified"])
	}
}

// me asks the Graph API.
func (pr *product) me(fields, token, proof string) (int, socialtest.Claims) {
	pr.t.Helper()
	q := url.Values{"fields": {fields}, "access_token": {token}}
	if proof != "" {
		q.Set("appsecret_proof", proof)
	}
	return pr.get(pr.p.BaseURL()+"/me?"+q.Encode(), "")
}

func proof(secret, token string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil))
}

// TestFacebook tells what is special about Facebook.
func TestFacebook(t *testing.T) {
	pr := start(t, socialtest.Facebook, socialtest.Settings{})
	c, err := pr.p.SignIn(pr.address(), anna().Email)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(c.URL, "#_=_") {
		t.Errorf("the callback is %q, want #_=_ at the end", c.URL)
	}
	// The address of the real provider, and its hosts through the client, as goth has them.
	real := strings.Replace(pr.address(), pr.p.BaseURL(), "https://www.facebook.com", 1)
	if c, err = pr.p.SignIn(real, anna().Email); err != nil {
		t.Fatal(err)
	}
	form := pr.tokenForm(c.Query().Get("code"))
	resp, err := pr.p.Client().PostForm("https://graph.facebook.com/oauth/access_token", form)
	if err != nil {
		t.Fatal(err)
	}
	var tokens socialtest.Claims
	if err := json.NewDecoder(resp.Body).Decode(&tokens); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", resp.StatusCode, err)
	}
	resp.Body.Close()
	token := tokens.String("access_token")
	wanted := "email,first_name,last_name,link,about,id,name,picture,location" // what goth asks for
	status, me := pr.me(wanted, token, proof(pr.secret, token))
	if status != http.StatusOK || me.String("id") != pr.p.Subject("product", anna()) || me.String("email") != anna().Email || me.String("first_name") != "Anna" || me["link"] != nil || me["location"] != nil {
		t.Errorf("/me: status %d with %s", status, me)
	}
	if _, me = pr.me("id,picture.type(large),name{x,y}", token, ""); me["picture"] == nil || me.String("name") != "Anna Berg" {
		t.Errorf("/me with arguments of fields: %s", me)
	}
	for _, bad := range []struct {
		name, fields, token, proof string
		code                       float64
	}{
		{"a wrong proof", "id", token, proof("another", token), 100},
		{"an unknown field", "id,verified_email", token, "", 100},
		{"an unknown token", "id", "x", "", 190},
	} {
		status, got := pr.me(bad.fields, bad.token, bad.proof)
		var problem struct{ Error struct{ Code float64 } }
		if err := json.Unmarshal([]byte(text(t, got)), &problem); err != nil || status != http.StatusBadRequest || problem.Error.Code != bad.code {
			t.Errorf("%s: status %d with %s, want 400 and code %v", bad.name, status, got, bad.code)
		}
	}
	strict := pr.client()
	strict.RequireProof = true
	pr.p.RegisterClient(strict)
	token = pr.tokens(anna().Email).String("access_token")
	if status, _ := pr.me("id", token, ""); status != http.StatusBadRequest {
		t.Errorf("no proof for a product that must have one: status %d, want 400", status)
	}
	pr.p.AddPerson(socialtest.Person{Subject: "4711", Name: "No Mail"})
	token = pr.tokens("4711").String("access_token")
	if _, me := pr.me(wanted, token, proof(pr.secret, token)); me["email"] != nil || me.String("id") != "4711" {
		t.Errorf("/me of somebody without an address: %s", me)
	}
	token = pr.tokens(anna().Email, "scope", "public_profile").String("access_token")
	if _, me := pr.me(wanted, token, proof(pr.secret, token)); me["email"] != nil || me.String("name") != "Anna Berg" {
		t.Errorf("/me without the permission email: %s", me)
	}
	if a, b := pr.p.Subject("product", anna()), pr.p.Subject("another", anna()); a == b {
		t.Errorf("two products get %q, want one each", a)
	}
}

// TestPlainSettings tries what can be set at an issuer by the book.
func TestPlainSettings(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings socialtest.Settings
		good     func(pr *product) bool
	}{
		{"NoIssuer", socialtest.Settings{NoIssuer: true}, func(pr *product) bool {
			return !pr.signIn(anna().Email).Has("iss") && pr.document()["authorization_response_iss_parameter_supported"] == nil
		}},
		{"NoNonce", socialtest.Settings{NoNonce: true}, func(pr *product) bool { return pr.idToken(anna().Email)["nonce"] == nil }},
		{"UserinfoOnly", socialtest.Settings{UserinfoOnly: true}, func(pr *product) bool {
			tokens := pr.tokens(anna().Email)
			_, claims := parts(pr.t, tokens.String("id_token"))
			_, info := pr.get(pr.document().String("userinfo_endpoint"), tokens.String("access_token"))
			return claims["email"] == nil && claims["name"] == nil && info.String("email") == anna().Email && info.String("given_name") == "Anna"
		}},
		{"IgnorePKCE", socialtest.Settings{IgnorePKCE: true}, func(pr *product) bool {
			status, _ := pr.exchange(pr.signIn(anna().Email).Get("code"), func(f url.Values, _ *http.Request) { f.Set("code_verifier", "another") })
			return status == http.StatusOK
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.good(start(t, socialtest.Plain, socialtest.Settings{})) {
				t.Error("it is so without the setting")
			}
			if !c.good(start(t, socialtest.Plain, c.settings)) {
				t.Error("the setting changes nothing")
			}
		})
	}
}

// TestFresh tells that prompt=login and max_age have somebody sign in anew, where the provider minds them.
func TestFresh(t *testing.T) {
	for _, k := range []socialtest.Personality{socialtest.Plain, socialtest.Microsoft, socialtest.Apple} {
		t.Run(k.String(), func(t *testing.T) {
			now := time.Now().UTC().Truncate(time.Second)
			p := socialtest.Start(t, socialtest.Config{Personality: k, People: []socialtest.Person{anna()}, Settings: socialtest.Settings{SignedInAs: anna().Email, AuthTime: true}, Now: func() time.Time { return now }})
			then := now
			now = now.Add(time.Hour)
			pr := register(t, p, now)
			for _, c := range []struct {
				name, value string
				anew        bool
			}{
				{"prompt", "", false},
				{"prompt", "login", k != socialtest.Apple},
				{"max_age", "60", k != socialtest.Apple},
				{"max_age", "7200", false},
			} {
				_, fields := pr.exchange(pr.back(pr.open(pr.address(c.name, c.value))).Get("code"), nil)
				_, claims := parts(t, fields.String("id_token"))
				var got int64
				if err := json.Unmarshal(claims["auth_time"], &got); err != nil {
					t.Fatal(err)
				}
				want := map[bool]int64{true: now.Unix(), false: then.Unix()}[c.anew]
				if got != want {
					t.Errorf("%s=%s: auth_time %d, want %d", c.name, c.value, got, want)
				}
			}
		})
	}
}

// TestMixUp plays A-082: a hostile provider sends people to an honest one, and is told the honest one's code.
func TestMixUp(t *testing.T) {
	honest, hostile := start(t, socialtest.Plain, socialtest.Settings{}), start(t, socialtest.Google, socialtest.Settings{})
	hostile.p.MixUp(honest.p, "product")
	resp, _ := hostile.open(hostile.address())
	to := resp.Header.Get("Location")
	if lured, err := hostile.p.LuredURL(hostile.address()); err != nil || lured != to {
		t.Errorf("LuredURL = %q, %v, want where the browser goes: %q", lured, err, to)
	}
	c, err := honest.p.SignIn(to, anna().Email)
	if err != nil {
		t.Fatal(err)
	}
	q := c.Query()
	if q.Get("iss") != honest.p.Issuer() || q.Get("state") != "st" {
		t.Errorf("the callback: %v, want iss of the honest provider", q)
	}
	hostile.exchange(q.Get("code"), nil)
	caught := hostile.p.Caught()
	if len(caught) != 1 || caught[0].Get("code") != q.Get("code") || caught[0].Get("client_secret") == "" {
		t.Errorf("the hostile provider was told %v, want the honest one's code", caught)
	}
	if again := hostile.p.Caught(); len(again) != 0 {
		t.Errorf("Caught tells the same twice: %v", again)
	}
	hostile.p.Behave()
	if q := hostile.signIn(anna().Email); q.Get("code") == "" {
		t.Error("after Behave nobody can sign in")
	}
}

// TestPages tells what the pages say.
func TestPages(t *testing.T) {
	for _, k := range socialtest.Personalities() {
		t.Run(k.String(), func(t *testing.T) {
			p, err := socialtest.New(socialtest.Config{BaseURL: "http://127.0.0.1:8081/" + k.String(), Personality: k, Name: "Umbrella <ID>", People: []socialtest.Person{anna(), ben()}})
			if err != nil {
				t.Fatal(err)
			}
			p.RegisterClient(socialtest.Client{ID: "product", Name: "The & Product", RedirectURIs: []string{callbackURL}})
			pr := &product{t: t, p: p}
			u, err := url.Parse(pr.address("login_hint", ben().Email))
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, u.RequestURI(), nil))
			body := w.Body.String()
			for _, want := range []string{"Umbrella &lt;ID&gt;", "The &amp; Product", `action="/` + k.String() + `/choose"`, "Cancel", "stands in for"} {
				if !strings.Contains(body, want) {
					t.Errorf("the page has no %q:\n%s", want, body)
				}
			}
			if strings.Index(body, "Ben Bach") > strings.Index(body, "Anna Berg") {
				t.Error("login_hint does not put somebody first")
			}
			w = httptest.NewRecorder()
			p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/"+k.String()+"/", nil))
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Anna Berg") {
				t.Errorf("the page of accounts: status %d\n%s", w.Code, w.Body)
			}
		})
	}
}

// TestTLS reaches a provider under the names of the real one.
func TestTLS(t *testing.T) {
	p := socialtest.StartTLS(t, socialtest.Config{Personality: socialtest.Google, People: []socialtest.Person{anna()}})
	pr := register(t, p, time.Now())
	if got, want := pr.document().String("issuer"), "https://accounts.google.com"; got != want {
		t.Errorf("issuer %q, want %q", got, want)
	}
	if status, _ := pr.get("https://www.googleapis.com/oauth2/v3/certs", ""); status != http.StatusOK {
		t.Errorf("the keys under another host of Google's: status %d, want 200", status)
	}
	if claims := pr.idToken(anna().Email); claims.String("iss") != "https://accounts.google.com" {
		t.Errorf("iss %q, want Google's", claims.String("iss"))
	}
}

func TestConfig(t *testing.T) {
	for want, cfg := range map[string]socialtest.Config{
		"Config.BaseURL":     {BaseURL: "https://id.example/"},
		"Config.Personality": {BaseURL: "https://id.example", Personality: 99},
		"Config.People":      {BaseURL: "https://id.example", People: []socialtest.Person{{Name: "Nobody"}}},
	} {
		if _, err := socialtest.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%+v) = %v, want an error that names %s", cfg, err, want)
		}
	}
	p := socialtest.Start(t, socialtest.Config{Issuer: "https://named.example", People: []socialtest.Person{anna()}})
	if p.Issuer() != "https://named.example" {
		t.Errorf("Issuer() = %q, want the one that was named", p.Issuer())
	}
	for _, address := range []string{"https://elsewhere.example/oidc/authorize", p.BaseURL() + "/oidc/authorize?%zz"} {
		if _, err := p.SignIn(address, anna().Email); err == nil {
			t.Errorf("SignIn(%q) = no error, want one", address)
		}
	}
	if _, err := p.SignIn(p.AuthorizeURL(), "nobody@corp.example"); err == nil {
		t.Error("SignIn of nobody: no error")
	}
}
