package sso_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/sso"
)

// codesOf are the codes that the files of a folder declare, by the name of their constant.
func codesOf(t *testing.T, folder string) map[string]sso.Code {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]sso.Code{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !isCode(spec.Type) {
				return true
			}
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				codes[folder+" "+spec.Names[0].Name] = sso.Code(text)
			}
			return true
		})
	}
	return codes
}

// isCode tells whether a constant is declared as Code or sso.Code.
func isCode(typ ast.Expr) bool {
	if sel, ok := typ.(*ast.SelectorExpr); ok {
		typ = sel.Sel
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.Name == "Code"
}

func TestExplain(t *testing.T) {
	own := codesOf(t, ".")
	if len(own) < 80 {
		t.Fatalf("%d codes found, want all", len(own))
	}
	t.Run("every code has an explanation of its own", func(t *testing.T) {
		texts, fine, values := map[string]string{}, map[string]string{}, map[sso.Code]string{}
		for name, code := range own {
			if other := values[code]; other != "" {
				t.Errorf("%s and %s are both %q", name, other, code)
			}
			values[code] = name
			text := sso.Explain(code, sso.Check{Code: code, Expected: "E", Received: "R"})
			if strings.Contains(text, "Nothing more is known") || !strings.HasSuffix(text, ".") || strings.ContainsAny(text, "{}") {
				t.Errorf("%s (%s) is explained as %q", name, code, text)
			}
			ok := sso.Explain(code, sso.Check{Code: code, OK: true, Received: "R"})
			if texts[text] != "" || fine[ok] != "" {
				t.Errorf("%s says the same as %s%s", name, texts[text], fine[ok])
			}
			texts[text], fine[ok] = name, name
		}
	})
	// Checks that no connection of a company can ask for: social providers are told of tenants, and send notices.
	foreign := map[sso.Code]bool{"id_token_tid": true, "notice_event": true}
	for _, folder := range []string{"saml", "oidc", "../internal/openid", "../internal/fetch"} {
		t.Run("the codes of "+folder, func(t *testing.T) {
			for name, code := range codesOf(t, folder) {
				if foreign[code] {
					continue
				}
				if text := sso.Explain(code, sso.Check{Code: code}); strings.Contains(text, "Nothing more is known") {
					t.Errorf("%s (%s) has no explanation", name, code)
				}
			}
		})
	}
	for _, tt := range []struct {
		name  string
		check sso.Check
		want  []string
	}{
		{"R88 what was expected, what came and what to do",
			sso.Check{Code: sso.CodeAudience, Expected: "https://app.example.com/auth/sso/acme/metadata", Received: "https://old.example"},
			[]string{`names "https://old.example" as its audience`, `this connection is "https://app.example.com/auth/sso/acme/metadata"`, "Enter the latter as Audience or Entity ID"}},
		{"R88 by how much a clock is off",
			sso.Check{Code: sso.CodeIssued, Received: "2026-11-28T12:04:00Z", Expected: "2026-11-28T12:00:00Z", Detail: "the provider's clock is 4m0s ahead"},
			[]string{"4m0s ahead", "time server"}},
		{"what was not in the text is added", sso.Check{Code: sso.CodeReplayed, Expected: "E", Received: "R"}, []string{`Expected: "E".`, `What came: "R".`}},
		{"nothing is known but the code", sso.Check{Code: sso.CodeStructure}, []string{"not one Response with one assertion. Choose SAML 2.0"}},
		{"nothing came", sso.Check{Code: sso.CodeEmailDomain, Received: "gmail.com"}, []string{`"gmail.com"`, "speak for nothing"}},
		{"why something could not be fetched", sso.Check{Code: sso.CodeKeysFailed, Received: "fetch_private"}, []string{"private network", "keys (jwks_uri)"}},
		{"a check that was met", sso.Check{Code: sso.CodeAudience, OK: true, Received: "https://app.example.com"}, []string{`Audience: "https://app.example.com".`}},
		{"a group that gives no role", sso.Check{Code: sso.CodeRole, OK: true, Detail: "staff, it"}, []string{"None of the person's groups", "staff, it"}},
		{"a code of another time", sso.Check{Code: "quantum"}, []string{`"quantum"`}},
		{"A-059 what a provider wrote stays text of one line", sso.Check{Code: sso.CodeIssuer, Received: "a\r\nSet-Cookie: x\u202e\x00"}, []string{`"a  Set-Cookie: x"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := sso.Explain(tt.check.Code, tt.check)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("Explain = %s\nwant %s in it", got, want)
				}
			}
			if strings.ContainsAny(got, "\r\n\x00\u202e") {
				t.Errorf("Explain = %q, want one line", got)
			}
		})
	}
}

func ExampleExplain() {
	fmt.Println(sso.Explain(sso.CodeAudience, sso.Check{
		Code: sso.CodeAudience, Expected: "https://app.example.com/auth/sso/acme/metadata", Received: "https://old.example",
	}))
	// Output:
	// The answer names "https://old.example" as its audience; this connection is "https://app.example.com/auth/sso/acme/metadata". Enter the latter as Audience or Entity ID (also: SP entity ID, Identifier) at the provider, byte by byte.
}
