package social_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/social"
)

// TestWellKnown holds the functions against what the providers document.
func TestWellKnown(t *testing.T) {
	for _, c := range []struct {
		p                        social.Provider
		id, name, issuer, doc    string
		posts, fresh, hasNotices bool
	}{
		{social.Google("c", "s"), "google", "Google", "https://accounts.google.com", "", false, false, false},
		{social.Microsoft("c", "s"), "microsoft", "Microsoft", "https://login.microsoftonline.com/{tenantid}/v2.0", "https://login.microsoftonline.com/common/v2.0", false, false, false},
		{social.Microsoft("c", "s", strings.ToUpper(tenant)), "microsoft", "Microsoft", "https://login.microsoftonline.com/" + tenant + "/v2.0", "", false, false, false},
		{social.Microsoft("c", "s", tenant, otherTenant), "microsoft", "Microsoft", "https://login.microsoftonline.com/{tenantid}/v2.0", "https://login.microsoftonline.com/organizations/v2.0", false, false, false},
		{social.Microsoft("c", "s", tenant, consumers), "microsoft", "Microsoft", "https://login.microsoftonline.com/{tenantid}/v2.0", "https://login.microsoftonline.com/common/v2.0", false, false, false},
		{social.Apple(appleConfig()), "apple", "Apple", "https://appleid.apple.com", "", true, false, true},
		{social.LinkedIn("c", "s"), "linkedin", "LinkedIn", "https://www.linkedin.com/oauth", "", false, false, false},
		{social.LastPass("https://lastpass.corp.example", "c", "s"), "lastpass", "LastPass", "https://lastpass.corp.example", "", false, false, false},
		{social.OpenIDConnect("corp", "Corp", "https://idp.corp.example", "c", "s"), "corp", "Corp", "https://idp.corp.example", "", false, true, false},
	} {
		t.Run("R30 "+c.name, func(t *testing.T) {
			if c.p.ID != c.id || c.p.Name != c.name || c.p.OpenID.Issuer != c.issuer || c.p.OpenID.Document != c.doc {
				t.Errorf("provider %q, %q at %q, document %q, want %q, %q at %q, document %q", c.p.ID, c.p.Name, c.p.OpenID.Issuer, c.p.OpenID.Document, c.id, c.name, c.issuer, c.doc)
			}
			if c.p.Posts() != c.posts || c.p.Fresh() != c.fresh || c.p.Notices() != c.hasNotices {
				t.Errorf("Posts %v, Fresh %v, Notices %v, want %v, %v, %v", c.p.Posts(), c.p.Fresh(), c.p.Notices(), c.posts, c.fresh, c.hasNotices)
			}
			if c.p.OpenID.Authoritative {
				t.Error("Authoritative is set, want it to be the host's to say")
			}
			if _, err := social.New(social.Config{BaseURL: base, Keys: [][]byte{newKey()}, Providers: []social.Provider{c.p}, Requests: social.NewMemory()}); err != nil {
				t.Errorf("New = %v, want a Manager", err)
			}
		})
	}
}

// TestAddress pins what is said to each provider: these parameters and no others.
func TestAddress(t *testing.T) {
	c := &clock{now: start}
	for _, tt := range []struct {
		name string
		make func(p *op) social.Provider
		want map[string]string // besides what all of them get
		not  []string          // of what all of them get
	}{
		{"Google", google, map[string]string{"client_id": "google-client", "scope": "openid email profile", "login_hint": "ann@acme.example"}, nil},
		{"Microsoft", func(p *op) social.Provider { return microsoft(p) }, map[string]string{"client_id": "ms-client", "scope": "openid email profile", "login_hint": "ann@acme.example"}, nil},
		{"Apple", apple, map[string]string{"client_id": "com.example.web", "scope": "openid name email", "response_mode": "form_post"}, nil},
		{"LinkedIn", linkedin, map[string]string{"client_id": "linkedin-client", "scope": "openid email profile"}, []string{"code_challenge", "code_challenge_method"}},
		{"another", func(p *op) social.Provider {
			q := custom(p)
			q.OpenID.Scopes, q.OpenID.SelectAccount = []string{"email"}, true
			return q
		}, map[string]string{"client_id": "corp-client", "scope": "openid email", "login_hint": "ann@acme.example", "prompt": "select_account"}, nil},
	} {
		t.Run("R31 A-084 A-086 A-106 A-111 A-114 "+tt.name, func(t *testing.T) {
			p := newOP(t, c)
			provider := tt.make(p)
			h := newHouse(t, c, provider)
			got := must(url.Parse(h.begin(provider.ID, social.Opening{LoginHint: "ann@acme.example"}))).Query()
			want := map[string]string{
				"response_type": "code", "redirect_uri": base + "/" + provider.ID + "/callback", "code_challenge_method": "S256",
				"state": got.Get("state"), "nonce": got.Get("nonce"), "code_challenge": got.Get("code_challenge"),
			}
			for _, name := range tt.not {
				delete(want, name)
			}
			maps.Copy(want, tt.want)
			flat := map[string]string{}
			for name, values := range got {
				flat[name] = strings.Join(values, "|")
			}
			if !maps.Equal(flat, want) {
				t.Errorf("Begin asks with %v, want %v", flat, want)
			}
			if tt.want["prompt"] == "" {
				want, got := "", must(url.Parse(h.begin(provider.ID, social.Opening{SelectAccount: true}))).Query().Get("prompt")
				if provider.ID == "google" || provider.ID == "microsoft" {
					want = "select_account"
				}
				if got != want {
					t.Errorf("asked which account is meant with prompt %q, want %q", got, want)
				}
			}
			if !strings.HasPrefix(got.Get("state"), "soc_") || len(got.Get("state")) < 47 || len(got.Get("nonce")) < 22 {
				t.Errorf("state %q, nonce %q, want random ones", got.Get("state"), got.Get("nonce"))
			}
		})
	}
}

// TestAuthoritative says whose word about an address counts.
func TestAuthoritative(t *testing.T) {
	c := &clock{now: start}
	promised := func(p *op) social.Provider { q := custom(p); q.OpenID.Authoritative = true; return q }
	in := func(tenants ...string) func(p *op) social.Provider {
		return func(p *op) social.Provider { return microsoft(p, tenants...) }
	}
	// of makes the claims of a Microsoft account; they need the provider's address.
	of := func(tid string, change claims) func(p *op) claims {
		return func(p *op) claims {
			return with(claims{"iss": p.URL + "/" + tid + "/v2.0", "tid": tid, "email": "ann@acme.example"}, change)
		}
	}
	says := func(change claims) func(p *op) claims { return func(*op) claims { return change } }
	for _, tt := range []struct {
		name  string
		make  func(p *op) social.Provider
		says  func(p *op) claims
		email string
		want  bool
	}{
		{"Gmail", google, says(claims{"email": "ann@gmail.com", "email_verified": true}), "ann@gmail.com", true},
		{"Gmail in capitals", google, says(claims{"email": "Ann@GMail.com", "email_verified": true}), "Ann@GMail.com", true},
		{"Gmail under its other name", google, says(claims{"email": "ann@googlemail.com", "email_verified": true}), "ann@googlemail.com", true},
		{"A-097 Gmail, not verified", google, says(claims{"email": "ann@gmail.com", "email_verified": false}), "ann@gmail.com", false},
		{"A-100 Workspace", google, says(claims{"email": "ann@acme.example", "email_verified": true, "hd": "acme.example"}), "ann@acme.example", true},
		{"A-100 A-097 Workspace, not verified", google, says(claims{"email": "ann@acme.example", "hd": "acme.example"}), "ann@acme.example", false},
		{"A-100 a consumer account with that address", google, says(claims{"email": "ann@acme.example", "email_verified": true}), "ann@acme.example", false},
		{"A-100 an empty hd", google, says(claims{"email": "ann@acme.example", "email_verified": true, "hd": ""}), "ann@acme.example", false},
		{"A-100 an hd that is a list", google, says(claims{"email": "ann@acme.example", "email_verified": true, "hd": []string{"acme.example"}}), "ann@acme.example", false},
		{"A-100 a look-alike of Gmail", google, says(claims{"email": "ann@gmail.com.evil.example", "email_verified": true}), "ann@gmail.com.evil.example", false},
		{"A-100 Gmail in the name of a mailbox", google, says(claims{"email": "ann@x@gmail.com", "email_verified": true}), "ann@x@gmail.com", false},
		{"A-097 the text true", google, says(claims{"email": "ann@gmail.com", "email_verified": "true"}), "ann@gmail.com", false},
		{"A-097 1", google, says(claims{"email": "ann@gmail.com", "email_verified": 1}), "ann@gmail.com", false},
		{"A-097 null", google, says(claims{"email": "ann@gmail.com", "email_verified": null}), "ann@gmail.com", false},
		{"A-097 nothing", google, says(claims{"email": "ann@gmail.com"}), "ann@gmail.com", false},
		{"no address", google, says(claims{"email_verified": true, "hd": "acme.example"}), "", false},

		{"A-098 any tenant", in(), of(tenant, claims{"xms_edov": true, "email_verified": true}), "ann@acme.example", false},
		{"A-098 a tenant that was named", in(tenant), of(tenant, nil), "ann@acme.example", false},
		{"A-098 a tenant that was named, and calls it verified", in(tenant), of(tenant, claims{"email_verified": true}), "ann@acme.example", false},
		{"A-098 a tenant that was named, and has proved the domain", in(tenant), of(tenant, claims{"xms_edov": true}), "ann@acme.example", true},
		{"A-098 the same in a text", in(tenant, otherTenant), of(tenant, claims{"xms_edov": "1"}), "ann@acme.example", true},
		{"A-098 not so", in(tenant), of(tenant, claims{"xms_edov": "0"}), "ann@acme.example", false},
		{"A-098 no", in(tenant), of(tenant, claims{"xms_edov": false}), "ann@acme.example", false},
		{"A-098 a name is no address", in(tenant), of(tenant, claims{"xms_edov": true, "email": nil, "preferred_username": "boss@acme.example", "upn": "boss@acme.example"}), "", false},
		{"A-098 a personal account", in(consumers), of(consumers, claims{"xms_edov": true, "email_verified": true}), "ann@acme.example", false},

		{"R39 Apple", apple, says(claims{"email": "ann@acme.example", "email_verified": true}), "ann@acme.example", true},
		{"R39 C-13 Apple, in a text", apple, says(claims{"email": "ann@acme.example", "email_verified": "true"}), "ann@acme.example", true},
		{"R39 an address that forwards", apple, says(claims{"email": "x7@privaterelay.appleid.com", "email_verified": "true", "is_private_email": "true"}), "x7@privaterelay.appleid.com", true},
		{"A-097 Apple says no", apple, says(claims{"email": "ann@acme.example", "email_verified": false}), "ann@acme.example", false},
		{"A-097 Apple says no in a text", apple, says(claims{"email": "ann@acme.example", "email_verified": "false"}), "ann@acme.example", false},
		{"A-097 another text", apple, says(claims{"email": "ann@acme.example", "email_verified": "True"}), "ann@acme.example", false},
		{"A-097 Apple says nothing", apple, says(claims{"email": "ann@acme.example"}), "ann@acme.example", false},

		{"LinkedIn never speaks for one", linkedin, says(claims{"email": "ann@acme.example", "email_verified": true}), "ann@acme.example", false},

		{"any issuer", custom, says(claims{"email": "ann@acme.example", "email_verified": true}), "ann@acme.example", false},
		{"an issuer that the host trusts", promised, says(claims{"email": "ann@acme.example", "email_verified": true}), "ann@acme.example", true},
		{"A-097 C-13 an issuer that the host trusts, in a text", promised, says(claims{"email": "ann@acme.example", "email_verified": "true"}), "ann@acme.example", false},
		{"A-097 an issuer that the host trusts says nothing", promised, says(claims{"email": "ann@acme.example"}), "ann@acme.example", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newOP(t, c)
			provider := tt.make(p)
			p.says, p.info = tt.says(p), claims{"sub": "ann-1"}
			id, err := newHouse(t, c, provider).signIn(p, provider.ID, social.Opening{})
			if err != nil {
				t.Fatalf("Identity = %s, want somebody", describe(err))
			}
			if id.Email != tt.email || id.Authoritative != tt.want {
				t.Errorf("Identity says %q, authoritative %v, want %q, %v", id.Email, id.Authoritative, tt.email, tt.want)
			}
			if id.Subject != "ann-1" || id.Provider != provider.ID {
				t.Errorf("Identity is %q at %q, want ann-1 at %q", id.Subject, id.Provider, provider.ID)
			}
		})
	}
}

func TestMicrosoft(t *testing.T) {
	c := &clock{now: start}
	for _, tt := range []struct {
		name    string
		tenants []string
		tid     string
		change  claims
		want    social.Code // empty: accepted
	}{
		{"any tenant", nil, tenant, nil, ""},
		{"A-099 one that was named", []string{tenant}, tenant, nil, ""},
		{"A-099 one of two", []string{otherTenant, tenant}, tenant, nil, ""},
		{"A-099 another one", []string{tenant}, otherTenant, nil, "id_token_tid"},
		{"A-099 another one, with an address of the right one", []string{tenant}, otherTenant, claims{"email": "ann@acme.example", "xms_edov": true}, "id_token_tid"},
		{"A-099 a personal account", []string{tenant}, consumers, nil, "id_token_tid"},
		{"A-099 A-091 the tid of one, the issuer of another", []string{tenant}, otherTenant, claims{"tid": tenant}, "id_token_issuer"},
		{"A-091 the placeholder", nil, "{tenantid}", nil, "id_token_issuer"},
		{"A-091 no tid", nil, tenant, claims{"tid": nil}, "id_token_issuer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newOP(t, c)
			provider := microsoft(p, tt.tenants...)
			p.says = with(claims{"iss": p.URL + "/" + tt.tid + "/v2.0", "tid": tt.tid}, tt.change)
			id, err := newHouse(t, c, provider).signIn(p, "microsoft", social.Opening{})
			if tt.want != "" {
				failed(t, "Identity", err, tt.want)
				return
			}
			if want := p.URL + "/" + tt.tid + "/v2.0"; err != nil || id.Issuer != want {
				t.Errorf("Identity = %q, %s, want the issuer %q", id.Issuer, describe(err), want)
			}
			if p.form.Get("client_secret") != "s" {
				t.Errorf("the exchange had %v, want the secret in the form", p.form)
			}
		})
	}
	t.Run("A-099 one tenant has its own document", func(t *testing.T) {
		p := newOP(t, c)
		p.issuer = p.URL + "/" + tenant + "/v2.0"
		h := newHouse(t, c, at(social.Microsoft("ms-client", "s", tenant), p.issuer))
		p.says = claims{"tid": tenant}
		if id, err := h.signIn(p, "microsoft", social.Opening{}); err != nil || id.Issuer != p.issuer {
			t.Errorf("Identity = %q, %s, want the issuer %q", id.Issuer, describe(err), p.issuer)
		}
		p.says = claims{"tid": otherTenant}
		_, err := h.signIn(p, "microsoft", social.Opening{})
		failed(t, "Identity", err, "id_token_tid")
	})
}

func TestLinkedIn(t *testing.T) {
	c := &clock{now: start}
	p := newOP(t, c)
	h := newHouse(t, c, linkedin(p))
	p.says = claims{"nonce": nil, "name": "Ann Lee"}
	id, err := h.signIn(p, "linkedin", social.Opening{})
	if err != nil || id.Subject != "ann-1" || id.Name != "Ann Lee" {
		t.Errorf("Identity = %+v, %s, want Ann", id, describe(err))
	}
	if p.form.Get("client_secret") != "s" || p.form.Has("code_verifier") {
		t.Errorf("the exchange had %v, want the secret in the form and no verifier", p.form)
	}
	p.says = claims{"nonce": "of another request"}
	_, err = h.signIn(p, "linkedin", social.Opening{})
	failed(t, "A-086 a nonce of another request", err, "id_token_nonce")
	t.Run("A-086 nobody else may leave it out", func(t *testing.T) {
		for _, make := range []func(p *op) social.Provider{google, apple, custom} {
			p := newOP(t, c)
			p.says = claims{"nonce": nil}
			provider := make(p)
			_, err := newHouse(t, c, provider).signIn(p, provider.ID, social.Opening{})
			failed(t, provider.Name, err, "id_token_nonce")
		}
	})
	t.Run("A-080 A-081 state is not left out", func(t *testing.T) {
		p.says = claims{"nonce": nil}
		msg := p.visit(h.begin("linkedin", social.Opening{}))
		if _, err := h.bring("linkedin", msg); err != nil {
			t.Fatalf("Identity = %s, want somebody", describe(err))
		}
		_, err := h.bring("linkedin", msg)
		failed(t, "Receive twice", err, social.CodeRequestUnknown)
	})
}

func TestApple(t *testing.T) {
	c := &clock{now: start}
	p := newOP(t, c)
	h := newHouse(t, c, apple(p))
	p.says = claims{"email": "ann@acme.example", "email_verified": "true"}
	t.Run("R39 the answer is posted, and our secret is signed for it", func(t *testing.T) {
		msg := p.visit(h.begin("apple", social.Opening{State: []byte("mine")}))
		a, err := h.Receive(t.Context(), "apple", msg)
		if err != nil || string(a.State) != "mine" {
			t.Fatalf("Receive = %q, %s, want what was kept", a.State, describe(err))
		}
		if _, err := a.Identity(t.Context()); err != nil {
			t.Fatalf("Identity = %s, want somebody", describe(err))
		}
		parts := strings.Split(p.form.Get("client_secret"), ".")
		if len(parts) != 3 || p.form.Get("client_id") != "com.example.web" || p.form.Get("code_verifier") == "" {
			t.Fatalf("the exchange had %v, want a signed secret and a verifier", p.form)
		}
		var header, payload claims
		for i, into := range []*claims{&header, &payload} {
			if err := json.Unmarshal(must(base64.RawURLEncoding.DecodeString(parts[i])), into); err != nil {
				t.Fatal(err)
			}
		}
		if header["alg"] != "ES256" || header["kid"] != "KEY1234567" {
			t.Errorf("the secret's header is %v, want ES256 and our key", header)
		}
		aud, _ := json.Marshal(payload["aud"])
		if payload["iss"] != "TEAM123456" || payload["sub"] != "com.example.web" || !strings.Contains(string(aud), "https://appleid.apple.com") {
			t.Errorf("the secret says %v, want our team, our client, for Apple", payload)
		}
		if exp, iat := payload["exp"].(float64), payload["iat"].(float64); exp-iat > 15777000 || exp <= iat || int64(iat) != start.Unix() {
			t.Errorf("the secret counts from %v to %v, want from now, half a year at most", iat, exp)
		}
	})
	t.Run("A-102 it does not count as a GET, nor anybody else's as a POST", func(t *testing.T) {
		msg := p.visit(h.begin("apple", social.Opening{}))
		_, err := h.bring("apple", social.Message{Query: msg.Form})
		failed(t, "Receive by GET", err, social.CodeMethod)
		_, err = h.bring("apple", social.Message{Post: true, Query: msg.Form})
		failed(t, "Receive of a query that was posted", err, social.CodeRequestUnknown)
		if _, err := h.bring("apple", msg); err != nil {
			t.Errorf("Identity = %s, want somebody: nothing was used up", describe(err))
		}
		q := newOP(t, c)
		other := newHouse(t, c, google(q))
		_, err = other.bring("google", social.Message{Post: true, Form: q.visit(other.begin("google", social.Opening{})).Query})
		failed(t, "Receive by POST", err, social.CodeMethod)
	})
	t.Run("A-103 the user field is a name and nothing else", func(t *testing.T) {
		for _, tt := range []struct{ name, user, want string }{
			{"a name", `{"name":{"firstName":"Ann","lastName":"Lee"}}`, "Ann Lee"},
			{"half a name", `{"name":{"firstName":"Ann"}}`, "Ann"},
			{"a name and somebody's address", `{"name":{"firstName":"Ann","lastName":"Lee"},"email":"boss@acme.example","sub":"boss","email_verified":true}`, "Ann Lee"},
			{"lines", `{"name":{"firstName":"Ann\r\nBcc: x","lastName":"\u202eeeL"}}`, "Ann  Bcc: x eeL"},
			{"not JSON", `Ann Lee`, ""},
			{"no object", `[]`, ""},
			{"a name that is a number", `{"name":{"firstName":1}}`, ""},
			{"too long", `{"name":{"firstName":"` + strings.Repeat("a", 5000) + `"}}`, ""},
			{"a long name", `{"name":{"firstName":"` + strings.Repeat("ä", 300) + `"}}`, strings.Repeat("ä", 256)},
			{"nothing", ``, ""},
		} {
			msg := p.visit(h.begin("apple", social.Opening{}))
			msg.Form.Set("user", tt.user)
			id, err := h.bring("apple", msg)
			if err != nil || id.Name != tt.want || id.Email != "ann@acme.example" || id.Subject != "ann-1" {
				t.Errorf("%s: Identity = %q, %q, %q, %s, want the name %q and nothing else", tt.name, id.Name, id.Email, id.Subject, describe(err), tt.want)
			}
		}
	})
	t.Run("A-085 an ID token in the form is not read", func(t *testing.T) {
		msg := p.visit(h.begin("apple", social.Opening{}))
		msg.Form.Set("id_token", sign(claims{"iss": p.URL, "sub": "boss"}, providerKey()))
		if id, err := h.bring("apple", msg); err != nil || id.Subject != "ann-1" {
			t.Errorf("Identity = %q, %s, want ann-1", id.Subject, describe(err))
		}
	})
	t.Run("A-091 two names, one issuer", func(t *testing.T) {
		for _, tt := range []struct{ document, token string }{{p.URL, appleAlias}, {appleAlias, p.URL}, {appleAlias, appleAlias}} {
			q := newOP(t, c)
			provider := apple(q)
			q.issuer = strings.Replace(tt.document, p.URL, q.URL, 1)
			q.says = claims{"iss": strings.Replace(tt.token, p.URL, q.URL, 1)}
			id, err := newHouse(t, c, provider).signIn(q, "apple", social.Opening{})
			if err != nil || id.Issuer != q.URL {
				t.Errorf("document of %s, token of %s: Identity = %q, %s, want the issuer %q", tt.document, tt.token, id.Issuer, describe(err), q.URL)
			}
		}
		q := newOP(t, c)
		q.says = claims{"iss": appleAlias + "/"}
		_, err := newHouse(t, c, apple(q)).signIn(q, "apple", social.Opening{})
		failed(t, "Identity", err, "id_token_issuer")
	})
}

func TestAppleKey(t *testing.T) {
	der := must(x509.MarshalPKCS8PrivateKey(hostKey()))
	key, err := social.AppleKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil || !hostKey().Equal(key) {
		t.Errorf("AppleKey = %v, want the key", err)
	}
	for name, text := range map[string][]byte{"nothing": nil, "no PEM": der, "another thing": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})} {
		if key, err := social.AppleKey(text); err == nil || key != nil {
			t.Errorf("%s: AppleKey = %v, want an error", name, err)
		}
	}
}

func TestOpenIDConnect(t *testing.T) {
	c := &clock{now: start}
	p := newOP(t, c)
	provider := custom(p)
	provider.OpenID.Authoritative = true
	h := newHouse(t, c, provider)
	t.Run("what the token leaves out", func(t *testing.T) {
		p.info = claims{"sub": "ann-1", "email": "ann@acme.example", "email_verified": true, "name": "Ann Lee", "given_name": "Ann", "family_name": "Lee"}
		id, err := h.signIn(p, "corp", social.Opening{})
		want := social.Identity{
			Provider: "corp", Issuer: p.URL, Subject: "ann-1", Email: "ann@acme.example", Authoritative: true, Name: "Ann Lee", GivenName: "Ann", FamilyName: "Lee",
		}
		if err != nil || id != want {
			t.Errorf("Identity = %+v, %s, want %+v", id, describe(err), want)
		}
		if p.basic != [2]string{"corp-client", "s"} {
			t.Errorf("the exchange had %q, want the secret as HTTP Basic", p.basic)
		}
	})
	t.Run("A-095 about somebody else", func(t *testing.T) {
		p.info = claims{"sub": "bob-2", "email": "boss@acme.example", "email_verified": true}
		_, err := h.signIn(p, "corp", social.Opening{})
		failed(t, "Identity", err, "userinfo_subject")
	})
	t.Run("a fresh sign-in", func(t *testing.T) {
		p.info = claims{"sub": "ann-1"}
		address := h.begin("corp", social.Opening{Fresh: true})
		if q := must(url.Parse(address)).Query(); q.Get("prompt") != "login" || q.Get("max_age") != "0" {
			t.Errorf("Begin asks with %v, want prompt login and max_age 0", q)
		}
		msg := p.visit(address)
		a, err := h.Receive(t.Context(), "corp", msg)
		if err != nil || !a.Fresh {
			t.Fatalf("Receive = fresh %v, %s, want it said", a.Fresh, describe(err))
		}
		if id, err := a.Identity(t.Context()); err != nil || !id.AuthTime.Equal(start) {
			t.Errorf("Identity says %v, %s, want now", id.AuthTime, describe(err))
		}
		p.says = claims{"auth_time": start.Add(-time.Hour).Unix()}
		address = h.begin("corp", social.Opening{Fresh: true})
		asked := must(url.Parse(address))
		q := asked.Query()
		q.Del("prompt") // a browser that leaves it out on the way
		asked.RawQuery = q.Encode()
		_, err = h.bring("corp", p.visit(asked.String()))
		failed(t, "a sign-in that is an hour old", err, "id_token_auth_time")
		p.says = nil
		_, err = h.bring("corp", p.visit(strings.Replace(h.begin("corp", social.Opening{Fresh: true}), "prompt=login", "prompt=none", 1)))
		failed(t, "a sign-in of no known age", err, "id_token_auth_time")
	})
	t.Run("a fresh sign-in where none can be had", func(t *testing.T) {
		h := newHouse(t, c, google(p))
		if _, err := h.Begin(t.Context(), "google", social.Opening{Fresh: true}); err == nil || !strings.Contains(err.Error(), "fresh") {
			t.Errorf("Begin = %v, want an error that says so", err)
		}
	})
}
