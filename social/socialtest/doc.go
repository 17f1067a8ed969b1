// Package socialtest is a provider of accounts for tests: Google, Microsoft, Apple, LinkedIn, Facebook, LastPass or any OpenID issuer, with
// what is special about each, over real HTTP.
//
// [Start] listens on a port of this machine until the test ends, [StartTLS] under https names that only its Client finds; [New] is the
// same provider as an http.Handler below a path, for a demo. [Provider.RegisterClient] tells it which product may ask. A browser finds a
// page where one of Config.People is chosen; a test without a browser calls [Provider.SignIn] or [Provider.Cancel] with the address that
// the product sends people to, and gets what comes back. The provider is honest until [Provider.Hostile] names an attack for its next
// answer; [Attacks] lists them all. [Provider.Notice] makes what Apple posts when somebody withdraws.
//
// To have package social ask it, make the provider as for the real one, set social.Config.AllowPrivate, and let the value name p, the
// Provider of this package:
//
//	google.OpenID.Issuer = p.Issuer()                 // so LinkedIn; LastPass and OpenIDConnect are given it at once
//	apple.OpenID.Issuer, apple.OpenID.Aliases = p.Issuer(), nil
//	microsoft.OpenID.Issuer, microsoft.OpenID.Document = p.TenantIssuer("{tenantid}"), p.Issuer()
//
// The addresses of Facebook stand in goth: [Provider.Rewrite] and [Provider.RoundTripper] divert them, as examples/complete does. With
// package auth, authtest.Config.Social does all of that for the others. [StartTLS] is for code that takes an http.Client; social.Config
// takes none.
//
// Nothing here is shared with the code that it tests. It guards nothing of value: whoever is chosen is signed in, and nothing is kept.
// It is not the provider whose name its pages show, and they say so.
package socialtest
