package web

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/sso"
)

//go:embed templates assets
var embedded embed.FS

// gather reads the files of a pattern, ours and then the host's, which stand in their place where they have the same name.
// Ours lie in two folders; the host's pages lie at the top of Config.Templates, what they load in its folder assets.
func gather(overlay fs.FS, pattern string) (map[string][]byte, error) {
	ours := fs.FS(embedded)
	if !strings.Contains(pattern, "/") {
		var err error
		if ours, err = fs.Sub(embedded, "templates"); err != nil {
			return nil, fmt.Errorf("web: reading our templates: %w", err)
		}
	}
	found := map[string][]byte{}
	for _, from := range []fs.FS{ours, overlay} {
		if from == nil {
			continue
		}
		if _, err := fs.ReadDir(from, "."); err != nil { // fs.Glob takes a folder that is not there for an empty one
			return nil, fmt.Errorf("web: Config.Templates: %w", err)
		}
		names, err := fs.Glob(from, pattern)
		if err != nil {
			return nil, fmt.Errorf("web: Config.Templates: %w", err)
		}
		for _, name := range names {
			if found[name], err = fs.ReadFile(from, name); err != nil {
				return nil, fmt.Errorf("web: Config.Templates: %w", err)
			}
		}
	}
	return found, nil
}

// templates make the pages, by the name of the page.
type templates map[string]*template.Template

// layout is the file that a page is shown in, unless it is a whole document by itself.
const layout = "layout.html"

// readTemplates parses each page together with the files that belong to no page.
func readTemplates(overlay fs.FS) (templates, error) {
	files, err := gather(overlay, "*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]bool{}
	for _, p := range samples() {
		pages[p.Template()+".html"] = true
	}
	shared := template.New("")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !pages[name] {
			if _, err := shared.New(name).Parse(string(files[name])); err != nil {
				return nil, fmt.Errorf("web: Config.Templates: %w", err)
			}
		}
	}
	t := templates{}
	for name := range pages {
		set, err := shared.Clone()
		if err != nil {
			return nil, fmt.Errorf("web: Config.Templates: %w", err)
		}
		page, err := set.New(name).Parse(string(files[name]))
		if err != nil {
			return nil, fmt.Errorf("web: Config.Templates: %w", err)
		}
		if page.Tree == nil || parse.IsEmptyTree(page.Tree.Root) { // it only defines parts
			page = page.Lookup(layout)
		}
		t[strings.TrimSuffix(name, ".html")] = page
	}
	return t, nil
}

// RenderPage implements Renderer.
func (t templates) RenderPage(w io.Writer, p Page) error {
	one := t[p.Template()]
	if one == nil {
		return fmt.Errorf("web: there is no template %q", p.Template())
	}
	return one.Execute(w, p)
}

// rehearse renders every page in every language.
func (h *Handler) rehearse() error {
	for _, l := range h.words.Languages() {
		for _, p := range samples() {
			h.framed(p, h.words.Text(l.Tag)).Problem = &Problem{Reason: auth.ReasonFlowGone, Message: "…"}
			body, err := h.render(p)
			if err == nil && len(bytes.TrimSpace(body)) == 0 {
				err = errors.New("it is empty")
			}
			if err != nil {
				return fmt.Errorf("web: rendering the page %q: %w", p.Template(), err)
			}
		}
	}
	return nil
}

// samples are pages of every kind.
func samples() []Page {
	flowing := func(p auth.Purpose) Frame {
		return Frame{Purpose: p, At: "/auth" + roomOf(p).page, Flow: "flow", Version: 3}
	}
	linked := func(p auth.Purpose) Frame {
		return Frame{Purpose: p, At: "/auth" + roomOf(p).page, LinkID: fingerprint("sample")}
	}
	mailed := Mailed{To: "a…@acme.example", Sent: true, Wait: 30, Minutes: 10}
	google, waiting := ProviderButton{ID: "google", Name: "Google", Label: "Continue with Google", Start: "/auth/social/google/start"}, Waiting{
		Provider: "google", Name: "Google", Email: "ann.at.home@mail.example",
	}
	branded := google // with a logo
	branded.Last, branded.Logo = true, Asset{URL: "/auth/assets/0/provider-google.svg"}
	titled := func(f Frame, key string) Frame { f.titled = key; return f }
	return append(accountSamples(), []Page{
		&IdentifyPage{Email: "ann@acme.example", Keep: true, Way: auth.WayPassword, Providers: []ProviderButton{google}},
		&OnePagePage{
			Email: "ann@acme.example", Keep: true, Company: "Initech", Start: "/auth/sso/initech/start", Providers: []ProviderButton{google},
		},
		&PasswordPage{
			Frame: flowing(auth.SignIn), Email: "ann@acme.example", Company: "Initech", Start: "/auth/sso/initech/start", Providers: []ProviderButton{google},
		},
		&CompanyPage{
			Frame: flowing(auth.SignIn), Company: "Globex", Email: "gil@globex.example", Start: "/auth/sso/globex/start", Moves: true, Reference: "abc", Other: true,
		},
		&CompanyIDPage{Email: "gil@globex.example"},
		&AwayPage{Company: "Globex", URL: "https://id.globex.example/sso", Post: &sso.Form{
			Action: "https://id.globex.example/sso", Fields: []sso.Field{{Name: "SAMLRequest", Value: "PHNhbWw+"}},
		}},
		&ArrivedPage{Frame: flowing(auth.SignIn), Company: "Globex", Email: "gil@globex.example", Other: "ann@acme.example"},
		&LinkPage{Frame: flowing(auth.SignIn), Company: "Globex", Email: "root@globex.example"},
		&TestedPage{Company: "Globex", Passed: true},
		&MailCodePage{Frame: flowing(auth.SignIn), Mailed: mailed},
		&AppCodePage{Frame: flowing(auth.SignIn), TrustBox: true, NewPhone: true, Recovery: true},
		&RecoveryPage{Frame: flowing(auth.SignIn), App: true},
		&EnrollStartPage{Frame: flowing(auth.SignIn), Progress: Progress{1, 6}},
		&EnrollMailPage{Frame: flowing(auth.SignIn), Progress: Progress{2, 6}, Mailed: Mailed{To: "ann@acme.example", Sent: true, Minutes: 10}},
		&EnrollAppPage{Frame: flowing(auth.SignIn), Progress: Progress{3, 6}},
		&EnrollScanPage{
			Frame: flowing(auth.SignIn), Progress: Progress{4, 6}, QR: "data:image/png;base64,iVBORw0KGgo=", Key: "ABCD EFGH IJKL MNOP QRST UVWX YZ23 4567",
			URI: "otpauth://totp/Harbour:ann@acme.example?secret=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567&issuer=Harbour", Email: "ann@acme.example",
		},
		&EnrollCodePage{Frame: flowing(auth.SignIn), Progress: Progress{5, 6}},
		&EnrollNextPage{Frame: flowing(auth.SignIn), Progress: Progress{6, 6}},
		&RecoveryCodesPage{Codes: []string{"23456-789ab", "cdefg-hjkmn"}, Next: "/auth/signin"},
		&ResetPage{Frame: linked(auth.Reset), Valid: true, Email: "a…@acme.example"},
		&NewPasswordPage{
			Frame: flowing(auth.Reset), Email: "ann@acme.example", Rules: []Rule{{Text: "…", Unmet: true}, {Text: "…"}},
			AsksName: true, Name: "Ann", AsksCompany: true, Joins: "Acme", SignOut: auth.ResetSignOutTicked, SignsOut: true,
		},
		&ForgotPage{Email: "ann@acme.example", Mails: true},
		&AskedPage{Email: "ann@acme.example", Again: "/auth/forgot"},
		&SignUpPage{},
		&SignUpLinkPage{Frame: linked(auth.SignUp), Valid: true, Email: "ann@acme.example"},
		&JoinPage{
			Frame: Frame{LinkID: fingerprint("sample")}, Company: "Acme", Email: "ann@acme.example", Role: auth.RoleAdmin, Products: []string{"Reports"},
			Exists: true, SignedIn: true, SignIn: "/auth/signin?switch=other&return_to=%2Fauth%2Fjoin",
		},
		&UndoPage{Frame: Frame{LinkID: fingerprint("sample")}, Valid: true, Email: "ann@acme.example"},
		&ProductPage{
			Name: "Reports", Reason: auth.ReasonNotAssigned, Company: "Acme", Asks: true, Switch: "/auth/account/switch",
			Contacts: []Contact{{Name: "Bea", Email: "bea@acme.example"}, {Email: "cid@acme.example"}},
		},
		&AccountPage{Accounts: []auth.AccountChoice{
			{ID: "acme", Name: "Acme", State: auth.AccountActive}, {ID: "globex", Name: "Globex", State: auth.AccountLapsed},
		}},
		&ReadyPage{},
		&StopPage{Frame: flowing(auth.SignIn), Reason: auth.ReasonUserSuspended, Email: "ann@acme.example", Signed: true},
		&SwitchPage{Name: "Ann", Email: "ann@acme.example", To: "/", Other: "/auth/signin?switch=other"},
		&SignedOutPage{SignedIn: true},
		&HelpPage{}, &HelpPage{Social: true},
		&ErrorPage{Status: http.StatusServiceUnavailable, Reason: auth.ReasonBroken, Message: "…", Reference: "abc", Retry: "/auth/signin"},

		// Other ways to show some of them.
		&IdentifyPage{Email: "ann@acme.example", Keep: true, Waiting: &waiting, Providers: []ProviderButton{branded}, Reference: "abc"},
		&OnePagePage{Email: "ann@acme.example", Waiting: &waiting, Providers: []ProviderButton{branded}, Reference: "abc"},
		&PasswordPage{Frame: flowing(auth.SignIn), Email: "ann@acme.example", Waiting: &waiting, Reference: "abc"},
		&MailCodePage{Frame: titled(flowing(auth.SignIn), "title.mailcode.provider"), Mailed: mailed, Waiting: &waiting},
		&LinkPage{Frame: titled(flowing(auth.SignIn), "title.link.provider"), Email: "ann@acme.example", Waiting: &waiting},
		&AwayPage{Frame: titled(Frame{}, "title.away.provider"), Provider: "Google", URL: "https://accounts.google.example/authorize"},
		&ProviderPage{Frame: Frame{Purpose: auth.StepUp, At: "/auth/stepup", ReturnTo: "/auth/account"}, Providers: []ProviderButton{google, branded}},
		&ProviderPage{Frame: flowing(auth.StepUp), Providers: []ProviderButton{google}, Connects: true, Moves: true, Reference: "abc"},
	}...)
}

// render makes a whole page before anything of it is sent.
func (h *Handler) render(p Page) ([]byte, error) {
	var b bytes.Buffer
	if err := h.renderer.RenderPage(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
