package browsertest

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// Axe is the source of axe-core. Where there is none the test ends.
func Axe(t testing.TB) string {
	t.Helper()
	path := os.Getenv("SALLYPORT_AXE")
	if path == "" {
		missing(t, "there is no axe-core: fetch it (npm pack axe-core), and name its axe.min.js in SALLYPORT_AXE")
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("SALLYPORT_AXE: %v", err)
	}
	return string(source)
}

// Accessible fails the test for everything that axe-core, with all its rules, finds wrong with the page. Where scripts are off, only
// axe-core may run.
func (p *Page) Accessible(axe string) {
	p.t.Helper()
	if p.scriptless {
		p.scripts(true)
		defer p.scripts(false)
	}
	_, err := withPatience(p.ctx, chromedp.Evaluate[chromedp.Void](axe+"\n;undefined"))
	if err != nil {
		p.t.Fatalf("browsertest: loading axe: %v", err)
	}
	answer := p.Ask(`axe.run(document, {resultTypes: ["violations"]}).then(found => JSON.stringify({
		passes: found.passes.length,
		violations: found.violations.map(v => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => n.html + "\n" + n.failureSummary)}))
	}))`)
	var found struct {
		Passes     int
		Violations []struct {
			ID, Impact, Help string
			Nodes            []string
		}
	}
	if err := json.Unmarshal([]byte(answer), &found); err != nil {
		p.t.Fatalf("browsertest: reading the answer of axe: %v", err)
	}
	if found.Passes == 0 {
		p.t.Errorf("%s: axe has tried nothing", p.Title())
	}
	for _, v := range found.Violations {
		for _, node := range v.Nodes {
			p.t.Errorf("%s: %s (%s): %s\n%s", p.Title(), v.ID, v.Impact, v.Help, node)
		}
	}
}
