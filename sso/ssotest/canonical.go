package ssotest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// canonical is an element in exclusive canonical XML without comments, for the documents that are made here.
func canonical(el *etree.Element) []byte {
	var b strings.Builder
	writeCanonical(&b, el, map[string]string{})
	return []byte(b.String())
}

// writeCanonical writes an element inside of others that have declared these prefixes already.
func writeCanonical(b *strings.Builder, el *etree.Element, declared map[string]string) {
	type attribute struct{ space, key, name, value string }
	var attrs, spaces []attribute
	used := map[string]bool{el.Space: true}
	for _, a := range el.Attr {
		if a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns" {
			continue
		}
		space := ""
		if a.Space != "" {
			space = lookup(el, a.Space)
			used[a.Space] = a.Space != "xml"
		}
		attrs = append(attrs, attribute{space, a.Key, a.FullKey(), a.Value})
	}
	inner := map[string]string{}
	for prefix, uri := range declared {
		inner[prefix] = uri
	}
	for prefix, visibly := range used {
		if uri := lookup(el, prefix); visibly && declared[prefix] != uri {
			inner[prefix] = uri
			name := "xmlns"
			if prefix != "" {
				name += ":" + prefix
			}
			spaces = append(spaces, attribute{"", prefix, name, uri})
		}
	}
	slices.SortFunc(spaces, func(x, y attribute) int { return cmp.Compare(x.key, y.key) })
	slices.SortFunc(attrs, func(x, y attribute) int { return cmp.Or(cmp.Compare(x.space, y.space), cmp.Compare(x.key, y.key)) })

	b.WriteString("<" + el.FullTag())
	for _, a := range append(spaces, attrs...) {
		b.WriteString(" " + a.name + `="` + attributeEscapes.Replace(a.value) + `"`)
	}
	b.WriteString(">")
	for _, child := range el.Child {
		switch c := child.(type) {
		case *etree.Element:
			writeCanonical(b, c, inner)
		case *etree.CharData:
			b.WriteString(textEscapes.Replace(c.Data))
		case *etree.ProcInst:
			b.WriteString("<?" + c.Target)
			if c.Inst != "" {
				b.WriteString(" " + c.Inst)
			}
			b.WriteString("?>")
		}
	}
	b.WriteString("</" + el.FullTag() + ">")
}

// lookup is what a prefix stands for at an element; empty where nothing declares it.
func lookup(el *etree.Element, prefix string) string {
	if prefix == "xml" {
		return "http://www.w3.org/XML/1998/namespace"
	}
	for ; el != nil; el = el.Parent() {
		for _, a := range el.Attr {
			if prefix == "" && a.Space == "" && a.Key == "xmlns" || prefix != "" && a.Space == "xmlns" && a.Key == prefix {
				return a.Value
			}
		}
	}
	return ""
}

var (
	textEscapes      = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
	attributeEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;")
)
