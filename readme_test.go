package sallyport_test

import (
	"os"
	"strings"
	"testing"
)

// TestReadme keeps the README true: what it shows is what runs.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)

	t.Run("the thirty lines are examples/minimal", func(t *testing.T) {
		main, err := os.ReadFile("examples/minimal/main.go")
		if err != nil {
			t.Fatal(err)
		}
		_, code, found := strings.Cut(string(main), "\npackage main\n") // the package comment is for those who open the file
		if !found {
			t.Fatal("examples/minimal/main.go has no line that says package main")
		}
		got := block(t, readme, "minimal", "go")
		if want := "package main\n" + code; got != want {
			t.Errorf("the README shows\n%s\nand examples/minimal/main.go is\n%s", got, want)
		}
	})

	t.Run("thirty lines are at most thirty", func(t *testing.T) {
		_, code, found := strings.Cut(block(t, readme, "minimal", "go"), "\n)\n") // the end of the imports
		if !found {
			t.Fatal("the README's program has no list of imports")
		}
		lines := 0
		for line := range strings.Lines(code) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				lines++
			}
		}
		if lines > 30 {
			t.Errorf("%d lines after the imports, want at most 30", lines)
		}
	})

	t.Run("its two commands stand in blocks of their own", func(t *testing.T) {
		for marker, want := range map[string]string{
			"run-command":  "go run ./examples/complete\n",
			"test-command": "go test ./...\n",
		} {
			if got := block(t, readme, marker, "sh"); got != want {
				t.Errorf("the block %q is %q, want %q", marker, got, want)
			}
		}
	})

	t.Run("links within the repository lead somewhere", func(t *testing.T) {
		prose := ""
		for i, part := range strings.Split(readme, "```") {
			if i%2 == 0 { // every other part is code
				prose += part
			}
		}
		for _, part := range strings.Split(prose, "](")[1:] {
			path, _, _ := strings.Cut(part, ")")
			path, _, _ = strings.Cut(path, "#")
			if path == "" || strings.Contains(path, "://") {
				continue
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("link to %s: %v", path, err)
			}
		}
	})
}

// block is the text of the fenced block that follows a marker.
func block(t *testing.T, text, marker, language string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "<!-- "+marker+" -->\n```"+language+"\n")
	if !found {
		t.Fatalf("no block marked %q in %s", marker, language)
	}
	code, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatalf("the block marked %q has no end", marker)
	}
	return code
}
