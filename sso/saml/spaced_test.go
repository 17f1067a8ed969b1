package saml_test

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/sso"
)

// TestSpacedSignature: white space between the parts of a signature is not signed and means nothing. SimpleSAMLphp and Shibboleth
// write some.
func TestSpacedSignature(t *testing.T) {
	p := newProtocol(t, ours())
	signed := signDoc(t, asks(), theirs())
	for _, before := range []string{"SignedInfo", "SignatureValue", "KeyInfo", "/Signature"} {
		t.Run(before, func(t *testing.T) {
			at := strings.Index(signed, "<ds:"+before)
			if slash, ok := strings.CutPrefix(before, "/"); ok {
				at = strings.Index(signed, "</ds:"+slash)
			}
			if at < 0 {
				t.Fatalf("no %s in %s", before, signed)
			}
			if _, err := p.Ended(t.Context(), signIn(), byForm(signed[:at]+"\n  "+signed[at:], ""), new(sso.Report)); err != nil {
				t.Errorf("Ended with white space in front of %s = %v, want it accepted", before, err)
			}
		})
	}
}
