package ssotest_test

import (
	"fmt"

	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

// An answer without a browser: honest, changed by hand, or with an attack on it.
func ExampleProvider_Respond() {
	idp, err := ssotest.New(ssotest.Config{BaseURL: "https://idp.corp.example"})
	if err != nil {
		panic(err)
	}
	product := ssotest.SP{EntityID: "https://app.example.com/saml", ACS: "https://app.example.com/saml/acs"}
	answer := idp.Honest(product, "_id-of-the-request", ssotest.Person{Email: "anna@corp.example"})
	answer.Assertion.NameID.Value = "anna.berg@corp.example"

	fmt.Println(len(idp.Respond(answer)) > 0)
	fmt.Println(ssotest.XSW3, len(idp.Respond(answer, ssotest.XSW3)) > 0)
	// Output:
	// true
	// A-003 XSW3 forged Assertion before the signed one true
}

// A table of every attack on SAML that an answer can hold, and what the product must make of each.
func ExampleAttacks() {
	for _, attack := range ssotest.Attacks() {
		if attack.Number() == 34 {
			fmt.Println(attack, attack.Want() == ssotest.Refuse)
		}
	}
	// Output:
	// A-034 two restrictions, one for another true
	// A-034 one restriction with two Audiences false
}
