package social

// OpenID is how a provider speaks OpenID Connect.
type OpenID struct {
	Issuer   string // compared byte by byte
	ClientID string
	Secret   string
}
