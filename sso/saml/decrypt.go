package saml

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha512" // for OAEP
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"

	"github.com/sallyport-auth/sallyport/sso"
)

const (
	nsEnc   = "http://www.w3.org/2001/04/xmlenc#"
	nsEnc11 = "http://www.w3.org/2009/xmlenc11#"
)

// decrypt opens an EncryptedAssertion with whichever RSA key of ours fits. Every failure is the same refusal, and takes about the same
// work: a reason would tell somebody who changes a ciphertext byte by byte what is in it. Only what can be seen from
// outside anyway is named: that we have no key, or that a method is not on the list. The second answer is true for AES-CBC, which does
// not notice changes.
func decrypt(el *etree.Element, keys []KeyPair, allowCBC bool) (plain []byte, cbc bool, err error) {
	c, ok := readCiphertext(el)
	if !ok {
		return nil, false, &sso.Refusal{Code: sso.CodeDecryption}
	}
	size, cbc := contentCipher(c.method)
	if size == 0 || cbc && !allowCBC {
		return nil, cbc, &sso.Refusal{Code: sso.CodeDecryption, Expected: "AES-GCM", Received: c.method}
	}
	var plaintext []byte
	tried := 0
	for _, w := range c.keys {
		if w.options == nil {
			continue
		}
		for _, k := range keys {
			d, ok := k.Key.(crypto.Decrypter)
			if _, isRSA := k.Key.Public().(*rsa.PublicKey); !ok || !isRSA {
				continue
			}
			tried++
			secret, err := d.Decrypt(rand.Reader, w.value, w.options)
			fits := err == nil && len(secret) == size
			if !fits {
				secret = make([]byte, size) // the work goes on, for nothing
			}
			out, ok := openContent(secret, c.value, cbc)
			if fits && ok && plaintext == nil {
				plaintext = out
			}
		}
	}
	switch {
	case plaintext != nil:
		return plaintext, cbc, nil
	case len(c.keys) > 0 && tried == 0 && c.keys[0].options == nil:
		return nil, cbc, &sso.Refusal{Code: sso.CodeDecryption, Expected: "RSA-OAEP", Received: c.keys[0].method}
	case tried == 0:
		return nil, cbc, &sso.Refusal{Code: sso.CodeDecryption, Detail: "we have no RSA key"}
	}
	return nil, cbc, &sso.Refusal{Code: sso.CodeDecryption}
}

// A ciphertext is what an EncryptedAssertion holds.
type ciphertext struct {
	method string
	value  []byte
	keys   []wrappedKey
}

// A wrappedKey is the key of the content, encrypted to one of ours.
type wrappedKey struct {
	method  string
	options *rsa.OAEPOptions // nil: the method is not on the list
	value   []byte
}

// mostWrapped bounds how often the private keys are used for one answer.
const mostWrapped = 2

func readCiphertext(el *etree.Element) (c ciphertext, ok bool) {
	data := only(el, nsEnc, "EncryptedData")
	if data == nil {
		return c, false
	}
	if t := attr(data, "Type"); t != "" && t != nsEnc+"Element" {
		return c, false
	}
	method := only(data, nsEnc, "EncryptionMethod")
	if method == nil {
		return c, false
	}
	c.method = attr(method, "Algorithm")
	if c.value, ok = cipherValue(data); !ok {
		return c, false
	}
	wrapped := children(el, nsEnc, "EncryptedKey") // beside the data, or within its KeyInfo
	if info := only(data, nsDsig, "KeyInfo"); info != nil {
		wrapped = append(wrapped, children(info, nsEnc, "EncryptedKey")...)
	}
	if len(wrapped) == 0 || len(wrapped) > mostWrapped {
		return c, false
	}
	for _, w := range wrapped {
		method := only(w, nsEnc, "EncryptionMethod")
		if method == nil {
			return c, false
		}
		value, ok := cipherValue(w)
		if !ok {
			return c, false
		}
		c.keys = append(c.keys, wrappedKey{attr(method, "Algorithm"), oaep(method), value})
	}
	return c, true
}

func cipherValue(el *etree.Element) ([]byte, bool) {
	data := only(el, nsEnc, "CipherData")
	if data == nil {
		return nil, false
	}
	value := only(data, nsEnc, "CipherValue")
	if value == nil {
		return nil, false
	}
	encoded, ok := text(value)
	if !ok {
		return nil, false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(unspaced(encoded))
	return raw, err == nil && len(raw) > 0
}

// contentCipher is the length of the key of a cipher on the list; zero: it is not.
func contentCipher(uri string) (size int, cbc bool) {
	switch uri {
	case nsEnc11 + "aes128-gcm":
		return 16, false
	case nsEnc11 + "aes256-gcm":
		return 32, false
	case nsEnc + "aes128-cbc":
		return 16, true
	case nsEnc + "aes256-cbc":
		return 32, true
	}
	return 0, false
}

// oaep reads the parameters of RSA-OAEP; nil: another method, or parameters that are not on the list. SHA-1 is no weakness here: OAEP
// does not depend on collisions.
func oaep(method *etree.Element) *rsa.OAEPOptions {
	o := rsa.OAEPOptions{Hash: crypto.SHA1, MGFHash: crypto.SHA1}
	newer := attr(method, "Algorithm") == nsEnc11+"rsa-oaep"
	if !newer && attr(method, "Algorithm") != nsEnc+"rsa-oaep-mgf1p" {
		return nil
	}
	for _, t := range method.Child {
		el, ok := t.(*etree.Element)
		if !ok {
			continue
		}
		name := attr(el, "Algorithm")
		switch {
		case is(el, nsDsig, "DigestMethod"):
			switch name {
			case "http://www.w3.org/2000/09/xmldsig#sha1":
				o.Hash = crypto.SHA1
			case nsEnc + "sha256":
				o.Hash = crypto.SHA256
			case nsEnc + "sha512":
				o.Hash = crypto.SHA512
			default:
				return nil
			}
		case is(el, nsEnc11, "MGF") && newer:
			switch strings.TrimPrefix(name, nsEnc11) {
			case "mgf1sha1":
				o.MGFHash = crypto.SHA1
			case "mgf1sha256":
				o.MGFHash = crypto.SHA256
			case "mgf1sha512":
				o.MGFHash = crypto.SHA512
			default:
				return nil
			}
		default: // OAEPparams among them
			return nil
		}
	}
	return &o
}

func openContent(secret, sealed []byte, cbc bool) ([]byte, bool) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, false
	}
	if !cbc {
		gcm, err := cipher.NewGCM(block)
		if err != nil || len(sealed) < gcm.NonceSize()+gcm.Overhead() {
			return nil, false
		}
		plain, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], nil)
		return plain, err == nil
	}
	if len(sealed) < 2*aes.BlockSize || len(sealed)%aes.BlockSize != 0 {
		return nil, false
	}
	plain := make([]byte, len(sealed)-aes.BlockSize)
	cipher.NewCBCDecrypter(block, sealed[:aes.BlockSize]).CryptBlocks(plain, sealed[aes.BlockSize:])
	pad := int(plain[len(plain)-1]) // XML Encryption says nothing of the other bytes
	if pad < 1 || pad > aes.BlockSize || pad >= len(plain)+1 {
		return nil, false
	}
	return plain[:len(plain)-pad], true
}
