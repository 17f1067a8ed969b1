package sallyport_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/sallyport-auth/sallyport"

// A pkg is what the go command tells of a package: of ours, or of one that ours link.
type pkg struct {
	ImportPath   string
	Dir          string
	Standard     bool
	Export       string // the file of its compiled declarations
	Module       *struct{ Path string }
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Error        *struct{ Err string }
}

// name is the path within the module: "auth/web"; the root is ".".
func (p pkg) name() string { return name(p.ImportPath) }

func name(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

func ours(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// tree answers every package that the module builds with, by import path, and the names of ours in order.
var tree = sync.OnceValues(func() (map[string]pkg, error) {
	// Read here, so that go test's cache knows what the answer of another program depends on.
	if _, err := sources(); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "list", "-e", "-deps", "-export",
		"-json=ImportPath,Dir,Standard,Export,Module,GoFiles,Imports,TestImports,XTestImports,Error", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	all := map[string]pkg{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("go list: %w", err)
		}
		all[p.ImportPath] = p
	}
})

// sources answers the text of every Go file below the root, by its path, testdata left out.
var sources = sync.OnceValues(func() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch base := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (base == "testdata" || len(base) > 1 && base[0] == '.'):
			return fs.SkipDir
		case filepath.Ext(base) == ".go":
			files[filepath.ToSlash(path)], err = os.ReadFile(path)
		}
		return err
	})
	return files, err
})

func loadTree(t *testing.T) map[string]pkg {
	t.Helper()
	all, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// ourPackages are the packages of the module, in order.
func ourPackages(t *testing.T) []pkg {
	t.Helper()
	all := loadTree(t)
	var list []pkg
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if ours(path) {
			list = append(list, all[path])
		}
	}
	if len(list) < 3 {
		t.Fatalf("go list found %d packages of ours, want the module", len(list))
	}
	return list
}

// A checked package has been parsed and given its types. Its tests are not part of it.
type checked struct {
	pkg
	fset  *token.FileSet
	files []*ast.File
	types *types.Package
	info  *types.Info
}

// checkPackages gives types to the packages that keep accepts.
func checkPackages(t *testing.T, keep func(name string) bool) []checked {
	t.Helper()
	all := loadTree(t)
	fset := token.NewFileSet()
	imp := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		p, ok := all[path]
		if !ok || p.Export == "" {
			return nil, fmt.Errorf("%s has not been built", path)
		}
		return os.Open(p.Export)
	})
	var list []checked
	for _, p := range ourPackages(t) {
		if !keep(p.name()) || len(p.GoFiles) == 0 {
			continue
		}
		c := checked{pkg: p, fset: fset, info: &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}}
		for _, file := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatalf("parsing: %v", err)
			}
			c.files = append(c.files, f)
		}
		conf := types.Config{Importer: imp}
		var err error
		if c.types, err = conf.Check(p.ImportPath, fset, c.files, c.info); err != nil {
			t.Errorf("checking %s: %v", p.name(), err)
			continue
		}
		list = append(list, c)
	}
	return list
}

// at tells where a node stands, within the module.
func (c checked) at(pos token.Pos) string {
	p := c.fset.Position(pos)
	return fmt.Sprintf("%s/%s:%d", c.name(), filepath.Base(p.Filename), p.Line)
}
