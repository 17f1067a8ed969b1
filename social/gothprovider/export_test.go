package gothprovider

// Known is what unfit says of a package of goth's.
func Known(name string) string { return known(name) }

// MaxRequests and MaxBytes are what one answer may cost.
const (
	MaxRequests = maxRequests
	MaxBytes    = maxBytes
)
