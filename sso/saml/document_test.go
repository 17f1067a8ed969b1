package saml_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

func TestDocumentRefused(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	for name, row := range map[string]struct{ text, want string }{
		"nothing":                              {"", "the end is missing"},
		"white space":                          {" \n", "the end is missing"},
		"text":                                 {"hello", "text outside"},
		"text before":                          {"x<a/>", "text outside"},
		"text behind":                          {"<a/>x", "text outside"},
		"two documents":                        {"<a/><b/>", "a second document"},
		"no end":                               {"<a>", "the end is missing"},
		"an end too many":                      {"<a></a></a>", "an end without"},
		"the end of another":                   {"<a><b></a></b>", "the end of another"},
		"A-017 document type":                  {"<!DOCTYPE a><a/>", "a bad name"},
		"A-016 processing instruction":         {"<a><?x y?></a>", "a bad name"},
		"A-016 instruction before":             {"<?x y?><a/>", "a bad name"},
		"A-016 CDATA":                          {"<a><![CDATA[x]]></a>", "a bad name"},
		"A-015 comment":                        {"<a>x<!-- y --></a>", "a comment"},
		"comment behind":                       {"<a/><!-- y -->", "a comment"},
		"A-019 entity":                         {"<a>&x;</a>", "a reference"},
		"a reference without end":              {"<a>&amp</a>", "a reference"},
		"a bare ampersand":                     {"<a>&</a>", "a reference"},
		"a reference to nothing":               {"<a>&#0;</a>", "a reference"},
		"a reference to a control character":   {"<a>&#x1;</a>", "a reference"},
		"a reference to a surrogate":           {"<a>&#xd800;</a>", "a reference"},
		"a reference beyond Unicode":           {"<a>&#x110000;</a>", "a reference"},
		"a reference to many zeros":            {"<a>&#x00000000000041;</a>", "a reference"},
		"a reference without digits":           {"<a>&#x;</a>", "a reference"},
		"a reference with a capital":           {"<a>&#X41;</a>", "a reference"},
		"a control character":                  {"<a>\x01</a>", "a character"},
		"a zero":                               {"<a>\x00</a>", "a character"},
		"U+FFFF":                               {"<a>\uffff</a>", "a character"},
		"not UTF-8":                            {"<a>\xff</a>", "not UTF-8"},
		"UTF-16":                               {"\xff\xfe<\x00a\x00/\x00>\x00", "not UTF-8"},
		"another encoding":                     {`<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, "XML declaration"},
		"XML 1.1":                              {`<?xml version="1.1"?><a/>`, "XML declaration"},
		"no version":                           {`<?xml encoding="UTF-8"?><a/>`, "XML declaration"},
		"a second declaration":                 {`<?xml version="1.0"?><?xml version="1.0"?><a/>`, "a bad name"},
		"a declaration behind white space":     {` <?xml version="1.0"?><a/>`, "a bad name"},
		"the end of CDATA":                     {"<a>]]></a>", "CDATA"},
		"an attribute twice":                   {`<a b="" b=""/>`, "twice"},
		"A-022 by two prefixes":                {`<a xmlns:p="u" xmlns:q="u" p:b="" q:b=""/>`, "two prefixes"},
		"A-022 undeclared prefix":              {`<p:a/>`, "undeclared"},
		"A-022 undeclared prefix of attribute": {`<a p:b=""/>`, "undeclared"},
		"A-022 declared elsewhere":             {`<r><a xmlns:p="u"/><p:b/></r>`, "undeclared"},
		"A-022 xml rebound":                    {`<a xmlns:xml="u"/>`, "reserved"},
		"A-022 xmlns bound":                    {`<a xmlns:xmlns="u"/>`, "a bad name"},
		"A-022 prefix of xml":                  {`<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`, "reserved"},
		"A-022 xmlns by default":               {`<a xmlns="http://www.w3.org/2000/xmlns/"/>`, "reserved"},
		"A-022 undeclaring a prefix":           {`<a xmlns:p="u"><b xmlns:p=""/></a>`, "reserved or empty"},
		"A-022 element of xml":                 {`<xml:a/>`, "undeclared"},
		"A-022 element of xmlns":               {`<xmlns:a/>`, "undeclared"},
		"A-013 an ID twice":                    {`<a ID="x"><b ID="x"/></a>`, "an ID twice"},
		"two colons":                           {`<a:b:c xmlns:a="u"/>`, "a bad"},
		"a colon in front":                     {`<:a/>`, "a bad name"},
		"a colon behind":                       {`<a: xmlns:a="u"/>`, "a bad name"},
		"a digit in front":                     {`<1a/>`, "a bad name"},
		"a digit behind a colon":               {`<a:1 xmlns:a="u"/>`, "a bad name"},
		"a name beyond ASCII":                  {`<ä/>`, "a bad name"},
		"a value without quotes":               {`<a b=c/>`, "without quotes"},
		"an attribute without value":           {`<a b/>`, "without a value"},
		"a value without end":                  {`<a b="c/>`, "without an end"},
		"markup in a value":                    {`<a b="<"/>`, "with markup"},
		"no space between attributes":          {`<a b=""c=""/>`, "a bad start"},
		"an end with attributes":               {`<a></a b="">`, "a bad end"},
		"a slash within":                       {`<a/ >`, "a bad start"},
		"A-020 too deep":                       {deep(25), "too deep"},
		"A-020 too many":                       {"<a>" + strings.Repeat("<b/>", 4096) + "</a>", "too many elements"},
		"A-020 too wide":                       {"<a " + strings.Join(manyAttributes(33, ` a%d=""`), "") + "/>", "too many attributes"},
		"A-020 too many namespaces":            {"<a " + strings.Join(manyAttributes(25, ` xmlns:a%d="u"`), "") + "/>", "too many namespaces"},
		"A-020 too many in scope":              {"<a " + strings.Join(manyAttributes(20, ` xmlns:a%d="u"`), "") + "><b " + strings.Join(manyAttributes(5, ` xmlns:b%d="u"`), "") + "/></a>", "too many namespaces"},
	} {
		t.Run(name, func(t *testing.T) {
			if el, err := saml.ParseAnswer([]byte(row.text)); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("parse = %v, %v, want %q", el, err, row.want)
			}
		})
	}
}

func manyAttributes(n int, format string) (all []string) {
	for i := range n {
		all = append(all, strings.ReplaceAll(format, "%d", string(rune('a'+i/26))+string(rune('a'+i%26))))
	}
	return all
}

func TestDocumentRead(t *testing.T) {
	for name, row := range map[string]struct{ text, want string }{
		"as small as can be":     {"<a/>", "<a/>"},
		"a declaration":          {"<?xml version='1.0' encoding=\"utf-8\" standalone='yes'?>\n<a/>\n", "<a/>"},
		"a byte order mark":      {"\ufeff<a/>", "<a/>"},
		"as deep as can be":      {strings.Repeat("<a>", 24) + strings.Repeat("</a>", 24), strings.Repeat("<a>", 23) + "<a/>" + strings.Repeat("</a>", 23)},
		"references":             {"<a b='&lt;&quot;&#x41;'>&amp;&gt;&apos;&#xe9;</a>", `<a b="&lt;&quot;A">&amp;&gt;&apos;é</a>`},
		"line ends":              {"<a b='1\r\n2\t3'>x\r\ny\rz</a>", "<a b=\"1 2 3\">x\ny\nz</a>"},
		"line ends on purpose":   {"<a b='1&#10;2'>x&#13;y</a>", "<a b=\"1\n2\">x\ry</a>"},
		"white space in tags":    {"<a  b = '1'\n></a >", `<a b="1"/>`},
		"a prefix used before":   {`<p:a xmlns:p="u" p:b="c"/>`, `<p:a xmlns:p="u" p:b="c"/>`},
		"xml:lang":               {`<a xml:lang="en"/>`, `<a xml:lang="en"/>`},
		"no namespace again":     {`<a xmlns="u"><b xmlns=""/></a>`, `<a xmlns="u"><b xmlns=""/></a>`},
		"a prefix means another": {`<p:a xmlns:p="u"><p:b xmlns:p="v"/></p:a>`, `<p:a xmlns:p="u"><p:b xmlns:p="v"/></p:a>`},
	} {
		t.Run(name, func(t *testing.T) {
			el, err := saml.ParseAnswer([]byte(row.text))
			if err != nil {
				t.Fatalf("parse = %v", err)
			}
			if got := written(el); got != row.want {
				t.Errorf("parse = %s, want %s", got, row.want)
			}
		})
	}
	t.Run("comments leave no trace where they are allowed", func(t *testing.T) {
		el, err := saml.ParseWithin([]byte("<!-- a --><p:a>x<!-- > -->y<b/><!----></p:a><!-- z -->"), "p", "urn:p")
		if err != nil {
			t.Fatalf("parse = %v", err)
		}
		if got, want := written(el), `<p:a xmlns:p="urn:p">xy<b/></p:a>`; got != want || len(el.Child) != 2 {
			t.Errorf("parse = %s with %d children, want %s", got, len(el.Child), want)
		}
		if _, err := saml.ParseWithin([]byte("<a><!-- -- --></a>"), "p", "urn:p"); err == nil {
			t.Error("parse of a bad comment = nil, want an error")
		}
	})
}

func written(el *etree.Element) string {
	doc := etree.NewDocumentWithRoot(el.Copy())
	s, _ := doc.WriteToString()
	return s
}

// TestFloods: what a stranger sends is refused early. The time is no measurement; it is what a quadratic step would not keep to.
func TestFloods(t *testing.T) {
	d := newDesk(t, ssotest.Settings{})
	all := floods()
	all["grown"] = grown(d)
	for name, text := range all {
		t.Run("A-020 "+name, func(t *testing.T) {
			if len(text) > 256<<10 {
				t.Fatalf("%d bytes", len(text))
			}
			began := time.Now()
			_, _, err := d.verify(encode([]byte(text)))
			if took := time.Since(began); codeOf(err) == "" || took > 3*time.Second {
				t.Errorf("Verify = %v after %v, want a refusal at once", err, took)
			}
			if name == "grown" && codeOf(err) != sso.CodeSignatureInvalid {
				t.Errorf("Verify = %v, want %q: the flood is meant to reach the digest", err, sso.CodeSignatureInvalid)
			}
		})
	}
}

// FuzzDocument holds what we read against encoding/xml: it must read the same elements, attributes and texts, or we refuse.
func FuzzDocument(f *testing.F) {
	for _, s := range []string{
		"<a/>", "<?xml version='1.0'?><a b='c'>&amp;\r\n</a>", `<p:a xmlns:p="u" xmlns="v"><b xml:lang="en" p:c="&#10;"/>x</p:a>`,
		"<a>x<!-- y --></a>", "<a><![CDATA[x]]></a>", "<!DOCTYPE a><a/>", "\ufeff<a\n/>", "<a>]]&gt;&#x10ffff;</a>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		el, err := saml.ParseAnswer(raw)
		if err != nil {
			return
		}
		got := etree.NewDocument()
		got.SetRoot(el)
		ours, err := got.WriteToBytes()
		if err != nil {
			t.Fatal(err)
		}
		theirs := etree.NewDocument()
		if err := theirs.ReadFromBytes([]byte(strings.TrimPrefix(string(raw), "\ufeff"))); err != nil {
			t.Fatalf("encoding/xml refuses what we read: %v\n%q", err, raw)
		}
		normal := etree.NewDocumentWithRoot(theirs.Root().Copy())
		for _, el := range normal.FindElements("//*") { // XML makes spaces of them; encoding/xml does not
			for i := range el.Attr {
				if !strings.Contains(string(raw), "&#") {
					el.Attr[i].Value = strings.NewReplacer("\n", " ", "\t", " ").Replace(el.Attr[i].Value)
				}
			}
		}
		text, err := normal.WriteToBytes()
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != string(ours) && !strings.Contains(string(raw), "&#") {
			t.Errorf("we read\n%q\nencoding/xml reads\n%q", ours, text)
		}
		for d := xml.NewDecoder(strings.NewReader(string(ours))); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("what we read cannot be read again: %v\n%q", err, ours)
			}
		}
	})
}
