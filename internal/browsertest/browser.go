// Package browsertest drives a real Chromium through the pages of a program, for tests: [Start] a browser, open a [Page], and
// type, click and look as a person does. Whatever the browser complains about on the way fails the test: a refused script or
// style, an error on the console, a resource that does not load, a form that it finds hard to fill in.
//
// Chromium is found as the environment variable SALLYPORT_CHROMIUM says, or on the PATH. Page.Accessible needs axe-core: the
// variable SALLYPORT_AXE names its axe.min.js. Page.Scan needs zbarimg. A test without them is skipped, and with CI=true fails.
// With -short every test that needs a browser is skipped.
// SALLYPORT_SCREENSHOTS names a folder for pictures; without it none are taken.
//
// Only tests import it. It knows one browser engine, and no page of ours.
package browsertest

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is how long anything may take: what is not there by then will not come.
const patience = 30 * time.Second

// Chromium is the path of the browser. Where there is none the test ends, and with -short: a browser takes its time.
func Chromium(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("with -short no browser is started")
	}
	names := []string{"chromium", "chromium-browser", "google-chrome"}
	if named := os.Getenv("SALLYPORT_CHROMIUM"); named != "" {
		names = []string{named}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "there is no Chromium: install one (Debian: apt-get install chromium), or name it in SALLYPORT_CHROMIUM")
	return ""
}

// Tool is the path of a program that a test needs beside the browser: its name, and the package of Debian that brings it. Where
// there is none the test ends.
func Tool(t testing.TB, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, "there is no "+name+": install it (Debian: apt-get install "+debian+")")
	}
	return path
}

// missing ends a test for want of something: loudly where every test must run.
func missing(t testing.TB, what string) {
	t.Helper()
	if strings.EqualFold(os.Getenv("CI"), "true") {
		t.Fatal(what)
	}
	t.Skip(what)
}

// A Browser is a running Chromium with a profile of its own. Both go with the test.
type Browser struct {
	path    string
	profile string
	ctx     context.Context // of the process
	cancel  func()
	pages   []*Page // of the profile
}

// Start starts a browser with an empty profile.
func Start(t testing.TB) *Browser {
	t.Helper()
	b := &Browser{path: Chromium(t)}
	var err error
	if b.profile, err = os.MkdirTemp("", "browsertest-"); err != nil {
		t.Fatal(err)
	}
	b.start(t)
	t.Cleanup(func() {
		b.stop(t)
		for range 20 { // the last of its processes may write a little longer
			if err = os.RemoveAll(b.profile); err == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Errorf("browsertest: removing the profile: %v", err)
	})
	return b
}

// Restart closes the browser as a person does, and opens it again with the same profile. Pages of the profile close with it.
func (b *Browser) Restart(t testing.TB) {
	t.Helper()
	b.stop(t)
	b.start(t)
}

// Page opens a tab in the profile of the browser: what it keeps survives a restart.
func (b *Browser) Page(t testing.TB) *Page {
	t.Helper()
	p := open(t, b.ctx)
	b.pages = append(b.pages, p)
	return p
}

// Private opens a tab that shares nothing with any other.
func (b *Browser) Private(t testing.TB) *Page {
	t.Helper()
	return open(t, b.ctx, chromedp.WithNewBrowserContext())
}

func (b *Browser) start(t testing.TB) {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(b.path),
		chromedp.UserDataDir(b.profile),
		chromedp.WindowSize(1280, 900),
		chromedp.Env("LANGUAGE=en", "LC_ALL=C.UTF-8"),
		chromedp.Flag("headless", "new"),
		chromedp.Flag("lang", "en-US"),
		chromedp.Flag("password-store", "basic"),
	}
	for _, flag := range []string{
		"no-first-run", "no-default-browser-check", "disable-gpu", "disable-quic", "disable-background-networking",
		"disable-component-update", "disable-sync", "disable-extensions", "disable-breakpad", "disable-dev-shm-usage",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	b.ctx, b.cancel = chromedp.NewContext(allocator)
	context.AfterFunc(b.ctx, cancel)
	if err := first(b.ctx, b.cancel); err != nil {
		t.Fatalf("browsertest: starting %s: %v", b.path, err)
	}
}

func (b *Browser) stop(t testing.TB) {
	t.Helper()
	for _, p := range b.pages {
		p.Close()
	}
	b.pages = nil
	defer b.cancel()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Cancel(ctx); err != nil { // closes it in good order, so that it writes down its cookies
		t.Errorf("browsertest: closing the browser: %v", err)
	}
}

// first runs the steps that a context begins with. They tie it to its browser or tab, so that a deadline must not stand on the
// context itself.
func first(ctx context.Context, cancel func(), steps ...chromedp.Action[chromedp.Void]) error {
	late := time.AfterFunc(patience, cancel)
	defer late.Stop()
	return cmp.Or(chromedp.Do(ctx, steps...), ctx.Err())
}
