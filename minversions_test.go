package sallyport_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/version"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// minimum are the first versions without a defect that matters to a sign-in. A host's own go.mod can only raise what ours selects.
// It stands in for a vulnerability scanner, whose database does not know all of these.
var minimum = map[string]string{
	"golang.org/x/crypto":                 "v0.52.0",
	"golang.org/x/text":                   "v0.39.0",
	"golang.org/x/net":                    "v0.55.0",
	"golang.org/x/oauth2":                 "v0.27.0",
	"github.com/russellhaering/goxmldsig": "v1.6.1",
	"github.com/beevik/etree":             "v1.7.0",
	"github.com/crewjam/saml":             "v0.5.1",
	"github.com/russellhaering/gosaml2":   "v0.11.0",
	"github.com/go-jose/go-jose/v4":       "v4.1.4",
	"github.com/golang-jwt/jwt/v4":        "v4.5.2",
	"github.com/golang-jwt/jwt/v5":        "v5.2.2",
	"github.com/pquerna/otp":              "v1.5.0",
	"github.com/gorilla/csrf":             "v1.7.3",
}

// minimumGo is the first Go of the newest line without such a defect.
const minimumGo = "go1.26.6"

func TestMinimumVersions(t *testing.T) {
	seen := 0
	for _, m := range selected(t) {
		want, ok := minimum[m.Path]
		if !ok {
			continue
		}
		seen++
		if less(m.Version, want) {
			t.Errorf("%s is selected at %s, want %s or later", m.Path, m.Version, want)
		}
	}
	if seen < 3 { // x/crypto, x/text and x/net are always there
		t.Errorf("%d modules of the table are in the build list, want at least 3", seen)
	}
}

func TestMinimumGo(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^toolchain (\S+)$`).FindSubmatch(mod)
	if line == nil {
		t.Fatal("go.mod has no toolchain line")
	}
	for from, got := range map[string]string{"go.mod's toolchain line": string(line[1]), "this test's Go": runtime.Version()} {
		got, _, _ = strings.Cut(got, " ") // experiments follow a space
		if version.IsValid(got) && version.Compare(got, minimumGo) < 0 {
			t.Errorf("%s is %s, want %s or later", from, got, minimumGo)
		}
		if !version.IsValid(got) && !strings.HasPrefix(got, "devel") {
			t.Errorf("%s is %q, want a version", from, got)
		}
	}
}

func TestLess(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"v0.9.0", "v0.52.0", true},
		{"v0.52.0", "v0.52.0", false},
		{"v0.58.0", "v0.52.0", false},
		{"v1.0.0", "v0.52.0", false},
		{"v0.52.0-0.20260101000000-abcdefabcdef", "v0.52.0", true},
		{"v4.5.1+incompatible", "v4.5.2", true},
	} {
		if got := less(c.a, c.b); got != c.want {
			t.Errorf("less(%s, %s) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// less compares two versions. One with something after its number is before that number.
func less(a, b string) bool {
	an, apre := parts(a)
	bn, bpre := parts(b)
	for i := range an {
		if an[i] != bn[i] {
			return an[i] < bn[i]
		}
	}
	return apre && !bpre
}

func parts(v string) (n [3]int, pre bool) {
	v, _, _ = strings.Cut(strings.TrimPrefix(v, "v"), "+")
	v, _, pre = strings.Cut(v, "-")
	for i, s := range strings.SplitN(v, ".", 3) {
		n[i], _ = strconv.Atoi(s)
	}
	return n, pre
}

// A mod is a module as the build selects it.
type mod struct {
	Path    string
	Version string
	Replace *mod
}

var modules = sync.OnceValues(func() ([]mod, error) {
	out, err := exec.Command("go", "list", "-m", "-json=Path,Version,Replace", "all").Output()
	if err != nil {
		return nil, err
	}
	var list []mod
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var m mod
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		if m.Replace != nil {
			m.Version = m.Replace.Version
		}
		list = append(list, m)
	}
})

// selected is the build list.
func selected(t *testing.T) []mod {
	t.Helper()
	list, err := modules()
	if err != nil {
		t.Fatalf("go list -m all: %v", err)
	}
	return list
}
