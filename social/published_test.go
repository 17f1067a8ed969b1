package social_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/social"
)

// abe is the tenant in Microsoft's example.
const abe = "9122040d-6c67-4c5b-b112-36a304b66dad"

// A life is a provider as it is in life, what it publishes, and what becomes of what is wrong with that.
type life struct {
	name     string
	make     func(client string) social.Provider // for the client that the published answer is for
	at       string                              // where the document is
	document string                              // the file
	token    string                              // the file with the claims of an ID token
	info     string                              // what userinfo says; empty: it must not be asked
	change   claims                              // what the ID token has otherwise than the file: a nil goes away
	want     social.Identity
	rules    rules // of the ID token; none: it is another's again
}

// book is a provider by the book: LastPass publishes nothing that could be found.
const (
	bookDocument = `{"issuer":"https://lastpass.corp.example","authorization_endpoint":"https://lastpass.corp.example/authorize",
"token_endpoint":"https://lastpass.corp.example/token","userinfo_endpoint":"https://lastpass.corp.example/userinfo","jwks_uri":"https://lastpass.corp.example/keys",
"response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`
	bookToken = `{"iss":"https://lastpass.corp.example","sub":"24400320","aud":"s6BhdRkqt3","nonce":"n-0S6_WzA2Mj","exp":1311281970,"iat":1311280970}`
	bookInfo  = `{"sub":"24400320","name":"Jane Doe","given_name":"Jane","family_name":"Doe","email":"janedoe@example.com","email_verified":true}`
)

func lives() []life {
	const (
		googleAt    = "https://accounts.google.com/.well-known/openid-configuration"
		microsoftAt = "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"
		tenantAt    = "https://login.microsoftonline.com/" + abe + "/v2.0/.well-known/openid-configuration"
	)
	microsoftOf := func(tenants ...string) func(client string) social.Provider {
		return func(client string) social.Provider { return social.Microsoft(client, "secret", tenants...) }
	}
	smith := social.Identity{Provider: "google", Issuer: "https://accounts.google.com", Subject: "10769150350006150715113082367", Email: "jsmith@example.com"}
	abraham := social.Identity{
		Provider: "microsoft", Issuer: "https://login.microsoftonline.com/" + abe + "/v2.0", Subject: "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", Name: "Abe Lincoln",
	}
	doe := social.Identity{
		Provider: "linkedin", Issuer: "https://www.linkedin.com/oauth", Subject: "782bbtaQ", Email: "doe@email.com", Name: "John Doe", GivenName: "John", FamilyName: "Doe",
	}
	known := func(id social.Identity, email string, authoritative bool) social.Identity {
		id.Email, id.Authoritative = email, authoritative
		return id
	}
	optional := claims{"email": "abe@contoso.example", "xms_edov": true} // "Optional claims reference": not in the sample
	return []life{
		{
			// email_verified is a text in the guide, and nowhere else: it does not count. What is wrong otherwise the next one has.
			name: "Google in its guide", make: func(client string) social.Provider { return social.Google(client, "secret") },
			at: googleAt, document: "google/discovery.json", token: "google/id_token.json",
			want: smith,
		},
		{
			name: "Google", make: func(client string) social.Provider { return social.Google(client, "secret") },
			at: googleAt, document: "google/discovery.json", token: "google/id_token.json", change: claims{"email_verified": true},
			want: known(smith, "jsmith@example.com", true), rules: googleRules,
		},
		{
			name: "Microsoft", make: microsoftOf(), at: microsoftAt, document: "microsoft/discovery.json", token: "microsoft/id_token.json",
			want: abraham, rules: microsoftRules("id_token_issuer"),
		},
		{
			name: "Microsoft for one tenant", make: microsoftOf(abe), at: tenantAt, document: "microsoft/discovery_tenant.json", token: "microsoft/id_token.json",
			want: abraham, rules: microsoftRules("id_token_tid"),
		},
		{
			name: "Microsoft with an address", make: microsoftOf(), at: microsoftAt, document: "microsoft/discovery.json", token: "microsoft/id_token.json", change: optional,
			want: known(abraham, "abe@contoso.example", false), rules: microsoftRules("id_token_issuer").and(microsoftEmailRules),
		},
		{
			name: "Microsoft for some tenants, with an address", make: microsoftOf(abe, consumers), at: microsoftAt, document: "microsoft/discovery.json", token: "microsoft/id_token.json", change: optional,
			want: known(abraham, "abe@contoso.example", true), rules: microsoftRules("id_token_issuer").and(microsoftEmailRules),
		},
		{
			name: "Apple", make: func(client string) social.Provider { c := appleConfig(); c.ClientID = client; return social.Apple(c) },
			at: "https://appleid.apple.com/.well-known/openid-configuration", document: "apple/discovery.json", token: "apple/id_token.json",
			want: social.Identity{
				Provider: "apple", Issuer: "https://appleid.apple.com", Subject: "820417.faa325acbc78e1be1668ba852d492d8a.0219",
				Email: "ep9ks2tnph@privaterelay.appleid.com", Authoritative: true, AuthTime: start,
			}, rules: appleRules,
		},
		{
			name: "LinkedIn", make: func(client string) social.Provider { return social.LinkedIn(client, "secret") },
			at: "https://www.linkedin.com/oauth/.well-known/openid-configuration", document: "linkedin/discovery.json", token: "linkedin/id_token.json",
			want: doe, rules: linkedinRules,
		},
		{
			name: "LinkedIn, once it has a nonce", make: func(client string) social.Provider { return social.LinkedIn(client, "secret") },
			at: "https://www.linkedin.com/oauth/.well-known/openid-configuration", document: "linkedin/discovery.json", token: "linkedin/id_token.json", change: claims{"nonce": "123523"},
			want: doe, rules: linkedinRules.and(rules{"nonce": {numbers: nonceRule.numbers, fate: nonceRule.fate, but: map[string]fate{"missing": {}}, others: nonceRule.others}}),
		},
		{
			name: "LastPass", make: func(client string) social.Provider {
				return social.LastPass("https://lastpass.corp.example", client, "secret")
			},
			at: "https://lastpass.corp.example/.well-known/openid-configuration", document: bookDocument, token: bookToken, info: bookInfo,
			want: social.Identity{
				Provider: "lastpass", Issuer: "https://lastpass.corp.example", Subject: "24400320", Email: "janedoe@example.com",
				Name: "Jane Doe", GivenName: "Jane", FamilyName: "Doe",
			}, rules: protocolRules.and(rules{"nonce": nonceRule}),
		},
	}
}

// text is what a file says, or what stands there instead.
func text(t testing.TB, file string) []byte {
	t.Helper()
	if strings.HasPrefix(file, "{") {
		return []byte(file)
	}
	return published(t, file)
}

// start brings the provider to life.
func (l life) start(t testing.TB, c *clock) (*real, social.Provider) {
	t.Helper()
	token := changed(read(t, text(t, l.token)), l.change)
	r := newReal(t, c, l.at, text(t, l.document), token)
	r.info = l.info
	return r, l.make(plain(token["aud"]))
}

func (r *real) signIn(h *house, id string) (social.Identity, error) {
	r.t.Helper()
	return h.bring(id, r.visit(h.begin(id, social.Opening{})))
}

// The ways in which a value can be another one of its own type.

// issuers are look-alikes of an issuer.
func issuers(honest string) claims {
	u := must(url.Parse(strings.ReplaceAll(honest, "{tenantid}", "tenantid")))
	host := u.Host
	return claims{
		"a slash more": honest + "/", "plain http": "http" + strings.TrimPrefix(honest, "https"), "no scheme": strings.TrimPrefix(honest, "https://"),
		"capitals": strings.Replace(honest, host, strings.ToUpper(host), 1), "a port": strings.Replace(honest, host, host+":443", 1),
		"a look-alike": strings.Replace(honest, host, host+".evil.example", 1), "a path more": honest + "/x", "a space": honest + " ", "a query": honest + "?x",
		"another provider": "https://evil.example", "user info": strings.Replace(honest, host, host+"@evil.example", 1),
	}
}

func tenantIssuers(honest string) claims {
	all := issuers(honest)
	for name, tid := range map[string]string{
		"another tenant": tenant, "personal accounts": consumers, "the placeholder": "{tenantid}", "common": "common", "organizations": "organizations", "the tenant in capitals": strings.ToUpper(abe),
	} {
		all[name] = strings.Replace(honest, abe, tid, 1)
	}
	return all
}

func appleIssuers(honest string) claims {
	all := issuers(honest)
	all["its other name"] = "https://account.apple.com"
	all["a slash after its other name"] = "https://account.apple.com/"
	return all
}

// audiences are those of others.
func audiences(honest string) claims {
	return claims{
		"another client": "another-client", "ours and another": []string{honest, "another-client"}, "another and ours": []string{"another-client", honest}, "others": []string{"another-client"},
		"ours twice": []string{honest, honest}, "ours and null": []any{honest, nil}, "capitals": strings.ToUpper(honest), "a space": honest + " ", "more": honest + "x", "a list in a list": [][]string{{honest}},
	}
}

func otherClients(honest string) claims {
	return claims{"another client": "another-client", "capitals": strings.ToUpper(honest), "a space": honest + " ", "null as a text": "null"}
}

// subjects are no names that last.
func subjects(string) claims {
	return claims{
		"a space": " ", "a tab": "\t", "null as a text": "null", "null in capitals": "NULL", "a space before": " x", "a line": "x\ny", "too long": strings.Repeat("x", 256),
		"a number": json.Number("10769150350006150715113082367"), "1e20": json.Number("1e20"), "0 as a text": "0",
	}
}

func texts(others ...string) func(string) claims {
	return func(honest string) claims {
		all := claims{"a space": honest + " ", "a letter more": honest + "x", "half of it": honest[:len(honest)/2]}
		for _, s := range others {
			all[s] = s
		}
		return all
	}
}

// moments are times that no token can have.
func moments(past, future time.Time) func(string) claims {
	return func(string) claims {
		return claims{
			"long past": past.Unix(), "far future": future.Unix(), "below zero": -1, "beyond any year": json.Number("253402300800"), "beyond any number": json.Number("1e400"),
			"a date": start.Format(time.RFC3339),
		}
	}
}

func expiries(honest string) claims {
	all := moments(start.Add(-3*time.Minute), start)(honest)
	delete(all, "far future") // of its own choice
	return all
}

// What is the same for all of them.
var (
	aboutIssuer = func(others func(string) claims) rule {
		return rule{numbers: "C-03 A-091", fate: no("id_token_issuer"), others: others}
	}
	aboutAudience = func(twice fate) rule {
		return rule{numbers: "C-04 A-090", fate: no("id_token_audience"), but: map[string]fate{"itself in a list": {}, "ours twice": twice}, others: audiences}
	}
	nonceRule = rule{numbers: "C-08 A-086 A-093", fate: no("id_token_nonce"), others: texts("of another request", "0394852-3190485-2490358", "null")}

	// hashRule is of at_hash: it must be right where it is there (C-10), and may be missing in an answer to a code.
	hashRule = rule{numbers: "C-10 A-107", fate: no("id_token_at_hash"), but: map[string]fate{"missing": {}}, others: texts("HK6E_P6Dh8Y93mRNtsDB1Q")}

	// ignored is what nobody reads.
	ignored = rule{numbers: "ignored", others: texts("admin")}

	noAddress = told(func(id *social.Identity) { id.Email, id.Authoritative = "", false })
	claimed   = told(func(id *social.Identity) { id.Authoritative = false })

	emailRule = rule{
		numbers: "C-12 C-13", fate: noAddress,
		but: map[string]fate{
			"another address": told(func(id *social.Identity) { id.Email = "boss@acme.example" }),
			"spaces":          told(func(id *social.Identity) { id.Email = "boss@acme.example" }),
		},
		others: func(string) claims {
			return claims{
				"another address": "boss@acme.example", "spaces": " boss@acme.example ", "a line": "a@b.example\r\nBcc: c@d.example", "a mark": "\u202ea@b.example",
				"too long": strings.Repeat("a", 400) + "@b.example", "several": []string{"a@b.example", "c@d.example"},
			}
		},
	}

	nameRule = func(lost, eve fate) rule {
		return rule{numbers: "for show", fate: lost, but: map[string]fate{"another name": eve, "marks and lines": eve}, others: func(string) claims {
			return claims{"another name": "Eve", "marks and lines": "\u202eEve\r\n"}
		}}
	}

	protocolRules = rules{
		"iss": aboutIssuer(issuers),
		"aud": aboutAudience(no("id_token_azp")),
		"sub": {
			numbers: "C-12 A-104 A-105", fate: no("id_token_subject"), others: subjects,
			but: map[string]fate{"0 as a text": no(social.CodeSubject, "userinfo_subject")}, // the second, where userinfo was asked first
		},
		"exp": {numbers: "C-07 A-092", fate: no("id_token_expired"), others: expiries},
		"iat": {numbers: "C-07 A-092", fate: no("id_token_issued_at"), others: moments(start.Add(-13*time.Minute), start.Add(3*time.Minute))},
	}
)

var googleRules = protocolRules.and(rules{
	"aud":     aboutAudience(fate{}), // azp says that it is for us
	"nonce":   nonceRule,
	"at_hash": hashRule,
	"azp":     {numbers: "C-05 A-090", fate: no("id_token_azp"), but: map[string]fate{"missing": {}}, others: otherClients}, // it is asked for where there are several audiences
	// hd says that the address is one of a Workspace, and so that Google speaks for it; which one it is makes no difference.
	"hd":    {numbers: "A-100", fate: claimed, but: map[string]fate{"another domain": {}}, others: func(string) claims { return claims{"another domain": "evil.example"} }},
	"email": emailRule,
	"email_verified": {numbers: "C-13 A-097", fate: claimed, others: func(string) claims {
		return claims{"True as a text": "True", "false as a text": "false", "1 as a text": "1", "yes": "yes"}
	}},
})

// microsoftRules are those of the sample. Where a tid does not fit, code says so.
func microsoftRules(tid social.Code) rules {
	anonymous := told(func(id *social.Identity) { id.Name = "" })
	return protocolRules.and(rules{
		"iss":   aboutIssuer(tenantIssuers),
		"nonce": nonceRule,
		"nbf":   {numbers: "C-07 A-092", fate: no("id_token_not_before"), but: map[string]fate{"missing": {}, "0": no("id_token_not_before"), "1": {}, "1.5": {}, "long past": {}}, others: moments(start.Add(-time.Hour), start.Add(3*time.Minute))},
		"tid": {numbers: "A-091 A-098 A-099", fate: no(tid), others: func(honest string) claims {
			return claims{
				"another tenant": tenant, "personal accounts": consumers, "capitals": strings.ToUpper(honest), "no dashes": strings.ReplaceAll(honest, "-", ""), "a space": honest + " ",
				"the placeholder": "{tenantid}", "common": "common", "organizations": "organizations", "a path": honest + "/v2.0/x", "both": []string{honest, tenant},
			}
		}},
		"name":               nameRule(anonymous, told(func(id *social.Identity) { id.Name = "Eve" })),
		"preferred_username": {numbers: "A-098 ignored", others: texts("boss@acme.example")},
		"oid":                ignored, // the same person has one subject here, and one oid everywhere: the subject counts
		"ver":                ignored, // an older version has another issuer
		"aio":                ignored,
	})
}

// microsoftEmailRules are those of optional claims.
var microsoftEmailRules = rules{
	"email": emailRule,
	"xms_edov": {
		numbers: "A-098", fate: claimed, but: map[string]fate{"1 as a text": {}, "itself as a text": {}},
		others: func(string) claims {
			return claims{"1 as a text": "1", "0 as a text": "0", "false as a text": "false", "True as a text": "True", "yes": "yes"}
		},
	},
}

var appleRules = protocolRules.and(rules{
	"iss": func() rule {
		r := aboutIssuer(appleIssuers)
		r.but = map[string]fate{"its other name": {}}
		return r
	}(),
	"nonce":   nonceRule,
	"at_hash": hashRule,
	"email":   emailRule,
	"email_verified": {
		numbers: "C-13 A-097", fate: claimed, but: map[string]fate{"true": {}}, others: func(string) claims {
			return claims{"True as a text": "True", "false as a text": "false", "1 as a text": "1", "a space": "true "}
		},
	},
	"auth_time": {
		numbers: "C-09", fate: no("id_token_auth_time"), others: moments(start, start.Add(3*time.Minute)),
		but: map[string]fate{
			"missing":   told(func(id *social.Identity) { id.AuthTime = time.Time{} }),
			"1":         told(func(id *social.Identity) { id.AuthTime = time.Unix(1, 0).UTC() }),
			"1.5":       told(func(id *social.Identity) { id.AuthTime = time.Unix(1, 0).UTC() }),
			"long past": {},
		},
	},
	"is_private_email": ignored,
	"nonce_supported":  ignored, // it says that there is a nonce; there must be one in any case
})

// John is called John Doe where his name is missing, and his given and his family name are there.
var linkedinRules = protocolRules.and(rules{
	"name":           nameRule(fate{}, told(func(id *social.Identity) { id.Name = "Eve" })),
	"given_name":     nameRule(told(func(id *social.Identity) { id.GivenName = "" }), told(func(id *social.Identity) { id.GivenName = "Eve" })),
	"family_name":    nameRule(told(func(id *social.Identity) { id.FamilyName = "" }), told(func(id *social.Identity) { id.FamilyName = "Eve" })),
	"picture":        ignored,
	"locale":         ignored,
	"email":          emailRule,
	"email_verified": {numbers: "A-097 ignored", others: texts("True")},
})

func TestPublished(t *testing.T) {
	c := &clock{now: start}
	for _, l := range lives() {
		t.Run("R30 C-03 C-14 R-15 "+l.name, func(t *testing.T) {
			r, provider := l.start(t, c)
			got, err := r.signIn(r.house(provider), provider.ID)
			if err != nil || got != l.want {
				t.Errorf("Identity = %+v, %s, want %+v", got, describe(err), l.want)
			}
		})
	}
}

// TestPublishedFlaws holds one thing that is wrong with a published answer against what must come of it.
func TestPublishedFlaws(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine and many cases: run without -short")
	}
	c := &clock{now: start}
	for _, l := range lives() {
		if l.rules == nil {
			continue
		}
		t.Run(l.name, func(t *testing.T) {
			r, provider := l.start(t, c)
			h := r.house(provider)
			if _, err := r.signIn(h, provider.ID); err != nil {
				t.Fatalf("Identity = %s, want somebody", describe(err))
			}
			l.rules.each(t, r.token, func(t *testing.T, member string, rule rule, w flaw) {
				r.spoil = func(o members) []byte { return w.spoil(o, member) }
				got, err := r.signIn(h, provider.ID)
				rule.of(w.name, "id_token_malformed").met(t, l.want, got, err)
			})
		})
	}
}

// TestPublishedMore adds to the published answers what is not there: nobody becomes anything by it.
func TestPublishedMore(t *testing.T) {
	c := &clock{now: start}
	harmless := claims{
		"groups": []string{"admin"}, "roles": "admin", "admin": true, "upn": "boss@acme.example", "unique_name": "boss@acme.example", "emails": []string{"boss@acme.example"},
		"verified_primary_email": []string{"boss@acme.example"}, "phone_number_verified": true, "amr": []string{"mfa"}, "acr": "2", "jti": "1", "sid": "s", "c_hash": "x",
		"iss_": "https://evil.example", "Sub": "boss", "something": claims{"new": []any{1, nil}},
	}
	for _, l := range lives() {
		t.Run(l.name, func(t *testing.T) {
			r, provider := l.start(t, c)
			h := r.house(provider)
			try := func(name string, f fate, change claims) {
				t.Helper()
				t.Run(name, func(t *testing.T) {
					r.spoil = func(o members) []byte {
						more := claims{}
						for name, value := range change {
							if o[name] == nil {
								more[name] = value
							}
						}
						return must(json.Marshal(changed(o, more)))
					}
					got, err := r.signIn(h, provider.ID)
					f.met(t, l.want, got, err)
				})
			}
			for name, value := range harmless {
				try("ignored "+name, fate{}, claims{name: value})
			}
			// One provider's word for an address is no other's.
			try("A-097 A-098 A-100 words of other providers", fate{}, map[string]claims{
				"google": {"xms_edov": true, "is_private_email": true}, "microsoft": {"email_verified": true, "hd": "contoso.example"},
				"apple": {"xms_edov": true, "hd": "apple.example"}, "linkedin": {"xms_edov": true, "hd": "email.com"}, "lastpass": {"xms_edov": true, "hd": "example.com"},
			}[provider.ID])
			try("A-094 events", no("id_token_type"), claims{"events": claims{}})
			for name, value := range map[string]any{"null": nil, "1": 1, "empty": "", "another client": "another-client", "a list": []string{"us"}} {
				if r.claims["azp"] == nil {
					try("C-05 A-090 azp "+name, no("id_token_azp"), claims{"azp": orNull(value)})
				}
				if r.claims["nonce"] == nil {
					try("C-08 A-086 nonce "+name, no("id_token_nonce"), claims{"nonce": orNull(value)})
				}
				if r.claims["at_hash"] == nil {
					try("C-10 at_hash "+name, no("id_token_at_hash"), claims{"at_hash": orNull(value)})
				}
				if r.claims["auth_time"] == nil && value != 1 {
					try("C-09 auth_time "+name, no("id_token_auth_time"), claims{"auth_time": orNull(value)})
				}
				if r.claims["nbf"] == nil && value != 1 {
					try("A-092 nbf "+name, no("id_token_not_before"), claims{"nbf": orNull(value)})
				}
			}
		})
	}
}

// orNull is a value that stays where it is nil.
func orNull(v any) any {
	if v == nil {
		return null
	}
	return v
}

// TestPublishedSubject takes the address for the subject, where both are there.
func TestPublishedSubject(t *testing.T) {
	c := &clock{now: start}
	for _, l := range lives() {
		if l.want.Email == "" || l.info != "" {
			continue
		}
		t.Run("C-12 A-104 A-109 "+l.name, func(t *testing.T) {
			r, provider := l.start(t, c)
			r.spoil = func(o members) []byte {
				return must(json.Marshal(changed(o, claims{"sub": strings.ToUpper(l.want.Email)})))
			}
			got, err := r.signIn(r.house(provider), provider.ID)
			no(social.CodeSubject).met(t, l.want, got, err)
		})
	}
}

// TestPublishedCallback is what a browser brings besides the code.
func TestPublishedCallback(t *testing.T) {
	c := &clock{now: start}
	for _, l := range lives() {
		t.Run(l.name, func(t *testing.T) {
			r, provider := l.start(t, c)
			h := r.house(provider)
			try := func(name string, f fate, extra url.Values) {
				t.Helper()
				t.Run(name, func(t *testing.T) {
					r.extra = extra
					got, err := r.signIn(h, provider.ID)
					f.met(t, l.want, got, err)
				})
			}
			// Google brings these since 2026 (see its README), and others what they like.
			more := url.Values{"scope": {"email openid"}, "authuser": {"0"}, "prompt": {"consent"}, "hd": {"evil.example"}, "sub": {"boss"}, "id_token": {"x.y.z"}}
			try("A-085 more", fate{}, more)
			try("A-082 iss", fate{}, url.Values{"iss": {l.want.Issuer}})
			for name, issuer := range tenantIssuers(l.want.Issuer) {
				if issuer != l.want.Issuer {
					try("A-082 A-091 iss "+name, no("callback_issuer"), url.Values{"iss": {issuer.(string)}})
				}
			}
			try("A-085 iss twice", no(social.CodeDuplicate), url.Values{"iss": {l.want.Issuer, l.want.Issuer}})
		})
	}
}

// TestPublishedTokens is the answer to a code, around the ID token.
func TestPublishedTokens(t *testing.T) {
	c := &clock{now: start}
	around := rules{
		"access_token": {}, // below
		// That a name in another case counts is what x/oauth2 does; what matters is that the ID token's does not.
		"token_type": {numbers: "C-02", fate: no("token_response"), but: map[string]fate{"small": {}, "in another case": {}}, others: func(string) claims { return claims{"small": "bearer", "another": "mac", "a space": "Bearer "} }},
		"id_token": {numbers: "C-02 A-087 A-104", fate: no("id_token_missing"), but: map[string]fate{
			"a space": no("id_token_malformed", "id_token_signature"), "a letter more": no("id_token_malformed", "id_token_signature"), "half of it": no("id_token_malformed", "id_token_signature"),
			"two parts": no("id_token_malformed"), "no signature": no("id_token_signature", "id_token_malformed"), "no algorithm": no("id_token_algorithm"), "ES256": no("id_token_algorithm"),
		}, others: func(honest string) claims {
			all := texts()(honest)
			p := strings.Split(honest, ".")
			if len(p) == 3 {
				all["two parts"], all["no signature"] = p[0]+"."+p[1], p[0]+"."+p[1]+"."
				all["no algorithm"] = b64([]byte(`{"alg":"none"}`)) + "." + p[1] + "."
				all["ES256"] = sign(claims{"iss": "x"}, providerKey())
			}
			return all
		}},
		"expires_in": { // nobody reads it, but x/oauth2 wants a number
			numbers: "ignored", fate: no("token_response"), but: map[string]fate{"missing": {}, "null": {}, "0": {}, "1": {}, "itself as a text": {}, "below zero": {}},
			others: func(string) claims { return claims{"below zero": -1} },
		},
	}
	for _, l := range lives() {
		t.Run(l.name, func(t *testing.T) {
			r, provider := l.start(t, c)
			h := r.house(provider)
			if _, err := r.signIn(h, provider.ID); err != nil {
				t.Fatalf("Identity = %s, want somebody", describe(err))
			}
			other, space := fate{}, fate{} // of another access token: nobody uses it, or a header loses the space at its end
			switch {
			case r.claims["at_hash"] != nil:
				other, space = no("id_token_at_hash"), no("id_token_at_hash")
			case l.info != "":
				other = no("fetch_status") // the provider does not know it
			}
			around.and(rules{"access_token": {numbers: "C-02 C-10 A-107", fate: no("token_response"), others: texts(), but: map[string]fate{
				"a space": space, "a letter more": other, "half of it": other, "in another case": {},
			}}}).each(t, r.said, func(t *testing.T, member string, rule rule, w flaw) {
				r.tokens = func(o members) []byte { return w.spoil(o, member) }
				got, err := r.signIn(h, provider.ID)
				rule.of(w.name, "token_response").met(t, l.want, got, err)
			})
		})
	}
}

// What becomes of what is wrong with a document. Members that are not there have no flaws.
func documentRules() rules {
	addresses := func(honest string) claims {
		host := must(url.Parse(honest)).Host
		return claims{
			"plain http": "http" + strings.TrimPrefix(honest, "https"), "a script": "javascript:alert(1)", "no host": "https:///token", "no scheme": strings.TrimPrefix(honest, "https:"),
			"a path": "/token", "user info": strings.Replace(honest, host, "user@"+host, 1), "a fragment": honest + "#x", "our parameters": honest + "?client_id=x&state=y", "a line": honest + "\r\nHost: x",
		}
	}
	required := rule{numbers: "R-15 A-096", fate: no("discovery_endpoint", "discovery_malformed"), others: addresses}
	optional := required
	optional.but = map[string]fate{"missing": {}}
	all := rules{
		"issuer":                 {numbers: "C-14 A-091 A-096", fate: no("discovery_issuer", "discovery_malformed"), others: issuers},
		"authorization_endpoint": required,
		"token_endpoint":         required,
		"jwks_uri":               required,
		"userinfo_endpoint":      optional,
		"end_session_endpoint":   optional,
		"device_authorization_endpoint": {
			// Nobody goes there, but go-oidc wants a text.
			numbers: "ignored", fate: no("discovery_malformed"), but: map[string]fate{"missing": {}, "null": {}, `""`: {}, "plain http": {}},
			others: func(string) claims { return claims{"plain http": "http://evil.example"} },
		},
		"response_types_supported": {
			numbers: "C-01", but: map[string]fate{`""`: no("discovery_malformed"), "[]": no("discovery_malformed"), "itself as a text": no("discovery_malformed"), "no code": no("discovery_malformed")},
			others: func(string) claims { return claims{"no code": []string{"id_token", "token"}, "code as a text": "code"} },
		},
		"id_token_signing_alg_values_supported": {
			numbers: "C-06 A-087", fate: no("discovery_malformed"), but: map[string]fate{
				"missing": {}, "null": {}, "[]": {}, "none": {}, "shared": {}, "more": {}, "another": no("id_token_algorithm"), // what does not count is left out, and RS256 is what everybody must offer
			}, others: func(string) claims {
				return claims{"none": []string{"none"}, "shared": []string{"HS256"}, "more": []string{"none", "RS256"}, "another": []string{"ES256"}}
			},
		},
	}
	for _, name := range []string{
		"revocation_endpoint", "subject_types_supported", "scopes_supported", "token_endpoint_auth_methods_supported", "claims_supported", "code_challenge_methods_supported",
		"grant_types_supported", "response_modes_supported", "request_uri_parameter_supported", "http_logout_supported", "frontchannel_logout_supported", "kerberos_endpoint",
		"tenant_region_scope", "cloud_instance_name", "cloud_graph_host_name", "msgraph_host", "rbac_url",
	} {
		all[name] = rule{numbers: "ignored"}
	}
	return all
}

func TestPublishedDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine and many cases: run without -short")
	}
	c := &clock{now: start}
	all, seen := documentRules(), map[string]bool{}
	for _, l := range lives() {
		if seen[l.document] {
			continue
		}
		seen[l.document] = true
		t.Run(l.name, func(t *testing.T) {
			r, provider := l.start(t, c)
			honest, mine := read(t, r.document), rules{}
			for name, rule := range all {
				if honest[name] != nil {
					mine[name], seen[name] = rule, true
				}
			}
			if l.info != "" { // who it asks for an address and a name
				ask := mine["userinfo_endpoint"]
				ask.but = map[string]fate{"missing": told(func(id *social.Identity) {
					*id = social.Identity{Provider: id.Provider, Issuer: id.Issuer, Subject: id.Subject}
				})}
				mine["userinfo_endpoint"] = ask
			}
			try := func(t *testing.T, document []byte, f fate) {
				t.Helper()
				r.document = document
				h := r.house(provider)
				address, err := h.Begin(t.Context(), provider.ID, social.Opening{})
				var got social.Identity
				if err == nil {
					got, err = h.bring(provider.ID, r.visit(address))
				}
				f.met(t, l.want, got, err)
			}
			mine.each(t, honest, func(t *testing.T, member string, rule rule, w flaw) {
				try(t, w.spoil(honest, member), rule.of(w.name, "discovery_malformed"))
			})
			harmless := claims{
				"something_new": claims{"a": []any{1, nil}}, "iss": "https://evil.example", "issuers": []string{"https://evil.example"}, "jwks": claims{"keys": []any{}},
				"require_pushed_authorization_requests": true, "mtls_endpoint_aliases": claims{"token_endpoint": "https://evil.example"}, "signed_metadata": "x.y.z",
				"authorization_response_iss_parameter_supported": "true",
			}
			for name, value := range harmless {
				t.Run("more "+name, func(t *testing.T) { try(t, must(json.Marshal(changed(honest, claims{name: value}))), fate{}) })
			}
			says := must(json.Marshal(changed(honest, claims{"authorization_response_iss_parameter_supported": true})))
			t.Run("A-082 it says that its answers name it", func(t *testing.T) {
				try(t, says, no("callback_issuer"))
				r.extra = url.Values{"iss": {l.want.Issuer}}
				try(t, says, fate{})
			})
			r.extra = nil
			t.Run("A-096 another provider's", func(t *testing.T) {
				for _, other := range lives() {
					if other.document != l.document {
						try(t, text(t, other.document), no("discovery_issuer"))
					}
				}
			})
			for name, document := range map[string]string{"nothing": "", "null": "null", "a list": "[]", "a text": `"x"`, "half": string(r.document[:40]), "more behind": string(must(json.Marshal(honest))) + "{}"} {
				t.Run("R-15 "+name, func(t *testing.T) { try(t, []byte(document), no("discovery_malformed")) })
			}
		})
	}
	for name := range all {
		if !seen[name] {
			t.Errorf("there is a rule for %s, and nobody publishes it", name)
		}
	}
}

// TestPublishedUser is Apple's user field, which a browser brings: it says a name, and nothing else becomes of it.
func TestPublishedUser(t *testing.T) {
	c := &clock{now: start}
	i := lifeOf("Apple")
	r, provider := i.start(t, c)
	h := r.house(provider)
	try := func(t *testing.T, user []byte, f fate) {
		t.Helper()
		r.extra = url.Values{"user": {string(user)}}
		got, err := r.signIn(h, provider.ID)
		f.met(t, i.want, got, err)
	}
	called := func(given, family string) fate {
		return told(func(id *social.Identity) {
			id.Name, id.GivenName, id.FamilyName = strings.TrimSpace(given+" "+family), given, family
		})
	}
	honest := read(t, published(t, "apple/user.json"))
	t.Run("R39 as it is published", func(t *testing.T) { try(t, published(t, "apple/user.json"), called("John", "Appleseed")) })
	john := called("John", "Appleseed")
	rules{
		"email": {numbers: "A-103 ignored", fate: john, but: map[string]fate{"twice": john, "in another case": john}, others: texts("boss@acme.example")},
		"name":  {numbers: "A-103", but: map[string]fate{"twice": john, "in another case": john}, others: texts("Eve")},
	}.each(t, honest, func(t *testing.T, member string, rule rule, w flaw) {
		try(t, w.spoil(honest, member), rule.of(w.name, ""))
	})
	name := read(t, honest["name"])
	half := func(lost, eve fate) rule {
		return rule{
			numbers: "A-103", but: map[string]fate{
				"missing": lost, "null": lost, `""`: lost, "twice": john, "in another case": john, // to encoding/json a name in another case is the name
				"another": eve,
			}, others: func(string) claims { return claims{"another": "Eve"} },
		}
	}
	rules{
		"firstName": half(called("", "Appleseed"), called("Eve", "Appleseed")),
		"lastName":  half(called("John", ""), called("John", "Eve")),
	}.each(t, name, func(t *testing.T, member string, rule rule, w flaw) {
		try(t, must(json.Marshal(changed(honest, claims{"name": json.RawMessage(w.spoil(name, member))}))), rule.of(w.name, ""))
	})
}

func lifeOf(name string) life {
	all := lives()
	return all[slices.IndexFunc(all, func(l life) bool { return l.name == name })]
}

// TestPublishedNotice is Apple's word that something has happened.
func TestPublishedNotice(t *testing.T) {
	c := &clock{now: start}
	l := lifeOf("Apple")
	r, _ := l.start(t, c)
	config := appleConfig()
	config.AppIDs = []string{plain(r.claims["aud"])}
	h := r.house(social.Apple(config))

	// ours is a published notice that comes now.
	ours := func(file string) (notice, event members) {
		notice = read(t, published(t, file))
		var issued, expires int64
		if json.Unmarshal(notice["iat"], &issued) != nil || json.Unmarshal(notice["exp"], &expires) != nil {
			t.Fatalf("%s has no times", file)
		}
		event = read(t, []byte(plain(notice["events"])))
		event["event_time"] = must(json.Marshal(start.UnixMilli()))
		return changed(notice, claims{"iat": start.Unix(), "exp": start.Unix() + expires - issued, "events": string(must(json.Marshal(event)))}), event
	}
	const john = "820417.faa325acbc78e1be1668ba852d492d8a.0219"
	revoked := social.Notice{Provider: "apple", Issuer: "https://appleid.apple.com", Subject: john, Kind: "consent-revoked", Revoked: true, At: start}
	disabled := revoked
	disabled.Kind, disabled.Revoked = "email-disabled", false

	met := func(t *testing.T, payload []byte, codes []social.Code, want social.Notice) {
		t.Helper()
		got, err := h.Notice(t.Context(), "apple", posted(signRSA(payload)))
		if len(codes) > 0 {
			r, ok := err.(*social.Refusal)
			if !ok || !slices.Contains(codes, r.Code) || got != (social.Notice{}) {
				t.Errorf("Notice = %+v, %s, want a refusal %q", got, describe(err), codes)
			}
		} else if err != nil || got != want {
			t.Errorf("Notice = %+v, %s, want %+v", got, describe(err), want)
		}
	}
	for file, want := range map[string]social.Notice{"apple/notice.json": revoked, "apple/notice_email.json": disabled} {
		notice, event := ours(file)
		t.Run("R39 "+file, func(t *testing.T) { met(t, must(json.Marshal(notice)), nil, want) })
		rules{
			"iss": func() rule { r := aboutIssuer(appleIssuers); r.but = map[string]fate{"its other name": {}}; return r }(),
			"aud": aboutAudience(fate{}),
			"exp": {numbers: "C-07 A-092", fate: no("id_token_expired"), but: map[string]fate{"missing": {}}, others: expiries}, // Apple's page shows one without
			"iat": {numbers: "C-07 A-092", fate: no("id_token_issued_at"), others: moments(start.Add(-25*time.Hour), start.Add(3*time.Minute))},
			"jti": ignored, // one may come twice
			"events": {numbers: "R39", fate: no("notice_event"), but: map[string]fate{"an object": {}}, others: func(honest string) claims {
				return claims{"an object": json.RawMessage(honest), "a list of it": []any{json.RawMessage(honest)}, "more behind": honest + "{}", "half": honest[:20], "a text in a text": string(must(json.Marshal(honest)))}
			}},
		}.each(t, notice, func(t *testing.T, member string, rule rule, w flaw) {
			met(t, w.spoil(notice, member), rule.of(w.name, "id_token_malformed").codes, want)
		})
		// What is said otherwise, and how it is understood. A time long ago revokes nothing, as nothing was connected then.
		other := map[string]func(n *social.Notice){
			"type another word": func(n *social.Notice) { n.Kind, n.Revoked = "account-moved", false },
			"type in capitals":  func(n *social.Notice) { n.Kind, n.Revoked = "CONSENT-REVOKED", false },
			"event_time 1":      func(n *social.Notice) { n.At = time.Unix(1, 0).UTC() }, "event_time long past": func(n *social.Notice) { n.At = start.Add(-time.Hour) },
			"event_time beyond any year": func(n *social.Notice) { n.At = time.UnixMilli(253402300800).UTC() }, // in seconds; so it is taken for thousandths
		}
		inside := rules{
			"type": {numbers: "R39", fate: no("notice_event"), but: map[string]fate{"another word": {}, "in capitals": {}}, others: func(string) claims {
				return claims{"a space": "consent revoked", "a line": "consent-revoked\n", "a tag": "<b>", "another word": "account-moved", "in capitals": "CONSENT-REVOKED"}
			}},
			"sub": {numbers: "A-104 A-105", fate: no("notice_event"), but: map[string]fate{"0 as a text": no(social.CodeSubject)}, others: subjects},
			"event_time": {
				numbers: "A-092", fate: no("notice_event"), but: map[string]fate{"missing": {}, "1": {}, "long past": {}, "beyond any year": {}},
				others: moments(start.Add(-time.Hour), start.Add(3*time.Minute)),
			},
			"email": ignored, "is_private_email": ignored,
		}
		for name := range inside {
			if event[name] == nil {
				delete(inside, name)
			}
		}
		inside.each(t, event, func(t *testing.T, member string, rule rule, w flaw) {
			want := want
			if change := other[member+" "+w.name]; change != nil {
				change(&want)
			}
			met(t, must(json.Marshal(changed(notice, claims{"events": string(w.spoil(event, member))}))), rule.of(w.name, "notice_event").codes, want)
		})
	}
}
