package saml

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// limits bound a document before anything is made of it. The cost of what follows grows with the product of elements and of
// namespaces in scope, so both are bounded, not the length alone.
type limits struct {
	bytes      int
	depth      int // of elements within each other
	elements   int
	attributes int  // in all, declarations of namespaces among them
	wide       int  // attributes of one element
	scope      int  // declarations in scope at any one place
	comments   bool // left out, as canonicalization leaves them out; false: refused
}

const widest = 64

// answerLimits are those of a message from a browser: an assertion with two thousand groups fits.
func answerLimits() limits {
	return limits{bytes: 256 << 10, depth: 24, elements: 4096, attributes: 16384, wide: 32, scope: 24}
}

// A binding is a namespace declaration in scope.
type binding struct{ prefix, uri string }

const (
	nsXML   = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS = "http://www.w3.org/2000/xmlns/"
)

// parse reads a document of a small part of XML: UTF-8, ASCII names, elements, attributes, text, the five named entities and
// character references. Whatever else there is in XML (document types, processing instructions, CDATA sections, comments) is refused,
// and so is what two readers could read differently: undeclared and reserved prefixes, an attribute twice, an ID twice. The lengths
// are checked on the way, so that a flood ends at the limit and not at its end.
//
// Where the document is to stand within another one, outer are the declarations that hold there; they are repeated at the root.
// Errors say what and where, and nothing of the content.
func parse(raw []byte, lim limits, outer []binding) (*etree.Element, error) {
	if len(raw) > lim.bytes {
		return nil, fmt.Errorf("%d bytes, more than %d", len(raw), lim.bytes)
	}
	p := parser{in: strings.TrimPrefix(string(raw), "\ufeff"), lim: lim, scope: append([]binding(nil), outer...), ids: map[string]bool{}}
	if err := p.characters(); err != nil {
		return nil, err
	}
	if err := p.declaration(); err != nil {
		return nil, err
	}
	root, err := p.document()
	if err != nil {
		return nil, err
	}
	for i, b := range outer {
		if !declares(root, b.prefix) && (b.uri != "" || b.prefix == "") && last(outer, b.prefix) == i {
			root.Attr = append(root.Attr, declare(b))
		}
	}
	return root, nil
}

type parser struct {
	in    string
	at    int
	lim   limits
	scope []binding // innermost last
	ids   map[string]bool

	elements, attributes int
}

// An open element waits for its end.
type open struct {
	el    *etree.Element
	scope int // how much of parser.scope was there before it
}

func (p *parser) fail(what string) error { return fmt.Errorf("%s at byte %d", what, p.at) }

// characters refuses what XML 1.0 has no place for.
func (p *parser) characters() error {
	if !utf8.ValidString(p.in) {
		return p.fail("not UTF-8")
	}
	for i := 0; i < len(p.in); i++ {
		c := p.in[i]
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xef && strings.HasPrefix(p.in[i:], "\uffff") || c == 0xef && strings.HasPrefix(p.in[i:], "\ufffe") {
			p.at = i
			return p.fail("a character that XML does not have")
		}
	}
	return nil
}

// declaration skips <?xml …?>. The encoding, if it is named, is UTF-8.
func (p *parser) declaration() error {
	rest, ok := strings.CutPrefix(p.in, "<?xml")
	if !ok {
		return nil
	}
	inside, _, ok := strings.Cut(rest, "?>")
	if !ok || len(inside) > 100 || inside == "" || !space(inside[0]) {
		return p.fail("a bad XML declaration")
	}
	for i, pair := range strings.Fields(inside) {
		name, value, _ := strings.Cut(pair, "=")
		if len(value) < 2 || value[0] != value[len(value)-1] || value[0] != '"' && value[0] != '\'' {
			return p.fail("a bad XML declaration")
		}
		switch value = value[1 : len(value)-1]; {
		case name == "version" && value == "1.0" && i == 0:
		case name == "encoding" && strings.EqualFold(value, "utf-8") && i == 1:
		case name == "standalone" && (value == "yes" || value == "no") && i > 0:
		default:
			return p.fail("an XML declaration that is not of XML 1.0 in UTF-8")
		}
	}
	p.at = len("<?xml") + len(inside) + len("?>")
	return nil
}

func (p *parser) document() (*etree.Element, error) {
	var root *etree.Element
	var stack []open
	for p.at < len(p.in) {
		if p.in[p.at] != '<' || strings.HasPrefix(p.in[p.at:], "<!--") {
			text, err := p.text()
			if err != nil {
				return nil, err
			}
			if len(stack) > 0 {
				if text != "" { // nothing but comments
					stack[len(stack)-1].el.AddChild(etree.NewText(text))
				}
			} else if strings.Trim(text, " \t\r\n") != "" {
				return nil, p.fail("text outside of the document")
			}
			continue
		}
		if strings.HasPrefix(p.in[p.at:], "</") {
			if len(stack) == 0 {
				return nil, p.fail("an end without a beginning")
			}
			top := stack[len(stack)-1]
			if err := p.end(top.el); err != nil {
				return nil, err
			}
			stack, p.scope = stack[:len(stack)-1], p.scope[:top.scope]
			continue
		}
		if root != nil && len(stack) == 0 {
			return nil, p.fail("a second document")
		}
		before := len(p.scope)
		el, empty, err := p.begin()
		if err != nil {
			return nil, err
		}
		if root == nil {
			root = el
		} else {
			stack[len(stack)-1].el.AddChild(el)
		}
		if empty {
			p.scope = p.scope[:before]
		} else if stack = append(stack, open{el, before}); len(stack) > p.lim.depth {
			return nil, p.fail("too deep")
		}
	}
	if root == nil || len(stack) > 0 {
		return nil, p.fail("the end is missing")
	}
	return root, nil
}

// begin reads a start tag, or a whole element that is empty.
func (p *parser) begin() (el *etree.Element, empty bool, err error) {
	p.at++
	if p.elements++; p.elements > p.lim.elements {
		return nil, false, p.fail("too many elements")
	}
	el = &etree.Element{}
	if el.Space, el.Tag, err = p.name(); err != nil {
		return nil, false, err
	}
	for {
		spaced := p.skip()
		switch {
		case strings.HasPrefix(p.in[p.at:], "/>"):
			p.at += 2
			return el, true, p.names(el)
		case strings.HasPrefix(p.in[p.at:], ">"):
			p.at++
			return el, false, p.names(el)
		case !spaced:
			return nil, false, p.fail("a bad start of an element")
		}
		a, err := p.attribute()
		if err != nil {
			return nil, false, err
		}
		for _, b := range el.Attr {
			if a.Space == b.Space && a.Key == b.Key {
				return nil, false, p.fail("an attribute twice")
			}
		}
		if p.attributes++; p.attributes > p.lim.attributes || len(el.Attr) >= min(p.lim.wide, widest) {
			return nil, false, p.fail("too many attributes")
		}
		el.Attr = append(el.Attr, a)
	}
}

func (p *parser) attribute() (a etree.Attr, err error) {
	if a.Space, a.Key, err = p.name(); err != nil {
		return a, err
	}
	p.skip()
	if !strings.HasPrefix(p.in[p.at:], "=") {
		return a, p.fail("an attribute without a value")
	}
	p.at++
	p.skip()
	if p.at == len(p.in) || p.in[p.at] != '"' && p.in[p.at] != '\'' {
		return a, p.fail("a value without quotes")
	}
	length := strings.IndexByte(p.in[p.at+1:], p.in[p.at])
	if length < 0 {
		return a, p.fail("a value without an end")
	}
	value := p.in[p.at+1 : p.at+1+length]
	if strings.IndexByte(value, '<') >= 0 {
		return a, p.fail("a value with markup")
	}
	if a.Value, err = p.unescape(value, true); err != nil {
		return a, err
	}
	p.at += length + 2
	if a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns" {
		b := binding{a.Key, a.Value}
		if a.Space == "" {
			b.prefix = ""
		}
		switch {
		case b.prefix == "xml", b.prefix == "xmlns", b.uri == nsXML, b.uri == nsXMLNS, b.uri == "" && b.prefix != "":
			return a, p.fail("a declaration of a reserved or empty namespace")
		case len(p.scope) == p.lim.scope:
			return a, p.fail("too many namespaces")
		}
		p.scope = append(p.scope, b)
	}
	return a, nil
}

// names checks prefixes, which may be declared behind their use, and IDs.
func (p *parser) names(el *etree.Element) error {
	if _, ok := p.lookup(el.Space); !ok && el.Space != "" || el.Space == "xml" {
		return p.fail("an undeclared prefix")
	}
	var uris [widest]string // empty: not in a namespace
	for i, a := range el.Attr {
		switch a.Space {
		case "xmlns":
		case "":
			if a.Key == "ID" {
				if p.ids[a.Value] {
					return p.fail("an ID twice")
				}
				p.ids[a.Value] = true
			}
		default:
			uri, ok := p.lookup(a.Space)
			if !ok {
				return p.fail("an undeclared prefix")
			}
			uris[i] = uri
			for j, b := range el.Attr[:i] {
				if uris[j] == uri && a.Key == b.Key {
					return p.fail("an attribute twice by two prefixes")
				}
			}
		}
	}
	return nil
}

func (p *parser) lookup(prefix string) (string, bool) {
	if prefix == "xml" {
		return nsXML, true
	}
	i := last(p.scope, prefix)
	if i < 0 {
		return "", false
	}
	return p.scope[i].uri, true
}

func (p *parser) end(el *etree.Element) error {
	p.at += 2
	prefix, tag, err := p.name()
	if err != nil {
		return err
	}
	if prefix != el.Space || tag != el.Tag {
		return p.fail("the end of another element")
	}
	p.skip()
	if !strings.HasPrefix(p.in[p.at:], ">") {
		return p.fail("a bad end of an element")
	}
	p.at++
	return nil
}

// text reads on to the next tag. Comments within it leave no trace: a value never ends at one.
func (p *parser) text() (string, error) {
	whole := ""
	for {
		n := strings.IndexByte(p.in[p.at:], '<')
		if n < 0 {
			n = len(p.in) - p.at
		}
		piece := p.in[p.at : p.at+n]
		if strings.Contains(piece, "]]>") {
			return "", p.fail("the end of a CDATA section in text")
		}
		piece, err := p.unescape(piece, false)
		if err != nil {
			return "", err
		}
		p.at += n
		whole += piece
		if !strings.HasPrefix(p.in[p.at:], "<!--") {
			return whole, nil
		}
		if err := p.comment(); err != nil {
			return "", err
		}
	}
}

func (p *parser) comment() error {
	if !p.lim.comments {
		return p.fail("a comment")
	}
	end := strings.Index(p.in[p.at+4:], "--")
	if end < 0 || !strings.HasPrefix(p.in[p.at+4+end:], "-->") {
		return p.fail("a bad comment")
	}
	p.at += 4 + end + 3
	return nil
}

// name reads a name with at most one prefix.
func (p *parser) name() (prefix, local string, err error) {
	start, colon := p.at, -1
	for ; p.at < len(p.in); p.at++ {
		c := p.in[p.at]
		switch {
		case c == ':' && colon < 0:
			colon = p.at
			continue
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
			continue
		case '0' <= c && c <= '9', c == '-', c == '.':
			if p.at > start && p.at != colon+1 {
				continue
			}
		}
		break
	}
	whole := p.in[start:p.at]
	if colon < 0 {
		prefix, local = "", whole
	} else {
		prefix, local = p.in[start:colon], p.in[colon+1:p.at]
	}
	if local == "" || colon == start || prefix == "xmlns" && local == "xmlns" {
		return "", "", p.fail("a bad name")
	}
	return prefix, local, nil
}

// skip passes over white space, and tells whether there was any.
func (p *parser) skip() bool {
	start := p.at
	for p.at < len(p.in) && space(p.in[p.at]) {
		p.at++
	}
	return p.at > start
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// unescape resolves references and normalizes line ends, and in attributes all white space, as XML 1.0 has it (§2.11, §3.3.3).
func (p *parser) unescape(s string, attr bool) (string, error) {
	special := "&\r"
	if attr {
		special = "&\r\n\t"
	}
	i := strings.IndexAny(s, special)
	if i < 0 {
		return s, nil
	}
	var b strings.Builder
	b.Grow(len(s))
	for ; i >= 0; i = strings.IndexAny(s, special) {
		b.WriteString(s[:i])
		c := s[i]
		s = s[i+1:]
		if c == '&' {
			r, n := reference(s)
			if n == 0 {
				return "", p.fail("a reference that is not of XML itself")
			}
			b.WriteRune(r)
			s = s[n:]
			continue
		}
		if c == '\r' {
			s = strings.TrimPrefix(s, "\n")
		}
		if attr {
			b.WriteByte(' ')
		} else {
			b.WriteByte('\n')
		}
	}
	b.WriteString(s)
	return b.String(), nil
}

// reference reads what follows an ampersand, up to the semicolon. The length is zero where it is none.
func reference(s string) (r rune, n int) {
	end := strings.IndexByte(s[:min(len(s), 12)], ';')
	if end < 1 {
		return 0, 0
	}
	switch s[:end] {
	case "lt":
		return '<', 3
	case "gt":
		return '>', 3
	case "amp":
		return '&', 4
	case "apos":
		return '\'', 5
	case "quot":
		return '"', 5
	}
	digits, base := s[1:end], rune(10)
	if s[0] != '#' || digits == "" {
		return 0, 0
	}
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	if digits == "" {
		return 0, 0
	}
	for _, c := range digits {
		d := rune(-1)
		switch {
		case '0' <= c && c <= '9':
			d = c - '0'
		case 'a' <= c && c <= 'f':
			d = c - 'a' + 10
		case 'A' <= c && c <= 'F':
			d = c - 'A' + 10
		}
		if d < 0 || d >= base || r > utf8.MaxRune {
			return 0, 0
		}
		r = r*base + d
	}
	if !utf8.ValidRune(r) || r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
		return 0, 0
	}
	return r, end + 1
}

// last is where the innermost declaration of a prefix stands; negative: nowhere.
func last(scope []binding, prefix string) int {
	for i := len(scope) - 1; i >= 0; i-- {
		if scope[i].prefix == prefix {
			return i
		}
	}
	return -1
}

// scopeOf are the declarations that hold within an element: its own and those around it.
func scopeOf(el *etree.Element) []binding {
	var scope []binding
	for ; el != nil; el = el.Parent() {
		for _, a := range el.Attr {
			b := binding{a.Key, a.Value}
			if a.Space == "" && a.Key == "xmlns" {
				b.prefix = ""
			} else if a.Space != "xmlns" {
				continue
			}
			if last(scope, b.prefix) < 0 {
				scope = append(scope, b)
			}
		}
	}
	return scope
}

func declares(el *etree.Element, prefix string) bool {
	for _, a := range el.Attr {
		if a.Space == "xmlns" && a.Key == prefix || prefix == "" && a.Space == "" && a.Key == "xmlns" {
			return true
		}
	}
	return false
}

func declare(b binding) etree.Attr {
	if b.prefix == "" {
		return etree.Attr{Key: "xmlns", Value: b.uri}
	}
	return etree.Attr{Space: "xmlns", Key: b.prefix, Value: b.uri}
}

// is tells whether an element has this name, whatever its prefix.
func is(el *etree.Element, ns, tag string) bool { return el.Tag == tag && el.NamespaceURI() == ns }

// attr is an attribute without a prefix; empty where there is none.
func attr(el *etree.Element, name string) string {
	for _, a := range el.Attr {
		if a.Space == "" && a.Key == name {
			return a.Value
		}
	}
	return ""
}

// children are the elements of this name directly below el.
func children(el *etree.Element, ns, tag string) []*etree.Element {
	var found []*etree.Element
	for _, t := range el.Child {
		if c, ok := t.(*etree.Element); ok && is(c, ns, tag) {
			found = append(found, c)
		}
	}
	return found
}

// only is the one element of this name directly below el; nil: there is none, or there are several.
func only(el *etree.Element, ns, tag string) *etree.Element {
	if found := children(el, ns, tag); len(found) == 1 {
		return found[0]
	}
	return nil
}

// text is what an element holds, if that is text alone.
func text(el *etree.Element) (string, bool) {
	if len(el.Child) == 1 {
		if t, ok := el.Child[0].(*etree.CharData); ok {
			return t.Data, true
		}
	}
	whole := ""
	for _, t := range el.Child {
		data, ok := t.(*etree.CharData)
		if !ok {
			return "", false
		}
		whole += data.Data
	}
	return whole, true
}
