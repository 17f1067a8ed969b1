// Package ssotest is a company's identity provider for tests: SAML and OpenID Connect in one object, over real HTTP.
//
// [Start] listens on a port of this machine until the test ends, [StartTLS] under an https name that only its Client finds; [New] is
// the same provider as an http.Handler, for a demo.
// [Provider.Register] and [Provider.RegisterClient] tell it who may ask. It is honest until [Provider.Hostile] names an attack for
// its next answer; [Attacks] lists them all. A test that needs no browser makes a SAML answer with [Provider.Honest], changes what
// it likes and calls [Provider.Respond].
//
// Nothing here is shared with the code that it tests: signatures, canonical XML, encryption and tokens are a second implementation.
// It guards nothing of value: passwords are compared as they stand, and nothing is kept.
package ssotest
