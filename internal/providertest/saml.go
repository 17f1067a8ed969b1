package providertest

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"embed"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

//go:embed simplesamlphp
var simplesamlphp embed.FS

// SAMLConfig is what SimpleSAMLphp is told.
type SAMLConfig struct {
	Peers  []SAMLPeer // whom it signs people in for; more can be told by Trust
	People []Person   // nil: People()
}

// A SAMLPeer is a program that a SAML provider signs people in for.
type SAMLPeer struct {
	EntityID   string
	ACS        string // where answers are posted
	SLO        string // where messages of single logout go; empty: it has no part in them
	SLOBinding string // "redirect" or "post"; empty: redirect

	Certificate       []byte // DER; its key signs requests. Messages of single logout are refused without
	SignedRequests    bool   // sign-in requests without a signature are refused too; then Certificate is needed
	SignResponse      bool   // the whole answer is signed
	UnsignedAssertion bool   // the assertion is not; zero: it is

	// EncryptionCertificate is whose key opens assertions, in DER; empty: they are sent in the open. This provider encrypts with
	// AES-128-CBC and RSA-OAEP, and has no switch for anything else.
	EncryptionCertificate []byte
}

// A SAMLProvider is a SimpleSAMLphp that runs.
type SAMLProvider struct {
	URL         string // with a slash at its end
	EntityID    string
	MetadataURL string
	SSO         string // where requests go, by Redirect and by POST
	SLO         string // where messages of single logout go, by either
	Certificate []byte // DER; whose key it signs with

	folder   string
	settings samlSettings
}

// samlSettings is settings.json.
type samlSettings struct {
	URL      string                         `json:"url"`
	EntityID string                         `json:"entityID"`
	Secret   string                         `json:"secret"`
	People   map[string]map[string][]string `json:"people"`
	Peers    map[string]map[string]any      `json:"peers"`
}

// StartSAML starts SimpleSAMLphp.
func StartSAML(t testing.TB, config SAMLConfig) *SAMLProvider {
	t.Helper()
	root, php := installedSAML(t)
	p := &SAMLProvider{folder: t.TempDir()}
	p.write(t)
	for _, folder := range []string{"temp", "sessions"} {
		if err := os.Mkdir(filepath.Join(p.folder, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p.settings = samlSettings{Secret: rand.Text(), People: map[string]map[string][]string{}, Peers: map[string]map[string]any{}}
	for _, who := range orPeople(config.People) {
		p.settings.People[who.Login+":"+who.Password] = map[string][]string{
			"uid": {who.ID}, "mail": {who.Email}, "givenName": {who.GivenName}, "sn": {who.FamilyName},
			"displayName": {who.GivenName + " " + who.FamilyName}, "groups": append([]string{}, who.Groups...),
		}
	}
	for tries := 3; ; tries-- {
		err := p.start(t, root, php)
		if err == nil {
			break
		}
		if tries == 1 { // somebody else may take the port before it does
			t.Fatalf("providertest: starting SimpleSAMLphp: %v", err)
		}
	}
	p.Trust(t, config.Peers...)
	return p
}

// installedSAML finds SimpleSAMLphp and PHP. Where there is none the test ends.
func installedSAML(t testing.TB) (root, php string) {
	t.Helper()
	root = cmp.Or(os.Getenv("SALLYPORT_SIMPLESAMLPHP"), "/usr/share/simplesamlphp")
	php, err := exec.LookPath("php")
	if err == nil {
		_, err = os.Stat(filepath.Join(root, "www", "saml2", "idp", "SSOService.php"))
	}
	if err != nil {
		missing(t, "there is no SimpleSAMLphp: install Debian's packages simplesamlphp, php-cli and php-xml, or name its folder in "+
			"SALLYPORT_SIMPLESAMLPHP (CI=true bash .ci/run sees to both): "+err.Error())
	}
	return root, php
}

// write puts down the configuration, and a key to sign with.
func (p *SAMLProvider) write(t testing.TB) {
	t.Helper()
	files, err := fs.Sub(simplesamlphp, "simplesamlphp")
	if err == nil {
		err = os.CopyFS(p.folder, files)
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "SimpleSAMLphp"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
	if p.Certificate, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key); err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"signing.key": {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)},
		"signing.crt": {Type: "CERTIFICATE", Bytes: p.Certificate},
	} {
		if err := os.WriteFile(filepath.Join(p.folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// start runs PHP's own web server on a free port, and waits until the provider answers there.
func (p *SAMLProvider) start(t testing.TB, root, php string) error {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := listener.Addr().String()
	listener.Close()
	p.URL = "http://" + address + "/"
	p.MetadataURL = p.URL + "saml2/idp/metadata.php"
	p.EntityID = p.MetadataURL
	p.SSO, p.SLO = p.URL+"saml2/idp/SSOService.php", p.URL+"saml2/idp/SingleLogoutService.php"
	p.settings.URL, p.settings.EntityID = p.URL, p.EntityID
	p.save(t)

	// PHP's server does not look at its standard input: the shell does, and ends it.
	const script = `"$0" "$@" </dev/null & read -r _; kill $!; wait`
	cmd := exec.Command("/bin/sh", "-c", script, php, "-S", address, "-t", filepath.Join(root, "www"))
	cmd.Env = append(os.Environ(), "SIMPLESAMLPHP_CONFIG_DIR="+p.folder)
	process, err := start(cmd, false)
	if err != nil {
		return err
	}
	if err := awaitAnswer(p.MetadataURL); err != nil {
		return fmt.Errorf("%w\n%s", err, process.stop())
	}
	process.stopAfter(t, "SimpleSAMLphp")
	return nil
}

// awaitAnswer waits until an address answers well.
func awaitAnswer(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			return fmt.Errorf("%s answers %s", address, answer.Status)
		}
		if ctx.Err() != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Trust tells the provider of more programs to sign people in for, or something new about those it knows.
func (p *SAMLProvider) Trust(t testing.TB, peers ...SAMLPeer) {
	t.Helper()
	for _, peer := range peers {
		p.settings.Peers[peer.EntityID] = peer.metadata()
	}
	p.save(t)
}

// save writes settings.json, in one piece: the provider reads it with every request.
func (p *SAMLProvider) save(t testing.TB) {
	t.Helper()
	doc, err := json.Marshal(p.settings)
	if err == nil {
		err = os.WriteFile(filepath.Join(p.folder, "settings.new"), doc, 0o600)
	}
	if err == nil {
		err = os.Rename(filepath.Join(p.folder, "settings.new"), filepath.Join(p.folder, "settings.json"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// metadata is what SimpleSAMLphp calls a remote service provider.
func (peer SAMLPeer) metadata() map[string]any {
	m := map[string]any{
		"AssertionConsumerService": peer.ACS,
		"saml20.sign.response":     peer.SignResponse,
		"saml20.sign.assertion":    !peer.UnsignedAssertion,
		"validate.authnrequest":    peer.SignedRequests,
		"validate.logout":          true,
		"sign.logout":              true,
		"assertion.encryption":     len(peer.EncryptionCertificate) > 0,
	}
	if peer.SLO != "" {
		binding := "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
		if peer.SLOBinding == "post" {
			binding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
		}
		m["SingleLogoutService"] = []map[string]string{{"Binding": binding, "Location": peer.SLO}}
	}
	var keys []map[string]any
	for _, c := range []struct {
		der     []byte
		signing bool
	}{{peer.Certificate, true}, {peer.EncryptionCertificate, false}} {
		if len(c.der) > 0 {
			keys = append(keys, map[string]any{
				"type": "X509Certificate", "signing": c.signing, "encryption": !c.signing, "X509Certificate": base64.StdEncoding.EncodeToString(c.der),
			})
		}
	}
	if keys != nil {
		m["keys"] = keys
	}
	return m
}

// Begin is the address at which somebody who is at the provider goes to a program that has asked for nothing.
func (p *SAMLProvider) Begin(entityID, relayState string) string {
	return p.SSO + "?" + url.Values{"spentityid": {entityID}, "RelayState": {relayState}}.Encode()
}

// SignOut is the address at which somebody signs out at the provider, which then tells every program where they are signed in.
func (p *SAMLProvider) SignOut() string {
	return p.SLO + "?" + url.Values{"ReturnTo": {p.MetadataURL}}.Encode()
}

// SignIn types somebody's name and password into the page that asks for them, and goes on from there.
func (p *SAMLProvider) SignIn(b *Browser, at *Page, who Person) *Page {
	b.t.Helper()
	if !strings.HasPrefix(at.URL.String(), p.URL) {
		b.t.Fatalf("providertest: %s is not a page of the provider at %s", at, p.URL)
	}
	return b.Submit(at, at.Form("password"), map[string]string{"username": who.Login, "password": who.Password})
}
