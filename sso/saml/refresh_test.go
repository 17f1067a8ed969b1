package saml_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
)

func keysOf(list ...saml.KeyPair) string {
	out := ""
	for _, k := range list {
		out += keyDescriptor(` use="signing"`, k)
	}
	return out
}

func sum(k saml.KeyPair) string { return fmt.Sprintf("%x", sha256.Sum256(k.Certificate.Raw)) }

func known(t *testing.T) sso.SAML {
	t.Helper()
	s, err := saml.ReadMetadata([]byte(idp{}.String()), "", start)
	if err != nil {
		t.Fatal(err)
	}
	s.MetadataURL = "https://idp.example/metadata"
	return s
}

func refreshed(t *testing.T, s sso.SAML, doc string, now time.Time) (sso.SAML, []sso.Change) {
	t.Helper()
	next, changes, err := saml.Refreshed(s, []byte(doc), now)
	if err != nil {
		t.Fatal(err)
	}
	if err := newProtocol(t).Check(sso.Connection{SAML: next}); err != nil {
		t.Errorf("Check of what was refreshed = %v, want nil", err)
	}
	return next, changes
}

// counting are the keys that count and those that are held, by their certificates.
func counting(s sso.SAML) (counts, held string) {
	for _, c := range s.Certificates {
		name := map[string]string{
			string(theirs().Certificate.Raw): "old", string(another().Certificate.Raw): "new", string(curved().Certificate.Raw): "third",
		}[string(c.DER)]
		if c.Held {
			held += " " + name
		} else {
			counts += " " + name
		}
	}
	return counts, held
}

func wantKeys(t *testing.T, s sso.SAML, counts, held string) {
	t.Helper()
	if c, h := counting(s); c != counts || h != held {
		t.Errorf("keys that count:%s, held:%s, want%s and%s", c, h, counts, held)
	}
}

var evil = []string{
	service("SingleSignOnService", "HTTP-POST", "https://evil.example/sso"),
	service("SingleLogoutService", "HTTP-POST", "https://evil.example/slo"),
}

const day = 24 * time.Hour

func TestRefresh(t *testing.T) {
	t.Run("nothing new", func(t *testing.T) {
		s := known(t)
		next, changes := refreshed(t, s, idp{attrs: ` validUntil="2027-01-01T00:00:00Z"`}.String(), start.Add(day))
		want := s
		want.ReadAt, want.ValidUntil = start.Add(day), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
		want.Certificates = []sso.Certificate{{DER: theirs().Certificate.Raw, SeenAt: start.Add(day)}}
		if len(changes) != 0 || !reflect.DeepEqual(next, want) {
			t.Errorf("Refreshed = %+v, %v, want\n%+v and no change", next, changes, want)
		}
	})
	t.Run("A-069 a new key waits, and the old one works until then", func(t *testing.T) {
		s := known(t)
		next, changes := refreshed(t, s, idp{keys: keysOf(another())}.String(), start.Add(day))
		wantKeys(t, next, " old", " new")
		if len(changes) != 1 || changes[0].Field != "Certificates" || !changes[0].Held || changes[0].Is != sum(another()) {
			t.Errorf("changes %+v, want the new key, held", changes)
		}
		wantKeys(t, s, " old", "") // what was given is not changed
		next, changes = refreshed(t, next, idp{keys: keysOf(another())}.String(), start.Add(30*day))
		wantKeys(t, next, " old", " new")
		if len(changes) != 1 || !changes[0].Held {
			t.Errorf("changes a month later %+v, want the same one", changes)
		}
		approved, err := saml.Approve(next, changes[0])
		if err != nil {
			t.Fatal(err)
		}
		wantKeys(t, approved, " old new", "")
		wantKeys(t, next, " old", " new")
		last, changes := refreshed(t, approved, idp{keys: keysOf(another())}.String(), start.Add(31*day))
		wantKeys(t, last, " new", "")
		if len(changes) != 1 || changes[0].Is != "" || changes[0].Was == "" {
			t.Errorf("changes %+v, want that the old key is gone", changes)
		}
	})
	t.Run("a key unseen for seven days", func(t *testing.T) {
		s := known(t)
		s.Certificates = append(s.Certificates, sso.Certificate{DER: another().Certificate.Raw, SeenAt: start})
		next, _ := refreshed(t, s, idp{keys: keysOf(another())}.String(), start.Add(7*day))
		wantKeys(t, next, " old new", "")
		next, _ = refreshed(t, next, idp{keys: keysOf(another())}.String(), start.Add(7*day+time.Second))
		wantKeys(t, next, " new", "")
	})
	t.Run("a key given by hand stays", func(t *testing.T) {
		s := known(t)
		s.Certificates = []sso.Certificate{{DER: theirs().Certificate.Raw}, {DER: another().Certificate.Raw}}
		next, changes := refreshed(t, s, idp{keys: keysOf(another())}.String(), start.Add(365*day))
		wantKeys(t, next, " old new", "")
		if len(changes) != 0 {
			t.Errorf("changes %+v, want none", changes)
		}
	})
	t.Run("A-069 a held key that the metadata has lost again", func(t *testing.T) {
		next, first := refreshed(t, known(t), idp{keys: keysOf(theirs(), another())}.String(), start.Add(day))
		wantKeys(t, next, " old", " new")
		next, _ = refreshed(t, next, idp{}.String(), start.Add(2*day))
		wantKeys(t, next, " old", "")
		if s, err := saml.Approve(next, first[0]); err == nil {
			t.Errorf("Approve of a key that is gone = %+v, want an error", s)
		}
	})
	t.Run("AllowNewKeys is for keys and not for addresses", func(t *testing.T) {
		s := known(t)
		s.AllowNewKeys = true
		next, changes := refreshed(t, s, idp{keys: keysOf(another()), services: evil}.String(), start.Add(8*day))
		wantKeys(t, next, " new", "")
		if next.SSOURL != s.SSOURL || next.SLOURL != s.SLOURL || len(changes) != 6 {
			t.Errorf("Refreshed = %+v with %d changes, want the old addresses and six", next, len(changes))
		}
	})
	t.Run("A-069 other addresses wait", func(t *testing.T) {
		s := known(t)
		next, changes := refreshed(t, s, idp{services: evil}.String(), start.Add(day))
		if next.SSOURL != "https://idp.example/sso" || next.SSOBinding != "redirect" || next.SLOURL != "https://idp.example/slo" {
			t.Errorf("Refreshed = %+v, want the old addresses", next)
		}
		want := []sso.Change{
			{Field: "SSOURL", Was: "https://idp.example/sso", Is: "https://evil.example/sso", Held: true},
			{Field: "SSOBinding", Was: "redirect", Is: "post", Held: true},
			{Field: "SLOURL", Was: "https://idp.example/slo", Is: "https://evil.example/slo", Held: true},
			{Field: "SLOBinding", Was: "redirect", Is: "post", Held: true},
		}
		if !reflect.DeepEqual(changes, want) {
			t.Fatalf("changes %+v, want %+v", changes, want)
		}
		for _, c := range changes {
			var err error
			if next, err = saml.Approve(next, c); err != nil {
				t.Fatal(err)
			}
		}
		if next.SSOURL != "https://evil.example/sso" || next.SLOBinding != "post" {
			t.Errorf("approved: %+v", next)
		}
		if _, changes = refreshed(t, next, idp{services: evil}.String(), start.Add(2*day)); len(changes) != 0 {
			t.Errorf("changes once approved: %+v", changes)
		}
		if s, err := saml.Approve(next, want[0]); err == nil {
			t.Errorf("Approve of what has changed since = %+v, want an error", s)
		}
	})
	t.Run("A-069 signed metadata counts at once", func(t *testing.T) {
		s := known(t)
		s.MetadataCertificate = another().Certificate.Raw
		s.Certificates = append(s.Certificates, sso.Certificate{DER: another().Certificate.Raw, Held: true, SeenAt: start})
		doc := signDoc(t, idp{keys: keysOf(another()), services: evil}.String(), another())
		next, changes := refreshed(t, s, doc, start.Add(8*day))
		wantKeys(t, next, " new", "")
		if next.SSOURL != "https://evil.example/sso" || next.SSOBinding != "post" || len(changes) != 6 {
			t.Errorf("Refreshed = %+v, %+v, want everything new", next, changes)
		}
		for _, c := range changes {
			if c.Held {
				t.Errorf("held: %+v", c)
			}
		}
		same, _, err := saml.Refreshed(s, []byte(idp{keys: keysOf(another())}.String()), start)
		refused(t, err, sso.CodeSignatureMissing)
		if !reflect.DeepEqual(same, s) {
			t.Errorf("settings after a refusal: %+v", same)
		}
	})
	t.Run("A-069 another entity", func(t *testing.T) {
		_, _, err := saml.Refreshed(known(t), []byte(idp{id: "https://evil.example"}.String()), start)
		refused(t, err, sso.CodeMetadataEntity)
	})
	t.Run("no binding is Redirect", func(t *testing.T) {
		s := known(t)
		s.SSOBinding, s.SLOBinding = "", ""
		if _, changes := refreshed(t, s, idp{}.String(), start); len(changes) != 0 {
			t.Errorf("changes %+v, want none", changes)
		}
	})
}

func TestApproveRefuses(t *testing.T) {
	s := known(t)
	for name, c := range map[string]sso.Change{
		"A-070 javascript":      {Field: "SSOURL", Was: s.SSOURL, Is: "javascript:alert(1)", Held: true},
		"no address":            {Field: "SSOURL", Was: s.SSOURL, Held: true},
		"no binding of ours":    {Field: "SSOBinding", Was: "redirect", Is: "soap", Held: true},
		"not from metadata":     {Field: "EntityID", Was: s.EntityID, Is: "https://evil.example", Held: true},
		"an unknown key":        {Field: "Certificates", Is: sum(another()), Held: true},
		"old is something else": {Field: "SLOURL", Was: "https://x.example", Is: "https://y.example", Held: true},
	} {
		t.Run(name, func(t *testing.T) {
			if next, err := saml.Approve(s, c); err == nil || !reflect.DeepEqual(next, s) {
				t.Errorf("Approve = %+v, %v, want an error and nothing changed", next, err)
			}
		})
	}
	if next, err := saml.Approve(s, sso.Change{Field: "SLOURL", Was: s.SLOURL, Held: true}); err != nil || next.SLOURL != "" {
		t.Errorf("Approve of no logout any more = %+v, %v", next, err)
	}
}

func TestRefreshConnection(t *testing.T) {
	doc := idp{}.String()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, doc) }))
	defer server.Close()
	p, err := saml.New(saml.Config{HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	var _ sso.Refresher = p
	c := sso.Connection{ID: "acme", Protocol: "saml", SAML: sso.SAML{MetadataURL: server.URL, AuthnContext: "x"}}
	first, changes, err := p.Refresh(t.Context(), c, start)
	if err != nil || len(changes) != 0 || first.SAML.EntityID != "https://idp.example/entity" || first.SAML.SSOURL != "https://idp.example/sso" || first.SAML.AuthnContext != "x" {
		t.Fatalf("Refresh of nothing but an address = %+v, %v, %v", first, changes, err)
	}
	wantKeys(t, first.SAML, " old", "")
	doc = idp{keys: keysOf(another())}.String()
	second, changes, err := p.Refresh(t.Context(), first, start)
	if err != nil || len(changes) != 1 || !changes[0].Held {
		t.Errorf("Refresh = %v, %v, want one change that is held", changes, err)
	}
	wantKeys(t, second.SAML, " old", " new")
	doc = "nothing"
	third, _, err := p.Refresh(t.Context(), second, start)
	refused(t, err, sso.CodeMetadataXML)
	if !reflect.DeepEqual(third, second) {
		t.Errorf("Refresh of nothing = %+v, want what there was", third)
	}
	c.SAML.MetadataCertificate = another().Certificate.Raw
	doc = idp{}.String()
	_, _, err = p.Refresh(t.Context(), c, start)
	refused(t, err, sso.CodeSignatureMissing)
}
