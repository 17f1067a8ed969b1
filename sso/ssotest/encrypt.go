package ssotest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"

	"github.com/beevik/etree"
)

// Encryption is how an Assertion is encrypted to the product's certificate. Zero: not at all.
type Encryption struct {
	Content     string // the URI of a cipher: AES256GCM, AES128GCM and, to be refused, AES256CBC, AES128CBC, TripleDESCBC
	Key         string // the URI of a key transport; empty: OAEP with SHA-1, as most providers have it
	OuterPrefix bool   // the Assertion leans on a prefix that the Response declares
	KeyBeside   bool   // the EncryptedKey stands beside the EncryptedData, not in it
}

// Ciphers and key transports of XML encryption.
const (
	AES128GCM    = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	AES256GCM    = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
	AES128CBC    = nsEnc + "aes128-cbc"
	AES256CBC    = nsEnc + "aes256-cbc"
	TripleDESCBC = nsEnc + "tripledes-cbc"

	OAEP       = nsEnc + "rsa-oaep-mgf1p"
	OAEPSHA256 = "http://www.w3.org/2009/xmlenc11#rsa-oaep" // SHA-256 for the digest and for MGF1
	PKCS1      = nsEnc + "rsa-1_5"
)

// encrypt makes an EncryptedAssertion of a text.
func encrypt(e Encryption, to *x509.Certificate, text []byte) *etree.Element {
	secret := make([]byte, keySize(e.Content))
	rand.Read(secret) // never fails
	return sealedElement(e, to, secret, seal(e.Content, secret, text))
}

func keySize(content string) int {
	switch content {
	case AES256GCM, AES256CBC:
		return 32
	case TripleDESCBC:
		return 24
	}
	return 16
}

// seal encrypts a text, with the nonce in front.
func seal(content string, secret, text []byte) []byte {
	block, err := aes.NewCipher(secret)
	if content == TripleDESCBC {
		block, err = des.NewTripleDESCipher(secret)
	}
	if err != nil {
		panic(err) // the size is ours
	}
	if content == AES128GCM || content == AES256GCM {
		gcm, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			panic(err) // AES has the right block
		}
		return gcm.Seal(nil, nil, text, nil)
	}
	n := block.BlockSize()
	pad := n - len(text)%n
	text = append(bytes.Clone(text), bytes.Repeat([]byte{byte(pad)}, pad)...)
	iv := make([]byte, n)
	rand.Read(iv) // never fails
	out := make([]byte, len(text))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, text)
	return append(iv, out...)
}

// wrap encrypts the key of the content to a certificate.
func wrap(transport string, to *x509.Certificate, secret []byte) []byte {
	public, ok := to.PublicKey.(*rsa.PublicKey)
	if !ok {
		panic("ssotest: assertions are encrypted to RSA keys")
	}
	var b []byte
	var err error
	switch transport {
	case PKCS1:
		//lint:ignore SA1019 what a product must refuse has to be sent to it
		b, err = rsa.EncryptPKCS1v15(rand.Reader, public, secret)
	case OAEPSHA256:
		b, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, public, secret, nil)
	default:
		b, err = rsa.EncryptOAEP(sha1.New(), rand.Reader, public, secret, nil)
	}
	if err != nil {
		panic(err) // a key too small for 32 bytes
	}
	return b
}

// sealedElement writes a ciphertext and the key for it as XML.
func sealedElement(e Encryption, to *x509.Certificate, secret, sealed []byte) *etree.Element {
	if e.Key == "" {
		e.Key = OAEP
	}
	outer := etree.NewElement("saml:EncryptedAssertion")
	outer.CreateAttr("xmlns:saml", nsSAML)
	data := outer.CreateElement("xenc:EncryptedData")
	data.CreateAttr("xmlns:xenc", nsEnc)
	data.CreateAttr("Type", nsEnc+"Element")
	data.CreateElement("xenc:EncryptionMethod").CreateAttr("Algorithm", e.Content)
	info := data.CreateElement("ds:KeyInfo")
	info.CreateAttr("xmlns:ds", nsSig)
	holder := info
	if e.KeyBeside {
		id := "_" + random()
		method := info.CreateElement("ds:RetrievalMethod")
		method.CreateAttr("Type", nsEnc+"EncryptedKey")
		method.CreateAttr("URI", "#"+id)
		holder = outer
		defer func() { outer.FindElement("./EncryptedKey").CreateAttr("Id", id) }()
	}
	writeCipher(data, sealed)

	k := holder.CreateElement("xenc:EncryptedKey")
	k.CreateAttr("xmlns:xenc", nsEnc)
	method := k.CreateElement("xenc:EncryptionMethod")
	method.CreateAttr("Algorithm", e.Key)
	if e.Key != PKCS1 {
		digest := method.CreateElement("ds:DigestMethod")
		digest.CreateAttr("xmlns:ds", nsSig)
		digest.CreateAttr("Algorithm", digestSHA1)
		if e.Key == OAEPSHA256 {
			digest.CreateAttr("Algorithm", digestSHA2)
			mgf := method.CreateElement("xenc11:MGF")
			mgf.CreateAttr("xmlns:xenc11", "http://www.w3.org/2009/xmlenc11#")
			mgf.CreateAttr("Algorithm", "http://www.w3.org/2009/xmlenc11#mgf1sha256")
		}
	}
	writeCipher(k, wrap(e.Key, to, secret))
	return outer
}

func writeCipher(parent *etree.Element, sealed []byte) {
	parent.CreateElement("xenc:CipherData").CreateElement("xenc:CipherValue").SetText(base64.StdEncoding.EncodeToString(sealed))
}
