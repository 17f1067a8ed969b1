package saml_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

const (
	entityID  = "https://app.example.com/sso/acme/metadata"
	acs       = "https://app.example.com/sso/acme/acs"
	requestID = "_request-1"
	handle    = "ssr_handle"
)

// A desk is a provider and a connection to it, without a browser between.
type desk struct {
	p    *ssotest.Provider
	sp   ssotest.SP
	us   *saml.Protocol
	conn sso.Connection
	now  time.Time

	requests int
	used     map[string]bool // Verified.Once
}

// company is made once, as its keys are what costs most. It lives in the time of the last desk.
var (
	clock   = start
	company = sync.OnceValue(func() *ssotest.Provider {
		p, err := ssotest.New(ssotest.Config{BaseURL: "https://idp.acme.example", Now: now})
		if err != nil {
			panic(err)
		}
		return p
	})
)

func now() time.Time { return clock }

// certificate is what a provider signs with.
func certificate(p *ssotest.Provider) []byte {
	block, _ := pem.Decode(p.Certificate())
	return block.Bytes
}

func newDesk(t testing.TB, set ssotest.Settings) *desk {
	t.Helper()
	clock = start
	d := &desk{p: company(), now: start, us: newProtocol(t, ours())}
	d.p.Behave()
	d.p.Set(func(s *ssotest.Settings) { *s = set })
	d.sp = ssotest.SP{EntityID: entityID, ACS: acs, EncryptionCert: ours().Certificate}
	d.conn = sso.Connection{
		ID: "acme", AccountID: "acct", Protocol: "saml",
		SAML: sso.SAML{EntityID: d.p.EntityID(), SSOURL: d.p.SSOURL(), Certificates: []sso.Certificate{{DER: certificate(d.p)}}},
	}
	return d
}

func ann() ssotest.Person {
	return ssotest.Person{
		Email: "ann@acme.example", Name: "Ann Berg", GivenName: "Ann", FamilyName: "Berg", Groups: []string{"staff", "R&D <core>"},
	}
}

func (d *desk) request() sso.Request {
	return sso.Request{
		Connection: d.conn, Addresses: sso.Addresses{EntityID: entityID, ACS: acs},
		Handle: handle, Memory: []byte(`{"id":"` + requestID + `"}`), MadeAt: d.now.Add(-time.Minute), Now: d.now,
	}
}

func (d *desk) unasked() sso.Request {
	r := d.request()
	r.Handle, r.Memory, r.MadeAt = "", nil, time.Time{}
	return r
}

func (d *desk) honest() ssotest.Response { return d.p.Honest(d.sp, requestID, ann()) }

func posted(answer string) sso.Message {
	return sso.Message{Post: true, Form: url.Values{"SAMLResponse": {answer}, "RelayState": {handle}}}
}

func (d *desk) verify(answer string) (sso.Verified, sso.Report, error) {
	return d.verifyAs(d.request(), posted(answer))
}

func (d *desk) verifyAs(r sso.Request, m sso.Message) (sso.Verified, sso.Report, error) {
	var rep sso.Report
	v, err := d.us.Verify(context.Background(), r, m, &rep)
	return v, rep, err
}

// codeOf is the code of a refusal; any other error is itself, and none is empty.
func codeOf(err error) sso.Code {
	var r *sso.Refusal
	switch {
	case err == nil:
		return ""
	case errors.As(err, &r):
		return r.Code
	}
	return sso.Code("error: " + err.Error())
}

func failed(rep sso.Report) []string {
	var all []string
	for _, c := range rep.Checks {
		if !c.OK {
			all = append(all, fmt.Sprintf("%s: want %q, got %q (%s)", c.Code, c.Expected, c.Received, c.Detail))
		}
	}
	return all
}

func TestHonestAnswers(t *testing.T) {
	for name, row := range map[string]struct {
		set  ssotest.Settings
		conn func(c *sso.Connection)
	}{
		"the assertion signed":  {},
		"both signed":           {set: ssotest.Settings{SignResponse: true}},
		"the Response alone":    {ssotest.Settings{SignResponse: true, UnsignedAssertion: true}, func(c *sso.Connection) { c.SAML.ResponseSigned = true }},
		"either would do":       {conn: func(c *sso.Connection) { c.SAML.ResponseSigned = true }},
		"RSA with SHA-512":      {set: ssotest.Settings{SignatureMethod: ssotest.RSASHA512}},
		"AES-256-GCM":           {set: ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES256GCM}}},
		"AES-128-GCM, SHA-256":  {set: ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES128GCM, Key: ssotest.OAEPSHA256}}},
		"a prefix from outside": {set: ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES256GCM, OuterPrefix: true}}},
		"the key beside":        {set: ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES256GCM, KeyBeside: true}}},
		"encrypted, both signed": {set: ssotest.Settings{SignResponse: true,
			Encryption: ssotest.Encryption{Content: ssotest.AES256GCM, OuterPrefix: true}}},
		"encrypted, the Response alone signed": {ssotest.Settings{SignResponse: true, UnsignedAssertion: true,
			Encryption: ssotest.Encryption{Content: ssotest.AES256GCM}}, func(c *sso.Connection) { c.SAML.ResponseSigned = true }},
		"CBC where it is allowed": {ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES256CBC}},
			func(c *sso.Connection) { c.SAML.AllowCBC = true }},
		"Okta":  {set: ssotest.Settings{Attributes: ssotest.OktaAttributes}},
		"Entra": {set: ssotest.Settings{Attributes: ssotest.EntraAttributes}},
		"LDAP":  {set: ssotest.Settings{Attributes: ssotest.LDAPAttributes}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, row.set)
			d.conn.Roles = []sso.RoleRule{{Group: "R&D <core>", Role: "admin"}}
			if row.conn != nil {
				row.conn(&d.conn)
			}
			d.conn.SAML.Certificates = []sso.Certificate{{DER: another().Certificate.Raw}, {DER: certificate(d.p)}}
			r := d.honest()
			v, rep, err := d.verify(d.p.Respond(r))
			if err != nil {
				t.Fatalf("Verify = %v, want nil; %q", err, failed(rep))
			}
			if f := failed(rep); len(f) > 0 || len(rep.Checks) < 15 {
				t.Errorf("the report has %d checks, of which failed %q", len(rep.Checks), f)
			}
			id := v.Identity
			if id.Email != "ann@acme.example" || id.GivenName != "Ann" || id.FamilyName != "Berg" || id.Name != "Ann Berg" {
				t.Errorf("the person is %q %q %q %q", id.Email, id.GivenName, id.FamilyName, id.Name)
			}
			if want := []string{"staff", "R&D <core>"}; !slices.Equal(id.Groups, want) || id.Role != "admin" {
				t.Errorf("groups %q and role %q, want %q and admin", id.Groups, id.Role, want)
			}
			if id.Connection != "acme" || id.AccountID != "acct" || !id.At.Equal(d.now) || !id.AuthTime.Equal(d.now) || id.MultiFactor {
				t.Errorf("Identity = %+v", id)
			}
			if want := d.now.Add(8 * time.Hour); !id.SessionEnds.Equal(want) {
				t.Errorf("SessionEnds = %v, want %v", id.SessionEnds, want)
			}
			if id.Login.Index != r.Assertion.Statements[0].SessionIndex || id.Login.Subject != id.Subject || !bytes.Contains(id.Login.Token, []byte(id.Email)) {
				t.Errorf("Login = %+v", id.Login)
			}
			if !strings.Contains(v.Once, r.Assertion.ID) || !strings.Contains(v.Once, d.conn.SAML.EntityID) {
				t.Errorf("Once = %q, want the ID %q and the issuer", v.Once, r.Assertion.ID)
			}
			if want := d.now.Add(5*time.Minute + 2*time.Minute); !v.OnceEnds.Equal(want) {
				t.Errorf("OnceEnds = %v, want %v", v.OnceEnds, want)
			}
		})
	}
}

func TestCertificateOfProvider(t *testing.T) {
	for name, row := range map[string]struct {
		certs func(d *desk) []sso.Certificate
		want  sso.Code
	}{
		"A-028 of another key": {func(*desk) []sso.Certificate { return []sso.Certificate{{DER: another().Certificate.Raw}} }, sso.CodeSignatureKey},
		"A-069 held":           {func(d *desk) []sso.Certificate { return []sso.Certificate{{DER: certificate(d.p), Held: true}} }, sso.CodeSignatureKey},
		"none":                 {func(*desk) []sso.Certificate { return nil }, sso.CodeSignatureKey},
		"of the other kind":    {func(*desk) []sso.Certificate { return []sso.Certificate{{DER: curved().Certificate.Raw}} }, sso.CodeSignatureKey},
		"A-004 rolled over, both pinned": {func(d *desk) []sso.Certificate {
			return []sso.Certificate{{DER: another().Certificate.Raw}, {DER: certificate(d.p)}}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ssotest.Settings{})
			d.conn.SAML.Certificates = row.certs(d)
			if _, rep, err := d.verify(d.p.Respond(d.honest())); codeOf(err) != row.want {
				t.Errorf("Verify = %v %q, want %q", err, failed(rep), row.want)
			}
		})
	}
	t.Run("A-069 a held key is named", func(t *testing.T) {
		d := newDesk(t, ssotest.Settings{})
		d.conn.SAML.Certificates = []sso.Certificate{{DER: another().Certificate.Raw}, {DER: certificate(d.p), Held: true}}
		_, _, err := d.verify(d.p.Respond(d.honest()))
		var refusal *sso.Refusal
		if !errors.As(err, &refusal) || !strings.Contains(refusal.Detail, "waits for an administrator") {
			t.Errorf("Verify = %+v, want a word about the key that waits", refusal)
		}
	})
	t.Run("A-030 past its life, which ends nothing", func(t *testing.T) {
		d := newDesk(t, ssotest.Settings{})
		if cert, _ := x509.ParseCertificate(d.conn.SAML.Certificates[0].DER); cert != nil {
			clock = cert.NotAfter.AddDate(1, 0, 0)
			d.now = clock
		}
		if _, rep, err := d.verify(d.p.Respond(d.honest())); err != nil {
			t.Errorf("Verify = %v %q, want nil", err, failed(rep))
		}
	})
}

// TestRules changes one thing of an honest answer each, before it is signed: the provider stands for it, and it must still be refused.
func TestRules(t *testing.T) {
	code := func(c sso.Code) sso.Code { return c }
	type change = func(d *desk, r *ssotest.Response)
	const other = "https://other.example/acs"
	for name, row := range map[string]struct {
		change change
		want   sso.Code
	}{
		"A-031 Issuer of the assertion":    {func(d *desk, r *ssotest.Response) { r.Assertion.Issuer = "https://evil.example" }, sso.CodeIssuer},
		"A-031 Issuer of the Response":     {func(d *desk, r *ssotest.Response) { r.Issuer = "https://evil.example" }, sso.CodeIssuer},
		"A-031 no Issuer of the assertion": {func(d *desk, r *ssotest.Response) { r.Assertion.Issuer = "" }, sso.CodeIssuer},
		"S-06 no Issuer of the Response":   {func(d *desk, r *ssotest.Response) { r.Issuer = "" }, ""},
		"A-032 another audience":           {func(d *desk, r *ssotest.Response) { r.Assertion.Conditions.Audiences = [][]string{{other}} }, sso.CodeAudience},
		"A-033 no AudienceRestriction":     {func(d *desk, r *ssotest.Response) { r.Assertion.Conditions.Audiences = nil }, sso.CodeAudience},
		"A-033 an empty Audience":          {func(d *desk, r *ssotest.Response) { r.Assertion.Conditions.Audiences = [][]string{{""}} }, sso.CodeAudience},
		"A-033 no Audience":                {func(d *desk, r *ssotest.Response) { r.Assertion.Conditions.Audiences = [][]string{{}} }, sso.CodeAudience},
		"A-034 two restrictions":           {func(d *desk, r *ssotest.Response) { r.Assertion.Conditions.Audiences = [][]string{{entityID}, {other}} }, sso.CodeAudience},
		"A-034 two audiences":              {func(d *desk, r *ssotest.Response) { r.Assertion.Conditions.Audiences = [][]string{{other, entityID}} }, ""},
		"A-034 two restrictions with us": {func(d *desk, r *ssotest.Response) {
			r.Assertion.Conditions.Audiences = [][]string{{entityID}, {other, entityID}}
		}, ""},
		"A-035 another Recipient": {func(d *desk, r *ssotest.Response) { r.Assertion.Confirmations[0].Recipient = other }, sso.CodeRecipient},
		"A-035 a slash more":      {func(d *desk, r *ssotest.Response) { r.Assertion.Confirmations[0].Recipient = acs + "/" }, sso.CodeRecipient},
		"A-035 in capitals":       {func(d *desk, r *ssotest.Response) { r.Assertion.Confirmations[0].Recipient = strings.ToUpper(acs) }, sso.CodeRecipient},
		"A-035 a port": {func(d *desk, r *ssotest.Response) {
			r.Assertion.Confirmations[0].Recipient = strings.Replace(acs, ".com", ".com:443", 1)
		}, sso.CodeRecipient},
		"A-035 no Recipient":                {func(d *desk, r *ssotest.Response) { r.Assertion.Confirmations[0].Recipient = "" }, sso.CodeRecipient},
		"A-036 another Destination":         {func(d *desk, r *ssotest.Response) { r.Destination = other }, sso.CodeDestination},
		"A-036 a relative Destination":      {func(d *desk, r *ssotest.Response) { r.Destination = "/sso/acme/acs" }, sso.CodeDestination},
		"A-036 no Destination":              {func(d *desk, r *ssotest.Response) { r.Destination = "" }, sso.CodeDestination},
		"A-037 no InResponseTo":             {func(d *desk, r *ssotest.Response) { r.InResponseTo, r.Assertion.Confirmations[0].InResponseTo = "", "" }, sso.CodeInResponseTo},
		"A-037 none of the Response":        {func(d *desk, r *ssotest.Response) { r.InResponseTo = "" }, sso.CodeInResponseTo},
		"A-037 none of the confirmation":    {func(d *desk, r *ssotest.Response) { r.Assertion.Confirmations[0].InResponseTo = "" }, sso.CodeInResponseTo},
		"A-039 another of the confirmation": {func(d *desk, r *ssotest.Response) { r.Assertion.Confirmations[0].InResponseTo = "_other" }, sso.CodeInResponseTo},
		"A-042 another of the Response":     {func(d *desk, r *ssotest.Response) { r.InResponseTo = "_other" }, sso.CodeInResponseTo},
		"A-043 conditions over":             {func(d *desk, r *ssotest.Response) { r.Assertion.Conditions.NotOnOrAfter = d.now.Add(-2 * time.Minute) }, sso.CodeExpired},
		"A-043 conditions over within skew": {func(d *desk, r *ssotest.Response) {
			r.Assertion.Conditions.NotOnOrAfter = d.now.Add(-119 * time.Second)
		}, ""},
		"A-043 conditions without end": {func(d *desk, r *ssotest.Response) { r.Assertion.Conditions.NotOnOrAfter = time.Time{} }, sso.CodeExpired},
		"A-043 confirmation over": {func(d *desk, r *ssotest.Response) {
			r.Assertion.Confirmations[0].NotOnOrAfter = d.now.Add(-2 * time.Minute)
		}, sso.CodeExpired},
		"A-043 confirmation without end":     {func(d *desk, r *ssotest.Response) { r.Assertion.Confirmations[0].NotOnOrAfter = time.Time{} }, sso.CodeExpired},
		"A-044 conditions later":             {func(d *desk, r *ssotest.Response) { r.Assertion.Conditions.NotBefore = d.now.Add(121 * time.Second) }, sso.CodeNotYet},
		"A-044 conditions within skew":       {func(d *desk, r *ssotest.Response) { r.Assertion.Conditions.NotBefore = d.now.Add(2 * time.Minute) }, ""},
		"A-044 Response from the future":     {func(d *desk, r *ssotest.Response) { r.IssueInstant = d.now.Add(121 * time.Second) }, sso.CodeIssued},
		"A-044 assertion from the future":    {func(d *desk, r *ssotest.Response) { r.Assertion.IssueInstant = d.now.AddDate(170, 0, 0) }, sso.CodeIssued},
		"A-044 sign-in in the future":        {func(d *desk, r *ssotest.Response) { r.Assertion.Statements[0].Instant = d.now.Add(121 * time.Second) }, sso.CodeNotYet},
		"S-08 an old Response":               {func(d *desk, r *ssotest.Response) { r.IssueInstant = d.now.Add(-601 * time.Second) }, sso.CodeIssued},
		"S-08 an old assertion":              {func(d *desk, r *ssotest.Response) { r.Assertion.IssueInstant = d.now.Add(-601 * time.Second) }, sso.CodeIssued},
		"S-08 ten minutes old":               {func(d *desk, r *ssotest.Response) { r.IssueInstant = d.now.Add(-600 * time.Second) }, ""},
		"S-08 no IssueInstant":               {func(d *desk, r *ssotest.Response) { r.IssueInstant = time.Time{} }, sso.CodeIssued},
		"A-046 no confirmation":              {func(d *desk, r *ssotest.Response) { r.Assertion.Confirmations = nil }, sso.CodeConfirmation},
		"A-046 holder of key":                {func(d *desk, r *ssotest.Response) { r.Assertion.Confirmations[0].Method = ssotest.HolderMethod }, sso.CodeConfirmation},
		"A-046 sender vouches":               {func(d *desk, r *ssotest.Response) { r.Assertion.Confirmations[0].Method = ssotest.SenderMethod }, sso.CodeConfirmation},
		"A-046 no data":                      {func(d *desk, r *ssotest.Response) { r.Assertion.Confirmations[0].NoData = true }, sso.CodeConfirmation},
		"S-09 NotBefore of the confirmation": {func(d *desk, r *ssotest.Response) { r.Assertion.Confirmations[0].NotBefore = d.now.Add(-time.Hour) }, sso.CodeConfirmation},
		"S-09 a second confirmation that fits": {func(d *desk, r *ssotest.Response) {
			bad := r.Assertion.Confirmations[0]
			bad.Recipient = other
			holder := bad
			holder.Method = ssotest.HolderMethod
			r.Assertion.Confirmations = []ssotest.Confirmation{holder, bad, r.Assertion.Confirmations[0]}
		}, ""},
		"S-09 two confirmations that fit in part": {func(d *desk, r *ssotest.Response) {
			a, b := r.Assertion.Confirmations[0], r.Assertion.Confirmations[0]
			a.Recipient, b.InResponseTo = other, "_other"
			r.Assertion.Confirmations = []ssotest.Confirmation{a, b}
		}, sso.CodeRecipient},
		"A-047 no Subject":              {func(d *desk, r *ssotest.Response) { r.Assertion.NoSubject = true }, sso.CodeSubject},
		"A-047 no NameID":               {func(d *desk, r *ssotest.Response) { r.Assertion.NameID = nil }, sso.CodeSubject},
		"A-047 an empty NameID":         {func(d *desk, r *ssotest.Response) { r.Assertion.NameID.Value = "" }, sso.CodeSubject},
		"A-047 a NameID of white space": {func(d *desk, r *ssotest.Response) { r.Assertion.NameID.Value = " \n" }, sso.CodeSubject},
		"A-047 a NameID of 2 KB":        {func(d *desk, r *ssotest.Response) { r.Assertion.NameID.Value = strings.Repeat("n", 2048) }, sso.CodeSubject},
		"A-047 no Conditions":           {func(d *desk, r *ssotest.Response) { r.Assertion.Conditions = nil }, sso.CodeConditions},
		"A-047 no AuthnStatement":       {func(d *desk, r *ssotest.Response) { r.Assertion.Statements = nil }, sso.CodeStatement},
		"S-11 no AuthnInstant":          {func(d *desk, r *ssotest.Response) { r.Assertion.Statements[0].Instant = time.Time{} }, sso.CodeStatement},
		"S-10 OneTimeUse":               {func(d *desk, r *ssotest.Response) { r.Assertion.Conditions.OneTimeUse = true }, ""},
		"S-10 ProxyRestriction": {func(d *desk, r *ssotest.Response) {
			r.Assertion.Conditions.Extra = `<saml:ProxyRestriction Count="0"/>`
		}, ""},
		"S-10 an unknown condition": {func(d *desk, r *ssotest.Response) {
			r.Assertion.Conditions.Extra = `<saml:Condition xmlns:xsi="urn:xsi" xsi:type="x"/>`
		}, sso.CodeConditions},
		"S-10 a condition of others": {func(d *desk, r *ssotest.Response) { r.Assertion.Conditions.Extra = `<OneTimeUse xmlns="urn:x"/>` }, sso.CodeConditions},
		"A-051 Responder":            {func(d *desk, r *ssotest.Response) { r.Status = []string{ssotest.Responder} }, sso.CodeStatus},
		"A-051 AuthnFailed":          {func(d *desk, r *ssotest.Response) { r.Status = []string{ssotest.Responder, ssotest.AuthnFailed} }, sso.CodeStatus},
		"A-051 success and failure":  {func(d *desk, r *ssotest.Response) { r.Status = []string{ssotest.Success, ssotest.AuthnFailed} }, sso.CodeStatus},
		"A-051 no Status":            {func(d *desk, r *ssotest.Response) { r.Status = nil }, sso.CodeStatus},
		"A-052 Response 1.1":         {func(d *desk, r *ssotest.Response) { r.Version = "1.1" }, sso.CodeVersion},
		"A-052 Response without":     {func(d *desk, r *ssotest.Response) { r.Version = "" }, sso.CodeVersion},
		"A-052 assertion 1.1":        {func(d *desk, r *ssotest.Response) { r.Assertion.Version = "1.1" }, sso.CodeVersion},
		"A-066 transient":            {func(d *desk, r *ssotest.Response) { r.Assertion.NameID.Format = ssotest.FormatTransient }, sso.CodeSubject},
		"no assertion":               {func(d *desk, r *ssotest.Response) { r.Assertion = nil }, sso.CodeStructure},
		"A-009 unsigned":             {func(d *desk, r *ssotest.Response) { r.Assertion.Unsigned = true }, sso.CodeSignatureMissing},
		"A-009 unsigned where the Response would do": {func(d *desk, r *ssotest.Response) {
			r.Assertion.Unsigned, d.conn.SAML.ResponseSigned = true, true
		}, sso.CodeSignatureMissing},
		"A-053 encrypted and unsigned where the Response would do": {func(d *desk, r *ssotest.Response) {
			r.Encrypt.Content, r.Assertion.Unsigned, d.conn.SAML.ResponseSigned = ssotest.AES256GCM, true, true
		}, sso.CodeSignatureMissing},
		"A-011 the Response alone signed": {func(d *desk, r *ssotest.Response) { r.Sign, r.Assertion.Unsigned = true, true }, sso.CodeSignatureMissing},
		"A-053 encrypted and unsigned": {func(d *desk, r *ssotest.Response) {
			r.Encrypt.Content, r.Assertion.Unsigned = ssotest.AES256GCM, true
		}, sso.CodeSignatureMissing},
		"A-055 CBC": {func(d *desk, r *ssotest.Response) { r.Encrypt.Content = ssotest.AES256CBC }, sso.CodeDecryption},
		"A-055 RSA 1.5": {func(d *desk, r *ssotest.Response) {
			r.Encrypt = ssotest.Encryption{Content: ssotest.AES256GCM, Key: ssotest.PKCS1}
		}, sso.CodeDecryption},
		"A-056 3DES": {func(d *desk, r *ssotest.Response) { r.Encrypt.Content = ssotest.TripleDESCBC }, sso.CodeDecryption},
		"A-056 3DES with CBC": {func(d *desk, r *ssotest.Response) {
			r.Encrypt.Content, d.conn.SAML.AllowCBC = ssotest.TripleDESCBC, true
		}, sso.CodeDecryption},
		"S-18 for another key": {func(d *desk, r *ssotest.Response) {
			r.Encrypt.Content, r.To = ssotest.AES256GCM, another().Certificate
		}, sso.CodeDecryption},
		"S-11 the context asked for": {func(d *desk, r *ssotest.Response) { d.conn.SAML.AuthnContext = ssotest.PasswordContext }, ""},
		"S-11 another context":       {func(d *desk, r *ssotest.Response) { d.conn.SAML.AuthnContext = ssotest.MultiFactorContext }, sso.CodeContext},
		"no address": {func(d *desk, r *ssotest.Response) {
			r.Assertion.NameID.Format, r.Assertion.Attributes = ssotest.FormatPersistent, nil
		}, sso.CodeEmailMissing},
		"no address in the attribute that is named": {func(d *desk, r *ssotest.Response) { d.conn.Attributes.Email = "upn" }, sso.CodeEmailMissing},
		"two addresses": {func(d *desk, r *ssotest.Response) {
			d.conn.Attributes.Email = "email"
			r.Assertion.Attributes = append(r.Assertion.Attributes, ssotest.Attribute{Name: "email", Values: []string{"b@acme.example"}})
		}, sso.CodeEmailMissing},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ssotest.Settings{})
			r := d.honest()
			row.change(d, &r)
			_, rep, err := d.verify(d.p.Respond(r))
			if codeOf(err) != code(row.want) {
				t.Fatalf("Verify = %v, want %q; %q", err, row.want, failed(rep))
			}
			if err != nil && len(failed(rep)) == 0 {
				t.Errorf("the report says nothing of %v", err)
			}
		})
	}
}

func TestUnsolicited(t *testing.T) {
	for name, row := range map[string]struct {
		allowed    bool
		inResponse [2]string
		want       sso.Code
	}{
		"A-050 not taken":                       {want: sso.CodeUnsolicited},
		"S-14 taken":                            {allowed: true},
		"A-038 names a request":                 {true, [2]string{"_x", "_x"}, sso.CodeInResponseTo},
		"A-038 the Response names one":          {true, [2]string{"_x", ""}, sso.CodeInResponseTo},
		"A-038 the confirmation names one":      {true, [2]string{"", "_x"}, sso.CodeInResponseTo},
		"A-037 names a request and none taken ": {false, [2]string{requestID, requestID}, sso.CodeUnsolicited},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ssotest.Settings{})
			d.conn.IdPInitiated = row.allowed
			r := d.honest()
			r.InResponseTo, r.Assertion.Confirmations[0].InResponseTo = row.inResponse[0], row.inResponse[1]
			if _, rep, err := d.verifyAs(d.unasked(), posted(d.p.Respond(r))); codeOf(err) != row.want {
				t.Errorf("Verify = %v, want %q; %q", err, row.want, failed(rep))
			}
		})
	}
	t.Run("A-037 IdP-initiated does not make an asked one unasked", func(t *testing.T) {
		d := newDesk(t, ssotest.Settings{})
		d.conn.IdPInitiated = true
		r := d.honest()
		r.InResponseTo, r.Assertion.Confirmations[0].InResponseTo = "", ""
		if _, _, err := d.verify(d.p.Respond(r)); codeOf(err) != sso.CodeInResponseTo {
			t.Errorf("Verify = %v, want %q", err, sso.CodeInResponseTo)
		}
	})
}

func TestFresh(t *testing.T) {
	for name, row := range map[string]struct {
		ago  time.Duration // before the request
		want sso.Code
	}{
		"S-11 signed in anew":              {-30 * time.Second, ""},
		"S-11 just before, within skew":    {2 * time.Minute, ""},
		"S-11 long before":                 {121 * time.Second, sso.CodeNotFresh},
		"S-11 the session of this morning": {4 * time.Hour, sso.CodeNotFresh},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ssotest.Settings{})
			r := d.honest()
			req := d.request()
			req.Fresh = true
			r.Assertion.Statements[0].Instant = req.MadeAt.Add(-row.ago)
			if _, rep, err := d.verifyAs(req, posted(d.p.Respond(r))); codeOf(err) != row.want {
				t.Errorf("Verify = %v, want %q; %q", err, row.want, failed(rep))
			}
			req.Fresh = false
			if _, _, err := d.verifyAs(req, posted(d.p.Respond(r))); err != nil {
				t.Errorf("Verify without Fresh = %v, want nil", err)
			}
		})
	}
}

func TestMessage(t *testing.T) {
	d := newDesk(t, ssotest.Settings{})
	d.conn.IdPInitiated = true
	answer := d.p.Respond(d.honest())
	wrapped := ""
	for i := 0; i < len(answer); i += 76 {
		wrapped += answer[i:min(i+76, len(answer))] + "\r\n"
	}
	for name, row := range map[string]struct {
		change func(m *sso.Message)
		want   sso.Code
		handle string // of Handle, where the message can be an answer
	}{
		"as it should be":               {func(m *sso.Message) {}, "", handle},
		"wrapped":                       {func(m *sso.Message) { m.Form.Set("SAMLResponse", wrapped) }, "", handle},
		"A-073 GET":                     {func(m *sso.Message) { m.Post, m.Query, m.Form = false, m.Form, nil }, sso.CodeMessage, ""},
		"A-073 a form without POST":     {func(m *sso.Message) { m.Post = false }, sso.CodeMessage, ""},
		"A-073 nothing":                 {func(m *sso.Message) { m.Form = nil }, sso.CodeMessage, ""},
		"A-073 two":                     {func(m *sso.Message) { m.Form["SAMLResponse"] = []string{answer, answer} }, sso.CodeMessage, ""},
		"A-073 body and query":          {func(m *sso.Message) { m.Query = url.Values{"SAMLResponse": {answer}} }, sso.CodeMessage, ""},
		"A-073 RelayState in query":     {func(m *sso.Message) { m.Query = url.Values{"RelayState": {handle}} }, sso.CodeMessage, ""},
		"A-073 two of RelayState":       {func(m *sso.Message) { m.Form["RelayState"] = []string{handle, handle} }, sso.CodeMessage, ""},
		"A-073 a request too":           {func(m *sso.Message) { m.Form.Set("SAMLRequest", answer) }, sso.CodeMessage, ""},
		"A-074 an artifact":             {func(m *sso.Message) { m.Form.Set("SAMLart", "AAQAA") }, sso.CodeMessage, ""},
		"A-074 nothing but an artifact": {func(m *sso.Message) { m.Form = url.Values{"SAMLart": {"AAQAA"}} }, sso.CodeMessage, ""},
		"A-059 RelayState of 81":        {func(m *sso.Message) { m.Form.Set("RelayState", strings.Repeat("r", 81)) }, sso.CodeMessage, ""},
		"A-059 RelayState of 80":        {func(m *sso.Message) { m.Form.Set("RelayState", strings.Repeat("r", 80)) }, "", strings.Repeat("r", 80)},
		"A-059 CRLF":                    {func(m *sso.Message) { m.Form.Set("RelayState", "a\r\nb") }, "", ""},
		"A-058 beyond ASCII":            {func(m *sso.Message) { m.Form.Set("RelayState", "ü") }, "", ""},
		"no RelayState":                 {func(m *sso.Message) { m.Form.Del("RelayState") }, "", ""},
		"not base64":                    {func(m *sso.Message) { m.Form.Set("SAMLResponse", "<Response/>") }, sso.CodeMessage, handle},
		"base64 of the web":             {func(m *sso.Message) { m.Form.Set("SAMLResponse", "-_-_") }, sso.CodeMessage, handle},
		"base64 with bits left over":    {func(m *sso.Message) { m.Form.Set("SAMLResponse", "PHI+PB==") }, sso.CodeMessage, handle},
		"empty":                         {func(m *sso.Message) { m.Form.Set("SAMLResponse", "") }, sso.CodeMessage, handle},
		"A-020 a megabyte":              {func(m *sso.Message) { m.Form.Set("SAMLResponse", strings.Repeat("PGE+", 1<<18)) }, sso.CodeMalformed, handle},
		"A-020 a byte more than fits": {func(m *sso.Message) {
			m.Form.Set("SAMLResponse", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte(" "), 256<<10+1)))
		}, sso.CodeMalformed, handle},
	} {
		t.Run(name, func(t *testing.T) {
			m := posted(answer)
			row.change(&m)
			h, err := d.us.Handle(m)
			if refused := row.want == sso.CodeMessage && row.handle == "" && !strings.Contains(name, "A-059"); h != row.handle || (err != nil) != refused {
				t.Errorf("Handle = %q, %v, want %q", h, err, row.handle)
			}
			if _, rep, err := d.verifyAs(d.request(), m); codeOf(err) != row.want {
				t.Errorf("Verify = %v, want %q; %q", err, row.want, failed(rep))
			}
		})
	}
}

func TestClockIsNamed(t *testing.T) {
	for name, row := range map[string]struct {
		off  time.Duration
		life time.Duration
		want string
	}{
		"ahead":  {4 * time.Minute, 5 * time.Minute, "the provider's clock is 4m0s ahead"},
		"behind": {-5 * time.Minute, time.Minute, "the provider's clock is 4m0s behind"}, // than the request, which is a minute old
		"far":    {-time.Hour, 2 * time.Hour, "the provider's clock is 59m0s behind"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ssotest.Settings{})
			clock = d.now.Add(row.off)
			r := d.honest()
			r.Assertion.Conditions.NotOnOrAfter = clock.Add(row.life)
			answer := d.p.Respond(r)
			_, rep, err := d.verify(answer)
			var refusal *sso.Refusal
			if !errors.As(err, &refusal) || refusal.Detail != row.want {
				t.Errorf("Verify = %+v, want %q; %q", refusal, row.want, failed(rep))
			}
		})
	}
}

// TestReportGoesOn: whoever sets a connection up sees all that is wrong at once.
func TestReportGoesOn(t *testing.T) {
	d := newDesk(t, ssotest.Settings{})
	r := d.honest()
	r.Destination = "https://other.example"
	r.Assertion.Conditions.Audiences = [][]string{{"urn:other"}}
	r.Assertion.NameID.Format = ssotest.FormatTransient
	_, rep, err := d.verify(d.p.Respond(r))
	if codeOf(err) != sso.CodeDestination {
		t.Errorf("Verify = %v, want the first, %q", err, sso.CodeDestination)
	}
	var got []sso.Code
	for _, c := range rep.Checks {
		if !c.OK {
			got = append(got, c.Code)
		}
	}
	if want := []sso.Code{sso.CodeDestination, sso.CodeAudience, sso.CodeSubject}; !slices.Equal(got, want) {
		t.Errorf("the report has %q, want %q", got, want)
	}
}

func TestSubjects(t *testing.T) {
	subject := func(change func(d *desk, r *ssotest.Response)) string {
		d := newDesk(t, ssotest.Settings{})
		r := d.honest()
		r.Assertion.Attributes = append(r.Assertion.Attributes, ssotest.Attribute{Name: "oid", Values: []string{"0042"}})
		change(d, &r)
		v, rep, err := d.verify(d.p.Respond(r))
		if err != nil {
			t.Fatalf("Verify = %v; %q", err, failed(rep))
		}
		return v.Identity.Subject
	}
	seen := map[string]string{}
	for name, change := range map[string]func(d *desk, r *ssotest.Response){
		"an address":        func(d *desk, r *ssotest.Response) {},
		"A-066 persistent":  func(d *desk, r *ssotest.Response) { r.Assertion.NameID.Format = ssotest.FormatPersistent },
		"a qualifier":       func(d *desk, r *ssotest.Response) { r.Assertion.NameID.NameQualifier = "q" },
		"another qualifier": func(d *desk, r *ssotest.Response) { r.Assertion.NameID.SPNameQualifier = "q" },
		"bars":              func(d *desk, r *ssotest.Response) { r.Assertion.NameID.Value = "q|" + r.Assertion.NameID.Value },
		"an attribute":      func(d *desk, r *ssotest.Response) { d.conn.Attributes.Subject = "oid" },
		"its value as NameID": func(d *desk, r *ssotest.Response) {
			r.Assertion.NameID.Value, r.Assertion.NameID.Format = "0042", "oid"
		},
	} {
		s := subject(change)
		if was, ok := seen[s]; ok || s == "" {
			t.Errorf("%s and %s have one subject, %q", name, was, s)
		}
		seen[s] = name
	}
	transient := subject(func(d *desk, r *ssotest.Response) {
		d.conn.Attributes.Subject, r.Assertion.NameID.Format = "oid", ssotest.FormatTransient
	})
	if seen[transient] != "an attribute" {
		t.Errorf("the subject of an attribute depends on the NameID: %q", transient)
	}
}

func TestMultiFactor(t *testing.T) {
	const entra = "http://schemas.microsoft.com/claims/authnmethodsreferences"
	for name, row := range map[string]struct {
		change   func(r *ssotest.Response)
		believed []string
		want     bool
	}{
		"a password":                {func(r *ssotest.Response) {}, nil, false},
		"the profile of REFEDS":     {func(r *ssotest.Response) { r.Assertion.Statements[0].Context = ssotest.MultiFactorContext }, nil, true},
		"one of their own":          {func(r *ssotest.Response) { r.Assertion.Statements[0].Context = "urn:acme:token" }, []string{"urn:acme:token"}, true},
		"the usual one, not wanted": {func(r *ssotest.Response) { r.Assertion.Statements[0].Context = ssotest.MultiFactorContext }, []string{"urn:acme:token"}, false},
		"A-067 Entra": {func(r *ssotest.Response) {
			r.Assertion.Attributes = append(r.Assertion.Attributes, ssotest.Attribute{Name: entra,
				Values: []string{"http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password", "http://schemas.microsoft.com/claims/multipleauthn"}})
		}, nil, true},
		"another attribute": {func(r *ssotest.Response) {
			r.Assertion.Attributes = append(r.Assertion.Attributes, ssotest.Attribute{Name: "amr", Values: []string{"mfa"}})
		}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ssotest.Settings{})
			d.conn.MultiFactor = row.believed
			r := d.honest()
			row.change(&r)
			v, _, err := d.verify(d.p.Respond(r))
			if err != nil || v.Identity.MultiFactor != row.want {
				t.Errorf("MultiFactor = %v of %q, want %v; %v", v.Identity.MultiFactor, v.Identity.Contexts, row.want, err)
			}
		})
	}
}

func TestManyGroups(t *testing.T) {
	who := ann()
	for i := range 1100 {
		who.Groups = append(who.Groups, fmt.Sprintf("group-%04d", i))
	}
	for _, set := range []ssotest.Settings{
		{}, {SignResponse: true}, {Encryption: ssotest.Encryption{Content: ssotest.AES256GCM, OuterPrefix: true}}, {Attributes: ssotest.EntraAttributes},
	} {
		d := newDesk(t, set)
		v, rep, err := d.verify(d.p.Respond(d.p.Honest(d.sp, requestID, who)))
		if err != nil || len(v.Identity.Groups) != 1102 {
			t.Errorf("Verify = %d groups, %v, want 1102; %q", len(v.Identity.Groups), err, failed(rep))
		}
	}
}

func encode(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

// TestStructure changes what nobody has signed, around an assertion that somebody has.
func TestStructure(t *testing.T) {
	in := func(old, new string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				t.Fatalf("no %s in %s", old, s)
			}
			return strings.Replace(s, old, new, 1)
		}
	}
	status := `<samlp:Status><samlp:StatusCode Value="` + ssotest.Success + `"/></samlp:Status>`
	end := "</samlp:Response>"
	for name, row := range map[string]struct {
		change func(string) string
		want   sso.Code
	}{
		"as it should be":               {func(s string) string { return s }, ""},
		"indented":                      {in(status, "\n  "+status+"\n  "), ""},
		"S-02 Extensions":               {in(status, `<samlp:Extensions><x xmlns="urn:x"/></samlp:Extensions>`+status), ""},
		"S-02 text":                     {in(status, "x"+status), sso.CodeStructure},
		"S-02 two of Status":            {in(status, status+status), sso.CodeStatus},
		"S-02 Extensions behind Status": {in(status, status+`<samlp:Extensions/>`), sso.CodeStructure},
		"S-02 something else":           {in(status, `<samlp:Artifact/>`+status), sso.CodeStructure},
		"S-02 something at the end":     {in(end, `<samlp:Extensions/>`+end), sso.CodeStructure},
		"S-02 two of Issuer":            {in(status, `<saml:Issuer xmlns:saml="`+assertionNS+`">https://idp.acme.example/saml/metadata</saml:Issuer>`+status), sso.CodeStructure},
		"A-014 one more, encrypted":     {in(end, `<e:EncryptedAssertion xmlns:e="`+assertionNS+`"/>`+end), sso.CodeStructure},
		"A-007 one in Extensions":       {in(status, `<samlp:Extensions><Assertion xmlns="urn:x"/></samlp:Extensions>`+status), sso.CodeStructure},
		"A-007 a Response in it":        {in(status, `<samlp:Extensions><samlp:Response/></samlp:Extensions>`+status), sso.CodeStructure},
		"A-006 a Signature in it":       {in(status, `<samlp:Extensions><Signature xmlns="urn:x"/></samlp:Extensions>`+status), sso.CodeStructure},
		"A-010 SignedInfo in it":        {in(status, `<samlp:Extensions><SignedInfo xmlns="urn:x"/></samlp:Extensions>`+status), sso.CodeStructure},
		"A-008 an Object in it":         {in(status, `<samlp:Extensions><Object xmlns="urn:x"/></samlp:Extensions>`+status), sso.CodeStructure},
		"A-010 an empty Signature":      {in(status, `<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>`+status), sso.CodeSignatureMalformed},
		"S-02 of another namespace":     {func(s string) string { return strings.ReplaceAll(s, "SAML:2.0:protocol", "SAML:1.1:protocol") }, sso.CodeStructure},
		"S-02 another message": {func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(s, "<samlp:Response ", "<samlp:LogoutResponse "), end, "</samlp:LogoutResponse>")
		}, sso.CodeStructure},
		"A-049 a fresh envelope": {in(` ID="`, ` ID="_fresh`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ssotest.Settings{})
			r := d.honest()
			v, rep, err := d.verify(encode([]byte(row.change(string(d.p.RespondXML(r))))))
			if codeOf(err) != row.want {
				t.Fatalf("Verify = %v, want %q; %q", err, row.want, failed(rep))
			}
			if err == nil && !strings.HasPrefix(v.Once, r.Assertion.ID+" ") {
				t.Errorf("Once = %q, want the ID of the assertion", v.Once)
			}
		})
	}
}

func TestEmailIsFound(t *testing.T) {
	at := func(name string, values ...string) ssotest.Attribute {
		return ssotest.Attribute{Name: name, Values: values}
	}
	for name, row := range map[string]struct {
		format, mapped string
		attributes     []ssotest.Attribute
		want           string
	}{
		"in NameID":                       {ssotest.FormatEmail, "", nil, "ann@acme.example"},
		"in NameID first":                 {ssotest.FormatEmail, "", []ssotest.Attribute{at("email", "b@acme.example")}, "ann@acme.example"},
		"S-21 where the connection says":  {ssotest.FormatEmail, "mail2", []ssotest.Attribute{at("mail2", "b@acme.example")}, "b@acme.example"},
		"S-21 and nowhere else":           {ssotest.FormatEmail, "mail2", []ssotest.Attribute{at("email", "b@acme.example")}, ""},
		"S-21 spelled so":                 {ssotest.FormatEmail, "mail2", []ssotest.Attribute{at("Mail2", "b@acme.example")}, ""},
		"not in a NameID of another kind": {ssotest.FormatPersistent, "", nil, ""},
		"Okta":                            {ssotest.FormatUnspecified, "", []ssotest.Attribute{at("email", "b@acme.example")}, "b@acme.example"},
		"OneLogin":                        {ssotest.FormatPersistent, "", []ssotest.Attribute{at("User.email", "b@acme.example")}, "b@acme.example"},
		"Entra and AD FS":                 {ssotest.FormatPersistent, "", []ssotest.Attribute{at("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "b@acme.example")}, "b@acme.example"},
		"LDAP":                            {ssotest.FormatPersistent, "", []ssotest.Attribute{at("urn:oid:0.9.2342.19200300.100.1.3", " b@acme.example\n")}, "b@acme.example"},
		"one address twice":               {ssotest.FormatPersistent, "", []ssotest.Attribute{at("email", "b@acme.example", "b@acme.example")}, "b@acme.example"},
		"two addresses":                   {ssotest.FormatPersistent, "", []ssotest.Attribute{at("email", "b@acme.example", "c@acme.example")}, ""},
		"an empty one":                    {ssotest.FormatPersistent, "", []ssotest.Attribute{at("email", "")}, ""},
		"an empty one before another":     {ssotest.FormatPersistent, "", []ssotest.Attribute{at("email", " "), at("mail", "b@acme.example")}, "b@acme.example"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ssotest.Settings{})
			d.conn.Attributes.Email = row.mapped
			r := d.honest()
			r.Assertion.NameID.Format, r.Assertion.Attributes = row.format, row.attributes
			v, rep, err := d.verify(d.p.Respond(r))
			if v.Identity.Email != row.want || row.want == "" && codeOf(err) != sso.CodeEmailMissing {
				t.Errorf("Verify = %q, %v, want %q; %q", v.Identity.Email, err, row.want, failed(rep))
			}
		})
	}
}

// TestNothingIsSaid: a refusal comes with nobody.
func TestNothingIsSaid(t *testing.T) {
	d := newDesk(t, ssotest.Settings{})
	r := d.honest()
	r.Destination = "https://other.example"
	if v, _, err := d.verify(d.p.Respond(r)); err == nil || v.Once != "" || v.Identity.Subject != "" || v.Identity.Email != "" {
		t.Errorf("Verify = %+v, %v, want nobody", v, err)
	}
}

// broken is a key in a device that has gone mad.
type broken struct{ crypto.Signer }

func (broken) Decrypt(io.Reader, []byte, crypto.DecrypterOpts) ([]byte, error) { panic("mad") }

func TestPanicIsRefusal(t *testing.T) {
	d := newDesk(t, ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES256GCM}})
	d.us = newProtocol(t, saml.KeyPair{Key: broken{ours().Key}, Certificate: ours().Certificate})
	v, rep, err := d.verify(d.p.Respond(d.honest()))
	if codeOf(err) != sso.CodeMalformed || v.Once != "" || len(failed(rep)) != 1 {
		t.Errorf("Verify = %+v, %v, want %q; %q", v, err, sso.CodeMalformed, failed(rep))
	}
}

// TestOurOwnMistakes: what is wrong with us is no refusal.
func TestOurOwnMistakes(t *testing.T) {
	for name, change := range map[string]func(r *sso.Request){
		"no memory":            func(r *sso.Request) { r.Memory = nil },
		"a memory without ID":  func(r *sso.Request) { r.Memory = []byte("{}") },
		"no address":           func(r *sso.Request) { r.Addresses.ACS = "" },
		"no name":              func(r *sso.Request) { r.Addresses.EntityID = "" },
		"no provider":          func(r *sso.Request) { r.Connection.SAML.EntityID = "" },
		"a broken certificate": func(r *sso.Request) { r.Connection.SAML.Certificates = []sso.Certificate{{DER: []byte("x")}} },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ssotest.Settings{})
			r := d.request()
			change(&r)
			var refusal *sso.Refusal
			if _, _, err := d.verifyAs(r, posted(d.p.Respond(d.honest()))); err == nil || errors.As(err, &refusal) {
				t.Errorf("Verify = %v, want an error that is no refusal", err)
			}
		})
	}
}

func TestManyAtOnce(t *testing.T) {
	d := newDesk(t, ssotest.Settings{SignResponse: true, Encryption: ssotest.Encryption{Content: ssotest.AES256GCM}})
	answer := d.p.Respond(d.honest())
	var wait sync.WaitGroup
	for range 64 {
		wait.Go(func() {
			if v, rep, err := d.verify(answer); err != nil || !isAnn(v.Identity) {
				t.Errorf("Verify = %v; %q", err, failed(rep))
			}
		})
	}
	wait.Wait()
}
