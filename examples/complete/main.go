// Complete is the whole product on one machine, with nothing to install: companies and people to sign in as, pages in three
// languages, and a mailbox at /dev/mail that all letters come to. Run it and open the address that it prints.
//
//	go run ./examples/complete [-addr localhost:8080] [-db sallyport-demo.db] [-preset recommended] [-signup company]
//
// The database is a SQLite file, ":memory:", or a PostgreSQL server (postgres://…). What is in it is still there the next time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "localhost:8080", "where to listen; the app is reached as localhost")
	flag.StringVar(&o.db, "db", "sallyport-demo.db", "a SQLite file, :memory:, or postgres://…")
	flag.StringVar(&o.key, "key", "", "file with the key, made if it is not there (default: the -db file and .key, or sallyport-demo.key)")
	flag.StringVar(&o.preset, "preset", "recommended", "recommended, one-page, email-first or forced-two-step")
	flag.StringVar(&o.signUp, "signup", "company", "who may sign up by themselves: off, person, or company (a person with a company of their own)")
	flag.Parse()
	if flag.NArg() > 0 {
		log.Fatalf("there is no argument %q: options begin with a dash", flag.Arg(0))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

type options struct{ addr, db, key, preset, signUp string }

// run serves the product until ctx ends.
func run(ctx context.Context, o options, out io.Writer) error {
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return err
	}
	p, err := newProduct(ctx, o, "http://localhost:"+port)
	if err != nil {
		listener.Close()
		return err
	}
	defer p.close()
	server := &http.Server{
		Handler:           p.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	ended := make(chan error, 2)
	go func() { ended <- server.Serve(listener) }()
	go func() { ended <- p.in.Run(ctx) }()
	p.welcome(out)
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	server.Shutdown(closing)
	if errors.Is(err, context.Canceled) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// welcome says where the product is and whom one can be.
func (p *product) welcome(out io.Writer) {
	fmt.Fprintf(out, "\nSallyport is at %s\n\n", p.in.URL("/"))
	fmt.Fprintf(out, "The password of everybody who has one is: %s\n\n", demoPassword)
	for _, d := range demoPeople {
		fmt.Fprintf(out, "  %-22s %s\n", d.email, d.about)
	}
	if p.in.Preset().SignUp != auth.SignUpOff {
		fmt.Fprintf(out, "\nYou can be somebody new, too: %s\n", p.in.URLOf("signup"))
	}
	fmt.Fprintf(out, "\nTheir letters, with the codes that a new browser is asked for, come to %s\n", p.in.URL("/dev/mail"))
	fmt.Fprintf(out, "The data is in %s. Ctrl-C ends the program.\n\n", p.where)
}
