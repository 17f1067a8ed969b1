package saml

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/sallyport-auth/sallyport/sso"
)

const (
	skew    = 2 * time.Minute  // how far a provider's clock may be off, either way
	longAgo = 10 * time.Minute // how old an answer may be
)

// Handle implements sso.Protocol. A RelayState that cannot be a handle of ours, as providers send with answers that nobody asked
// for, is none.
func (p *Protocol) Handle(m sso.Message) (string, error) {
	if _, err := answerField(m); err != nil {
		return "", err
	}
	relay := m.Form.Get(paramRelay)
	if len(relay) > longestRelayState {
		return "", nil
	}
	for i := range len(relay) {
		if relay[i] <= ' ' || relay[i] > '~' {
			return "", nil
		}
	}
	return relay, nil
}

// answerField is the one SAMLResponse of a message, as it was posted.
func answerField(m sso.Message) (string, error) {
	bad := func(detail string) (string, error) { return "", &sso.Refusal{Code: sso.CodeMessage, Detail: detail} }
	if !m.Post {
		return bad("it did not come by POST")
	}
	for _, name := range []string{paramResponse, paramRequest, paramRelay, "SAMLart"} {
		if _, there := m.Query[name]; there {
			return bad(name + " in the address")
		}
	}
	switch {
	case len(m.Form[paramRequest]) > 0:
		return bad("a SAMLRequest")
	case len(m.Form["SAMLart"]) > 0:
		return bad("an artifact")
	case len(m.Form[paramResponse]) != 1:
		return bad(fmt.Sprintf("%d values of SAMLResponse", len(m.Form[paramResponse])))
	case len(m.Form[paramRelay]) > 1:
		return bad(fmt.Sprintf("%d values of RelayState", len(m.Form[paramRelay])))
	}
	return m.Form[paramResponse][0], nil
}

// answerBytes decodes a message. Line ends are what providers wrap base64 with.
func answerBytes(m sso.Message) ([]byte, error) {
	field, err := answerField(m)
	if err != nil {
		return nil, err
	}
	if n := len(m.Form.Get(paramRelay)); n > longestRelayState {
		return nil, &sso.Refusal{Code: sso.CodeMessage, Detail: fmt.Sprintf("a RelayState of %d bytes, more than %d", n, longestRelayState)}
	}
	most := answerLimits().bytes
	if len(field) > 2*most {
		return nil, &sso.Refusal{Code: sso.CodeMalformed, Detail: fmt.Sprintf("%d bytes of base64, for at most %d", len(field), most)}
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(unspaced(field))
	if err != nil || len(raw) == 0 {
		return nil, &sso.Refusal{Code: sso.CodeMessage, Detail: "SAMLResponse is not base64"}
	}
	return raw, nil
}

// Verify implements sso.Protocol. Until the signature is checked the first thing wrong ends it; behind that all rules are tried, so
// that a Report says everything that is to mend, and the first that is not met is the refusal.
//
// Who somebody is, and every rule about it, is read from the tree that verifySigned answers. The Response around a signed assertion
// counts for nothing; what it says of itself must be right all the same.
func (p *Protocol) Verify(_ context.Context, r sso.Request, m sso.Message, rep *sso.Report) (v sso.Verified, err error) {
	defer func() {
		if recover() != nil { // in code of others: nothing of ours panics
			v, err = sso.Verified{}, rep.Fail(sso.Refusal{Code: sso.CodeMalformed})
		}
	}()
	a := answer{r: r, rep: rep, keys: p.keys}
	if err := a.prepare(); err != nil {
		return sso.Verified{}, err
	}
	if err := a.open(m); err != nil {
		var refusal *sso.Refusal
		if errors.As(err, &refusal) {
			return sso.Verified{}, rep.Fail(a.explained(*refusal))
		}
		return sso.Verified{}, err
	}
	a.envelope()
	a.assertionItself()
	a.subject()
	a.conditions()
	a.statements()
	a.person()
	if a.first != nil {
		return sso.Verified{}, a.first
	}
	return a.verified, nil
}

// An answer is one on its way through the rules.
type answer struct {
	r       sso.Request
	rep     *sso.Report
	keys    []KeyPair
	certs   []*x509.Certificate
	asked   string // the ID of our request; empty: nobody asked
	first   *sso.Refusal
	instant time.Time // when the provider says that it made the Response

	response  *etree.Element // signed or not
	assertion *etree.Element // signed, alone or with the Response

	name     nameID
	verified sso.Verified
}

func (a *answer) fail(f sso.Refusal) {
	if refusal := a.rep.Fail(f); a.first == nil {
		a.first = refusal
	}
}

// check writes down a rule.
func (a *answer) check(ok bool, code sso.Code, expected, received, detail string) bool {
	if ok {
		a.rep.Pass(code, received)
	} else {
		a.fail(sso.Refusal{Code: code, Expected: expected, Received: received, Detail: detail})
	}
	return ok
}

// prepare reads what we know ourselves. Its errors are ours too.
func (a *answer) prepare() (err error) {
	c := a.r.Connection.SAML
	if c.EntityID == "" || a.r.Addresses.EntityID == "" || a.r.Addresses.ACS == "" {
		return errors.New("saml: the connection has no entity IDs")
	}
	if a.certs, err = certificates(c.Certificates); err != nil {
		return err
	}
	if a.r.Handle == "" || a.r.MadeAt.IsZero() {
		return nil
	}
	var kept memory
	if err := json.Unmarshal(a.r.Memory, &kept); err != nil || kept.ID == "" {
		return errors.New("saml: the memory of the request has no ID")
	}
	a.asked = kept.ID
	return nil
}

// open goes from the message to the signed assertion.
func (a *answer) open(m sso.Message) error {
	raw, err := answerBytes(m)
	if err != nil {
		return err
	}
	a.rep.Pass(sso.CodeMessage, "")
	root, err := parse(raw, answerLimits(), nil)
	if err != nil {
		return &sso.Refusal{Code: sso.CodeMalformed, Detail: err.Error()}
	}
	a.rep.Pass(sso.CodeMalformed, "")
	if a.asked == "" {
		if !a.r.Connection.IdPInitiated {
			return &sso.Refusal{Code: sso.CodeUnsolicited, Received: attr(root, "InResponseTo")}
		}
		a.rep.Pass(sso.CodeUnsolicited, "")
	}
	if !is(root, nsProtocol, "Response") {
		return &sso.Refusal{Code: sso.CodeStructure, Expected: "Response", Received: root.Tag}
	}
	if err := status(root); err != nil {
		return err
	}
	a.rep.Pass(sso.CodeStatus, statusSuccess)
	held, err := answerShape(root)
	if err != nil {
		return err
	}
	a.rep.Pass(sso.CodeStructure, "")

	a.response = root
	whole := signed(root)
	if whole {
		if a.response, err = verifySigned(root, a.certs); err != nil {
			return err
		}
		a.rep.Pass(sso.CodeSignatureInvalid, "Response")
	}
	encrypted, cbc := held.Tag == "EncryptedAssertion", false
	if encrypted {
		if held, cbc, err = a.decrypted(held, whole); err != nil {
			return err
		}
	}
	switch {
	case signed(held):
		if a.assertion, err = verifySigned(held, a.certs); err != nil {
			if cbc {
				return &sso.Refusal{Code: sso.CodeDecryption} // whether it could be read is nobody's business
			}
			return err
		}
	case !whole || !a.r.Connection.SAML.ResponseSigned:
		r := sso.Refusal{Code: sso.CodeSignatureMissing, Expected: "a signature of the assertion"}
		if cbc {
			r = sso.Refusal{Code: sso.CodeDecryption}
		} else if whole {
			r.Received, r.Detail = "a signature of the Response alone", "the connection does not accept it in place of one of the assertion"
		}
		return &r
	case a.response != root && held.Parent() == root:
		a.assertion = only(a.response, nsAssertion, "Assertion") // from what was signed, not from what came
	default:
		a.assertion = held // from the ciphertext that was signed
	}
	if a.assertion == nil {
		return &sso.Refusal{Code: sso.CodeStructure, Detail: "what was signed has no assertion"}
	}
	if encrypted { // said not before it is known who has encrypted it
		a.rep.Pass(sso.CodeDecryption, "")
	}
	if signed(held) {
		a.rep.Pass(sso.CodeSignatureInvalid, "Assertion")
	}
	return nil
}

// explained says of a key that is not known that it waits for approval, if so: whoever reads the Report may be the one to approve it.
func (a *answer) explained(f sso.Refusal) sso.Refusal {
	for _, c := range a.r.Connection.SAML.Certificates {
		if f.Code == sso.CodeSignatureKey && c.Held && fingerprint(c.DER) == f.Received {
			f.Detail = "the key waits for an administrator to approve it"
		}
	}
	return f
}

// decrypted is the assertion in an EncryptedAssertion. Prefixes that it leaves to its surroundings mean what they mean there.
// Where the signature of the Response is all that there is, both the ciphertext and the prefixes are taken from what it covers.
func (a *answer) decrypted(held *etree.Element, whole bool) (el *etree.Element, cbc bool, err error) {
	if whole {
		if inside := only(a.response, nsAssertion, "EncryptedAssertion"); inside != nil {
			plain, cbc, err := decrypt(inside, a.keys, a.r.Connection.SAML.AllowCBC)
			if err != nil {
				return nil, cbc, err
			}
			if el, err = plainAssertion(plain, scopeOf(held)); err == nil && !signed(el) {
				el, err = plainAssertion(plain, scopeOf(inside))
			}
			return el, cbc, err
		}
	}
	plain, cbc, err := decrypt(held, a.keys, a.r.Connection.SAML.AllowCBC)
	if err != nil {
		return nil, cbc, err
	}
	el, err = plainAssertion(plain, scopeOf(held))
	return el, cbc, err
}

// plainAssertion reads what was encrypted, within the limits of what is not.
func plainAssertion(plain []byte, outer []binding) (*etree.Element, error) {
	el, err := parse(plain, answerLimits(), outer)
	if err != nil || !is(el, nsAssertion, "Assertion") || misplaced(el, 1) != "" {
		return nil, &sso.Refusal{Code: sso.CodeDecryption}
	}
	return el, nil
}

// status reads what the provider says of its success. It need not be signed: it can only end things.
func status(root *etree.Element) error {
	s := only(root, nsProtocol, "Status")
	if s == nil {
		return &sso.Refusal{Code: sso.CodeStatus, Expected: statusSuccess, Detail: "no Status"}
	}
	var codes []string
	for c := only(s, nsProtocol, "StatusCode"); c != nil; c = only(c, nsProtocol, "StatusCode") {
		codes = append(codes, attr(c, "Value"))
	}
	if len(codes) == 1 && codes[0] == statusSuccess {
		return nil
	}
	message := ""
	if el := only(s, nsProtocol, "StatusMessage"); el != nil {
		message, _ = text(el)
	}
	return &sso.Refusal{Code: sso.CodeStatus, Expected: statusSuccess, Received: strings.Join(codes, " "), Detail: message}
}

// answerShape insists on a Response with its parts in order, one assertion among them, and nothing of weight anywhere else. It
// answers the Assertion or EncryptedAssertion.
func answerShape(root *etree.Element) (*etree.Element, error) {
	bad := func(detail string) (*etree.Element, error) {
		return nil, &sso.Refusal{Code: sso.CodeStructure, Detail: detail}
	}
	if what := misplaced(root, 0); what != "" {
		return bad(what + " where it does not belong")
	}
	order := []struct{ ns, tag string }{{nsAssertion, "Issuer"}, {nsDsig, "Signature"}, {nsProtocol, "Extensions"}, {nsProtocol, "Status"}}
	var held *etree.Element
	for _, t := range root.Child {
		c, ok := t.(*etree.Element)
		if !ok {
			if data, ok := t.(*etree.CharData); !ok || strings.Trim(data.Data, " \t\r\n") != "" {
				return bad("text in Response")
			}
			continue
		}
		if is(c, nsAssertion, "Assertion") || is(c, nsAssertion, "EncryptedAssertion") {
			if held != nil {
				return bad("more than one assertion")
			}
			held = c
			order = nil
			continue
		}
		i := slices.IndexFunc(order, func(o struct{ ns, tag string }) bool { return is(c, o.ns, o.tag) })
		if i < 0 {
			return bad(c.Tag + " in Response, or not in its place")
		}
		order = order[i+1:]
	}
	if held == nil {
		return bad("no assertion")
	}
	return held, nil
}

// misplaced finds an element that decides something, under whatever prefix, where nobody reads it: a second assertion, a signature
// of something else, an object within one. The depth is that of the element in a Response.
func misplaced(el *etree.Element, depth int) string {
	switch el.Tag {
	case "Response":
		if depth != 0 {
			return el.Tag
		}
	case "Assertion", "EncryptedAssertion":
		if depth != 1 {
			return el.Tag
		}
	case "Signature":
		if parent := el.Parent(); parent == nil || !is(parent, nsProtocol, "Response") && !is(parent, nsAssertion, "Assertion") {
			return el.Tag
		}
	case "SignedInfo", "SignatureValue":
		if parent := el.Parent(); parent == nil || parent.Tag != "Signature" {
			return el.Tag
		}
	case "Object", "Manifest":
		return el.Tag
	}
	for _, t := range el.Child {
		if c, ok := t.(*etree.Element); ok {
			if what := misplaced(c, depth+1); what != "" {
				return what
			}
		}
	}
	return ""
}

// envelope checks what the Response says of itself.
func (a *answer) envelope() {
	a.check(attr(a.response, "Version") == "2.0", sso.CodeVersion, "2.0", attr(a.response, "Version"), "of the Response")
	if issuers := children(a.response, nsAssertion, "Issuer"); len(issuers) > 0 { // at most one, as answerShape says
		a.issuer(issuers, "of the Response")
	}
	a.instant = a.issued(a.response, "of the Response")
	destination := attr(a.response, "Destination")
	a.check(destination == a.r.Addresses.ACS, sso.CodeDestination, a.r.Addresses.ACS, destination, "")
	a.inResponseTo(attrOrNil(a.response, "InResponseTo"), "of the Response")
}

// assertionItself checks what the assertion says of itself.
func (a *answer) assertionItself() {
	a.check(attr(a.assertion, "Version") == "2.0", sso.CodeVersion, "2.0", attr(a.assertion, "Version"), "of the assertion")
	a.issuer(children(a.assertion, nsAssertion, "Issuer"), "of the assertion")
	a.issued(a.assertion, "of the assertion")
	id := attr(a.assertion, "ID")
	if !isID(id) {
		a.fail(sso.Refusal{Code: sso.CodeStructure, Detail: "the assertion has no ID"})
	}
	a.holds(a.assertion, "Issuer", "Subject", "Conditions", "AuthnStatement", "AttributeStatement")
	a.verified.Once = id + " " + a.r.Connection.SAML.EntityID // an ID has no spaces
}

// holds checks that there is nothing in an element of the assertion but these: nobody reads the rest, and somebody else might.
func (a *answer) holds(el *etree.Element, names ...string) bool {
	for _, t := range el.Child {
		switch t := t.(type) {
		case *etree.Element:
			if t.NamespaceURI() != nsAssertion || !slices.Contains(names, t.Tag) {
				a.fail(sso.Refusal{Code: sso.CodeStructure, Received: t.Tag, Detail: "in " + el.Tag})
				return false
			}
		case *etree.CharData:
			if strings.Trim(t.Data, " \t\r\n") != "" {
				a.fail(sso.Refusal{Code: sso.CodeStructure, Detail: "text in " + el.Tag})
				return false
			}
		}
	}
	return true
}

func (a *answer) issuer(issuers []*etree.Element, which string) {
	want := a.r.Connection.SAML.EntityID
	if len(issuers) != 1 {
		a.fail(sso.Refusal{Code: sso.CodeIssuer, Expected: want, Detail: fmt.Sprintf("%d names %s", len(issuers), which)})
		return
	}
	got, ok := text(issuers[0])
	format := attr(issuers[0], "Format")
	a.check(ok && got == want && (format == "" || format == formatEntity), sso.CodeIssuer, want, got, which)
}

// issued checks when something was made.
func (a *answer) issued(el *etree.Element, which string) time.Time {
	written := attr(el, "IssueInstant")
	at, ok := readTime(written)
	off := a.r.Now.Sub(at)
	switch {
	case !ok:
		a.fail(sso.Refusal{Code: sso.CodeIssued, Received: written, Detail: "no time in UTC, " + which})
	case off < -skew:
		a.fail(sso.Refusal{Code: sso.CodeIssued, Expected: stamp(a.r.Now), Received: written, Detail: a.clock(at)})
	case off > longAgo:
		a.fail(sso.Refusal{Code: sso.CodeIssued, Expected: stamp(a.r.Now), Received: written, Detail: a.clock(at)})
	default:
		a.rep.Pass(sso.CodeIssued, written)
	}
	return at
}

// clock says by how much the provider's clock seems to be off, from when it says that it made the answer.
func (a *answer) clock(issued time.Time) string {
	if issued.IsZero() {
		return ""
	}
	if off := issued.Sub(a.r.Now); off > skew {
		return fmt.Sprintf("the provider's clock is %v ahead", off.Round(time.Second))
	}
	// An answer cannot be older than the request, so then it is the clock for sure.
	if off := a.r.MadeAt.Sub(issued); a.asked != "" && off > 0 {
		return fmt.Sprintf("the provider's clock is %v behind", off.Round(time.Second))
	}
	if off := a.r.Now.Sub(issued); off > skew {
		return fmt.Sprintf("the answer came %v after it was made, or the provider's clock is behind", off.Round(time.Second))
	}
	return ""
}

// inResponseTo checks which request something is for: ours, or none where nobody asked.
func (a *answer) inResponseTo(got *string, which string) bool {
	switch {
	case got == nil && a.asked == "":
		a.rep.Pass(sso.CodeInResponseTo, "")
	case got == nil:
		a.fail(sso.Refusal{Code: sso.CodeInResponseTo, Expected: a.asked, Detail: "it names no request, " + which})
	case a.asked == "":
		a.fail(sso.Refusal{Code: sso.CodeInResponseTo, Received: *got, Detail: "nobody asked, but it names a request, " + which})
	default:
		return a.check(*got == a.asked, sso.CodeInResponseTo, a.asked, *got, which)
	}
	return got == nil && a.asked == ""
}

// within checks a span of time. The end must be there; the latest end is when the answer can be forgotten.
func (a *answer) within(el *etree.Element, which string) {
	if written := attrOrNil(el, "NotBefore"); written != nil {
		from, ok := readTime(*written)
		detail := which
		if ok && a.r.Now.Before(from.Add(-skew)) {
			detail = fmt.Sprintf("%v too early, %s", from.Sub(a.r.Now).Round(time.Second), which)
			if c := a.clock(a.instant); c != "" {
				detail = c
			}
		}
		a.check(ok && !a.r.Now.Before(from.Add(-skew)), sso.CodeNotYet, stamp(a.r.Now), *written, detail)
	}
	written := attr(el, "NotOnOrAfter")
	until, ok := readTime(written)
	detail := which
	if ok && !a.r.Now.Before(until.Add(skew)) {
		detail = fmt.Sprintf("%v too late, %s", a.r.Now.Sub(until).Round(time.Second), which)
		if c := a.clock(a.instant); c != "" {
			detail = c
		}
	}
	if a.check(ok && a.r.Now.Before(until.Add(skew)), sso.CodeExpired, stamp(a.r.Now), written, detail) && until.Add(skew).After(a.verified.OnceEnds) {
		a.verified.OnceEnds = until.Add(skew)
	}
}

// conditions checks for whom the assertion counts, and how long.
func (a *answer) conditions() {
	c := only(a.assertion, nsAssertion, "Conditions")
	if c == nil {
		a.fail(sso.Refusal{Code: sso.CodeConditions, Detail: "not one Conditions"})
		return
	}
	a.within(c, "of the conditions")
	audiences, others := 0, map[string]int{}
	for _, t := range c.Child {
		el, ok := t.(*etree.Element)
		switch {
		case !ok:
		case is(el, nsAssertion, "AudienceRestriction"):
			audiences++
			a.audience(el)
		case is(el, nsAssertion, "OneTimeUse"), is(el, nsAssertion, "ProxyRestriction"): // every answer counts once, and we make none of our own
			if others[el.Tag]++; others[el.Tag] > 1 {
				a.fail(sso.Refusal{Code: sso.CodeConditions, Received: el.Tag, Detail: "twice"})
			}
		default:
			a.fail(sso.Refusal{Code: sso.CodeConditions, Received: el.Tag, Detail: "a condition that is not known"})
		}
	}
	if audiences == 0 {
		a.fail(sso.Refusal{Code: sso.CodeAudience, Expected: a.r.Addresses.EntityID, Detail: "no AudienceRestriction"})
	}
}

// audience checks one restriction: any of its audiences will do. Of several restrictions every one must hold.
func (a *answer) audience(restriction *etree.Element) {
	var all []string
	for _, el := range children(restriction, nsAssertion, "Audience") {
		if name, ok := text(el); ok {
			all = append(all, name)
		}
	}
	a.check(slices.Contains(all, a.r.Addresses.EntityID), sso.CodeAudience, a.r.Addresses.EntityID, strings.Join(all, " "), "")
}

// attrOrNil is an attribute without a prefix, told apart from one that is missing.
func attrOrNil(el *etree.Element, name string) *string {
	for i := range el.Attr {
		if el.Attr[i].Space == "" && el.Attr[i].Key == name {
			return &el.Attr[i].Value
		}
	}
	return nil
}

// readTime reads a time of SAML, which has a zone.
func readTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, s)
	return t.UTC(), err == nil && len(s) <= 40 && t.Year() >= 1900 && t.Year() < 10000
}

func stamp(t time.Time) string { return t.UTC().Format(timeFormat) }
