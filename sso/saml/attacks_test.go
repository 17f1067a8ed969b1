package saml_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

// TestAttacks has the provider do each of its attacks in a whole sign-in: our request, its page, our check.
func TestAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine and many cases: run without -short")
	}
	others := map[int]string{ // attacks on something else than the check of an answer
		62: "the domain rule is of sso.Manager", 63: "the domain rule is of sso.Manager", 65: "who somebody is, is the host's to decide",
		68: "of metadata", 69: "of metadata", 70: "of metadata", 71: "of logout", 72: "of logout", 75: "of logout",
	}
	somewhere := map[ssotest.Attack]string{
		ssotest.MetadataExternalEntity: "of metadata", ssotest.OtherACS: "goes to another product",
		ssotest.AnswerMultipart: "forms are read by sso.Handler", ssotest.EndedSession: "ends with sso.Manager",
	}
	judged := map[ssotest.Attack]sso.Code{ // what our policy makes of those that depend on one
		ssotest.OnlyResponseSigned: sso.CodeSignatureMissing, ssotest.OnlyAssertionSigned: "",
		ssotest.DecoyMixedID: "", ssotest.DecoyLowerID: "", ssotest.DecoyPrefixedID: "", // an ID is called ID
		ssotest.DigestWhitespace: sso.CodeSignatureMalformed,
		ssotest.CDATAInNameID:    sso.CodeMalformed, ssotest.CaseVariantAttribute: "",
		ssotest.KeyRetrieval: "", ssotest.KeyName: "", ssotest.KeySubjectName: "", ssotest.KeyAddress: "", // KeyInfo is not looked at
		ssotest.ExpiredCertificate: "", ssotest.FutureCertificate: "", // the key is pinned
		ssotest.WeakCertificate: sso.CodeSignatureKey,
		ssotest.OldAuthn:        "", // nobody asked for a fresh one
		ssotest.EncryptedCBC:    sso.CodeDecryption, ssotest.EncryptedPKCS1: sso.CodeDecryption,
		ssotest.RelayStateURL: sso.CodeUnsolicited, ssotest.RelayStateSchemeless: sso.CodeUnsolicited, // no handle of ours
		ssotest.RelayStateBackslash: sso.CodeUnsolicited, ssotest.RelayStateScript: sso.CodeUnsolicited,
		ssotest.RelayStateMarkup: sso.CodeUnsolicited, ssotest.RelayStateLines: sso.CodeUnsolicited, ssotest.RelayStateHuge: sso.CodeMessage,
		ssotest.OtherNameIDFormat: "", ssotest.WeakContext: sso.CodeContext,
	}
	tried := map[string]bool{}
	for _, a := range ssotest.Attacks() {
		if a.Protocol() != ssotest.SAML || others[a.Number()] != "" || somewhere[a] != "" {
			continue
		}
		tried[fmt.Sprintf("A-%03d", a.Number())] = true
		t.Run(a.String(), func(t *testing.T) {
			d := newDesk(t, ssotest.Settings{SignedInAs: ann().Email})
			if n := a.Number(); 28 <= n && n <= 30 { // they change its keys
				p, err := ssotest.New(ssotest.Config{BaseURL: d.p.BaseURL(), People: []ssotest.Person{ann()}, Now: now, Settings: ssotest.Settings{SignedInAs: ann().Email}})
				if err != nil {
					t.Fatal(err)
				}
				d.p = p
			}
			d.p.AddPerson(ann())
			d.p.Register(d.sp)
			if n := a.Number(); n == 30 {
				d.p.Hostile(a) // its key was always so
				d.pin()
			} else {
				d.pin()
				if _, err := d.signIn(t); err != nil {
					t.Fatalf("the honest sign-in before = %v", err)
				}
				d.p.Hostile(a)
			}
			if a == ssotest.WeakContext {
				d.conn.SAML.AuthnContext = ssotest.MultiFactorContext
			}
			d.p.Visits()
			v, err := d.signIn(t)
			want, mine := judged[a]
			switch got := codeOf(err); {
			case a.Want() == ssotest.Judge && !mine:
				t.Errorf("Verify = %q, and no policy says what is right", got)
			case a.Want() == ssotest.Judge && got != want:
				t.Errorf("Verify = %v, want %q", err, want)
			case a.Want() == ssotest.Refuse && got == "":
				t.Errorf("Verify = %+v, want a refusal", v)
			case a.Want() != ssotest.Refuse && a.Want() != ssotest.Judge && got != "":
				t.Errorf("Verify = %v, want nil", err)
			case strings.HasPrefix(string(got), "error"):
				t.Errorf("Verify = %v, want a refusal", err)
			}
			if err == nil && v.Identity.Email != ann().Email && a != ssotest.OtherNameIDFormat {
				t.Errorf("the person is %q, want %q", v.Identity.Email, ann().Email)
			}
			for _, visit := range d.p.Visits() {
				if strings.Contains(visit, "canary") {
					t.Errorf("the answer made us fetch something: %q", visit)
				}
			}
		})
	}
	for _, number := range []string{
		"A-001", "A-002", "A-003", "A-004", "A-005", "A-006", "A-007", "A-008", "A-009", "A-010", "A-011", "A-012", "A-013", "A-014", "A-015",
		"A-016", "A-017", "A-018", "A-019", "A-020", "A-021", "A-022", "A-023", "A-024", "A-025", "A-026", "A-027", "A-028", "A-029", "A-030",
		"A-031", "A-032", "A-033", "A-034", "A-035", "A-036", "A-037", "A-039", "A-043", "A-044", "A-046", "A-047", "A-051", "A-052", "A-053",
		"A-054", "A-055", "A-056", "A-057",
	} {
		if !tried[number] {
			t.Errorf("no attack of %s was tried", number)
		}
	}
}

func (d *desk) pin() {
	d.conn.SAML.Certificates = []sso.Certificate{{DER: certificate(d.p)}}
}

// signIn is a whole sign-in, with a manager that remembers requests and what was used.
func (d *desk) signIn(t *testing.T) (sso.Verified, error) {
	t.Helper()
	d.requests++
	r := d.request()
	r.Handle = "ssr_" + strings.Repeat("h", d.requests)
	out, err := d.us.Begin(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.Memory = out.Memory
	page := httptest.NewRecorder()
	d.p.ServeHTTP(page, httptest.NewRequest("GET", out.URL, nil))
	m := messageOf(t, page.Body.String())
	h, err := d.us.Handle(m)
	if err != nil {
		return sso.Verified{}, err
	}
	if h != r.Handle {
		r.Handle, r.Memory, r.MadeAt = "", nil, time.Time{}
	}
	v, _, err := d.verifyAs(r, m)
	if err == nil && d.used[v.Once] {
		return v, &sso.Refusal{Code: "replayed"}
	}
	if d.used == nil {
		d.used = map[string]bool{}
	}
	d.used[v.Once] = true
	return v, err
}

// messageOf is what a browser sends on from the page of a provider.
func messageOf(t *testing.T, page string) sso.Message {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	fields, action, method := url.Values{}, "", ""
	for n := range root.Descendants() {
		at := func(name string) string {
			for _, a := range n.Attr {
				if a.Key == name {
					return a.Val
				}
			}
			return ""
		}
		switch n.Data {
		case "form":
			action, method = at("action"), strings.ToLower(at("method"))
		case "input", "textarea":
			if at("name") != "" {
				fields.Add(at("name"), at("value"))
			}
		}
	}
	if action == "" {
		t.Fatalf("the provider does not answer: %.300s", page)
	}
	to, err := url.Parse(action)
	if err != nil {
		t.Fatal(err)
	}
	if method == "get" {
		return sso.Message{RawQuery: fields.Encode(), Query: fields}
	}
	return sso.Message{Post: true, RawQuery: to.RawQuery, Query: to.Query(), Form: fields}
}
