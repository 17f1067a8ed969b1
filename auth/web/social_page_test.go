package web_test

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sallyport-auth/sallyport/auth/web"
)

// logos gives the product a logo of Google's, or what stands for it.
func logos(c *web.Config) {
	c.Templates = fstest.MapFS{"assets/provider-google.svg": {Data: []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)}}
}

func TestBrands(t *testing.T) {
	css, err := os.ReadFile("assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	for id, b := range web.Brands() {
		rules := regexp.MustCompile(`(?s)\.brand-`+id+` \{(.*?)\}`).FindAllStringSubmatch(string(css), -1)
		if len(rules) == 0 {
			t.Errorf("U46 the style sheet has nothing for %s", id)
			continue
		}
		for i, scheme := range b {
			rule := rules[min(i, len(rules)-1)][1]
			for j, name := range []string{"fill", "edge", "text"} {
				if !strings.Contains(rule, "--brand-"+name+": "+scheme[j]+";") {
					t.Errorf("U46 U48 the style sheet has another %s for %s than %s:\n%s", name, id, scheme[j], rule)
				}
			}
			if got := contrast(t, scheme[0], scheme[2]); got < 4.5 {
				t.Errorf("U35 the words of %s have a contrast of %.2f, want 4.5", id, got)
			}
		}
	}
}

// contrast is that of two colours, by WCAG.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, colour string) (sum float64) {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	for i, share := range []float64{0.0722, 0.7152, 0.2126} {
		c := float64(n>>(8*i)&0xff) / 255
		if c <= 0.03928 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += share * c
	}
	return sum
}
