// Social lets people in with accounts that they have elsewhere: packages social and session, no password, no package auth. Tell each provider
// the address that the program prints, then:
//
//	GOOGLE_SECRET=… go run ./examples/social -google client-id
//
// Apple posts its answers, without the cookie that this program compares: see auth/web for what that takes.
package main

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"flag"
	"html/template"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/social"
)

func main() {
	google := flag.String("google", "", "client ID of this program at Google; its secret is read from GOOGLE_SECRET")
	microsoft := flag.String("microsoft", "", "client ID at Microsoft; its secret is read from MICROSOFT_SECRET")
	tenants := flag.String("tenants", "", "IDs of the Microsoft tenants whose people may sign in, separated by commas; empty: any")
	linkedin := flag.String("linkedin", "", "client ID at LinkedIn; its secret is read from LINKEDIN_SECRET")
	issuer := flag.String("issuer", "", "issuer of another provider that speaks OpenID Connect, as https://login.example.com")
	client := flag.String("client", "", "client ID at that issuer; its secret is read from OIDC_SECRET")
	local := flag.Bool("local", false, "takes an issuer on this machine, also at plain http")
	flag.Parse()
	var providers []social.Provider
	if *google != "" {
		providers = append(providers, social.Google(*google, os.Getenv("GOOGLE_SECRET")))
	}
	if *microsoft != "" {
		list := strings.FieldsFunc(*tenants, func(r rune) bool { return r == ',' })
		providers = append(providers, social.Microsoft(*microsoft, os.Getenv("MICROSOFT_SECRET"), list...))
	}
	if *linkedin != "" {
		providers = append(providers, social.LinkedIn(*linkedin, os.Getenv("LINKEDIN_SECRET")))
	}
	if *issuer != "" {
		providers = append(providers, social.OpenIDConnect("other", "your account", *issuer, *client, os.Getenv("OIDC_SECRET")))
	}
	const base = "http://localhost:8084"
	handler, err := newHandler(base, providers, *local)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range providers {
		log.Printf("%s must know %s/social/%s/callback", p.Name, base, p.ID)
	}
	log.Print("open " + base)
	log.Fatal(http.ListenAndServe("localhost:8084", handler))
}

const page = `<!doctype html><html lang="en"><title>Room</title>
{{with .Text}}<p role="alert">{{.}}</p>{{end}}
{{if .User}}<p>You are {{.User}}.</p><form method="post" action="/signout"><button>Sign out</button></form>{{end}}
{{range .Providers}}<form method="post" action="/signin/{{.ID}}"><button>Continue with {{.Name}}</button></form>{{end}}`

// A shown is what stands on the page.
type shown struct {
	Text      string
	User      string
	Providers []social.Provider
}

// A room is the program.
type room struct {
	sessions  *session.Manager
	providers *social.Manager
	page      *template.Template
}

func newHandler(base string, providers []social.Provider, local bool) (http.Handler, error) {
	key := make([]byte, 32)
	rand.Read(key) // yours outlasts the program, and so do its stores
	r := &room{page: template.Must(template.New("page").Parse(page))}
	var err1, err2 error
	r.sessions, err1 = session.New(session.Config{Store: session.NewMemory(), Unauthorized: http.RedirectHandler("/signin", http.StatusSeeOther)})
	r.providers, err2 = social.New(social.Config{
		BaseURL: base + "/social", Keys: [][]byte{key}, Providers: providers, Requests: social.NewMemory(), AllowPrivate: local,
	})
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	own := http.NewServeMux()
	own.HandleFunc("GET /{$}", r.home)
	own.HandleFunc("POST /signout", r.signOut)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /signin", func(w http.ResponseWriter, _ *http.Request) { r.show(w, http.StatusOK, shown{}) })
	mux.HandleFunc("POST /signin/{provider}", r.begin)
	mux.HandleFunc("GET /social/{provider}/callback", r.callback)
	mux.Handle("/", r.sessions.Require(own))
	return http.NewCrossOriginProtection().Handler(mux), nil
}

func (r *room) show(w http.ResponseWriter, status int, s shown) {
	if s.User == "" {
		s.Providers = r.providers.Providers()
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := r.page.Execute(w, s); err != nil {
		log.Print(err)
	}
}

func (r *room) home(w http.ResponseWriter, req *http.Request) {
	s, _ := session.From(req.Context())
	r.show(w, http.StatusOK, shown{User: s.UserID})
}

// asked is the cookie that says which browser has asked. Without it, whoever gets somebody to open a link could sign them in as himself.
const asked = "__Host-asked"

// begin sends a browser to a provider.
func (r *room) begin(w http.ResponseWriter, req *http.Request) {
	browser := rand.Text()
	to, err := r.providers.Begin(req.Context(), req.PathValue("provider"), social.Opening{State: []byte(browser)})
	switch {
	case errors.Is(err, social.ErrNotFound):
		http.NotFound(w, req)
		return
	case err != nil:
		log.Print(err)
		r.show(w, http.StatusServiceUnavailable, shown{Text: "This does not work at the moment. Try again, or another way."})
		return
	}
	http.SetCookie(w, &http.Cookie{Name: asked, Value: browser, Path: "/", MaxAge: 600, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, req, to, http.StatusSeeOther)
}

// callback takes what the browser brings back.
func (r *room) callback(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodHead { // the mux takes it for GET: a preview must not use an answer up
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	id, err := r.arrived(w, req)
	refusal, refused := errors.AsType[*social.Refusal](err)
	switch {
	case errors.Is(err, social.ErrNotFound):
		http.NotFound(w, req)
	case errors.Is(err, errBrowser):
		r.show(w, http.StatusBadRequest, shown{Text: "This was begun in another browser. Nobody was signed in."})
	case refused && refusal.Public() == "social_cancelled":
		r.show(w, http.StatusOK, shown{Text: "You have not signed in."})
	case err != nil:
		log.Print(err)
		r.show(w, http.StatusBadRequest, shown{Text: "This did not work. Nobody was signed in."})
	default:
		r.enter(w, req, id)
	}
}

var errBrowser = errors.New("the answer is for another browser")

// arrived says who it is.
func (r *room) arrived(w http.ResponseWriter, req *http.Request) (social.Identity, error) {
	msg, err := social.ReadMessage(w, req)
	if err != nil {
		return social.Identity{}, err
	}
	answer, err := r.providers.Receive(req.Context(), req.PathValue("provider"), msg)
	if err != nil {
		return social.Identity{}, err
	}
	cookie, err := req.Cookie(asked)
	if err != nil || subtle.ConstantTimeCompare([]byte(cookie.Value), answer.State) != 1 {
		return social.Identity{}, errBrowser
	}
	http.SetCookie(w, &http.Cookie{Name: asked, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return answer.Identity(req.Context())
}

// enter makes the session. Issuer and subject are who somebody is; the address may change, and may be anybody's.
func (r *room) enter(w http.ResponseWriter, req *http.Request, id social.Identity) {
	token, s, err := r.sessions.Issue(req.Context(), session.Start{UserID: id.Issuer + "#" + id.Subject, Via: id.Provider})
	if err != nil {
		log.Print(err)
		r.show(w, http.StatusServiceUnavailable, shown{Text: "Signing in does not work at the moment."})
		return
	}
	r.sessions.SetCookie(w, token, s)
	http.Redirect(w, req, "/", http.StatusSeeOther)
}

func (r *room) signOut(w http.ResponseWriter, req *http.Request) {
	s, _ := session.From(req.Context())
	if err := r.sessions.End(req.Context(), s.UserID, s.ID); err != nil {
		r.show(w, http.StatusServiceUnavailable, shown{Text: "Signing out does not work at the moment.", User: s.UserID})
		return
	}
	r.sessions.ClearCookie(w)
	http.Redirect(w, req, "/signin", http.StatusSeeOther)
}
