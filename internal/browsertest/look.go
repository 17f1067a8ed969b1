package browsertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Resize gives the page a window of this size, in CSS pixels.
func (p *Page) Resize(width, height int64) {
	p.t.Helper()
	p.run("resizing", call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1}))
}

// Prefer sets what the person likes, as pairs of a media feature and its value: "prefers-color-scheme", "dark". What is not named
// is as it was at first.
func (p *Page) Prefer(pairs ...string) {
	p.t.Helper()
	var features []*emulation.MediaFeature
	for pair := range slices.Chunk(pairs, 2) {
		features = append(features, &emulation.MediaFeature{Name: pair[0], Value: pair[1]})
	}
	p.run("preferring "+strings.Join(pairs, " "), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}))
}

// Speak sets the languages that the browser asks for: "es".
func (p *Page) Speak(languages string) {
	p.t.Helper()
	p.run("speaking "+languages, call(emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{
		UserAgent: p.Ask("navigator.userAgent"), AcceptLanguage: languages,
	}))
}

// NoScripts keeps the scripts of pages from running.
func (p *Page) NoScripts() {
	p.t.Helper()
	p.scriptless = true
	p.scripts(false)
}

func (p *Page) scripts(run bool) {
	p.t.Helper()
	p.run("turning scripts on or off", call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run}))
}

// Fits fails the test if the page has to be scrolled sideways.
func (p *Page) Fits() {
	p.t.Helper()
	widths := p.Ask("(d => d.scrollWidth > d.clientWidth ? `${d.scrollWidth} pixels wide in a window of ${d.clientWidth}` : '')(document.scrollingElement)")
	if widths != "" {
		p.t.Errorf("%s is %s", p.Title(), widths)
	}
}

// Screenshot keeps a picture of the whole page in the folder of SALLYPORT_SCREENSHOTS, if there is one.
func (p *Page) Screenshot(name string) {
	p.t.Helper()
	folder := os.Getenv("SALLYPORT_SCREENSHOTS")
	if folder == "" {
		return
	}
	picture := p.picture()
	err := os.MkdirAll(folder, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644)
	}
	if err != nil {
		p.t.Fatalf("browsertest: keeping a picture: %v", err)
	}
}

// Scan reads the QR code that is to be seen on the page, as the camera of a phone does. Where there is no zbarimg the test is
// skipped, and with CI=true it fails. It fails the test, too, unless exactly one code can be read.
func (p *Page) Scan() string {
	p.t.Helper()
	zbarimg := Tool(p.t, "zbarimg", "zbar-tools")
	file := filepath.Join(p.t.TempDir(), "page.png")
	if err := os.WriteFile(file, p.picture(), 0o600); err != nil {
		p.t.Fatalf("browsertest: keeping a picture: %v", err)
	}
	out, err := exec.Command(zbarimg, "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file).Output()
	codes := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(codes) != 1 || codes[0] == "" {
		p.t.Fatalf("browsertest: %s: %d QR codes can be read, want one (%v)", p.Title(), len(codes), err)
	}
	return codes[0]
}

// picture is the whole page as PNG.
func (p *Page) picture() []byte {
	p.t.Helper()
	picture, err := withPatience(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatalf("browsertest: taking a picture: %v", err)
	}
	return picture
}
