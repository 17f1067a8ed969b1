package openid_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sallyport-auth/sallyport/internal/fetch"
	"github.com/sallyport-auth/sallyport/internal/openid"
)

const (
	tenant      = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	otherTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

// tenants makes a provider one that has an issuer for each of its tenants, and one document for all.
func tenants(p *op) openid.Party {
	party := p.party()
	party.Issuer, party.Document = p.URL+"/{tenantid}/v2.0", p.URL
	p.doc["issuer"] = party.Issuer
	return party
}

func TestTenants(t *testing.T) {
	p := newOP(t)
	all := tenants(p)
	for _, c := range []struct {
		name    string
		allowed []string
		change  claims
		want    openid.Code // empty: accepted
	}{
		{"as it should be", nil, nil, ""},
		{"A-099 one that may", []string{otherTenant, tenant}, nil, ""},
		{"A-099 one that may not", []string{otherTenant}, nil, openid.TokenTenant},
		{"A-099 another one", nil, claims{"iss": p.URL + "/" + otherTenant + "/v2.0", "tid": otherTenant}, ""},
		{"A-099 another one, which may not", []string{tenant}, claims{"iss": p.URL + "/" + otherTenant + "/v2.0", "tid": otherTenant}, openid.TokenTenant},
		{"A-099 one that may in tid, another in iss", []string{tenant}, claims{"iss": p.URL + "/" + otherTenant + "/v2.0"}, openid.TokenIssuer},
		{"A-091 the placeholder itself", nil, claims{"iss": p.URL + "/{tenantid}/v2.0"}, openid.TokenIssuer},
		{"A-091 the placeholder itself, twice", nil, claims{"iss": p.URL + "/{tenantid}/v2.0", "tid": "{tenantid}"}, openid.TokenIssuer},
		{"A-091 no tid", nil, claims{"tid": nil}, openid.TokenIssuer},
		{"A-091 an empty tid", nil, claims{"iss": p.URL + "//v2.0", "tid": ""}, openid.TokenIssuer},
		{"A-091 a name instead of a tid", nil, claims{"iss": p.URL + "/common/v2.0", "tid": "common"}, openid.TokenIssuer},
		{"A-091 a tid with a path", nil, claims{"iss": p.URL + "/" + tenant + "/v2.0/../x/v2.0", "tid": tenant + "/v2.0/../x"}, openid.TokenIssuer},
		{"A-091 a tid in capitals", nil, claims{"iss": p.URL + "/" + strings.ToUpper(tenant) + "/v2.0", "tid": strings.ToUpper(tenant)}, openid.TokenIssuer},
		{"A-091 a tid that is a list", nil, claims{"tid": []string{tenant}}, openid.TokenIssuer},
		{"A-091 a slash at its end", nil, claims{"iss": p.URL + "/" + tenant + "/v2.0/"}, openid.TokenIssuer},
		{"A-091 version 1", nil, claims{"iss": p.URL + "/" + tenant + "/"}, openid.TokenIssuer},
		{"A-091 another host", nil, claims{"iss": "https://login.evil.example/" + tenant + "/v2.0"}, openid.TokenIssuer},
		{"A-091 the document's", nil, claims{"iss": p.URL}, openid.TokenIssuer},
	} {
		t.Run(c.name, func(t *testing.T) {
			party := all
			party.Tenants = c.allowed
			f := begin(t, p, party, openid.Ask{})
			honest := with(p.honest(f.answer.Memory.Nonce), claims{"iss": p.URL + "/" + tenant + "/v2.0", "tid": tenant})
			p.idToken = sign(es256(), with(honest, c.change), ecKey())
			if c.want != "" {
				f.refused(c.want)
				return
			}
			got, err := f.finish()
			if err != nil || got.Issuer != strings.Replace(all.Issuer, "{tenantid}", got.TokenText("tid"), 1) {
				t.Errorf("Finish = %q, %s, want the tenant's issuer", got.Issuer, describe(err))
			}
		})
	}
	t.Run("A-096 a document that is not the one of all tenants", func(t *testing.T) {
		for _, issuer := range []any{p.URL, p.URL + "/" + tenant + "/v2.0", p.URL + "/{TENANTID}/v2.0", "https://evil.example/{tenantid}/v2.0", nil} {
			q := newOP(t)
			party := tenants(q)
			q.doc["issuer"] = issuer
			_, _, err := newClient(t).Begin(t.Context(), now, party, openid.Ask{})
			refused(t, "Begin", err, openid.DiscoveryIssuer)
		}
	})
	t.Run("A-099 a key that is another tenant's", func(t *testing.T) {
		for issuer, want := range map[string]openid.Code{
			p.URL + "/{tenantid}/v2.0":           "",
			p.URL + "/" + tenant + "/v2.0":       "",
			p.URL + "/" + otherTenant + "/v2.0":  openid.TokenKey,
			"https://evil.example/{tenantid}/v2": openid.TokenKey,
		} {
			q := newOP(t)
			party := tenants(q)
			q.keySet = func(w http.ResponseWriter, _ *http.Request) {
				var key map[string]any
				must(0, jsonInto(must(jose.JSONWebKey{KeyID: "ec", Key: ecKey().Public(), Use: "sig"}.MarshalJSON()), &key))
				key["issuer"] = strings.Replace(issuer, p.URL, q.URL, 1)
				answer(w, claims{"keys": []any{key}})
			}
			f := begin(t, q, party, openid.Ask{})
			q.idToken = sign(es256(), with(q.honest(f.answer.Memory.Nonce), claims{"iss": q.URL + "/" + tenant + "/v2.0", "tid": tenant}), ecKey())
			if want != "" {
				f.refused(want)
			} else if _, err := f.finish(); err != nil {
				t.Errorf("Finish with a key of %s = %s, want claims", issuer, describe(err))
			}
		}
	})
	t.Run("A-082 an answer of another tenant", func(t *testing.T) {
		for iss, asked := range map[string]bool{
			p.URL + "/" + otherTenant + "/v2.0":      true, // seen when the token is here
			p.URL + "/{tenantid}/v2.0":               false,
			"https://evil.example/" + tenant + "/v2": false,
		} {
			f := begin(t, p, all, openid.Ask{})
			p.idToken = sign(es256(), with(p.honest(f.answer.Memory.Nonce), claims{"iss": p.URL + "/" + tenant + "/v2.0", "tid": tenant}), ecKey())
			f.answer.Callback.Issuer = iss
			before := p.count("/token")
			f.refused(openid.CallbackIssuer)
			if got := p.count("/token") > before; got != asked {
				t.Errorf("iss %s: the code went out: %v, want %v", iss, got, asked)
			}
		}
	})
	t.Run("what is known of one document is not used for another", func(t *testing.T) {
		q := newOP(t)
		party := tenants(q)
		client := newClient(t)
		if _, _, err := client.Begin(t.Context(), now, party, openid.Ask{}); err != nil {
			t.Fatal(err)
		}
		party.Document = p.URL
		_, _, err := client.Begin(t.Context(), now, party, openid.Ask{})
		refused(t, "Begin", err, openid.DiscoveryIssuer)
	})
}

func TestFurtherNames(t *testing.T) {
	p := newOP(t)
	const other = "https://account.idp.example"
	party := p.party()
	party.Issuers = []string{other}
	for _, c := range []struct {
		name     string
		document string // empty: the first name
		token    string
		want     openid.Code
	}{
		{"its own name", "", "", ""},
		{"A-091 its other name in the token", "", other, ""},
		{"A-091 its other name in the document", other, "", ""},
		{"A-091 its other name in both", other, other, ""},
		{"A-091 a slash at its end", "", other + "/", openid.TokenIssuer},
		{"A-091 capitals", "", strings.ToUpper(other), openid.TokenIssuer},
		{"A-091 a look-alike", "", other + ".evil.example", openid.TokenIssuer},
		{"A-091 both at once", "", p.URL + "\n" + other, openid.TokenIssuer},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.doc["issuer"] = p.URL
			if c.document != "" {
				p.doc["issuer"] = c.document
			}
			f := begin(t, p, party, openid.Ask{})
			change := claims{}
			if c.token != "" {
				change["iss"] = c.token
			}
			p.idToken = sign(es256(), with(p.honest(f.answer.Memory.Nonce), change), ecKey())
			if c.want != "" {
				f.refused(c.want)
			} else if _, err := f.finish(); err != nil {
				t.Errorf("Finish = %s, want claims", describe(err))
			}
		})
	}
	t.Run("A-096 a third name in the document", func(t *testing.T) {
		for _, issuer := range []string{"https://evil.example", p.URL + "\n" + other, ""} {
			p.doc["issuer"] = issuer
			_, _, err := newClient(t).Begin(t.Context(), now, party, openid.Ask{})
			refused(t, "Begin", err, openid.DiscoveryIssuer)
		}
	})
	t.Run("A-082 names in answers", func(t *testing.T) {
		p.doc["issuer"] = p.URL
		for iss, want := range map[string]openid.Code{other: "", p.URL: "", "https://evil.example": openid.CallbackIssuer} {
			f := begin(t, p, party, openid.Ask{})
			f.answer.Callback.Issuer = iss
			if want != "" {
				f.refused(want)
			} else if _, err := f.finish(); err != nil {
				t.Errorf("Finish with iss %s = %s, want claims", iss, describe(err))
			}
		}
	})
}

func TestSkipNonce(t *testing.T) {
	p := newOP(t)
	for _, c := range []struct {
		name   string
		skip   bool
		change claims
		want   openid.Code
	}{
		{"A-086 none, where it is not skipped", false, claims{"nonce": nil}, openid.TokenNonce},
		{"A-086 none, where it is", true, claims{"nonce": nil}, ""},
		{"A-086 the right one", true, nil, ""},
		{"A-086 A-093 another one", true, claims{"nonce": "of another request"}, openid.TokenNonce},
		{"A-086 an empty one", true, claims{"nonce": ""}, openid.TokenNonce},
		{"A-086 null", true, claims{"nonce": null}, openid.TokenNonce},
		{"A-086 a number", true, claims{"nonce": 1}, openid.TokenNonce},
	} {
		t.Run(c.name, func(t *testing.T) {
			party := p.party()
			party.SkipNonce = c.skip
			f := begin(t, p, party, openid.Ask{})
			if f.to.Get("nonce") == "" {
				t.Error("Begin asks without a nonce, want one all the same")
			}
			p.idToken = sign(es256(), with(p.honest(f.answer.Memory.Nonce), c.change), ecKey())
			if c.want != "" {
				f.refused(c.want)
			} else if _, err := f.finish(); err != nil {
				t.Errorf("Finish = %s, want claims", describe(err))
			}
		})
	}
}

func TestSkipPKCE(t *testing.T) {
	p := newOP(t)
	party := p.party()
	party.SkipPKCE = true
	f := begin(t, p, party, openid.Ask{})
	if f.to.Has("code_challenge") || f.to.Has("code_challenge_method") {
		t.Errorf("Begin asks with %v, want no challenge", f.to)
	}
	if _, err := f.finish(); err != nil || p.form.Has("code_verifier") {
		t.Errorf("Finish = %s with %v, want claims without a verifier", describe(err), p.form)
	}
	t.Run("A-084 a request with PKCE is not finished without, nor the other way round", func(t *testing.T) {
		f := begin(t, p, p.party(), openid.Ask{})
		f.party.SkipPKCE = true
		f.refused(openid.RequestChanged)
		f = begin(t, p, party, openid.Ask{})
		f.party.SkipPKCE = false
		f.refused(openid.RequestChanged)
	})
}

func TestRequestSettings(t *testing.T) {
	p := newOP(t)
	party := p.party()
	party.FormPost, party.Prompt = true, "select_account"
	to := begin(t, p, party, openid.Ask{}).to
	if to.Get("response_mode") != "form_post" || to.Get("prompt") != "select_account" {
		t.Errorf("Begin asks with %v, want response_mode form_post and prompt select_account", to)
	}
	to = begin(t, p, party, openid.Ask{Fresh: true}).to
	if len(to["prompt"]) != 1 || to.Get("prompt") != "login" {
		t.Errorf("Begin asks for a fresh sign-in with prompt %v, want login alone", to["prompt"])
	}
	t.Run("A-085 what a form brings beside code and state is nothing", func(t *testing.T) {
		form := url.Values{"state": {"s"}, "code": {"c"}, "id_token": {"a.b.c"}, "user": {`{"email":"x@evil.example"}`}, "redirect_uri": {"https://evil.example"}}
		c, err := openid.ParseCallback(form)
		if want := (openid.Callback{State: "s", Code: "c"}); err != nil || c != want {
			t.Errorf("ParseCallback = %+v, %v, want %+v", c, err, want)
		}
		form.Add("code", "d")
		_, err = openid.ParseCallback(form)
		refused(t, "ParseCallback", err, openid.CallbackDuplicate)
	})
}

func TestSecretFunc(t *testing.T) {
	p := newOP(t)
	party := p.party()
	made := 0
	party.Secret, party.AuthMethod = "", openid.SecretPost
	party.SecretFunc = func(at time.Time) (string, error) {
		if made++; !at.Equal(now) {
			t.Errorf("a secret is made at %v, want %v", at, now)
		}
		return strings.Repeat("x", made), nil
	}
	for range 2 {
		if _, err := begin(t, p, party, openid.Ask{}).finish(); err != nil || p.form.Get("client_secret") != strings.Repeat("x", made) {
			t.Errorf("Finish = %s with secret %q, want that of this exchange", describe(err), p.form.Get("client_secret"))
		}
	}
	if made != 2 {
		t.Errorf("%d secrets were made, want one for each exchange", made)
	}
	broken := errors.New("no hardware")
	party.SecretFunc = func(time.Time) (string, error) { return "", broken }
	before := p.count("/token")
	if _, err := begin(t, p, party, openid.Ask{}).finish(); !errors.Is(err, broken) || p.count("/token") != before {
		t.Errorf("Finish = %v, want the error, and nobody asked", err)
	}
}

func TestCheckDifferences(t *testing.T) {
	strict := must(openid.New(openid.Config{HTTP: must(fetch.New(fetch.Config{}))}))
	good := openid.Party{Issuer: "https://idp.example", ClientID: clientID, Secret: secret}
	many := good
	many.Issuer, many.Document = "https://idp.example/{tenantid}/v2.0", "https://idp.example/common/v2.0"
	for _, c := range []struct {
		name   string
		party  openid.Party
		change func(p *openid.Party)
		want   string // in the error; empty: none
	}{
		{"further names", good, func(p *openid.Party) { p.Issuers = []string{"https://other.example"} }, ""},
		{"A-113 further names at plain http", good, func(p *openid.Party) { p.Issuers = []string{"http://other.example"} }, "Issuers"},
		{"A-091 an empty further name", good, func(p *openid.Party) { p.Issuers = []string{""} }, "Issuers"},
		{"A-091 a further name with a line break", good, func(p *openid.Party) { p.Issuers = []string{"https://other.example/\nx"} }, "Issuers"},
		{"A-091 a placeholder in a further name", good, func(p *openid.Party) { p.Issuers = []string{"https://other.example/{tenantid}"} }, "Issuers"},
		{"many tenants", many, func(*openid.Party) {}, ""},
		{"some of many tenants", many, func(p *openid.Party) { p.Tenants = []string{tenant} }, ""},
		{"A-099 a tenant by its domain", many, func(p *openid.Party) { p.Tenants = []string{"acme.example"} }, "Tenants"},
		{"A-099 a tenant in capitals", many, func(p *openid.Party) { p.Tenants = []string{strings.ToUpper(tenant)} }, "Tenants"},
		{"A-091 a placeholder and no document", many, func(p *openid.Party) { p.Document = "" }, "Issuer"},
		{"A-091 a document and no placeholder", good, func(p *openid.Party) { p.Document = "https://idp.example/common" }, "Issuer"},
		{"A-091 two placeholders", many, func(p *openid.Party) { p.Issuer += "/{tenantid}" }, "Issuer"},
		{"A-091 another placeholder", many, func(p *openid.Party) { p.Issuer += "/{x}" }, "Issuer"},
		{"A-091 a placeholder in the document", many, func(p *openid.Party) { p.Document = p.Issuer }, "Document"},
		{"A-113 a document at plain http", many, func(p *openid.Party) { p.Document = "http://idp.example/common" }, "Document"},
		{"A-091 many tenants and further names", many, func(p *openid.Party) { p.Issuers = []string{"https://other.example"} }, "Issuers"},
		{"A-114 prompt", good, func(p *openid.Party) { p.Prompt = "none" }, "Prompt"},
		{"a prompt", good, func(p *openid.Party) { p.Prompt = "consent" }, ""},
		{"a secret and a function for it", good, func(p *openid.Party) { p.SecretFunc = func(time.Time) (string, error) { return "", nil } }, "SecretFunc"},
		{"a key and a function for a secret", good, func(p *openid.Party) {
			p.AuthMethod, p.Secret, p.Key = openid.PrivateKey, "", ecKey()
			p.SecretFunc = func(time.Time) (string, error) { return "", nil }
		}, "SecretFunc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := c.party
			c.change(&p)
			err := strict.Check(p)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("Check = %v, want an error with %q", err, c.want)
			}
		})
	}
}
