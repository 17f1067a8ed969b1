package sallyport_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// rooms are the packages of the module with their layers. Production code imports downwards only; packages of one layer
// do not import each other, but a package may import its parent. Layers are those of the design; a test kit stands above what it tests.
var rooms = map[string]int{
	".":                    0, // the map in doc.go; no code
	"internal/token":       0,
	"internal/address":     0,
	"internal/baseurl":     0,
	"internal/fetch":       0,
	"internal/openid":      0,
	"auth/locale":          0,
	"auth/password":        1,
	"auth/mail":            1,
	"auth/mail/smtp":       1,
	"mfa":                  1,
	"session":              1,
	"sso":                  1,
	"social":               1,
	"sso/oidc":             1,
	"sso/saml":             1,
	"social/gothprovider":  1,
	"auth":                 2,
	"sso/ssotest":          2, // knows nothing of the code that it tests
	"social/socialtest":    2, // neither does this one
	"auth/directory":       3,
	"store":                4,
	"store/sqlstore":       4,
	"store/storetest":      4,
	"internal/testdb":      5,
	"internal/browsertest": 0,

	"internal/providertest": 0, // programs of others, outside
	"internal/hosttest":     2, // a program for them

	"auth/web":             5,
	"auth/authtest":        6, // drives auth/web as a browser does
	"examples/minimal":     7,
	"examples/complete":    7,
	"examples/sessiononly": 7,
	"examples/mfaonly":     7,
	"examples/ownusers":    7,
	"examples/oidc":        7,
	"examples/saml":        7,
	"examples/social":      7,
}

// neighbours are packages of one layer that one of it may import all the same.
var neighbours = map[string][]string{
	"internal/openid": {"internal/fetch", "internal/token"}, // what it stands on; nothing else of layer 0 imports it
}

// kits are packages for tests. Only tests, other kits and nothing else may link them; they alone may import testing.
var kits = []string{"auth/authtest", "store/storetest", "internal/testdb", "internal/browsertest", "internal/providertest", "internal/hosttest", "sso/ssotest", "social/socialtest"}

func kit(name string) bool { return slices.Contains(kits, name) }

// players are programs that link kits all the same: the demo plays the companies whose people use it too, and the providers where they have
// accounts.
var players = map[string][]string{"examples/complete": {"sso/ssotest", "social/socialtest"}}

// alone are packages that must work in a program that links neither auth nor, where none is named, any module of others.
var alone = map[string][]string{
	"session":              {},
	"examples/sessiononly": {},
	"auth/password":        {"golang.org/x/crypto", "golang.org/x/sys", "golang.org/x/text"},
	"mfa":                  {"github.com/pquerna/otp", "github.com/boombuler/barcode"},
	"examples/mfaonly":     {"github.com/pquerna/otp", "github.com/boombuler/barcode"},
	"auth/mail":            {"golang.org/x/text", "golang.org/x/net"},
	"sso":                  {"golang.org/x/text", "golang.org/x/net"},
	"sso/oidc":             {"github.com/coreos/go-oidc/v3", "golang.org/x/oauth2", "github.com/go-jose/go-jose/v4", "golang.org/x/text", "golang.org/x/net"},
	"sso/saml":             {"github.com/beevik/etree", "github.com/russellhaering/goxmldsig", "github.com/jonboulle/clockwork", "golang.org/x/text", "golang.org/x/net"},
	"social":               {"github.com/coreos/go-oidc/v3", "golang.org/x/oauth2", "github.com/go-jose/go-jose/v4"},
	"examples/social":      {"github.com/coreos/go-oidc/v3", "golang.org/x/oauth2", "github.com/go-jose/go-jose/v4"}, // and no goth
	"auth/mail/smtp":       {"golang.org/x/text", "golang.org/x/net", "golang.org/x/crypto", "github.com/wneessen/go-mail"},
	"social/gothprovider":  {"github.com/markbates/goth", "golang.org/x/oauth2", "github.com/coreos/go-oidc/v3", "github.com/go-jose/go-jose/v4"},
}

// apart are modules that one package of ours brings: of the library no other links them, not even through it.
var apart = map[string]string{"github.com/markbates/goth": "social/gothprovider"}

// An arrow is an import: from a package of ours, to one of ours or to a module of others.
type arrow struct{ from, to, why string }

// arrows are what production code may import.
var arrows = []arrow{
	{"session", "internal/token", "session and device tokens and the keys they are kept under"},

	{"auth/password", "internal/baseurl", "whether the service of broken passwords is on this machine"},
	{"auth/password", "golang.org/x/crypto", "Argon2id; bcrypt for hashes that a host brings along"},
	{"auth/password", "golang.org/x/text", "a password is compared in NFC"},
	{"internal/address", "golang.org/x/net", "domains in ASCII: IDNA"},
	{"internal/address", "golang.org/x/text", "addresses in NFC"},
	{"auth/locale", "golang.org/x/text", "matching a browser's languages with ours"},

	{"internal/openid", "internal/fetch", "its one way out"},
	{"internal/openid", "internal/token", "nonces, names of assertions"},
	{"internal/openid", "github.com/coreos/go-oidc/v3", "discovery, and a second opinion on tokens"},
	{"internal/openid", "golang.org/x/oauth2", "the address that people go to, and the exchange of a code"},
	{"internal/openid", "github.com/go-jose/go-jose/v4", "signatures of tokens, and of what we say about ourselves"},

	{"mfa", "internal/token", "sealed secrets, MACs of codes"},
	{"mfa", "github.com/pquerna/otp", "keys of authenticator apps and their addresses; the comparison of codes is ours"},
	{"mfa", "github.com/boombuler/barcode", "the QR code, with what pquerna/otp brings anyway"},

	{"sso", "internal/token", "handles of requests, sealed memory and secrets"},
	{"sso", "internal/address", "one spelling of an address, and of the domain that a connection may speak for"},
	{"sso", "internal/baseurl", "its own address"},
	{"sso/oidc", "sso", "is one of its protocols"},
	{"sso/oidc", "internal/openid", "the relying party"},
	{"sso/oidc", "internal/fetch", "its one way out"},
	{"sso/saml", "sso", "is one of its protocols"},
	{"sso/saml", "internal/token", "IDs of messages"},
	{"sso/saml", "internal/baseurl", "whether a provider is on this machine"},
	{"sso/saml", "internal/fetch", "fetches metadata"},
	{"sso/saml", "github.com/beevik/etree", "the tree of a document, as goxmldsig takes it"},
	{"sso/saml", "github.com/russellhaering/goxmldsig", "checks signatures"},

	{"social/gothprovider", "social", "makes its providers"},
	{"social/gothprovider", "internal/openid", "one reading of what browsers bring, and its codes"},
	{"social/gothprovider", "internal/fetch", "what the way out refused, and why it failed"},
	{"social/gothprovider", "github.com/markbates/goth", "the addresses and profiles of providers that speak plain OAuth 2"},
	{"social/gothprovider", "golang.org/x/oauth2", "the verifier of PKCE, and what a provider says instead of a token"},
	{"social", "internal/openid", "the relying party"},
	{"social", "internal/baseurl", "its own address"},
	{"social", "internal/fetch", "the one way out to all providers"},
	{"social", "internal/token", "states of requests, and their memory, sealed"},

	{"auth/mail", "auth/locale", "the words of letters"},
	{"auth/mail", "internal/token", "letters wait sealed"},
	{"auth/mail", "internal/address", "a letter goes to one address and to nothing else"},
	{"auth/mail/smtp", "auth/mail", "is one of its senders"},
	{"auth/mail/smtp", "github.com/wneessen/go-mail", "SMTP with TLS and login, and MIME"},

	{"auth", "auth/password", "checks a password, judges a new one"},
	{"auth", "auth/mail", "codes and notices"},
	{"auth", "mfa", "second steps and mailed codes"},
	{"auth", "session", "a flow ends in a session"},
	{"auth", "internal/baseurl", "its own address, and origins on this machine"},
	{"auth", "internal/token", "flow tokens, the keys of counters, sealed values"},
	{"auth", "internal/address", "one spelling of an address for look-ups and counters"},

	{"auth/directory", "auth", "implements Users and Companies"},
	{"auth/directory", "internal/address", "people and domains are kept in canonical form"},
	{"auth/directory", "internal/token", "ids, and what to put into DNS"},
	{"auth/directory", "golang.org/x/net", "names below which anybody registers domains: public suffixes"},

	{"store", "auth", "implements its stores"},
	{"store", "auth/directory", "implements its store"},
	{"store", "session", "implements its stores"},
	{"store", "mfa", "implements its stores"},
	{"store", "auth/mail", "implements its store"},
	{"store", "sso", "implements its stores"},
	{"store", "social", "implements its store"},
	{"store/sqlstore", "auth", "implements its stores"},
	{"store/sqlstore", "auth/directory", "implements its store"},
	{"store/sqlstore", "session", "implements its stores"},
	{"store/sqlstore", "mfa", "implements its stores"},
	{"store/sqlstore", "auth/mail", "implements its store"},
	{"store/sqlstore", "sso", "implements its stores"},
	{"store/sqlstore", "social", "implements its store"},
	{"store/storetest", "auth", "tries its stores"},
	{"store/storetest", "auth/directory", "tries its store"},
	{"store/storetest", "session", "tries its stores"},
	{"store/storetest", "mfa", "tries its stores"},
	{"store/storetest", "auth/mail", "tries its store"},
	{"store/storetest", "sso", "tries its stores"},
	{"store/storetest", "social", "tries its store"},

	{"auth/web", "auth", "every handler is one call of it"},
	{"auth/web", "auth/locale", "words of pages and messages"},
	{"auth/web", "sso", "brings what companies answer to auth, which knows nothing of protocols"},
	{"auth/web", "social", "and what social providers answer"},
	{"auth/web", "auth/password", "says which rules a new password does not meet"},
	{"auth/web", "mfa", "the QR code, and what is wrong with the form of a code"},
	{"auth/web", "session", "session and device cookies"},
	{"auth/web", "internal/token", "reference ids, and telling a device token from anything else"},
	{"auth/web", "internal/address", "the masked address of a hint"},
	{"auth/web", "github.com/gorilla/securecookie", "hint cookies: last e-mail, language; never a session"},

	{"auth/authtest", "auth", "makes a manager for a test"},
	{"auth/authtest", "auth/directory", "with people"},
	{"auth/authtest", "auth/password", "and the cheap hash of tests"},
	{"auth/authtest", "auth/mail", "a mailbox where its letters arrive"},
	{"auth/authtest", "github.com/pquerna/otp", "a phone that knows nothing of our code"},
	{"auth/authtest", "auth/web", "behind its pages"},
	{"auth/authtest", "store", "over memory, unless a test brings a store"},
	{"auth/authtest", "sso", "companies with sign-ins of their own"},
	{"auth/authtest", "sso/saml", "in SAML"},
	{"auth/authtest", "sso/oidc", "and in OpenID Connect"},
	{"auth/authtest", "sso/ssotest", "at providers of their own"},
	{"auth/authtest", "social", "its product takes accounts elsewhere"},
	{"auth/authtest", "social/socialtest", "which it plays"},
	{"auth/authtest", "golang.org/x/net", "reads the forms of a page as a browser does"},

	{"sso/ssotest", "github.com/beevik/etree", "rearranges the XML of an answer"},
	{"sso/ssotest", "github.com/go-jose/go-jose/v4", "checks the private_key_jwt of a product"},
	{"social/socialtest", "github.com/go-jose/go-jose/v4", "checks the client secret that Apple wants"},

	{"internal/browsertest", "github.com/chromedp/chromedp", "drives Chromium"},
	{"internal/browsertest", "github.com/chromedp/cdproto", "what chromedp has no word for: media, profiles, complaints"},

	{"internal/providertest", "golang.org/x/net", "reads the forms of a provider's pages"},
	{"internal/hosttest", "sso", "signs people in as a program does"},
	{"internal/hosttest", "internal/providertest", "with its browser"},

	{"internal/testdb", "store/sqlstore", "opens a fresh database for a test"},
	{"internal/testdb", "internal/token", "names for fresh databases"},
	{"internal/testdb", "modernc.org/sqlite", "the SQLite driver of tests"},
	{"internal/testdb", "github.com/jackc/pgx/v5", "the PostgreSQL driver of tests"},

	{"examples/minimal", "auth", "what a host calls"},
	{"examples/minimal", "auth/directory", "its people"},
	{"examples/minimal", "auth/web", "its pages"},
	{"examples/minimal", "session", "who is signed in"},
	{"examples/minimal", "store", "nothing to install"},

	{"examples/complete", "auth", "what a host calls"},
	{"examples/complete", "auth/directory", "its people"},
	{"examples/complete", "auth/mail", "its mailbox is one more sender"},
	{"examples/complete", "auth/web", "its pages"},
	{"examples/complete", "session", "who is signed in"},
	{"examples/complete", "sso", "the sign-ins of companies"},
	{"examples/complete", "sso/saml", "Globex speaks it"},
	{"examples/complete", "sso/oidc", "Initech speaks it"},
	{"examples/complete", "sso/ssotest", "the demo plays the companies too"},
	{"examples/complete", "social", "its people sign in with accounts elsewhere"},
	{"examples/complete", "social/gothprovider", "Facebook among them"},
	{"examples/complete", "social/socialtest", "plays the providers, so that all of it can be tried on one machine"},
	{"examples/complete", "mfa", "an app for somebody who must have one from the start"},
	{"examples/complete", "github.com/pquerna/otp", "the phone that it is on"},
	{"examples/complete", "store/sqlstore", "data that survives a restart"},
	{"examples/complete", "modernc.org/sqlite", "the driver, which the library does not link"},
	{"examples/complete", "github.com/jackc/pgx/v5", "the same for -db postgres://"},

	{"examples/ownusers", "auth", "what a host calls"},
	{"examples/ownusers", "auth/mail", "letters to the terminal"},
	{"examples/ownusers", "auth/web", "its pages"},
	{"examples/ownusers", "session", "who is signed in"},
	{"examples/ownusers", "store/sqlstore", "our tables beside the host's"},
	{"examples/ownusers", "modernc.org/sqlite", "the driver, which the library does not link"},

	{"examples/sessiononly", "session", "all it shows"},
	{"examples/mfaonly", "mfa", "all it shows"},

	{"examples/oidc", "sso", "companies, and their addresses over HTTP"},
	{"examples/oidc", "sso/oidc", "the protocol of the one company that there is"},
	{"examples/oidc", "session", "who is signed in"},

	{"examples/saml", "sso", "companies, and their addresses over HTTP"},
	{"examples/saml", "sso/saml", "the protocol of the one company that there is"},
	{"examples/saml", "session", "who is signed in"},

	{"examples/social", "social", "all that it knows of people"},
	{"examples/social", "session", "who is signed in"},
}

// testArrows are what tests may import beyond that and the package they test.
var testArrows = []arrow{
	{"auth", "store", "the engine runs over a real store"},
	{"auth", "auth/directory", "and real people"},
	{"auth", "store/sqlstore", "over every database"},
	{"auth", "internal/testdb", "over every database"},
	{"auth", "github.com/pquerna/otp", "a phone that knows nothing of our code"},
	{"sso/oidc", "sso/ssotest", "a company's provider, honest and hostile"},
	{"sso/oidc", "github.com/go-jose/go-jose/v4", "the key that a provider knows us by"},
	{"internal/fetch", "golang.org/x/net", "a name server whose names lead elsewhere each time"},
	{"auth/mail", "store/storetest", "its memory is a store"},
	{"sso", "store/storetest", "its memory is a store"},
	{"auth/mail", "internal/testdb", "letters over every database"},
	{"auth/mail/smtp", "github.com/emersion/go-smtp", "a server to talk to"},
	{"auth/mail/smtp", "github.com/emersion/go-sasl", "with a login"},
	{"auth/directory", "store", "the same people over every store"},
	{"auth/directory", "store/sqlstore", "over every database"},
	{"auth/directory", "internal/testdb", "over every database"},
	{"auth/web", "auth/authtest", "a browser, a clock and a product to try it on"},
	{"auth/web", "auth/directory", "people"},
	{"auth/web", "sso/ssotest", "what companies' providers say of people"},
	{"auth/web", "social/socialtest", "plays the providers"},
	{"auth/web", "social/gothprovider", "Facebook among them"},
	{"auth/web", "auth/mail", "which letters arrive"},
	{"auth/web", "store", "memory"},
	{"auth/web", "internal/testdb", "over every database"},
	{"auth/authtest", "session", "who is signed in"},
	{"sso/oidc", "internal/providertest", "a real provider"},
	{"sso/oidc", "internal/hosttest", "and a program whose people it knows"},
	{"sso/saml", "internal/providertest", "a real provider"},
	{"sso/saml", "internal/hosttest", "and a program whose people it knows"},
	{"sso/saml", "sso/ssotest", "providers, honest and hostile"},
	{"sso/saml", "github.com/crewjam/saml", "what others need for the same answer"},
	{"sso/saml", "golang.org/x/net", "reads the forms of a page"},
	{"sso/ssotest", "github.com/crewjam/saml", "a product that knows nothing of our code"},
	{"sso/ssotest", "github.com/russellhaering/goxmldsig", "judges the signatures"},
	{"sso/ssotest", "golang.org/x/net", "reads the forms of a page"},
	{"sso/ssotest", "github.com/coreos/go-oidc/v3", "judges the ID tokens"},
	{"sso/ssotest", "golang.org/x/oauth2", "a product that knows nothing of our code"},
	{"social/socialtest", "github.com/coreos/go-oidc/v3", "judges the ID tokens"},
	{"social/socialtest", "golang.org/x/oauth2", "a product that knows nothing of our code"},
	{"examples/oidc", "sso/ssotest", "the company's provider"},
	{"examples/saml", "sso/ssotest", "the company's provider"},
	{"examples/social", "sso/ssotest", "a provider that speaks OpenID Connect"},
	{"examples/complete", "auth/authtest", "a browser that a script can be"},
	{"examples/complete", "internal/testdb", "the same program on PostgreSQL"},
	{"examples/minimal", "auth/authtest", "signs in as a script does"},
	{"examples/ownusers", "auth/authtest", "signs in as a script does"},
	{"examples/complete", "internal/browsertest", "a browser that people use"},
	{"auth", "pgregory.net/rapid", "random walks through the engine"},
	{"auth/password", "pgregory.net/rapid", "random passwords and hashes"},
	{"store", "store/storetest", "runs the suite"},
	{"store/sqlstore", "store/storetest", "runs the suite"},
	{"store/sqlstore", "internal/testdb", "over every database"},
	{"store/sqlstore", "internal/token", "cookies for the benchmark"},
	{"store/sqlstore", "modernc.org/sqlite", "what Open refuses"},
}

// TestArrows compares what the packages import with the lists above, both ways.
func TestArrows(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine and many cases: run without -short")
	}
	all := loadTree(t)
	production, tests := arrowSet(t, arrows), arrowSet(t, testArrows)
	for _, p := range ourPackages(t) {
		if p.Error != nil {
			t.Errorf("%s cannot be loaded: %s", p.name(), strings.TrimSpace(p.Error.Err))
		}
		if _, ok := rooms[p.name()]; !ok {
			t.Errorf("%s is a new package: give it a layer in rooms", p.name())
		}
		for _, to := range targets(t, all, p.Imports) {
			if !take(production, p.name(), to) {
				t.Errorf("new arrow: {%q, %q, \"why\"}: list it in arrows with its reason, or do without it", p.name(), to)
			}
			if kit(to) && !kit(p.name()) && !slices.Contains(players[p.name()], to) {
				t.Errorf("%s links %s: a test kit is never part of a program", p.name(), to)
			}
		}
		for _, to := range targets(t, all, slices.Concat(p.TestImports, p.XTestImports)) {
			_, both := production[[2]string{p.name(), to}]
			if to != p.name() && !both && !take(tests, p.name(), to) {
				t.Errorf("new arrow of tests: {%q, %q, \"why\"}: list it in testArrows with its reason, or do without it", p.name(), to)
			}
		}
	}
	for _, list := range []struct {
		arrows []arrow
		used   map[[2]string]bool
	}{{arrows, production}, {testArrows, tests}} {
		for _, a := range list.arrows {
			if !list.used[[2]string{a.from, a.to}] {
				t.Errorf("no such import any more: %s to %s: remove the arrow", a.from, a.to)
			}
		}
	}
	for _, room := range slices.Sorted(maps.Keys(rooms)) {
		path := module + "/" + room
		if _, ok := all[path]; !ok && room != "." {
			t.Errorf("rooms lists %s, which does not exist: remove it", room)
		}
	}
}

// arrowSet makes a set of arrows, each not used yet.
func arrowSet(t *testing.T, list []arrow) map[[2]string]bool {
	set := map[[2]string]bool{}
	for _, a := range list {
		ends := [2]string{a.from, a.to}
		if _, twice := set[ends]; twice || a.why == "" {
			t.Errorf("%s to %s is listed twice, or without a reason", a.from, a.to)
		}
		set[ends] = false
	}
	return set
}

// take marks an arrow as used. It is false for one that is not in the set.
func take(set map[[2]string]bool, from, to string) bool {
	ends := [2]string{from, to}
	if _, ok := set[ends]; !ok {
		return false
	}
	set[ends] = true
	return true
}

// targets names what imports lead to: packages of ours, and the modules of others, each once. The standard library is free.
func targets(t *testing.T, all map[string]pkg, imports []string) []string {
	set := map[string]bool{}
	for _, path := range imports {
		if to := target(t, all, path); to != "" {
			set[to] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func target(t *testing.T, all map[string]pkg, path string) string {
	if ours(path) {
		return name(path)
	}
	if p, ok := all[path]; ok {
		if p.Module == nil {
			return ""
		}
		return p.Module.Path
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return "" // the standard library, imported by tests alone
	}
	return testModule(t, path)
}

// testModule is the module of a package that only tests import, which go list did not describe: the longest one that fits.
func testModule(t *testing.T, path string) string {
	best := ""
	for _, m := range selected(t) {
		if (path == m.Path || strings.HasPrefix(path, m.Path+"/")) && len(m.Path) > len(best) {
			best = m.Path
		}
	}
	if best == "" {
		t.Errorf("no module holds %s", path)
	}
	return best
}

// TestArrowsGoDown checks the lists themselves against the layers.
func TestArrowsGoDown(t *testing.T) {
	for _, a := range arrows {
		from, known := rooms[a.from]
		if !known {
			t.Errorf("arrow from %s, which is not in rooms", a.from)
		}
		to, isOurs := rooms[a.to]
		if isOurs && from <= to && !strings.HasPrefix(a.from, a.to+"/") && !slices.Contains(neighbours[a.from], a.to) {
			t.Errorf("%s (layer %d) to %s (layer %d): arrows go down only", a.from, from, a.to, to)
		}
	}
}

// TestStandsAlone follows every import of the packages that are promised to work without the rest.
func TestStandsAlone(t *testing.T) {
	all := loadTree(t)
	for from, modules := range alone {
		if _, ok := all[module+"/"+from]; !ok {
			t.Errorf("alone lists %s, which does not exist: remove it", from)
			continue
		}
		for path := range closure(all, module+"/"+from) {
			switch p := all[path]; {
			case ours(path) && p.name() == "auth":
				t.Errorf("%s links auth", from)
			case !ours(path) && p.Module != nil && !slices.Contains(modules, p.Module.Path):
				t.Errorf("%s links %s", from, path)
			}
		}
	}
}

// TestStaysApart finds who links a module that a program should link only if it asks for it.
func TestStaysApart(t *testing.T) {
	all := loadTree(t)
	for module, owner := range apart {
		found := []string{}
		for _, p := range ourPackages(t) {
			for path := range closure(all, p.ImportPath) {
				if m := all[path].Module; library(p.name()) && m != nil && m.Path == module && !slices.Contains(found, p.name()) {
					found = append(found, p.name())
				}
			}
		}
		if !slices.Equal(found, []string{owner}) {
			t.Errorf("%s is linked by %v, want %s alone", module, found, owner)
		}
	}
}

// closure is every package that a program links with one.
func closure(all map[string]pkg, from string) map[string]bool {
	reached := map[string]bool{}
	for todo := []string{from}; len(todo) > 0; {
		path := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !reached[path] {
			reached[path] = true
			todo = append(todo, all[path].Imports...)
		}
	}
	return reached
}
