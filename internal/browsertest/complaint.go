package browsertest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// hear takes in what the browser says. It must not ask it anything.
func (p *Page) hear(event any) {
	switch e := event.(type) {
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			p.mu.Lock()
			p.status[e.LoaderID] = e.Response.Status
			p.mu.Unlock()
		} else if e.Response.Status >= 400 && !strings.HasSuffix(e.Response.URL, "/favicon.ico") { // asked for by no page
			p.complain("%s answers %d", e.Response.URL, e.Response.Status)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled && e.ErrorText != "net::ERR_ABORTED" { // what the next page puts an end to
			p.complain("a %s does not load: %s %s", e.Type, e.ErrorText, e.BlockedReason)
		}
	case *runtime.EventExceptionThrown:
		d := e.ExceptionDetails
		p.complain("an exception in a script: %s %s (%s:%d)", d.Text, said([]*runtime.RemoteObject{d.Exception}), d.URL, d.LineNumber+1)
	case *runtime.EventConsoleAPICalled:
		switch e.Type {
		case runtime.ConsoleAPICalledTypeError, runtime.ConsoleAPICalledTypeWarning, runtime.ConsoleAPICalledTypeAssert:
			p.complain("on the console: %s", said(e.Args))
		}
	case *log.EventEntryAdded:
		// A page that is itself an error is no complaint, and what a page loads is heard of above. Recommendations are those on
		// forms: a field without a name, a password without its user name.
		loud := e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning
		if loud && e.Entry.Source != log.EntrySourceNetwork || e.Entry.Source == log.EntrySourceRecommendation {
			p.complain("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		if e.Issue.Code != audits.InspectorIssueCodePerformanceIssue {
			details, _ := json.Marshal(e.Issue.Details)
			p.complain("%s: %s", e.Issue.Code, details)
		}
	}
}

func (p *Page) complain(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = append(p.complaints, fmt.Sprintf(format, args...))
}

// Withheld fails the test unless the browser kept this cookie to itself when another site posted to a path. It takes back what the
// browser complained about cookies there.
func (p *Page) Withheld(cookie, path string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	there := func(c string) bool {
		return strings.HasPrefix(c, "CookieIssue: ") && strings.Contains(c, `"ExcludeSameSiteLax"`) && strings.Contains(c, path+`"`)
	}
	if !slices.ContainsFunc(p.complaints, func(c string) bool { return there(c) && strings.Contains(c, `"name":"`+cookie+`"`) }) {
		p.t.Errorf("the browser did not withhold the cookie %s from %s: complaints %q", cookie, path, p.complaints)
	}
	p.complaints = slices.DeleteFunc(p.complaints, there)
}

// said is what was written to the console.
func said(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		if a != nil {
			words = append(words, string(a.Value)+a.Description)
		}
	}
	return strings.Join(words, " ")
}
