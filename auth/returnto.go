package auth

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxReturnTo is the longest return address that is kept.
const maxReturnTo = 1024

// ReturnTo answers where a person may be sent after signing in: the address itself if it is an absolute path of this host, or
// lies in one of Config.ReturnOrigins, and is nothing of the sign-in's own but a page for people who are signed in. Anything else answers the empty
// string, which stands for the host's default. An address is only ever a parameter; no header is read for one.
func (m *Manager) ReturnTo(address string) string {
	if len(address) > maxReturnTo || !printable(address) {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Opaque != "" || !readable(u.Path) {
		return ""
	}
	if u.Scheme != "" || u.Host != "" {
		if slices.Contains(m.returnOrigins, u.Scheme+"://"+u.Host) {
			return address
		}
		return ""
	}
	if !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") || otherHost(u.Path) || m.ownPath(path.Clean(u.Path)) {
		return ""
	}
	return address
}

// printable refuses what browsers read differently from Go: white space, backslashes, and bytes that an address carries escaped.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '\\' {
			return false
		}
	}
	return s != ""
}

// readable refuses the same in a path after its escapes are undone, but for what a file name may well have.
func readable(decoded string) bool {
	return utf8.ValidString(decoded) && !strings.ContainsFunc(decoded, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '\\'
	})
}

// otherHost tells whether the path could be taken for another host, at whatever level of escaping.
func otherHost(decoded string) bool {
	for range 4 {
		if strings.HasPrefix(decoded, "//") || strings.HasPrefix(decoded, `/\`) {
			return true
		}
		next, err := url.PathUnescape(decoded)
		if err != nil {
			return true
		}
		if next == decoded {
			return false
		}
		decoded = next
	}
	return true
}

// ownPath tells whether the path belongs to the sign-in itself: returning there would loop, or act. The pages for people who are
// signed in are no part of it.
func (m *Manager) ownPath(clean string) bool {
	rest, own := strings.CutPrefix(clean+"/", m.prefix)
	room, _, _ := strings.Cut(rest, "/")
	return own && room != "account" && rest != "join/" && rest != "product/"
}
