package oidc

// Share has an issuer speak for many companies, as Google's does.
func (p *Protocol) Share(issuer, claim string) { p.shared[issuer] = claim }
