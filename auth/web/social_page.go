package web

// Waiting is an account elsewhere that the person has come with, and that opens nothing here yet.
type Waiting struct {
	Provider string // ID
	Name     string // of the provider
	Email    string // the address there; empty: the provider gave none
	Logo     Asset  // as in ProviderButton
}

// ProviderPage leads to an account elsewhere: to prove with it once more who somebody is, or to connect it. Its forms are posted to the
// Start of one of Providers; without a flow (Frame.Begins) to At, with provider, which is its ID. On a Moves page the script posts the first.
type ProviderPage struct {
	Frame
	Providers []ProviderButton // one at least
	Connects  bool             // it is to be connected
	Moves     bool
	Reference string // of what went wrong just now; empty: nothing, or there is none
}

// Template implements Page.
func (*ProviderPage) Template() string { return "provider" }
