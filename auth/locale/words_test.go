package locale_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// files are those of a language: the texts of pages, and those of mails.
func files(tag string) []string { return []string{tag + ".json", filepath.Join("mail", tag+".json")} }

// texts reads the files of a language anew: the plural forms by key, or the text as the form "". A key that stands there twice
// fails, in one file or in two.
func texts(t testing.TB, tag string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for _, name := range files(tag) {
		readTexts(t, name, all)
	}
	return all
}

func readTexts(t testing.TB, file string, all map[string]map[string]string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			t.Fatal(err)
		}
		name := key.(string)
		if _, twice := all[name]; twice {
			t.Errorf("%s has %q, which stands there or in another file already", file, name)
		}
		var text string
		if json.Unmarshal(raw, &text) == nil {
			all[name] = map[string]string{"": text}
			continue
		}
		var forms map[string]string
		if err := json.Unmarshal(raw, &forms); err != nil {
			t.Fatalf("%s: %q is neither a text nor plural forms: %s", file, name, raw)
		}
		all[name] = forms
	}
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		t.Errorf("%s goes on after its end", file)
	}
}

// each calls f with every text of a language.
func each(t *testing.T, tag string, f func(key, text string)) {
	t.Helper()
	all := texts(t, tag)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		for _, form := range slices.Sorted(maps.Keys(all[key])) {
			f(key, all[key][form])
		}
	}
}

func placeholders(s string) []string {
	names := regexp.MustCompile(`\{[^}]*\}?|\}`).FindAllString(s, -1)
	slices.Sort(names)
	return slices.Compact(names)
}

func TestWords(t *testing.T) {
	english := texts(t, "en")

	t.Run("R111 every language has every key, with the same placeholders and kind", func(t *testing.T) {
		for _, tag := range []string{"es", "fr"} {
			other := texts(t, tag)
			for key := range other {
				if _, ok := english[key]; !ok {
					t.Errorf("%s.json has %q, which English has not", tag, key)
				}
			}
			for key, forms := range english {
				if other[key] == nil {
					t.Errorf("%s.json lacks %q", tag, key)
					continue
				}
				got, want := slices.Sorted(maps.Keys(other[key])), slices.Sorted(maps.Keys(forms))
				if !slices.Equal(got, want) { // the three have the same categories for numbers that occur
					t.Errorf("%s.json: %q has the forms %q, want %q", tag, key, got, want)
				}
				for form, text := range other[key] {
					if got, want := placeholders(text), placeholders(forms[form]); !slices.Equal(got, want) {
						t.Errorf("%s.json: %q has the placeholders %q, want %q", tag, key, got, want)
					}
				}
			}
		}
	})

	t.Run("R111 the keys stand in the same order in every language", func(t *testing.T) {
		order := func(tag string) []string {
			var all []string
			for _, name := range files(tag) {
				data, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, regexp.MustCompile(`(?m)^\t"[^"]+"`).FindAllString(string(data), -1)...)
			}
			return all
		}
		for _, tag := range []string{"es", "fr"} {
			if !slices.Equal(order(tag), order("en")) {
				t.Errorf("%s.json has its keys in another order than en.json", tag)
			}
		}
	})

	t.Run("R111 nothing is left in English", func(t *testing.T) {
		same := map[string][]string{ // texts that are spelled alike
			"es": {"title.problem", "mail.fact.line", "mail.day.first"},
			"fr": {"mail.time", "myaccount.nav.sessions"},
		}
		for _, tag := range []string{"es", "fr"} {
			each(t, tag, func(key, text string) {
				for _, en := range english[key] {
					if en == text && !slices.Contains(same[tag], key) {
						t.Errorf("%s.json: %q is the English text %q", tag, key, text)
					}
				}
			})
		}
		stray := regexp.MustCompile(`(?i)\b(the|and|your|you|password|sign|email|account|company|try|again|please|support team)\b`)
		for _, tag := range []string{"es", "fr"} {
			each(t, tag, func(key, text string) {
				if word := stray.FindString(text); word != "" {
					t.Errorf("%s.json: %q has the English word %q: %s", tag, key, word, text)
				}
			})
		}
	})

	t.Run("R111 no text is a fragment", func(t *testing.T) {
		for _, tag := range []string{"en", "es", "fr"} {
			each(t, tag, func(key, text string) {
				switch {
				case text != strings.TrimSpace(text):
					t.Errorf("%s.json: %q begins or ends with white space: %q", tag, key, text)
				case strings.Contains(text, "  "):
					t.Errorf("%s.json: %q has two spaces: %q", tag, key, text)
				case strings.ContainsAny(text[len(text)-1:], ",:;(-"):
					t.Errorf("%s.json: %q stops in the middle: %q", tag, key, text)
				case strings.ContainsAny(text, "<>&\n\t"):
					t.Errorf("%s.json: %q is not plain text: %q", tag, key, text)
				}
				if sentence := strings.HasPrefix(key, "reason.") || strings.HasSuffix(key, ".text") || strings.HasSuffix(key, ".lead") ||
					strings.HasSuffix(key, ".unasked"); sentence &&
					!strings.ContainsAny(text[len(text)-1:], ".?") {
					t.Errorf("%s.json: %q is a sentence without an end: %q", tag, key, text)
				}
				if lower := regexp.MustCompile(`^\p{Ll}`).FindString(text); lower != "" && !strings.HasPrefix(key, "mail.month.") { // those stand within a date
					t.Errorf("%s.json: %q begins in the middle: %q", tag, key, text)
				}
			})
		}
	})

	t.Run("typewriter marks are for typewriters", func(t *testing.T) {
		for _, tag := range []string{"en", "es", "fr"} {
			each(t, tag, func(key, text string) {
				if strings.ContainsAny(text, `'"`) || strings.Contains(text, "...") || strings.Contains(text, " - ") {
					t.Errorf("%s.json: %q has ', \", ... or a hyphen for a dash: %s", tag, key, text)
				}
			})
		}
	})

	t.Run("French has its non-breaking spaces", func(t *testing.T) {
		each(t, "fr", func(key, text string) {
			if m := regexp.MustCompile(`[^\x{202f}][;!?]|[^\x{a0}]:|«[^\x{a0}]|[^\x{a0}]»`).FindString(text); m != "" {
				t.Errorf("fr.json: %q has %q without the space that belongs there: %s", key, m, text)
			}
			if strings.Contains(text, "\u00a0 ") || strings.Contains(text, " \u00a0") || strings.Contains(text, "\u202f ") || strings.Contains(text, " \u202f") {
				t.Errorf("fr.json: %q has two kinds of space together: %q", key, text)
			}
		})
	})

	t.Run("Spanish opens its questions and exclamations", func(t *testing.T) {
		each(t, "es", func(key, text string) {
			if strings.Count(text, "?") != strings.Count(text, "¿") || strings.Count(text, "!") != strings.Count(text, "¡") {
				t.Errorf("es.json: %q has a question or exclamation without its beginning: %s", key, text)
			}
		})
	})

	t.Run("people are addressed formally", func(t *testing.T) {
		informal := map[string]*regexp.Regexp{
			"es": regexp.MustCompile(`(?i)(^|\P{L})(tu|tus|tú|te|contigo|inténtalo|escribe|elige|usa|pide|puedes|quieres|tienes|has)(\P{L}|$)`),
			"fr": regexp.MustCompile(`(?i)(^|\P{L})(tu|toi|ton|ta|tes|te|essaie|réessaie|saisis|choisis|peux)(\P{L}|$)`),
		}
		for tag, re := range informal {
			each(t, tag, func(key, text string) {
				if m := re.FindString(text); m != "" {
					t.Errorf("%s.json: %q says %q: %s", tag, key, m, text)
				}
			})
		}
	})

	t.Run("the words of the glossary", func(t *testing.T) {
		for key, want := range map[string][3]string{
			"button.signin":   {"Sign in", "Iniciar sesión", "Se connecter"},
			"button.next":     {"Next", "Siguiente", "Suivant"},
			"button.continue": {"Continue", "Continuar", "Continuer"},
			"field.email":     {"Email address", "Dirección de correo electrónico", "Adresse e-mail"},
			"field.password":  {"Password", "Contraseña", "Mot de passe"},
			"field.keep":      {"Keep me signed in", "Mantener mi sesión iniciada", "Rester connecté"},
			"footer.support":  {"Contact Support", "Contacto con asistencia", "Contacter le support"},
		} {
			for i, tag := range []string{"en", "es", "fr"} {
				if got := texts(t, tag)[key][""]; got != want[i] {
					t.Errorf("%s.json: %q = %q, want %q", tag, key, got, want[i])
				}
			}
		}
		log := regexp.MustCompile(`(?i)\blog ?(in|out|on|off)\b|e-mail`)
		each(t, "en", func(key, text string) {
			if m := log.FindString(text); m != "" {
				t.Errorf("en.json: %q says %q; the words are sign in, sign out and email: %s", key, m, text)
			}
		})
	})
}

// reasons are the codes of auth.Reason, read from its source: this package lies below auth and may not import it.
func reasons(t *testing.T) []string { return constants(t, filepath.Join("..", "reason.go"), "Reason") }

// kinds are the letters there are, read in the same way, but for the one that is never sent.
func kinds(t *testing.T) []string {
	all := constants(t, filepath.Join("..", "mail", "letter.go"), "Kind")
	return slices.DeleteFunc(all, func(kind string) bool { return kind == "nothing" })
}

// constants are the values of the constants of a type in a file.
func constants(t *testing.T, path, typeName string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == typeName {
			for _, v := range spec.Values {
				codes = append(codes, unquote(t, v.(*ast.BasicLit).Value))
			}
		}
		return true
	})
	if len(codes) < 10 {
		t.Fatalf("found %d constants of type %s in %s; have they moved?", len(codes), typeName, path)
	}
	return codes
}

func unquote(t *testing.T, literal string) string {
	t.Helper()
	s, err := strconv.Unquote(literal)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sources calls f with the text of every file under auth that people may see the words of: templates and Go without its tests.
func sources(t *testing.T, f func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		if ext := filepath.Ext(path); ext != ".go" && ext != ".html" {
			return nil
		}
		data, err := os.ReadFile(path)
		f(path, string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestKeys(t *testing.T) {
	keys := texts(t, "en")

	t.Run("R111 every reason has a text, and every text of a reason has one", func(t *testing.T) {
		codes := reasons(t)
		for _, code := range codes {
			if keys["reason."+code] == nil {
				t.Errorf(`en.json lacks "reason.%s"`, code)
			}
		}
		for key := range keys {
			for _, family := range []string{"reason.", "stop."} {
				code, ok := strings.CutPrefix(key, family)
				code, _, _ = strings.Cut(code, ".")
				if ok && code != "heading" && !slices.Contains(codes, code) {
					t.Errorf("en.json has %q, and auth has no such Reason", key)
				}
			}
		}
	})

	t.Run("R111 every letter has its texts, and every text of a letter has one", func(t *testing.T) {
		for _, kind := range kinds(t) {
			for _, part := range []string{"subject", "heading", "lead", "unasked"} {
				if key := "mail." + kind + "." + part; keys[key] == nil {
					t.Errorf("en.json lacks %q", key)
				}
			}
		}
		for key := range keys {
			rest, ok := strings.CutPrefix(key, "mail.")
			kind, part, _ := strings.Cut(rest, ".")
			if own := slices.Contains([]string{"subject", "heading", "lead", "unasked"}, part); ok && own && !slices.Contains(kinds(t), kind) {
				t.Errorf("en.json has %q, and there is no such letter", key)
			}
		}
	})

	t.Run("R111 no key is missing", func(t *testing.T) {
		asked := regexp.MustCompile(`(?:\.T|\bT\(|\bGet\(|\bCount\()\s*"([^"]*)"`)
		sources(t, func(path, text string) {
			for _, m := range asked.FindAllStringSubmatch(text, -1) {
				family := strings.HasSuffix(m[1], ".") // "reason." + code
				if keys[m[1]] == nil && !family && strings.Contains(m[1], ".") {
					t.Errorf("%s asks for %q, which en.json lacks", path, m[1])
				}
			}
		})
	})

	t.Run("R111 no key is unused", func(t *testing.T) {
		var all strings.Builder
		pages := []string{"problem"} // title.problem
		sources(t, func(path, text string) {
			all.WriteString(text)
			if filepath.Ext(path) == ".html" {
				pages = append(pages, strings.TrimSuffix(filepath.Base(path), ".html"))
			}
		})
		ofLetter := regexp.MustCompile(`^(\w+\.(subject|heading|lead|unasked)|month\.\d+)$`)
		for key := range keys {
			family, name, _ := strings.Cut(key, ".")
			switch {
			case key == "language.name", family == "reason": // asked for here, and by auth.Reason
			case family == "mail" && ofLetter.MatchString(name): // asked for by kind or month
			case family == "title" && slices.Contains(pages, name): // asked for by page
			case !strings.Contains(all.String(), strconv.Quote(key)):
				t.Errorf("nothing asks for %q", key)
			}
		}
	})

	t.Run("R111 no sentence is put together from texts", func(t *testing.T) {
		// Two texts in one run, with nothing but words or white space between them, would be read as one sentence.
		joined := regexp.MustCompile(`\{\{-?\s*\$?\.T [^{}]*\}\}[^<{"]*\{\{-?\s*\$?\.T |\{\{-?\s*\$?\.T [^{}]*\}\}[ ,;:]*[\p{L}]`)
		sources(t, func(path, text string) {
			if filepath.Ext(path) != ".html" {
				return
			}
			for _, m := range joined.FindAllString(text, -1) {
				t.Errorf("%s puts words beside a text: %s", path, m)
			}
		})
	})
}
