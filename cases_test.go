package sallyport_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// inRange tells whether docs/cases.md speaks of this attack case already.
func inRange(n int) bool { return 1 <= n && n <= 250 }

var (
	caseRow   = regexp.MustCompile(`^\| (A-\d{3}) \| ([^|]+) \| (\w+) \|([^|]*)\|$`)
	casePlace = regexp.MustCompile("`([^`]+)`")

	// What the texts of tests call by number: attack cases, requirements and invariants.
	caseNumber        = regexp.MustCompile(`\bA-\d{3}\b`)
	requirementNumber = regexp.MustCompile(`\bR\d{1,3}\b`)
	invariantNumber   = regexp.MustCompile(`\binvariant \d{1,2}\b`)
)

// TestCases compares docs/cases.md with the tests: a case called tested has a test that carries its number, in every package
// that the row names, and a case that has one is not called anything else.
func TestCases(t *testing.T) {
	text, err := os.ReadFile("docs/cases.md")
	if err != nil {
		t.Fatal(err)
	}
	tested := numbered(t, caseNumber)
	listed := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| A-") {
			continue
		}
		row := caseRow.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil {
			t.Errorf("cannot read the row %q", line)
			continue
		}
		number, state, note := row[1], row[3], row[4]
		if listed[number] {
			t.Errorf("%s stands in the table twice", number)
		}
		listed[number] = true
		switch state {
		case "tested":
			if len(tested[number]) == 0 {
				t.Errorf("%s is called tested, and no test carries its number", number)
			}
			for _, place := range casePlace.FindAllStringSubmatch(note, -1) {
				if !slices.Contains(tested[number], place[1]) {
					t.Errorf("%s is called tested in %s, and no test there carries its number (it stands in %q)", number, place[1], tested[number])
				}
			}
		case "waits", "cannot":
			if len(tested[number]) > 0 {
				t.Errorf("%s is called %q, and tests in %q carry its number", number, state, tested[number])
			}
			if strings.TrimSpace(note) == "" {
				t.Errorf("%s is called %q without a reason", number, state)
			}
		default:
			t.Errorf("%s: state %q, want tested, waits or cannot", number, state)
		}
	}
	for n := range 1000 {
		if number := fmt.Sprintf("A-%03d", n); inRange(n) != listed[number] {
			t.Errorf("%s in the table: %v, want %v", number, listed[number], inRange(n))
		}
	}
}

// TestRequirements tells that every requirement and invariant that is promised so far has a test that carries its number.
func TestRequirements(t *testing.T) {
	requirements := numbered(t, requirementNumber)
	for _, span := range [][2]int{{1, 36}, {38, 70}, {74, 74}, {77, 77}, {79, 79}, {83, 83}, {86, 91}, {94, 116}} {
		for n := span[0]; n <= span[1]; n++ {
			if number := fmt.Sprintf("R%d", n); len(requirements[number]) == 0 {
				t.Errorf("no test carries the number %s", number)
			}
		}
	}
	invariants := numbered(t, invariantNumber)
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12} {
		if number := fmt.Sprintf("invariant %d", n); len(invariants[number]) == 0 {
			t.Errorf("no test carries the name of %s", number)
		}
	}
}

// numbered finds the numbers in the texts of tests and test kits, and in which packages they stand. A number in a comment tests
// nothing.
func numbered(t *testing.T, number *regexp.Regexp) map[string][]string {
	files, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for file, text := range files {
		dir := path.Dir(file)
		if dir == "." || !strings.HasSuffix(file, "_test.go") && !kit(dir) {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("parsing: %v", err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				for _, match := range number.FindAllString(lit.Value, -1) {
					if !slices.Contains(found[match], dir) {
						found[match] = append(found[match], dir)
					}
				}
			}
			return true
		})
	}
	return found
}
