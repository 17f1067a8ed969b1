package gothprovider

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/markbates/goth"

	"github.com/sallyport-auth/sallyport/internal/openid"
	"github.com/sallyport-auth/sallyport/social"
)

const (
	maxSubject = 255 // bytes, as an OpenID provider's
	maxText    = 320 // of a name or an address
)

// identity is who a profile speaks of. Nothing in it says that the address is the person's.
func (s *speaker) identity(u goth.User) (social.Identity, error) {
	if !subject(u.UserID) {
		return social.Identity{}, &social.Refusal{Code: social.Code(openid.UserInfoSubject), Expected: "an ID that stays the same", Received: text(u.UserID)}
	}
	return social.Identity{
		Subject: u.UserID, Email: text(u.Email), Name: text(u.Name), GivenName: text(u.FirstName), FamilyName: text(u.LastName),
	}, nil
}

// subject tells whether an ID can be somebody's. goth's providers write numbers that are not there as zeros, and what has no ID as
// whatever else they find: an address, which may be somebody else's tomorrow.
func subject(id string) bool {
	switch strings.ToLower(id) {
	case "null", "nil", "<nil>", "undefined", "true", "false", "{}", "[]", "map[]":
		return false
	}
	if _, err := strconv.ParseFloat(id, 64); err == nil && strings.ContainsAny(id, "eE") && strings.Contains(id, "+") {
		return false // 1e+20: a number that has been through a float, as others have that are not this person's
	}
	return len(id) <= maxSubject && utf8.ValidString(id) && strings.TrimSpace(id) == id && strings.Trim(id, "0-.") != "" &&
		!strings.Contains(id, "@") && !strings.ContainsFunc(id, unicode.IsControl)
}

// text is what a profile says, where it can be shown; else nothing.
func text(s string) string {
	if s = strings.TrimSpace(s); len(s) > maxText || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return ""
	}
	return s
}
