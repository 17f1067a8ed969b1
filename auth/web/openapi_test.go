package web_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

// papers is docs/openapi.yaml, which is written in the part of YAML that is JSON.
type papers struct {
	OpenAPI    string
	Paths      map[string]map[string]any
	Components struct {
		Responses map[string]any
		Schemas   map[string]schema
	}
}

type schema struct {
	Enum       []string
	Required   []string
	Properties map[string]any
}

func readPapers(t *testing.T) (p papers) {
	t.Helper()
	body, err := os.ReadFile("../../docs/openapi.yaml")
	if err == nil {
		err = json.Unmarshal(body, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOpenAPI(t *testing.T) {
	doc := readPapers(t)
	product := newProduct(t, withBoth)
	t.Run("R110 the papers know every address, and no other", func(t *testing.T) {
		var want, got []string
		for _, r := range product.Web.Routes() {
			want = append(want, r[1]+" "+strings.ToLower(r[0]))
		}
		for path, methods := range doc.Paths {
			for method := range methods {
				got = append(got, path+" "+method)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("the papers have\n%v\nwant\n%v", got, want)
		}
		if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
			t.Errorf("OpenAPI %q, want 3.1", doc.OpenAPI)
		}
	})
	t.Run("what they refer to is there", func(t *testing.T) {
		body, _ := json.Marshal(doc.Paths)
		more, _ := json.Marshal(doc.Components)
		for _, part := range strings.Split(string(body)+string(more), `"#/components/`)[1:] {
			name := part[:strings.IndexByte(part, '"')]
			kind, name, _ := strings.Cut(name, "/")
			_, isSchema := doc.Components.Schemas[name]
			_, isResponse := doc.Components.Responses[name]
			if kind == "schemas" && !isSchema || kind == "responses" && !isResponse {
				t.Errorf("%s %s is not there", kind, name)
			}
		}
	})
	t.Run("R110 the reasons are those of package auth", func(t *testing.T) {
		if got, want := doc.Components.Schemas["Reason"].Enum, reasons(t); !slices.Equal(got, want) {
			t.Errorf("the papers have\n%v\nwant\n%v", got, want)
		}
	})
	t.Run("R110 answers have the shape that they say", func(t *testing.T) {
		check := func(v *visitor, name string) {
			t.Helper()
			s := doc.Components.Schemas[name]
			for key := range maps.Keys(v.state) {
				if _, ok := s.Properties[key]; !ok {
					t.Errorf("%s has no %q:\n%s", name, key, v.shown.Body)
				}
			}
			for _, key := range s.Required {
				if _, ok := v.state[key]; !ok {
					t.Errorf("%s needs %q:\n%s", name, key, v.shown.Body)
				}
			}
		}
		v := product.visitor(true)
		check(v.open(), "Flow")
		check(v.identify("nonsense"), "Flow")
		check(v.identify("two@acme.example"), "Flow")
		check(v.password("wrong"), "Flow")
		check(v.password(secret).is("account"), "Flow")
		check(v.step("signin/account", map[string]string{"account": "acme"}).is("in"), "Flow")
		second := newProduct(t, unverified(required)).anyLetters().visitor(true)
		check(second.identify(ann).password(secret).is("enrollstart"), "Flow")
		check(second.do("signin/enroll/begin").is("enrollmail"), "Flow")
		check(second.dialogs(ann, second.p.Phone), "Flow")
		enroll := *second
		enroll.state = second.state["enroll"].(map[string]any)
		check(&enroll, "Enroll")
		second.confirm(second.p.Phone)
		check(second.is("enrollnext"), "Flow")
		check(second.totp(second.p.Phone.Next()).is("in"), "Flow")
		second.p.Clock.Advance(11 * time.Minute)
		check(second.stepUp("return_to", "/x").is("appcode"), "Flow")
		check(second.again().stepUp(), "Error")
		lost := newProduct(t, malicious()).anyLetters().visitor(true)
		reset := lost.locked()
		check(lost, "Flow")
		check(lost.arrive(reset).is("newpassword"), "Flow")
		rule := *lost
		rule.state = lost.state["rules"].([]any)[0].(map[string]any)
		check(&rule, "Rule")
		letters := newProduct(t, signingUp(auth.SignUpCompany)).visitor(true).gated()
		check(letters.get("/auth/forgot"), "Asked")
		check(letters.do("forgot", "email", ann), "Asked")
		check(letters.get("/auth/signup"), "Asked")
		check(letters.get("/auth/undo"), "Undo")
		check(letters.get("/auth/join"), "Invitee")
		link := letters.p.invite(nora)
		check(letters.follows(link, "join"), "Invitee")
		check(letters.press("activate").is("newpassword"), "Flow")
		invitation := *letters
		invitation.state = letters.state["invitation"].(map[string]any)
		check(&invitation, "Invitation")
		check(letters.again().signIn(ann).atReports(), "Product")
		company := product.visitor(true)
		f := product.found("saml", auth.SSOEnforced)
		f.Change(func(c *sso.Connection) { c.SAML.SSOBinding, c.SAML.SLOBinding = "post", "post" })
		check(company.get("/auth/sso/initech/start"), "Flow")
		check(company.get("/auth/signin/company"), "Flow")
		check(company.do("signin/company", "email", ann), "Flow")
		check(company.identify(eve.Email), "Flow")
		check(company.departs(f), "Flow")
		form := *company
		form.state = company.state["post"].(map[string]any)
		check(&form, "Post")
		check(company.brings(f.Answer(company.shown, ssotest.Person{Email: "eve@evil.example"})).status(422), "Flow")
		check(company.arrivesFrom(f, eve).is("in"), "Flow")
		check(company.take(company.JSON("POST", "/auth/signout", "{}")), "SignedIn")
		check(company.brings(f.unasked(eve)).status(422), "Error")
		there := newProduct(t, withSocial(nil)).visitor(true)
		there.p.letGo()
		check(there.open(), "Flow")
		button := *there
		button.state = there.state["providers"].([]any)[0].(map[string]any)
		check(&button, "Provider")
		check(there.leaves("google"), "Flow")
		check(there.brings(there.p.Providers["google"].Answer(there.shown, annThere)).is("password"), "Flow")
		check(there.password(secret).is("link"), "Flow")
		check(there.do("signin/link", "do", "link").is("in"), "Flow")
		check(there.get(connectedPage), "Connected")
		account := *there
		account.state = there.state["accounts"].([]any)[0].(map[string]any)
		check(&account, "ConnectedAccount")
		check(there.connecting("apple"), "Flow")
		id := there.p.connectedIDs("ann")[0]
		check(there.get(connectedPage+"/disconnect?id="+id), "Connected")
		check(there.post(connectedPage+"/disconnect", "id", id), "Connected")
		check(v.get("/auth/signout"), "SignedIn")
		check(v.get("/auth/help"), "Help")
		check(v.get("/auth/nothing"), "Error")
		check(v.get("/auth/account/sessions"), "Sessions")
		one := *v
		one.state = v.state["sessions"].([]any)[0].(map[string]any)
		check(&one, "Session")
	})
}

// reasons are the codes that package auth declares, in their order.
func reasons(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for n := range ast.Preorder(file) {
		if spec, ok := n.(*ast.ValueSpec); ok {
			code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
	}
	return codes
}
