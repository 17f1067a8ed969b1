package saml_test

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

// TestUniformRefusal changes a ciphertext everywhere: whatever becomes of it, nothing tells one failure from another.
func TestUniformRefusal(t *testing.T) {
	for name, content := range map[string]string{"A-055 GCM": ssotest.AES256GCM, "A-055 CBC": ssotest.AES256CBC} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ssotest.Settings{Encryption: ssotest.Encryption{Content: content}})
			d.conn.SAML.AllowCBC = true
			text := string(d.p.RespondXML(d.honest()))
			if _, _, err := d.verify(encode([]byte(text))); err != nil {
				t.Fatalf("Verify = %v, want nil", err)
			}
			before := 0                                                                                                          // what the report says of a ciphertext that cannot be read at all
			for _, at := range []int{strings.Index(text, "<xenc:CipherValue>"), strings.LastIndex(text, "<xenc:CipherValue>")} { // of the key, of the content
				at += len("<xenc:CipherValue>")
				length := strings.Index(text[at:], "<")
				for i := 0; i < length-4; i += max(1, length/97) {
					changed := []byte(text)
					changed[at+i] = "AB"[b2i(changed[at+i] == 'A')]
					_, rep, err := d.verify(encode(changed))
					before = cmp.Or(before, len(rep.Checks))
					var refusal *sso.Refusal
					if !errors.As(err, &refusal) || *refusal != (sso.Refusal{Code: sso.CodeDecryption}) {
						t.Fatalf("Verify of a change at %d of %d = %+v; %q, want nothing but %q", i, length, refusal, failed(rep), sso.CodeDecryption)
					}
					if got := rep.Checks[len(rep.Checks)-1]; !reflect.DeepEqual(got, sso.Check{Code: sso.CodeDecryption}) || len(rep.Checks) != before {
						t.Fatalf("the report of a change at %d of %d ends with %+v", i, length, got)
					}
				}
			}
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestDecryptionRefused(t *testing.T) {
	d := newDesk(t, ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES128GCM}})
	text := string(d.p.RespondXML(d.honest()))
	in := func(old, new string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				t.Fatalf("no %s in %s", old, s)
			}
			return strings.ReplaceAll(s, old, new)
		}
	}
	key := text[strings.Index(text, "<xenc:EncryptedKey "):]
	key = key[:strings.Index(key, "</xenc:EncryptedKey>")+len("</xenc:EncryptedKey>")]
	for name, row := range map[string]struct {
		change func(string) string
		keys   []saml.KeyPair
		want   sso.Code
	}{
		"as it should be":           {func(s string) string { return s }, []saml.KeyPair{ours()}, ""},
		"by the second key":         {func(s string) string { return s }, []saml.KeyPair{curved(), theirs(), ours()}, ""},
		"no key":                    {func(s string) string { return s }, nil, sso.CodeDecryption},
		"a key that cannot decrypt": {func(s string) string { return s }, []saml.KeyPair{curved()}, sso.CodeDecryption},
		"another key":               {func(s string) string { return s }, []saml.KeyPair{theirs()}, sso.CodeDecryption},
		"no EncryptedKey":           {in(key, ""), []saml.KeyPair{ours()}, sso.CodeDecryption},
		"two EncryptedKey":          {in(key, key+key), []saml.KeyPair{ours()}, ""},
		"three EncryptedKey":        {in(key, key+key+key), []saml.KeyPair{ours()}, sso.CodeDecryption},
		"the key of another length": {in("aes128-gcm", "aes256-gcm"), []saml.KeyPair{ours()}, sso.CodeDecryption},
		"192 bits":                  {in("aes128-gcm", "aes192-gcm"), []saml.KeyPair{ours()}, sso.CodeDecryption},
		"no method":                 {in(` Algorithm="http://www.w3.org/2009/xmlenc11#aes128-gcm"`, ""), []saml.KeyPair{ours()}, sso.CodeDecryption},
		"the content of an element": {in("xmlenc#Element", "xmlenc#Content"), []saml.KeyPair{ours()}, sso.CodeDecryption},
		"OAEP with parameters":      {in("</xenc:EncryptionMethod><xenc:CipherData>", "<xenc:OAEPparams>AAAA</xenc:OAEPparams></xenc:EncryptionMethod><xenc:CipherData>"), []saml.KeyPair{ours()}, sso.CodeDecryption},
		"OAEP with MD5":             {in("xmldsig#sha1", "xmldsig-more#md5"), []saml.KeyPair{ours()}, sso.CodeDecryption},
		"A-056 an empty CipherValue": {func(s string) string {
			return s[:strings.Index(s, "<xenc:CipherValue>")] + "<xenc:CipherValue/>" + s[strings.Index(s, "</xenc:CipherValue>")+len("</xenc:CipherValue>"):]
		}, []saml.KeyPair{ours()}, sso.CodeDecryption},
		"a CipherReference": {in("<xenc:CipherValue>", `<xenc:CipherReference URI="http://127.0.0.1:1/"/><xenc:CipherValue>`), []saml.KeyPair{ours()}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d.us = newProtocol(t, row.keys...)
			if _, rep, err := d.verify(encode([]byte(row.change(text)))); codeOf(err) != row.want {
				t.Errorf("Verify = %v, want %q; %q", err, row.want, failed(rep))
			}
		})
	}
}

// sealedFor is an answer whose assertion is a ciphertext of the caller's, for the key of New's.
func sealedFor(d *desk, method string, wrapped, sealed []byte) string {
	const enc = "http://www.w3.org/2001/04/xmlenc#"
	return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="` + assertionNS + `" ID="_r" Version="2.0">` +
		`<samlp:Status><samlp:StatusCode Value="` + ssotest.Success + `"/></samlp:Status>` +
		`<saml:EncryptedAssertion><x:EncryptedData xmlns:x="` + enc + `"><x:EncryptionMethod Algorithm="` + method + `"/>` +
		`<k:KeyInfo xmlns:k="http://www.w3.org/2000/09/xmldsig#"><x:EncryptedKey><x:EncryptionMethod Algorithm="` + ssotest.OAEP + `"/>` +
		`<x:CipherData><x:CipherValue>` + encode(wrapped) + `</x:CipherValue></x:CipherData></x:EncryptedKey></k:KeyInfo>` +
		`<x:CipherData><x:CipherValue>` + encode(sealed) + `</x:CipherValue></x:CipherData></x:EncryptedData></saml:EncryptedAssertion></samlp:Response>`
}

// TestBrokenCiphertext: what cannot be a ciphertext is refused as any other, and not by a panic that was caught.
func TestBrokenCiphertext(t *testing.T) {
	secret := make([]byte, 16)
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	padded := func(last byte) []byte {
		plain, sealed := make([]byte, 32), make([]byte, 32)
		plain[31] = last
		cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(sealed, plain)
		return append(make([]byte, 16), sealed...)
	}
	wrapped := wrapKey(t, secret)
	for name, row := range map[string]struct {
		method          string
		wrapped, sealed []byte
	}{
		"A-056 shorter than a nonce":    {ssotest.AES128GCM, wrapped, make([]byte, 5)},
		"A-056 a nonce alone":           {ssotest.AES128GCM, wrapped, make([]byte, 12)},
		"A-056 half a block":            {ssotest.AES128CBC, wrapped, make([]byte, 40)},
		"A-056 an IV alone":             {ssotest.AES128CBC, wrapped, make([]byte, 16)},
		"A-056 padding of nothing":      {ssotest.AES128CBC, wrapped, padded(0)},
		"A-056 padding beyond a block":  {ssotest.AES128CBC, wrapped, padded(17)},
		"A-056 padding beyond the text": {ssotest.AES128CBC, wrapped, padded(200)},
		"A-055 a key that is none":      {ssotest.AES128GCM, make([]byte, 256), gcm.Seal(make([]byte, 12), make([]byte, 12), []byte(plainText), nil)}, // sealed with what stands in for it
		"A-055 a key of another length": {ssotest.AES128GCM, wrapKey(t, make([]byte, 32)), gcm.Seal(make([]byte, 12), make([]byte, 12), []byte(plainText), nil)},
		"A-056 a wrapped key of a byte": {ssotest.AES128GCM, []byte{1}, make([]byte, 60)},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ssotest.Settings{})
			d.conn.SAML.AllowCBC = true
			_, rep, err := d.verify(encode([]byte(sealedFor(d, row.method, row.wrapped, row.sealed))))
			var refusal *sso.Refusal
			if !errors.As(err, &refusal) || *refusal != (sso.Refusal{Code: sso.CodeDecryption}) {
				t.Errorf("Verify = %+v, want nothing but %q; %q", refusal, sso.CodeDecryption, failed(rep))
			}
		})
	}
}

func methods() []string {
	return []string{ssotest.AES128GCM, ssotest.AES128CBC, ssotest.AES256GCM, ssotest.TripleDESCBC}
}

// wrapKey encrypts the key that FuzzDecrypt uses, to ours.
func wrapKey(t testing.TB, secret []byte) []byte {
	t.Helper()
	wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, ours().Certificate.PublicKey.(*rsa.PublicKey), secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

// FuzzDecrypt has anybody encrypt anything to our key, and send anything in place of a ciphertext. Nothing of it is signed, so
// nothing of it is ever accepted.
func FuzzDecrypt(f *testing.F) {
	f.Add([]byte(plainText), []byte("short"), uint8(0))
	f.Add([]byte("<saml:Assertion/>"), make([]byte, 48), uint8(1))
	f.Add([]byte(`<!DOCTYPE a><saml:Assertion ID="_a"/>`), []byte{}, uint8(1))
	f.Add([]byte(`<saml:Assertion ID="_a"><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></saml:Assertion>`), make([]byte, 28), uint8(2))
	d := newDesk(f, ssotest.Settings{})
	d.conn.SAML.AllowCBC = true
	secret := make([]byte, 16)
	block, err := aes.NewCipher(secret)
	if err != nil {
		f.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		f.Fatal(err)
	}
	wrapped := wrapKey(f, secret)
	f.Fuzz(func(t *testing.T, plain, sealed []byte, method uint8) {
		nonce := make([]byte, gcm.NonceSize())
		for _, text := range []string{
			sealedFor(d, ssotest.AES128GCM, wrapped, gcm.Seal(nonce, nonce, plain, nil)),
			sealedFor(d, methods()[int(method)%len(methods())], wrapped, sealed),
		} {
			if _, rep, err := d.verify(encode([]byte(text))); err == nil || strings.HasPrefix(string(codeOf(err)), "error") {
				t.Errorf("Verify = %v, want a refusal; %q", err, failed(rep))
			}
		}
	})
}

// TestEncryptedByAnybody: what can be read is still not signed. With CBC not even that is said.
func TestEncryptedByAnybody(t *testing.T) {
	secret, iv := make([]byte, 16), make([]byte, 16)
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	withCBC := func(plain string) []byte {
		pad := 16 - len(plain)%16
		padded := []byte(plain + strings.Repeat(string(rune(pad)), pad))
		sealed := make([]byte, len(padded))
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(sealed, padded)
		return append(iv, sealed...)
	}
	withGCM := func(plain string) []byte { return gcm.Seal(make([]byte, 12), make([]byte, 12), []byte(plain), nil) }
	for name, row := range map[string]struct {
		plain    string
		gcm, cbc sso.Code
	}{
		"A-053 unsigned":             {plainText, sso.CodeSignatureMissing, sso.CodeDecryption},
		"A-053 signed by another":    {enveloped(t, another()), sso.CodeSignatureKey, sso.CodeDecryption},
		"A-057 a Response":           {`<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol"/>`, sso.CodeDecryption, sso.CodeDecryption},
		"A-057 one in another":       {strings.Replace(plainText, "ann", plainText, 1), sso.CodeDecryption, sso.CodeDecryption},
		"A-057 two":                  {plainText + plainText, sso.CodeDecryption, sso.CodeDecryption},
		"A-057 of another namespace": {strings.ReplaceAll(plainText, assertionNS, "urn:x"), sso.CodeDecryption, sso.CodeDecryption},
		"A-057 a document type":      {"<!DOCTYPE a>" + plainText, sso.CodeDecryption, sso.CodeDecryption},
		"A-057 nothing":              {"", sso.CodeDecryption, sso.CodeDecryption},
		"A-057 an Object with it":    {strings.Replace(plainText, "ann", "<Object/>", 1), sso.CodeDecryption, sso.CodeDecryption},
		"A-057 deep":                 {strings.Replace(plainText, "ann", strings.Repeat("<a>", 30)+strings.Repeat("</a>", 30), 1), sso.CodeDecryption, sso.CodeDecryption},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ssotest.Settings{})
			d.conn.SAML.AllowCBC = true
			wrapped := wrapKey(t, secret)
			if _, rep, err := d.verify(encode([]byte(sealedFor(d, ssotest.AES128GCM, wrapped, withGCM(row.plain))))); codeOf(err) != row.gcm {
				t.Errorf("Verify of GCM = %v, want %q; %q", err, row.gcm, failed(rep))
			}
			if _, rep, err := d.verify(encode([]byte(sealedFor(d, ssotest.AES128CBC, wrapped, withCBC(row.plain))))); codeOf(err) != row.cbc {
				t.Errorf("Verify of CBC = %v, want %q; %q", err, row.cbc, failed(rep))
			}
		})
	}
}
