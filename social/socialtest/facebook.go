package socialtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
)

// graphFields are what the Graph API knows of a person; false: only for products with a permission that nobody here has, so that it is left out
// without a word. Source: Meta, «Graph API reference: User», and what the Facebook provider of goth 1.82 asks for.
var graphFields = map[string]bool{
	"id": true, "name": true, "first_name": true, "last_name": true, "middle_name": true, "short_name": true, "name_format": true, "email": true, "picture": true,
	"about": false, "age_range": false, "birthday": false, "gender": false, "hometown": false, "link": false, "location": false,
}

// me is the person of an access token, in the Graph API.
func (p *Provider) me(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := r.URL.Query()
	token := q.Get("access_token")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		token = bearer
	}
	g, ok := p.access[token]
	if !ok || p.now().After(g.until) {
		graphError(w, "OAuthException", 190, "Invalid OAuth access token.")
		return
	}
	// The proof is about the product that the token was made for: a token of another product has another secret.
	proof := q.Get("appsecret_proof")
	mac := hmac.New(sha256.New, []byte(g.client.Secret))
	mac.Write([]byte(token))
	switch {
	case proof == "" && g.client.RequireProof:
		graphError(w, "GraphMethodException", 100, "API calls from the server require an appsecret_proof argument")
		return
	case proof != "" && !hmac.Equal([]byte(proof), []byte(hex.EncodeToString(mac.Sum(nil)))):
		graphError(w, "GraphMethodException", 100, "Invalid appsecret_proof provided in the API argument")
		return
	}
	c := Claims{}
	wanted := q.Get("fields")
	if wanted == "" {
		wanted = "id,name"
	}
	for _, field := range append(splitFields(wanted), "id") {
		name, _, _ := strings.Cut(field, ".") // picture.type(large)
		name, _, _ = strings.Cut(name, "{")
		known, ok := graphFields[name]
		if !ok {
			graphError(w, "OAuthException", 100, "(#100) Tried accessing nonexisting field ("+name+") on node type (User)")
			return
		}
		if known {
			p.graphField(c, g, name)
		}
	}
	for _, row := range p.takeLocked(func(row attack) bool { return row.info != nil }) {
		row.info(p, c, g)
	}
	writeJSON(w, http.StatusOK, c)
}

// splitFields splits at the commas that stand outside of braces.
func splitFields(s string) []string {
	depth := 0
	return strings.FieldsFunc(s, func(r rune) bool {
		switch r {
		case '{', '(':
			depth++
		case '}', ')':
			depth--
		}
		return r == ',' && depth == 0
	})
}

func (p *Provider) graphField(c Claims, g grant, name string) {
	given, family := g.who.givenFamily()
	switch name {
	case "id":
		c.SetString("id", p.subject(g.client, g.who))
	case "name":
		c.some("name", g.who.name())
	case "first_name":
		c.some("first_name", given)
	case "last_name":
		c.some("last_name", family)
	case "short_name":
		c.some("short_name", given)
	case "name_format":
		c.SetString("name_format", "{first} {last}")
	case "email": // whether it is confirmed, Facebook does not say; without the permission, or an address, the field is not there
		if slices.Contains(g.scopes, "email") {
			c.some("email", g.who.Email)
		}
	case "picture":
		c.set("picture", map[string]any{"data": map[string]any{
			"height": 50, "is_silhouette": g.who.Picture == "", "url": g.who.Picture, "width": 50,
		}})
	}
}

// graphError is how Facebook says no. Source: Meta, «Graph API: Handle Errors».
func graphError(w http.ResponseWriter, kind string, code int, message string) {
	problem := Claims{}
	problem.set("error", map[string]any{"message": message, "type": kind, "code": code, "fbtrace_id": random()[:11]})
	writeJSON(w, http.StatusBadRequest, problem)
}
