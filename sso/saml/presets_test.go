package saml_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
)

func TestPresets(t *testing.T) {
	p := newProtocol(t, ours())
	ids := map[string]bool{}
	for _, preset := range saml.Presets() {
		t.Run("R90 "+preset.ID, func(t *testing.T) {
			if ids[preset.ID] || preset.Name == "" {
				t.Errorf("%q, called %q, is there twice or has no name", preset.ID, preset.Name)
			}
			ids[preset.ID] = true
			if err := p.Check(preset.Fill(connection())); err != nil {
				t.Errorf("Check of a connection of it = %v, want nil", err)
			}
			fieldsOf(t, preset.Ours, sso.Addresses{}, "Certificate")
			fieldsOf(t, preset.Theirs, sso.SAML{})
			for _, s := range preset.Statements {
				if s.Source == "" || s.Name == "" {
					t.Errorf("the statement %+v lacks something", s)
				}
				a := preset.Attributes
				if names := []string{a.Email, a.Name, a.GivenName, a.FamilyName, a.Groups}; preset.ID != "adfs" && !slices.Contains(names, s.Name) {
					t.Errorf("%s is sent as %s, which is none of %v", s.Source, s.Name, names)
				}
			}
		})
	}
	for _, want := range []string{"okta", "entra", "google", "onelogin", "adfs", "lastpass", "generic"} {
		if !ids[want] {
			t.Errorf("no preset is called %s", want)
		}
	}
	t.Run("what is set stays", func(t *testing.T) {
		c := connection()
		c.Attributes.Email, c.SAML.SLOBinding, c.SAML.NameIDFormat = "mail", "redirect", "urn:x"
		got := saml.Presets()[0].Fill(c)
		if got.Attributes.Email != "mail" || got.Attributes.GivenName != "firstName" || got.SAML.SLOBinding != "redirect" || got.SAML.NameIDFormat != "urn:x" {
			t.Errorf("Fill = %+v", got)
		}
	})
	t.Run("the list is the caller's", func(t *testing.T) {
		saml.Presets()[0].Ours[0].Label = "x"
		if saml.Presets()[0].Ours[0].Label == "x" {
			t.Error("a change of one list shows in the next")
		}
	})
}

// fieldsOf checks that every value of a label is there.
func fieldsOf(t *testing.T, labels []saml.Label, of any, others ...string) {
	t.Helper()
	for _, l := range labels {
		if _, ok := reflect.TypeOf(of).FieldByName(l.Value); !ok && !slices.Contains(others, l.Value) || l.Label == "" {
			t.Errorf("%+v is no field of %T, or has no label", l, of)
		}
	}
}
