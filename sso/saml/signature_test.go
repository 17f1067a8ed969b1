package saml_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
)

const (
	assertionNS = "urn:oasis:names:tc:SAML:2.0:assertion"
	plainText   = `<saml:Assertion xmlns:saml="` + assertionNS + `" ID="_a"><saml:Issuer>idp</saml:Issuer><saml:Subject>ann</saml:Subject></saml:Assertion>`
)

// envelope is an assertion signed by a key of ours, as a provider would.
func enveloped(t *testing.T, k saml.KeyPair) string {
	t.Helper()
	doc, err := k.Envelop([]byte(plainText), strings.Index(plainText, "<saml:Subject>"), "_a")
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// signedBy signs an assertion in canonical form, with a list of prefixes that count though nothing uses them.
func signedBy(t testing.TB, k saml.KeyPair, canonical, prefixes string) string {
	t.Helper()
	const exclusive = `Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"`
	list, method := "", "rsa"
	if _, ok := k.Key.(*ecdsa.PrivateKey); ok {
		method = "ecdsa"
	}
	if prefixes != "" {
		list = `<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="` + prefixes + `"></ec:InclusiveNamespaces>`
	}
	digest := sha256.Sum256([]byte(canonical))
	info := `<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:CanonicalizationMethod ` + exclusive + `></ds:CanonicalizationMethod>` +
		`<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#` + method + `-sha256"></ds:SignatureMethod><ds:Reference URI="#_a"><ds:Transforms>` +
		`<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform><ds:Transform ` + exclusive + `>` + list +
		`</ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>` +
		encode(digest[:]) + `</ds:DigestValue></ds:Reference></ds:SignedInfo>`
	sum := sha256.Sum256([]byte(info))
	value, err := k.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if method == "ecdsa" { // ASN.1 to the two numbers alone
		var pair struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(value, &pair); err != nil {
			t.Fatal(err)
		}
		value = append(pair.R.FillBytes(make([]byte, 32)), pair.S.FillBytes(make([]byte, 32))...)
	}
	sig := `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` + info + `<ds:SignatureValue>` + encode(value) + `</ds:SignatureValue></ds:Signature>`
	return strings.Replace(canonical, "</saml:Issuer>", "</saml:Issuer>"+sig, 1)
}

func verifyText(t *testing.T, text string, k saml.KeyPair) (string, error) {
	t.Helper()
	root, err := saml.ParseAnswer([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	el := root
	if root.Tag == "Response" {
		el = root.SelectElement("Assertion")
	}
	before := written(root)
	signed, err := saml.VerifySigned(el, k.Certificate)
	if written(root) != before {
		t.Errorf("the document was changed to\n%s", written(root))
	}
	if err != nil {
		return "", err
	}
	return written(signed), nil
}

func TestVerifySigned(t *testing.T) {
	for name, k := range map[string]saml.KeyPair{"RSA": ours(), "ECDSA": curved()} {
		t.Run(name, func(t *testing.T) {
			if got, err := verifyText(t, enveloped(t, k), k); got != plainText {
				t.Errorf("verifySigned = %s, %v, want what was signed and nothing else", got, err)
			}
			if _, err := verifyText(t, strings.Replace(enveloped(t, k), ">ann<", ">bob<", 1), k); codeOf(err) != sso.CodeSignatureInvalid {
				t.Errorf("verifySigned of something else = %v, want %q", err, sso.CodeSignatureInvalid)
			}
			whole := enveloped(t, k)
			value := between(whole, "<ds:SignatureValue>", "</ds:SignatureValue>")
			if _, err := verifyText(t, strings.Replace(whole, value, value[:8], 1), k); codeOf(err) != sso.CodeSignatureKey {
				t.Errorf("verifySigned of a short value = %v, want %q", err, sso.CodeSignatureKey)
			}
			if _, err := verifyText(t, enveloped(t, k), theirs()); codeOf(err) != sso.CodeSignatureKey {
				t.Errorf("verifySigned with another key = %v, want %q", err, sso.CodeSignatureKey)
			}
		})
	}
}

func TestSignatureShape(t *testing.T) {
	whole := enveloped(t, ours())
	value := between(whole, "<ds:SignatureValue>", "</ds:SignatureValue>")
	digest := between(whole, "<ds:DigestValue>", "</ds:DigestValue>")
	signature := whole[strings.Index(whole, "<ds:Signature "):strings.Index(whole, "<saml:Subject>")]
	info := whole[strings.Index(whole, "<ds:KeyInfo>"):strings.Index(whole, "</ds:Signature>")]
	in := func(old, new string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				t.Fatalf("no %s in %s", old, s)
			}
			return strings.Replace(s, old, new, 1)
		}
	}
	for name, row := range map[string]struct {
		change func(string) string
		want   sso.Code
	}{
		"A-009 none":  {in(signature, ""), sso.CodeSignatureMissing},
		"A-010 twice": {in("<saml:Subject>", signature+"<saml:Subject>"), sso.CodeSignatureMalformed},
		"S-02 at the end": {func(s string) string {
			return in("</saml:Assertion>", signature+"</saml:Assertion>")(in(signature, "")(s))
		}, sso.CodeSignatureMalformed},
		"S-02 behind the Subject":        {func(s string) string { return in("</saml:Subject>", "</saml:Subject>"+signature)(in(signature, "")(s)) }, sso.CodeSignatureMalformed},
		"S-02 before the Issuer":         {func(s string) string { return in("<saml:Issuer>", signature+"<saml:Issuer>")(in(signature, "")(s)) }, ""},
		"A-006 one in the Issuer":        {in("<saml:Issuer>idp", "<saml:Issuer>"+strings.Replace(signature, "rsa-sha256", "rsa-sha1", 1)+"idp"), sso.CodeSignatureMalformed},
		"S-02 behind two of Issuer":      {in("<saml:Issuer>", "<saml:Issuer/><saml:Issuer>"), sso.CodeSignatureMalformed},
		"A-008 an object":                {in("</ds:Signature>", "<ds:Object/></ds:Signature>"), sso.CodeSignatureMalformed},
		"A-010 text within":              {in("<ds:SignedInfo>", "x<ds:SignedInfo>"), sso.CodeSignatureMalformed},
		"A-010 another attribute":        {in("<ds:SignedInfo>", `<ds:SignedInfo x="y">`), sso.CodeSignatureMalformed},
		"A-010 value before info":        {in("<ds:SignedInfo>", "<ds:SignatureValue/><ds:SignedInfo>"), sso.CodeSignatureMalformed},
		"A-027 length of an HMAC":        {in(`rsa-sha256"></ds:SignatureMethod>`, `rsa-sha256"><ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>`), sso.CodeAlgorithm},
		"A-023 inclusive SignedInfo":     {in(`<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"`, `<ds:CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"`), sso.CodeAlgorithm},
		"A-023 exclusive first":          {swap("http://www.w3.org/2000/09/xmldsig#enveloped-signature", `"http://www.w3.org/2001/10/xml-exc-c14n#"></ds:Transform></ds:Transforms>`), sso.CodeAlgorithm},
		"A-023 exclusive twice":          {in("http://www.w3.org/2000/09/xmldsig#enveloped-signature", "http://www.w3.org/2001/10/xml-exc-c14n#"), sso.CodeAlgorithm},
		"A-026 SHA-1 digest":             {in("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1"), sso.CodeAlgorithm},
		"A-023 enveloped alone":          {in(`<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:Transform>`, ""), sso.CodeSignatureMalformed},
		"A-023 something in a transform": {in(`enveloped-signature"></ds:Transform>`, `enveloped-signature"><ds:XPath/></ds:Transform>`), sso.CodeAlgorithm},
		"A-023 two lists of prefixes":    {in(`xml-exc-c14n#"></ds:Transform>`, `xml-exc-c14n#">`+strings.Repeat(`<i:InclusiveNamespaces xmlns:i="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="a"/>`, 2)+`</ds:Transform>`), sso.CodeAlgorithm},
		"A-023 a list of others":         {in(`xml-exc-c14n#"></ds:Transform>`, `xml-exc-c14n#"><i:InclusiveNamespaces xmlns:i="urn:x" PrefixList="a"/></ds:Transform>`), sso.CodeAlgorithm},
		"A-024 digest in two lines":      {in(digest, digest[:20]+"\n"+digest[20:]), sso.CodeSignatureMalformed},
		"A-024 digest with spaces":       {in(digest, " "+digest), sso.CodeSignatureMalformed},
		"A-024 digest with an element":   {in(digest, digest+"<x/>"), sso.CodeSignatureMalformed},
		"A-024 digest too short":         {in(digest, "AAAA"), sso.CodeSignatureMalformed},
		"A-024 another digest":           {in(digest, base64.StdEncoding.EncodeToString(make([]byte, 32))), sso.CodeSignatureKey},
		"A-010 another value":            {in(value, "AAAA"+value[4:]), sso.CodeSignatureKey},
		"A-010 a value of nothing":       {in(value, ""), sso.CodeSignatureMalformed},
		"A-010 a value with an element":  {in(value, value+"<x/>"), sso.CodeSignatureMalformed},
		"wrapped as providers do":        {in(value, "\n    "+value[:76]+"&#13;\n    "+value[76:]+"\t"), ""},
		"A-028 no KeyInfo":               {in(info, ""), ""},
		"A-029 another KeyInfo":          {in(info, `<ds:KeyInfo><ds:RetrievalMethod URI="http://127.0.0.1:1/key"/><x xmlns="urn:x"/></ds:KeyInfo>`), ""},
		"A-029 two KeyInfo":              {in(info, info+info), sso.CodeSignatureMalformed},
		"A-012 of something else":        {in(`URI="#_a"`, `URI="#_b"`), sso.CodeSignatureMalformed},
		"A-012 by name of the other ID":  {in(`ID="_a"`, `ID="_b"`), sso.CodeSignatureMalformed},
		"A-012 no ID":                    {in(` ID="_a"`, ""), sso.CodeSignatureMalformed},
		"A-013 Id in its place":          {in(` ID="_a"`, ` Id="_a"`), sso.CodeSignatureMalformed},
		"A-012 an ID that is none":       {func(s string) string { return strings.ReplaceAll(s, "_a", "a b") }, sso.CodeSignatureMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := verifyText(t, row.change(whole), ours()); codeOf(err) != row.want {
				t.Errorf("verifySigned = %v, want %q", err, row.want)
			}
		})
	}
}

// swap moves the exclusive transform before the enveloped one, by changing their names.
func swap(a, b string) func(string) string {
	return func(s string) string {
		s = strings.Replace(s, a, "FIRST", 1)
		s = strings.Replace(s, b, `"`+a+`"></ds:Transform></ds:Transforms>`, 1)
		return strings.Replace(s, "FIRST", "http://www.w3.org/2001/10/xml-exc-c14n#", 1)
	}
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

// TestNamespaces: a signature counts wherever its element stands, as exclusive canonicalization has it.
func TestNamespaces(t *testing.T) {
	const xs = ` xmlns:xs="urn:xs"`
	own := strings.Replace(plainText, ` ID=`, xs+` ID=`, 1)
	wrap := func(declared, inner string) string {
		return `<samlp:Response xmlns:samlp="urn:p"` + declared + `>` + inner + `</samlp:Response>`
	}
	plain, listed := signedBy(t, ours(), plainText, ""), signedBy(t, ours(), own, "xs")
	for name, row := range map[string]struct {
		text string
		want sso.Code
	}{
		"alone":                                   {plain, ""},
		"in a Response":                           {wrap("", plain), ""},
		"in a Response that declares more":        {wrap(xs+` xmlns="urn:d"`, plain), ""},
		"the prefix declared outside":             {wrap(` xmlns:saml="`+assertionNS+`"`, strings.Replace(plain, ` xmlns:saml="`+assertionNS+`"`, "", 1)), ""},
		"a listed prefix":                         {listed, ""},
		"a listed prefix, declared outside":       {wrap(xs, strings.Replace(listed, xs, "", 1)), ""},
		"A-022 a listed prefix means another":     {wrap(` xmlns:xs="urn:other"`, strings.Replace(listed, xs, "", 1)), sso.CodeSignatureInvalid},
		"A-022 a listed prefix is gone":           {strings.Replace(listed, xs, "", 1), sso.CodeSignatureInvalid},
		"A-022 the prefix means another":          {strings.Replace(plain, assertionNS, "urn:other", 1), sso.CodeSignatureMalformed},
		"A-022 a prefix means another further in": {strings.Replace(plain, "<saml:Subject>", `<saml:Subject xmlns:saml="urn:other">`, 1), sso.CodeSignatureInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := verifyText(t, row.text, ours()); codeOf(err) != row.want {
				t.Errorf("verifySigned = %v, want %q", err, row.want)
			}
		})
	}
}
