// Package web serves the sign-in of an [auth.Manager] over HTTP: as pages for people and as JSON for programs.
//
// Make a [Handler] with [New] and mount it:
//
//	mux.Handle("/auth/", handler)
//	mux.Handle("/.well-known/", handler.WellKnown())
//
// Each address answers people and programs from the same call: JSON to whoever asks for application/json and not for text/html,
// pages to everybody else. What goes in is a form or JSON, by its Content-Type. docs/openapi.yaml lists the addresses and shapes.
//
// Pages are templates and texts that a host may replace one by one (Config.Templates, Config.Locales) or altogether
// (Config.Renderer). They work without scripts, and load nothing from elsewhere.
//
// With Config.SSO people sign in at their companies: by the domain of their address, by a page that asks for it, or from a page of the
// company's. What a company says is believed in the browser that asked for it, and no other. The handler sends that browser there and
// back, and answers single logout.
//
// With Config.Social they sign in with accounts that they have elsewhere, connect others in my account, and disconnect them. An answer is
// believed in the browser that asked for it here too.
//
// Other sites cannot post here (http.CrossOriginProtection), but for the answers of companies and of providers that post theirs, which
// carry a secret of their own or a signature; nor can they frame a page or read an answer. Cookies are host-only: what is signed in at
// one host name counts for nothing at another, and the handler redirects nobody between names; a host that answers
// to several names sends people to that of auth.Config.BaseURL first.
//
// The package decides nothing about who may come in: that is auth's. It mails nothing, limits no connections, and leaves TLS,
// Strict-Transport-Security and panics to the server it runs in.
package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/locale"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/sso"
)

// Config says how the sign-in looks and where it is. Only Auth is required.
type Config struct {
	Auth *auth.Manager // who decides

	// Prefix is the path that the handler is mounted at, below that of BaseURL; with or without http.StripPrefix in front.
	// Empty: "/auth". It must be auth.Config.SignInPath without "/signin".
	Prefix string

	Product string // the name of the product on the pages; empty: auth.Config.Product
	Home    string // where people land who have nowhere else to go: a path below BaseURL, or an https address; empty: "/"
	// SSO speaks to the sign-ins of companies. Its BaseURL is that of auth.Config, with Prefix and "/sso". Nil: there are none.
	SSO *sso.Manager
	// Social speaks to providers at which people have accounts: Google, Apple and others. Its BaseURL is that of auth.Config, with Prefix and
	// "/social", and auth.Config.Stores.Identities is required. Which of the providers a page offers is Preset.SocialDisplay's to say. Their
	// logos are trademarks, which a host puts into Templates as assets/provider-google.svg and so on, for the button to have the provider's
	// colours; a button without is neutral. Nil: there are none.
	Social *social.Manager
	// SSOTested is told what came out of the test of a connection, which its administrators began with sso.Opening.Test. It says nothing
	// about who sits there: State is what they began with. Where it has Passed call directory.PassConnectionTest, or EnforceSSO refuses. An
	// error answers the visitor that something is broken. Nil: a test that comes back is told to Report, and to nobody else.
	SSOTested func(ctx context.Context, t SSOTest) error

	Support string // where people get help, an https or mailto address; empty: the pages name none
	Billing string // where a company's account is renewed: a path below BaseURL, or an https address; empty: the pages say whom to ask

	// Templates holds files that replace those of the pages (*.html) and what they load (assets/*), or join them. assets/theme.css
	// is loaded after our style sheet: a few custom properties in it give the pages the host's colours. Nil: none.
	Templates fs.FS
	Locales   fs.FS    // texts that replace or join ours; see locale.New; nil: none
	Renderer  Renderer // makes the HTML of all pages instead of templates; nil: the templates do

	// TrustedProxies is how many proxies stand in front of this program, each adding the address it was called from to
	// X-Forwarded-For. Zero: none, and the header counts for nothing. Too high a number lets people choose their address.
	TrustedProxies int

	// TrustedOrigins are other origins, such as "https://app.example.org", whose scripts may post here. Nil: none.
	TrustedOrigins []string

	// Report is told of every failure that is not the visitor's, with the reference that they see. A company's is a *sso.Refusal, a
	// provider's a *social.Refusal, each with what was expected and what came; a visitor who went away meanwhile is context.Canceled.
	// The library does not log. Nil: nobody is told.
	Report func(ctx context.Context, f Fault)
}

// A Renderer makes the HTML of a page. It is given each of the …Page structs of this package, by pointer, and should switch on
// its type. An error answers the visitor that something is broken; what was written until then is dropped.
type Renderer interface {
	RenderPage(w io.Writer, p Page) error
}

// An SSOTest is what came out of the test of a connection.
type SSOTest struct {
	Connection sso.Connection
	State      []byte // sso.Opening.State
	Passed     bool
	Report     sso.Report
	Identity   sso.Identity // to be shown; nothing may follow from it. Zero where the test has not passed
}

// A Fault is a request that could not be answered because something is broken.
type Fault struct {
	Reference string // what the visitor was told to name
	Method    string
	Path      string // without the query
	Err       error
}

// A Handler serves the sign-in. It is safe for concurrent use.
type Handler struct {
	auth     *auth.Manager
	sso      *sso.Manager    // nil: no company has its own sign-in
	social   *social.Manager // nil: nobody signs in by an account elsewhere
	tests    func(context.Context, SSOTest) error
	base     string // the path of BaseURL
	mount    string // Config.Prefix
	prefix   string // where the sign-in is as browsers see it: base and mount
	product  string
	home     string
	support  string
	billing  string
	words    *locale.Catalogue
	renderer Renderer
	assets   assets
	cookies  cookies
	proxies  int
	guard    guard
	report   func(context.Context, Fault)
	routes   map[string]methods
}

// New checks the configuration and returns a Handler. Its errors name the field. It renders every page once in every language,
// so that a mistake in a template is found here and not by a visitor.
func New(cfg Config) (*Handler, error) {
	if cfg.Auth == nil {
		return nil, errors.New("web: Config.Auth is required")
	}
	base, err := url.Parse(cfg.Auth.URL(""))
	if err != nil {
		return nil, fmt.Errorf("web: reading the address of Config.Auth: %w", err)
	}
	h := &Handler{
		auth: cfg.Auth, sso: cfg.SSO, social: cfg.Social, tests: cfg.SSOTested, base: base.Path, mount: cmp.Or(cfg.Prefix, "/auth"), product: cmp.Or(cfg.Product, cfg.Auth.Product()),
		support: cfg.Support, proxies: cfg.TrustedProxies, report: cfg.Report, cookies: newCookies(cfg.Auth),
	}
	h.prefix = h.base + h.mount
	if h.prefix+"/signin" != cfg.Auth.SignInPath() || h.mount == "/" {
		return nil, fmt.Errorf("web: Config.Prefix %q does not fit auth.Config.SignInPath, which asks for %q",
			cfg.Prefix, strings.TrimSuffix(strings.TrimPrefix(cfg.Auth.SignInPath(), base.Path), "/signin"))
	}
	if h.home, err = placeOf("Home", base.Path, cmp.Or(cfg.Home, "/")); err != nil {
		return nil, err
	}
	if cfg.Billing != "" {
		if h.billing, err = placeOf("Billing", base.Path, cfg.Billing); err != nil {
			return nil, err
		}
	}
	if cfg.Support != "" && !strings.HasPrefix(cfg.Support, "https://") && !strings.HasPrefix(cfg.Support, "mailto:") {
		return nil, fmt.Errorf("web: Config.Support %q must be an https:// or mailto: address", cfg.Support)
	}
	if cfg.TrustedProxies < 0 {
		return nil, errors.New("web: Config.TrustedProxies is negative")
	}
	if h.guard, err = newGuard(base, cfg.TrustedOrigins); err != nil {
		return nil, err
	}
	if h.words, err = locale.New(cfg.Locales); err != nil {
		return nil, fmt.Errorf("web: Config.Locales: %w", err)
	}
	if h.assets, err = readAssets(h.prefix, cfg.Templates); err != nil {
		return nil, err
	}
	if h.renderer = cfg.Renderer; h.renderer == nil {
		if h.renderer, err = readTemplates(cfg.Templates); err != nil {
			return nil, err
		}
	}
	if h.sso != nil {
		want := cfg.Auth.URL(h.mount) + "/sso/x/acs"
		if got := h.sso.Addresses(sso.Connection{ID: "x"}).ACS; got != want {
			return nil, fmt.Errorf("web: sso.Config.BaseURL of Config.SSO must be %q", cfg.Auth.URL(h.mount)+"/sso")
		}
	}
	if err := h.checkSocial(); err != nil {
		return nil, err
	}
	h.routes = byPath(h.routeTable())
	return h, h.rehearse()
}

// checkSocial checks what providers need.
func (h *Handler) checkSocial() error {
	if h.social == nil {
		return nil
	}
	if !h.auth.KeepsIdentities() {
		return errors.New("web: Config.Social needs auth.Config.Stores.Identities")
	}
	base := h.auth.URL(h.mount) + "/social"
	for _, p := range h.social.Providers() {
		if got := h.social.Callback(p.ID); got != base+"/"+p.ID+"/callback" {
			return fmt.Errorf("web: social.Config.BaseURL of Config.Social must be %q", base)
		}
	}
	for name := range h.assets.named {
		if logo, is := strings.CutPrefix(name, "provider-"); is {
			id, svg := strings.CutSuffix(logo, ".svg")
			if _, known := h.social.Provider(id); !known || !svg {
				return fmt.Errorf("web: Config.Templates: assets/%s is no logo: assets/provider-google.svg is that of the provider \"google\"", name)
			}
		}
	}
	return nil
}

// placeOf is an address of the host's, of a field of Config, as browsers are sent there.
func placeOf(field, base, address string) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
	case u.Scheme == "https" && u.Host != "":
		return address, nil
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(address, "/"):
		return base + address, nil
	}
	return "", fmt.Errorf("web: Config.%s %q must be a path that begins with /, or an https address", field, address)
}

// A route is one way to ask. Its path is below the prefix.
type route struct {
	method string
	path   string
	serve  func(*visit)
}

// methods are the ways to ask at one path.
type methods map[string]func(*visit)

// routeTable lists everything that is answered, but for the assets.
func (h *Handler) routeTable() []route {
	return slices.Concat(h.accountRoutes(), h.arrivalRoutes(), h.ssoRoutes(), h.socialRoutes(), []route{
		{http.MethodGet, "/signin", h.showSignIn},
		{http.MethodPost, "/signin/identify", h.identify},
		{http.MethodPost, "/signin/password", h.password},
		{http.MethodPost, "/signin/code", h.mailedCode},
		{http.MethodPost, "/signin/code/resend", h.resendCode},
		{http.MethodPost, "/signin/totp", h.totp},
		{http.MethodPost, "/signin/recovery", h.recoveryCode},
		{http.MethodPost, "/signin/enroll/begin", h.enrollBegin},
		{http.MethodPost, "/signin/enroll/email", h.mailedCode},
		{http.MethodPost, "/signin/enroll/app", h.enrollApp},
		{http.MethodPost, "/signin/enroll/confirm", h.enrollConfirm},
		{http.MethodPost, "/signin/enroll/newdevice", h.newDevice},
		{http.MethodPost, "/signin/reset", h.sendReset},
		{http.MethodPost, "/signin/newpassword", h.newPassword},
		{http.MethodPost, "/signin/account", h.account},
		{http.MethodPost, "/signin/restart", h.restart},
		{http.MethodPost, "/signin/cancel", h.cancel},
		{http.MethodGet, "/stepup", h.showStepUp},
		{http.MethodPost, "/stepup", h.stepUp},
		{http.MethodGet, "/reset", h.showReset},
		{http.MethodPost, "/reset", h.openReset},
		{http.MethodGet, "/forgot", h.showForgot},
		{http.MethodPost, "/forgot", h.forgot},
		{http.MethodGet, "/join", h.showJoin},
		{http.MethodPost, "/join", h.join},
		{http.MethodGet, "/activate", h.showActivate},
		{http.MethodPost, "/activate", h.openInvitation},
		{http.MethodGet, "/signup", h.showSignUp},
		{http.MethodPost, "/signup", h.signUp},
		{http.MethodGet, "/undo", h.showUndo},
		{http.MethodPost, "/undo", h.undo},
		{http.MethodGet, "/product", h.showProduct},
		{http.MethodPost, "/product", h.askSeat},
		{http.MethodGet, "/signout", h.showSignOut},
		{http.MethodPost, "/signout", h.signOut},
		{http.MethodGet, "/help", h.showHelp},
	})
}

func byPath(table []route) map[string]methods {
	routes := map[string]methods{}
	for _, r := range table {
		if routes[r.path] == nil {
			routes[r.path] = methods{}
		}
		routes[r.path][r.method] = r.serve
		if r.method == http.MethodGet && !spends(r.path) {
			routes[r.path][http.MethodHead] = r.serve
		}
	}
	return routes
}

// spends tells whether a GET to a path counts once: what only asks for the headers must not.
func spends(path string) bool {
	switch path {
	case "/signin/arrived", "/sso/{connection}/callback", "/sso/{connection}/slo", "/social/{provider}/callback":
		return true
	}
	return false
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := h.below(r.URL.Path)
	if rest, ok := strings.CutPrefix(path, "/assets/"); ok && h.assets.serve(w, r, rest) {
		return
	}
	v := h.visit(w, r)
	pattern, named := namedIn(path)
	v.named = named
	elsewhere := h.fromElsewhere(r.Method, pattern, named)
	if !elsewhere && h.guard.refuses(r) {
		v.fail(http.StatusForbidden, auth.ReasonCrossOrigin)
		return
	}
	allowed, ok := h.routes[pattern]
	if !ok {
		v.fail(http.StatusNotFound, auth.ReasonNotFound)
		return
	}
	serve, ok := allowed[r.Method]
	if !ok {
		w.Header().Set("Allow", allowed.String())
		v.fail(http.StatusMethodNotAllowed, auth.ReasonMethodNotAllowed)
		return
	}
	if elsewhere || v.read() {
		serve(v)
	}
}

// below is the path below the prefix, whether or not proxies and http.StripPrefix have left something of it.
func (h *Handler) below(path string) string {
	for _, prefix := range []string{h.prefix, h.mount} {
		if rest, ok := strings.CutPrefix(path, prefix+"/"); ok {
			return "/" + rest
		}
	}
	return path
}
