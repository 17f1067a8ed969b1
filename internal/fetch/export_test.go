package fetch

import (
	"net"
	"net/netip"
)

// Public tells whether a client would dial an address.
func (c *Client) Public(a netip.Addr) bool { return c.judge.public(a) }

// Resolve has names looked up elsewhere.
func (c *Client) Resolve(r *net.Resolver) { c.dialer.Resolver = r }
