package fetch

import "net/netip"

// A judge tells addresses of the open network from all others.
type judge struct {
	allowPrivate bool
	special      []netip.Prefix // of what looks public, what is not (the registries of RFC 6890)
	global       netip.Prefix   // of IPv6, the only part that is given out
	nat64        netip.Prefix   // IPv4 in its last four bytes (RFC 6052)
	sixToFour    netip.Prefix   // IPv4 behind its first two (RFC 3056)
}

func newJudge(allowPrivate bool) judge {
	j := judge{
		allowPrivate: allowPrivate,
		global:       netip.MustParsePrefix("2000::/3"),
		nat64:        netip.MustParsePrefix("64:ff9b::/96"),
		sixToFour:    netip.MustParsePrefix("2002::/16"),
	}
	for _, p := range []string{
		"0.0.0.0/8",       // this network
		"10.0.0.0/8",      // private
		"100.64.0.0/10",   // shared by the customers of a carrier
		"127.0.0.0/8",     // this machine
		"169.254.0.0/16",  // this link: where clouds keep their metadata
		"172.16.0.0/12",   // private
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // relays of 6to4
		"192.168.0.0/16",  // private
		"198.18.0.0/15",   // benchmarks
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/4",     // multicast
		"240.0.0.0/4",     // reserved, and broadcast
		"2001::/23",       // protocol assignments: Teredo, ORCHID, benchmarks
		"2001:db8::/32",   // documentation
		"3fff::/20",       // documentation
	} {
		j.special = append(j.special, netip.MustParsePrefix(p))
	}
	return j
}

// public tells whether an address may be dialled. An address in a form that holds an IPv4 address is what that one is.
func (j judge) public(a netip.Addr) bool {
	if a.Zone() != "" {
		return false // a zone names a link of this machine
	}
	a = a.Unmap()
	b := a.As16()
	switch {
	case j.nat64.Contains(a):
		return j.public(netip.AddrFrom4([4]byte(b[12:])))
	case j.sixToFour.Contains(a):
		return j.public(netip.AddrFrom4([4]byte(b[2:6])))
	case j.allowPrivate && (a.IsLoopback() || a.IsPrivate()):
		return true
	case a.Is6() && !j.global.Contains(a):
		return false
	}
	for _, p := range j.special {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsValid()
}
