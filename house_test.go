package sallyport_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
)

// variables are the package variables of the library, beside error values, embedded files and assertions that a type has
// an interface's methods. Each is a constant that Go cannot spell, and none is assigned after its declaration.
var variables = map[string]string{
	"auth/password.testCost": "a struct",

	"store/sqlstore.sessionTable": "a table and its columns",
	"store/sqlstore.deviceTable":  "a table and its columns",
	"store/sqlstore.flowTable":    "a table and its columns",
	"store/sqlstore.limitTable":   "a table and its columns",
	"store/sqlstore.codeTable":    "a table and its columns",
	"store/sqlstore.ticketTable":  "a table and its columns",

	"store/sqlstore.requestTable":   "a table and its columns",
	"store/sqlstore.assertionTable": "a table and its columns",
	"store/sqlstore.loginTable":     "a table and its columns",

	"store/sqlstore.socialRequestTable": "a table and its columns",
}

// library tells whether a package is linked into hosts: neither an example nor a test kit.
func library(name string) bool { return !example(name) && !kit(name) }

func example(name string) bool { return strings.HasPrefix(name, "examples/") }

// TestHouseRules reads the source of the library for what it must not do.
func TestHouseRules(t *testing.T) {
	found := map[string]bool{}
	for _, c := range checkPackages(t, library) {
		for _, file := range c.files {
			for _, spec := range file.Imports {
				if path := strings.Trim(spec.Path.Value, `"`); slices.Contains([]string{"log", "log/slog", "testing"}, path) {
					t.Errorf("%s imports %s: the library does not log, and production links no tests", c.at(spec.Pos()), path)
				}
			}
			for _, decl := range file.Decls {
				switch d := decl.(type) {
				case *ast.FuncDecl:
					if d.Recv == nil && d.Name.Name == "init" {
						t.Errorf("%s: an init function runs in every host that links the package", c.at(d.Pos()))
					}
				case *ast.GenDecl:
					checkVariables(t, c, d, found)
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s: the library starts no goroutine", c.at(n.Pos()))
				case *ast.CallExpr:
					checkCall(t, c, n)
				case *ast.AssignStmt:
					for _, left := range n.Lhs {
						checkAssigned(t, c, left)
					}
				case *ast.IncDecStmt:
					checkAssigned(t, c, n.X)
				}
				return true
			})
		}
	}
	for name := range variables {
		if !found[name] {
			t.Errorf("variables lists %s, which does not exist (or needs no listing): remove it", name)
		}
	}
}

// TestOneDoor proves that there is no second way in: in all of the library one function makes a session for a person, a manager of
// package auth hands out no manager of sessions, and StageReady is answered by Next alone.
func TestOneDoor(t *testing.T) {
	doors := map[string][]string{}
	for _, c := range checkPackages(t, library) {
		for _, file := range c.files {
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok || f.Body == nil {
					continue
				}
				where := c.name() + "." + f.Name.Name
				ast.Inspect(f.Body, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.SelectorExpr:
						if n.Sel.Name == "Issue" || n.Sel.Name == "CreateSession" {
							doors[n.Sel.Name] = append(doors[n.Sel.Name], where)
						}
					case *ast.AssignStmt:
						for _, right := range n.Rhs {
							if id, ok := right.(*ast.Ident); ok && id.Name == "StageReady" {
								doors["StageReady"] = append(doors["StageReady"], where)
							}
						}
					}
					return true
				})
			}
		}
		if c.name() == "auth" {
			manager := types.NewMethodSet(types.NewPointer(c.types.Scope().Lookup("Manager").Type()))
			for i := range manager.Len() {
				m := manager.At(i).Obj()
				if m.Exported() && strings.Contains(m.Type().String(), "session.Manager") {
					t.Errorf("invariant 1: (*auth.Manager).%s gives away the manager that makes sessions", m.Name())
				}
			}
		}
	}
	for what, want := range map[string][]string{
		"Issue": {"auth.Finish"}, "CreateSession": {"session.Issue"}, "StageReady": {"auth.Next"},
	} {
		if !slices.Equal(doors[what], want) {
			t.Errorf("invariant 1: %s is made by %v, want %v alone", what, doors[what], want)
		}
	}
}

// checkVariables finds the package variables that need a reason.
func checkVariables(t *testing.T, c checked, d *ast.GenDecl, found map[string]bool) {
	if d.Tok != token.VAR {
		return
	}
	for _, spec := range d.Specs {
		spec := spec.(*ast.ValueSpec)
		for i, id := range spec.Names {
			if id.Name == "_" || embedded(d, spec) || i < len(spec.Values) && sentinel(c, spec.Values[i]) {
				continue
			}
			name := c.name() + "." + id.Name
			found[name] = true
			if variables[name] == "" {
				t.Errorf("%s: package variable %s: make it a constant or a field, or list it in variables with its reason", c.at(id.Pos()), name)
			}
		}
	}
}

func embedded(d *ast.GenDecl, spec *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{d.Doc, spec.Doc} {
		if doc == nil {
			continue
		}
		for _, line := range doc.List {
			if strings.HasPrefix(line.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

// sentinel tells whether a value is errors.New of a text.
func sentinel(c checked, value ast.Expr) bool {
	call, ok := value.(*ast.CallExpr)
	return ok && calls(c, call, "errors.New")
}

func calls(c checked, call *ast.CallExpr, full string) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	f, ok := c.info.Uses[sel.Sel].(*types.Func)
	return ok && f.FullName() == full
}

func checkCall(t *testing.T, c checked, call *ast.CallExpr) {
	if id, ok := call.Fun.(*ast.Ident); ok {
		if b, ok := c.info.Uses[id].(*types.Builtin); ok && slices.Contains([]string{"panic", "print", "println"}, b.Name()) {
			t.Errorf("%s calls %s: the library returns errors", c.at(call.Pos()), b.Name())
		}
	}
	for _, full := range []string{"fmt.Print", "fmt.Printf", "fmt.Println", "os.Exit"} {
		if calls(c, call, full) {
			t.Errorf("%s calls %s: the library neither prints nor ends the host's program", c.at(call.Pos()), full)
		}
	}
}

// checkAssigned finds package variables, ours or another package's, that change at run time.
func checkAssigned(t *testing.T, c checked, left ast.Expr) {
	for {
		switch e := left.(type) {
		case *ast.ParenExpr:
			left = e.X
			continue
		case *ast.IndexExpr:
			left = e.X
			continue
		case *ast.StarExpr:
			left = e.X
			continue
		case *ast.SelectorExpr:
			if id, ok := e.X.(*ast.Ident); ok {
				if _, ok := c.info.Uses[id].(*types.PkgName); ok {
					left = e.Sel
					continue
				}
			}
			left = e.X
			continue
		}
		break
	}
	id, ok := left.(*ast.Ident)
	if !ok {
		return
	}
	if v, ok := c.info.Uses[id].(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
		t.Errorf("%s changes the package variable %s", c.at(id.Pos()), v.Name())
	}
}

// TestExportedAPI walks everything a host can name, test kits included.
func TestExportedAPI(t *testing.T) {
	keep := func(name string) bool { return !example(name) && !internal(name) }
	for _, c := range checkPackages(t, keep) {
		w := &walker{t: t, c: c, seen: map[types.Type]bool{}}
		scope := c.types.Scope()
		for _, name := range scope.Names() {
			if obj := scope.Lookup(name); obj.Exported() {
				w.object(obj)
			}
		}
	}
}

func internal(name string) bool { return name == "internal" || strings.HasPrefix(name, "internal/") }

// A walker follows the types of one package as far as a host can reach them.
type walker struct {
	t    *testing.T
	c    checked
	at   types.Object // what is being walked, for the message
	seen map[types.Type]bool
}

func (w *walker) errorf(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("%s: %s: "+format, append([]any{w.c.at(w.at.Pos()), w.at.Name()}, args...)...)
}

func (w *walker) object(obj types.Object) {
	w.at = obj
	switch obj := obj.(type) {
	case *types.TypeName:
		if sig, ok := obj.Type().Underlying().(*types.Signature); ok && takesConfig(sig) {
			w.errorf("is a functional option: configuration is a struct")
		}
		if named, ok := obj.Type().(*types.Named); ok && !obj.IsAlias() {
			w.named(named)
			return
		}
	case *types.Func:
		if sig := obj.Signature(); sig.Variadic() {
			last := sig.Params().At(sig.Params().Len() - 1).Type().(*types.Slice).Elem()
			if _, isFunc := last.Underlying().(*types.Signature); isFunc {
				w.errorf("takes functional options: configuration is a struct")
			}
		}
	}
	w.walk(obj.Type())
}

// takesConfig tells whether a function is given a struct to change.
func takesConfig(sig *types.Signature) bool {
	for v := range sig.Params().Variables() {
		ptr, ok := v.Type().(*types.Pointer)
		if !ok {
			continue
		}
		named, ok := ptr.Elem().(*types.Named)
		if ok && (strings.HasSuffix(strings.ToLower(named.Obj().Name()), "config") || strings.HasSuffix(strings.ToLower(named.Obj().Name()), "options")) {
			return true
		}
	}
	return false
}

// named walks a type that this package declares: what it is made of, and its exported methods.
func (w *walker) named(n *types.Named) {
	if w.seen[n] {
		return
	}
	w.seen[n] = true
	at := w.at
	for m := range n.Methods() {
		if m.Exported() {
			w.at = m
			w.walk(m.Type())
		}
	}
	w.at = at
	w.walk(n.Underlying())
}

func (w *walker) walk(typ types.Type) {
	switch typ := typ.(type) {
	case *types.Alias:
		if typ.Obj().Pkg() == nil {
			w.walk(types.Unalias(typ)) // any
			return
		}
		w.refuseInternal(typ.Obj())
		w.walk(types.Unalias(typ))
	case *types.Named:
		w.refuseInternal(typ.Obj())
		for arg := range typ.TypeArgs().Types() {
			w.walk(arg)
		}
		if typ.Obj().Pkg() == w.c.types && !typ.Obj().Exported() { // an exported one is walked by itself
			w.named(typ)
		}
	case *types.Pointer:
		w.walk(typ.Elem())
	case *types.Slice:
		w.walk(typ.Elem())
	case *types.Array:
		w.walk(typ.Elem())
	case *types.Chan:
		w.walk(typ.Elem())
	case *types.Map:
		w.walk(typ.Key())
		w.walk(typ.Elem())
	case *types.Signature:
		for v := range typ.Params().Variables() {
			w.walk(v.Type())
		}
		for v := range typ.Results().Variables() {
			w.walk(v.Type())
		}
	case *types.Struct:
		for f := range typ.Fields() {
			if f.Exported() || f.Embedded() {
				w.walk(f.Type())
			}
		}
	case *types.Interface:
		if typ.Empty() && !typ.IsComparable() {
			w.errorf("has an any that a host can reach: say what it is")
		}
		for m := range typ.ExplicitMethods() {
			if m.Exported() {
				w.walk(m.Type())
			}
		}
		for e := range typ.EmbeddedTypes() {
			w.walk(e)
		}
	}
}

func (w *walker) refuseInternal(obj *types.TypeName) {
	if obj.Pkg() == nil || !ours(obj.Pkg().Path()) {
		return
	}
	if from := name(obj.Pkg().Path()); internal(from) {
		w.errorf("shows %s.%s, which no host can name", from, obj.Name())
	}
}
