package sso

import "fmt"

// A Code says why an answer was refused. Codes are stable.
type Code string

// A Refusal is an answer that was not accepted, as an error. It is for the people who run the connection: what it says is not for
// whoever stands before the page, who learns no more than Public.
type Refusal struct {
	Code     Code
	Expected string // what would have been right; never a secret. Empty: does not apply
	Received string // what came, cut to 256 bytes; never a secret, and never text to be shown without escaping
	Detail   string // more, such as by how much a clock is off; empty: nothing
}

func (r *Refusal) Error() string { return fmt.Sprintf("sso: refused: %s", r.Code) }

// Check is the refusal as a line of a Report, for Explain.
func (r *Refusal) Check() Check {
	return Check{Code: r.Code, Expected: r.Expected, Received: r.Received, Detail: r.Detail}
}

// A Report says what was checked of an answer, in order. It is for administrators.
type Report struct {
	Checks []Check
}

// A Check is one line of a Report.
type Check struct {
	Code     Code // what was checked, as the Code that says it failed
	OK       bool
	Expected string
	Received string
	Detail   string
}

// Pass writes down a check that was met.
func (r *Report) Pass(code Code, received string) {
	r.Checks = append(r.Checks, Check{Code: code, OK: true, Received: cut(received)})
}

// tell writes down what is no rule, and did not count.
func (r *Report) tell(code Code, detail string) {
	r.Checks = append(r.Checks, Check{Code: code, OK: true, Detail: cut(detail)})
}

// Fail writes down a check that was not met, and answers the refusal.
func (r *Report) Fail(f Refusal) *Refusal {
	f.Expected, f.Received, f.Detail = cut(f.Expected), cut(f.Received), cut(f.Detail)
	r.Checks = append(r.Checks, Check{Code: f.Code, Expected: f.Expected, Received: f.Received, Detail: f.Detail})
	return &f
}

const longest = 256 // bytes of what a report repeats of a message

func cut(s string) string {
	if len(s) > longest {
		return s[:longest]
	}
	return s
}
