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
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, o, in)
		in.CloseWithError(io.EOF)
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	address := readAddress(out)
	go io.Copy(io.Discard, out)
	if address == "" {
		t.Fatal("the program does not say where it is")
	}
	return address
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
