package sso

// What the tests of Memory fill.
const (
	MaxRequests   = maxRequests
	MaxAssertions = maxAssertions
)
