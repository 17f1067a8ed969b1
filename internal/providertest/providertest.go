// Package providertest runs real identity providers for tests: [StartSAML] SimpleSAMLphp, [StartOIDC] the npm package oidc-provider.
// Each is a program that others wrote, started for one test on a free port of this machine and stopped with it; a [Browser] is the
// person who signs in there. What our own kits believe of the protocols, these have never heard of.
//
// SimpleSAMLphp is found in the folder that the environment variable SALLYPORT_SIMPLESAMLPHP names, or where Debian's package puts
// it; it needs php on the PATH, with its XML extension. oidc-provider is found in the folder that SALLYPORT_OIDC_PROVIDER names, which
// has it in node_modules; it needs Node 22, there too or on the PATH. A test without them is skipped, and with CI=true fails.
//
// Only tests import it. It makes no hostile answers, and knows no package of ours.
package providertest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// patience is how long a provider may take to start, or to stop.
const patience = 30 * time.Second

// A Person can sign in at a provider.
type Person struct {
	ID         string // names them for good: the NameID of format persistent, and sub
	Login      string // what they type
	Password   string // and with it
	Email      string
	GivenName  string
	FamilyName string
	Groups     []string
}

// People are those whom a provider knows unless a test brings its own: Ann and Ben of globex.example.
func People() []Person {
	return []Person{
		{ID: "p-4711", Login: "ann", Password: "ann's password", Email: "ann@globex.example", GivenName: "Ann", FamilyName: "Ångström", Groups: []string{"staff", "admins"}},
		{ID: "p-4712", Login: "ben", Password: "ben's password", Email: "ben@globex.example", GivenName: "Ben", FamilyName: "O'Neil", Groups: []string{"staff"}},
	}
}

func orPeople(people []Person) []Person {
	if people == nil {
		return People()
	}
	return people
}

// missing ends a test for want of something: loudly where every test must run.
func missing(t testing.TB, what string) {
	t.Helper()
	if strings.EqualFold(os.Getenv("CI"), "true") {
		t.Fatal(what)
	}
	t.Skip(what)
}

// A process is a provider that runs.
type process struct {
	first string // the first line of its output

	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *bytes.Buffer // to be read when it has ended
}

// start runs a program that ends when its standard input does, so that none is left over where a test is killed. With talks the
// program has something to say before it is ready, which start waits for.
func start(cmd *exec.Cmd, talks bool) (*process, error) {
	p := &process{cmd: cmd, stderr: &bytes.Buffer{}}
	cmd.Stderr = p.stderr
	cmd.WaitDelay = patience
	var err error
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if !talks {
		return p, cmd.Start()
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(patience, func() { p.stdin.Close() })
	defer late.Stop()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		p.stop()
		return nil, errors.New("it ends without a word: " + p.stderr.String())
	}
	p.first = strings.TrimSpace(line)
	return p, nil
}

// stop ends the program, and returns what it has complained about.
func (p *process) stop() string {
	p.stdin.Close()
	late := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer late.Stop()
	p.cmd.Wait()
	return p.stderr.String()
}

// stopAfter stops a provider with its test, and shows what it had to say where the test has failed.
func (p *process) stopAfter(t testing.TB, name string) {
	t.Cleanup(func() {
		if said := p.stop(); t.Failed() {
			t.Logf("providertest: %s said:\n%s", name, said)
		}
	})
}
