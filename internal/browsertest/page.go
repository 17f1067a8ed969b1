package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// A Page is a tab. It is closed with the test that opened it, and must not be used by two goroutines.
type Page struct {
	t      testing.TB
	ctx    context.Context
	cancel func()

	scriptless bool

	mu         sync.Mutex
	status     map[cdp.LoaderID]int64 // of the documents shown
	complaints []string
}

// open opens a tab.
func open(t testing.TB, parent context.Context, options ...chromedp.ContextOption) *Page {
	t.Helper()
	p := &Page{t: t, status: map[cdp.LoaderID]int64{}}
	p.ctx, p.cancel = chromedp.NewContext(parent, append(options, chromedp.WithListener(p.hear))...)
	t.Cleanup(p.Close)
	err := first(p.ctx, p.cancel,
		call(audits.Enable, cdp.Empty{}),
		call(emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}), // several tabs, no window in front
	)
	if err != nil {
		t.Fatalf("browsertest: opening a tab: %v", err)
	}
	return p
}

// With tells t, until it ends, what fails on the page: for a part of a test that goes on with a page of the whole.
func (p *Page) With(t testing.TB) {
	before := p.t
	p.t = t
	t.Cleanup(func() { p.t = before })
}

// Tab opens another tab, which shares everything with this one.
func (p *Page) Tab() *Page {
	p.t.Helper()
	return open(p.t, p.ctx)
}

// Close closes the tab, and fails the test for what the browser complained about.
func (p *Page) Close() {
	p.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.complaints {
		p.t.Errorf("the browser complains: %s", c)
	}
	p.complaints = nil
}

// Open loads an address, as typed into the address bar.
func (p *Page) Open(url string) {
	p.t.Helper()
	p.leave("opening "+url, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		answer, err := cdp.Call(ctx, t, page.Navigate, page.NavigateParams{URL: url})
		if err == nil && answer.ErrorText != "" {
			err = fmt.Errorf("%s", answer.ErrorText)
		}
		return err
	}))
}

// Back goes back by one page, as the button of the browser does. What is shown then may come from its memory.
func (p *Page) Back() {
	p.t.Helper()
	p.leave("going back", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		history, err := cdp.Call(ctx, t, page.GetNavigationHistory, cdp.Empty{})
		if err == nil && history.CurrentIndex < 1 {
			err = fmt.Errorf("there is no page before")
		}
		if err == nil {
			id := history.Entries[history.CurrentIndex-1].ID
			_, err = cdp.Call(ctx, t, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: id})
		}
		return err
	}))
}

// Reload loads the page again.
func (p *Page) Reload() {
	p.t.Helper()
	p.leave("reloading", call(page.Reload, page.ReloadParams{}))
}

// Click clicks with the mouse into the middle of the first element that a CSS selector finds.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.click(fmt.Sprintf("document.querySelector(%s)", quote(selector)), selector)
}

// Follow clicks on the button or link that says exactly this, and waits for the page that it leads to.
func (p *Page) Follow(words string) {
	p.t.Helper()
	find := fmt.Sprintf("[...document.querySelectorAll('button, a')].find(e => e.innerText.trim().split(/\\n/)[0] === %s)", quote(words))
	p.leave("following "+strconv.Quote(words), p.clicking(find, words))
}

// Choose clicks on what a CSS selector finds, and waits for the page that it leads to.
func (p *Page) Choose(selector string) {
	p.t.Helper()
	p.leave("choosing "+selector, p.clicking(fmt.Sprintf("document.querySelector(%s)", quote(selector)), selector))
}

// Type clicks into a field and puts a text in the place of what stands there, all at once, as pasting does. Press is for keys.
func (p *Page) Type(selector, text string) {
	p.t.Helper()
	p.Click(selector)
	p.run("typing into "+selector, chromedp.Steps(
		chromedp.Evaluate[chromedp.Void]("document.activeElement.select()"),
		call(input.InsertText, input.InsertTextParams{Text: text}),
	))
}

// Press presses keys, wherever the focus is: Tab is "\t".
func (p *Page) Press(keys string) {
	p.t.Helper()
	p.run("pressing keys", chromedp.KeyEvent(keys))
}

// Enter presses the enter key, and waits for the page that it leads to.
func (p *Page) Enter() {
	p.t.Helper()
	p.leave("pressing enter", chromedp.KeyEvent("\r"))
}

// Reaches waits until pages that move on by themselves have led to one whose address begins like this.
func (p *Page) Reaches(address string) {
	p.t.Helper()
	at := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(15 * time.Millisecond) {
		frame, err := p.frame()
		if err != nil {
			continue
		}
		if at = frame.URL; !strings.HasPrefix(at, address) {
			continue
		}
		if state, err := ask(p.ctx, "document.readyState"); err == nil && state == "complete" {
			return
		}
	}
	p.t.Fatalf("browsertest: the browser is at %s, want %s", at, address)
}

// Title is the title of the page.
func (p *Page) Title() string { p.t.Helper(); return p.Ask("document.title") }

// URL is the address of the page.
func (p *Page) URL() string { p.t.Helper(); return p.Ask("location.href") }

// Text is what is to be read of the first element that a CSS selector finds; empty: nothing, or no such element.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	return p.Ask(fmt.Sprintf("document.querySelector(%s)?.innerText.trim() ?? ''", quote(selector)))
}

// Value is what stands in a field.
func (p *Page) Value(selector string) string {
	p.t.Helper()
	return p.Ask(fmt.Sprintf("document.querySelector(%s).value", quote(selector)))
}

// Attribute is an attribute of an element; empty: it has none.
func (p *Page) Attribute(selector, name string) string {
	p.t.Helper()
	return p.Ask(fmt.Sprintf("document.querySelector(%s).getAttribute(%s) ?? ''", quote(selector), quote(name)))
}

// Has tells whether an element is there and can be seen.
func (p *Page) Has(selector string) bool {
	p.t.Helper()
	return p.Ask(fmt.Sprintf("String(Boolean(document.querySelector(%s)?.checkVisibility()))", quote(selector))) == "true"
}

// Focus describes the element that the keyboard goes to: its id, else its value, else its words. It is "body" where that is none.
func (p *Page) Focus() string {
	p.t.Helper()
	return p.Ask("(e => e === document.body ? 'body' : e.id || e.value || e.innerText.trim())(document.activeElement)")
}

// Focused waits until the keyboard goes to this element, described as Focus does: a script may take a moment to put it there.
func (p *Page) Focused(want string) {
	p.t.Helper()
	got := ""
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		if got = p.Focus(); got == want {
			return
		}
	}
	p.t.Errorf("%s: the focus is at %q, want %q", p.Title(), got, want)
}

// Ask evaluates an expression of JavaScript that is a text.
func (p *Page) Ask(expression string) string {
	p.t.Helper()
	text, err := ask(p.ctx, expression)
	if err != nil {
		p.t.Fatalf("browsertest: asking for %s: %v", expression, err)
	}
	return text
}

func ask(ctx context.Context, expression string) (string, error) {
	return withPatience(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
}

func withPatience[T any](ctx context.Context, step chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, step)
}

// Status is the HTTP status that the page came with.
func (p *Page) Status() int {
	p.t.Helper()
	frame, err := p.frame()
	if err != nil {
		p.t.Fatalf("browsertest: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.status[frame.LoaderID])
}

// run runs a step.
func (p *Page) run(what string, step chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if _, err := withPatience(p.ctx, step); err != nil {
		p.t.Fatalf("browsertest: %s: %v", what, err)
	}
}

// leave runs a step that leads to another page, and waits until that one is there.
func (p *Page) leave(what string, step chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	before, err := p.frame()
	if err != nil {
		p.t.Fatalf("browsertest: %s: %v", what, err)
	}
	p.run(what, step)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(15 * time.Millisecond) {
		now, err := p.frame()
		if err != nil || now.LoaderID == before.LoaderID {
			continue // while it changes there may be no page to ask
		}
		if now.UnreachableURL != "" {
			p.t.Fatalf("browsertest: %s: %s cannot be reached", what, now.UnreachableURL)
		}
		if state, err := ask(p.ctx, "document.readyState"); err == nil && state == "complete" {
			return
		}
	}
	p.t.Fatalf("browsertest: %s does not lead to another page than %s", what, before.URL)
}

func (p *Page) frame() (*cdp.Frame, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	tree, err := chromedp.Call(ctx, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		return nil, err
	}
	return tree.FrameTree.Frame, nil
}

func (p *Page) click(find, name string) {
	p.t.Helper()
	p.run("clicking on "+name, p.clicking(find, name))
}

// clicking is a click on the element that an expression finds, if a person could click on it: it is seen, and nothing lies over it.
func (p *Page) clicking(find, name string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		spot, err := ask(p.ctx, `(e => {
			if (!e) return "is not there";
			e.scrollIntoView({block: "center", behavior: "instant"});
			const r = e.getClientRects()[0]; // of the first line, where there are several
			if (!r) return "is not seen";
			const x = r.x + r.width / 2, y = r.y + r.height / 2;
			const hit = document.elementFromPoint(x, y);
			if (!e.contains(hit)) return "cannot be clicked on: there is " + (hit ? hit.outerHTML : "nothing");
			return x + " " + y;
		})(`+find+`)`)
		if err != nil {
			return err
		}
		var x, y float64
		if _, err := fmt.Sscan(spot, &x, &y); err != nil {
			return fmt.Errorf("%s %s", name, spot)
		}
		_, err = chromedp.MouseClickXY(x, y)(ctx, t)
		return err
	})
}

// call is a command of the protocol as a step.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// quote is a text as JavaScript.
func quote(text string) string {
	quoted, err := json.Marshal(strings.ToValidUTF8(text, "?"))
	if err != nil { // a string: cannot happen
		return `""`
	}
	return string(quoted)
}
