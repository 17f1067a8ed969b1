package social

// A Code says which rule an answer did not meet. Codes are stable.
type Code string

// A Refusal is a rule that was not met, as an error.
type Refusal struct {
	Code     Code
	Expected string // never a secret; empty: does not apply
	Received string // what came: a provider wrote it, so cut it and escape it. Never a secret
}

func (r *Refusal) Error() string { return "social: refused: " + string(r.Code) }
