// Complete is the whole product on one machine, with nothing to install: companies and people to sign in as, two companies with a sign-in
// of their own and the providers of social accounts on the next port, pages in three languages, and a mailbox at /dev/mail that all
// letters come to. Run it and open the address that it prints.
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
	flag.StringVar(&o.socialDisplay, "social-display", "", "which buttons of Google and the others are shown: all-enabled, connected-on-device or connected-for-user (default: as the preset has it)")
	flag.StringVar(&o.socialSignUp, "social-signup", "off", "whether an account there makes one here: off or on")
	o.credentials = credentials{}
	o.credentials.flags(flag.CommandLine)
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

type options struct {
	addr, db, key, preset, signUp string
	socialDisplay, socialSignUp   string      // empty: the preset's
	credentials                   credentials // of real providers of accounts; none: the demo plays them
}

// run serves the product until ctx ends.
func run(ctx context.Context, o options, out io.Writer) error {
	w, err := open(ctx, o)
	if err != nil {
		return err
	}
	w.product.welcome(ctx, out)
	return w.serve(ctx)
}

// A world is the product and, at another site, the companies whose people use it, and the providers where they have accounts.
type world struct {
	product      *product
	ours, theirs net.Listener
}

// open makes a world where it can be reached. It ends with serve.
func open(ctx context.Context, o options) (*world, error) {
	ours, theirs, err := listen(o.addr)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(ours.Addr().String())
	if err != nil {
		return nil, err
	}
	p, err := newProduct(ctx, o, "http://localhost:"+port, "http://"+theirs.Addr().String())
	if err != nil {
		ours.Close()
		theirs.Close()
		return nil, err
	}
	return &world{product: p, ours: ours, theirs: theirs}, nil
}

func (w *world) serve(ctx context.Context) error {
	p := w.product
	defer p.close()
	elsewhere := http.NewServeMux()
	p.companies.routes(elsewhere)
	p.accounts.routes(elsewhere)
	product, others := serverOf(p.handler()), serverOf(elsewhere)
	ended := make(chan error, 3)
	go func() { ended <- product.Serve(w.ours) }()
	go func() { ended <- others.Serve(w.theirs) }()
	go func() { ended <- p.in.Run(ctx) }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	product.Shutdown(closing)
	others.Shutdown(closing)
	if errors.Is(err, context.Canceled) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func serverOf(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
}

// welcome says where the product is and whom one can be.
func (p *product) welcome(ctx context.Context, out io.Writer) {
	fmt.Fprintf(out, "\nSallyport is at %s\n\n", p.in.URL("/"))
	fmt.Fprintf(out, "The password of everybody who has one is: %s\n\n", demoPassword)
	for _, d := range demoPeople {
		fmt.Fprintf(out, "  %-22s %s\n", d.email, d.about)
	}
	fmt.Fprintf(out, "\nGlobex is at %s/ and Initech at %s/, with the same password. There is also:\n\n", p.companies.globex.BaseURL(), p.companies.initech.BaseURL())
	fmt.Fprintf(out, "  %-22s %s\n", "mia@globex.example", "works at Globex, and was never invited here")
	fmt.Fprintf(out, "  %-22s %s\n", "nina@initech.example", "works at Initech, and is added when she arrives")
	if len(p.accounts.played) > 0 {
		fmt.Fprintf(out, "\nThe buttons of Google and the others lead to providers of the demo's, at the same place, where nobody is asked for a password.\n")
		if p.accounts.played["google"] != nil {
			fmt.Fprintf(out, "Kim has connected hers at Google; Ann has not; Stella is nobody here. ")
		}
		fmt.Fprintf(out, "The real ones come with a client ID and secret: see -help.\n")
	}
	for _, one := range p.accounts.manager.Providers() {
		if p.accounts.played[one.ID] == nil {
			fmt.Fprintf(out, "\n%s must know %s\n", one.Name, p.accounts.manager.Callback(one.ID))
		}
	}
	if address, err := p.apps.address(ctx, "root"); err != nil {
		log.Printf("the app of root@globex.example: %v", err)
	} else if address != "" {
		fmt.Fprintf(out, "\nThe authenticator app of root@globex.example: %s\n", address)
	}
	if p.in.Preset().SignUp != auth.SignUpOff {
		fmt.Fprintf(out, "\nYou can be somebody new, too: %s\n", p.in.URLOf("signup"))
	}
	fmt.Fprintf(out, "\nTheir letters, with the codes that a new browser is asked for, come to %s\n", p.in.URL("/dev/mail"))
	fmt.Fprintf(out, "The data is in %s. Ctrl-C ends the program.\n\n", p.where)
}
