package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

// serve runs the program within the test, in memory unless the options say otherwise, and answers where it is: without a slash.
func serve(t *testing.T, o options) string {
	t.Helper()
	return serveWorld(t, o).home()
}

// serveWorld is serve, for a test that changes something behind the pages.
func serveWorld(t *testing.T, o options) *world {
	t.Helper()
	o.addr = "localhost:0"
	if o.db == "" {
		o.db = ":memory:"
	}
	if o.preset == "" {
		o.preset = "recommended"
	}
	if o.signUp == "" {
		o.signUp = "company"
	}
	ctx, stop := context.WithCancel(context.Background())
	w, err := open(ctx, o)
	if err != nil {
		stop()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- w.serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return w
}

// readAddress finds the address in what the program says at its start.
func readAddress(out io.Reader) string {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "Sallyport is at "); ok {
			return strings.TrimSuffix(address, "/")
		}
	}
	return ""
}

// today is how the home page writes the day of a moment.
func today() string { return time.Now().Format("2 January 2006") }
