package openid

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxKeys    = 100  // of a provider
	minRSABits = 2048 // of a key that counts
	maxRSABits = 8192 // more costs more than it gives
)

// known tells whether we take signatures of an algorithm: asymmetric ones with SHA-256 or better.
func known(algorithm string) bool { return hash(algorithm) != 0 }

// hash is the one of an algorithm; zero: we do not know the algorithm, or do not want to.
func hash(algorithm string) crypto.Hash {
	switch jose.SignatureAlgorithm(algorithm) {
	case jose.RS256, jose.PS256, jose.ES256:
		return crypto.SHA256
	case jose.RS384, jose.PS384, jose.ES384:
		return crypto.SHA384
	case jose.RS512, jose.PS512, jose.ES512, jose.EdDSA:
		return crypto.SHA512
	}
	return 0
}

// A key is one of a provider's.
type key struct {
	jose.JSONWebKey
	issuer string // whose tokens it signs, where a provider of many tenants says so; empty: it does not
}

// fits tells whether a key is one for an algorithm.
func fits(k key, algorithm string) bool {
	if k.Algorithm != "" && k.Algorithm != algorithm || k.Use != "" && k.Use != "sig" {
		return false
	}
	switch public := k.Key.(type) {
	case *rsa.PublicKey:
		bits := public.N.BitLen()
		return slices.Contains([]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, algorithm) && minRSABits <= bits && bits <= maxRSABits
	case *ecdsa.PublicKey:
		return algorithm == map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[public.Params().BitSize]
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}

// readKeys reads a key set. Keys of a kind that we do not know, or that are not public, are left out.
func readKeys(data []byte) ([]key, error) {
	set, err := parse(data)
	if err != nil {
		return nil, &Refusal{Code: KeysMalformed, Expected: "a JSON object without a member twice"}
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(set["keys"], &raw); err != nil || len(raw) > maxKeys {
		return nil, &Refusal{Code: KeysMalformed, Expected: "at most 100 keys"}
	}
	var keys []key
	for _, text := range raw {
		var k key
		if json.Unmarshal(text, &k.JSONWebKey) == nil && k.Valid() && k.IsPublic() && len(k.KeyID) <= 1024 {
			k.Certificates, k.CertificatesURL = nil, nil
			if o := (object{}); json.Unmarshal(text, &o) == nil && o.has("issuer") {
				k.issuer = o.raw("issuer")
			}
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, &Refusal{Code: KeysMalformed, Expected: "a public key"}
	}
	return keys, nil
}

// find answers the keys that a token may be signed with. Where the provider is not known to have one, it is asked again: a provider
// changes its keys when it likes. Whoever sends tokens with names of keys that he has made up gets us to ask once a minute.
func (p *provider) find(ctx context.Context, now time.Time, id, algorithm string, again bool) ([]key, error) {
	unlock, err := p.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := p.discoverLocked(ctx, now); err != nil {
		return nil, err
	}
	if !p.keysAt.fresh(now, p.client.cfg.lifetime()) {
		if p.keysAt.failing(now) {
			return nil, p.keysAt.err
		}
		if err := p.fetchKeysLocked(ctx, now); err != nil {
			return nil, err
		}
		return p.matchLocked(id, algorithm), nil
	}
	if keys := p.matchLocked(id, algorithm); len(keys) > 0 && !again || within(p.keysAt.last, now, missPause) {
		return keys, nil
	}
	if err := p.fetchKeysLocked(ctx, now); err != nil {
		return nil, err
	}
	return p.matchLocked(id, algorithm), nil
}

func (p *provider) matchLocked(id, algorithm string) []key {
	var keys []key
	for _, k := range p.keys {
		if fits(k, algorithm) && (id == "" || k.KeyID == id) {
			keys = append(keys, k)
		}
	}
	return keys
}

func (p *provider) fetchKeysLocked(ctx context.Context, now time.Time) error {
	keys, err := p.fetchKeys(ctx)
	p.keysAt.done(ctx, now, err)
	if err == nil {
		p.keys = keys
	}
	return err
}

func (p *provider) fetchKeys(ctx context.Context) ([]key, error) {
	body, _, err := p.client.cfg.HTTP.Get(ctx, p.metadata.Keys)
	if err != nil {
		return nil, explain(KeysFailed, KeysMalformed, err)
	}
	return readKeys(body)
}

// A keySet is go-oidc's view of a provider's keys, for one token. It remembers what it answered, because go-oidc keeps neither the
// payload of a token that it refuses nor the error of a key set.
type keySet struct {
	provider *provider
	now      time.Time
	header   header
	payload  []byte
	signers  []key // that the signature is one of
	err      error
}

// VerifySignature implements oidc.KeySet. The header was checked before.
func (s *keySet) VerifySignature(ctx context.Context, text string) ([]byte, error) {
	s.payload, s.err = s.verify(ctx, text)
	return s.payload, s.err
}

func (s *keySet) verify(ctx context.Context, text string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(s.header.algorithm)})
	if err != nil {
		return nil, &Refusal{Code: TokenMalformed}
	}
	// A provider without names for its keys changes them unseen, so a signature that fails is a reason to look again.
	for _, again := range []bool{false, true} {
		if again && s.header.key != "" {
			break
		}
		keys, err := s.provider.find(ctx, s.now, s.header.key, s.header.algorithm, again)
		switch {
		case err != nil:
			return nil, err
		case len(keys) == 0:
			return nil, &Refusal{Code: TokenKey, Expected: "a key of the provider", Received: s.header.key}
		case s.header.key == "" && len(keys) > 1:
			return nil, &Refusal{Code: TokenKey, Expected: "the name of one of several keys"}
		}
		var signed []byte
		for _, k := range keys { // all of them: a provider may name one key for each of its issuers
			if payload, err := jws.Verify(k.JSONWebKey); err == nil {
				signed, s.signers = payload, append(s.signers, k)
			}
		}
		if len(s.signers) > 0 {
			return signed, nil
		}
	}
	return nil, &Refusal{Code: TokenSignature}
}
