package web

import "cmp"

// A ProviderButton leads to an account that people have elsewhere. Its form is posted to Start, which leaves this site.
type ProviderButton struct {
	ID    string
	Name  string // as people know it; it is not translated
	Label string // the words of the button
	Start string // address of social/{provider}/start
	Last  bool   // it was the last to sign in on this device
	Logo  Asset  // assets/provider-{id}.svg of Config.Templates; the zero Asset: there is none, and the button is neutral
}

// Class is the class of the provider's own colours. They come with its logo; without it the button is neutral.
func (b ProviderButton) Class() string {
	if b.Logo.URL == "" {
		return ""
	}
	if _, known := brands()[b.ID]; known {
		return "brand-" + b.ID
	}
	return ""
}

// A brand is what a provider asks of a button with its name. Logos are its trademarks: hosts supply them, we do not. Equal size, equal
// prominence and a title that is not cut are the style sheet's business.
type brand struct {
	words       string // key of the words that it allows
	light, dark colours
}

// colours are those of a button, as assets/style.css has them.
type colours struct{ fill, edge, text string }

const (
	continueWith = "provider.continue"
	signInWith   = "provider.signin"
)

// brands are the rules of the providers that have some, by ID. Looked at in November 2026: developers.google.com/identity/branding-guidelines;
// Apple's Human Interface Guidelines, Sign in with Apple; learn.microsoft.com, howto-add-branding-in-apps; about.meta.com/brand, whose blue
// was #1877F2 before and does not carry white text well; brand.linkedin.com.
func brands() map[string]brand {
	return map[string]brand{
		"google": { // "Sign in", "Sign up" or "Continue"; the logo in its own colours on either
			continueWith, colours{"#ffffff", "#747775", "#1f1f1f"}, colours{"#131314", "#8e918f", "#e3e3e3"},
		},
		"apple": { // the same; a black logo on white, in the dark scheme without an edge
			continueWith, colours{"#ffffff", "#000000", "#000000"}, colours{"#ffffff", "#ffffff", "#000000"},
		},
		"microsoft": { // "Sign in" alone
			signInWith, colours{"#ffffff", "#8c8c8c", "#5e5e5e"}, colours{"#2f2f2f", "#8c8c8c", "#ffffff"},
		},
		"facebook": { // "Continue" or "Log in"; a white logo on the blue
			continueWith, colours{"#0866ff", "#0866ff", "#ffffff"}, colours{"#0866ff", "#0866ff", "#ffffff"},
		},
		"linkedin": { // "Sign in" alone; a white logo on the blue
			signInWith, colours{"#0a66c2", "#0a66c2", "#ffffff"}, colours{"#0a66c2", "#0a66c2", "#ffffff"},
		},
	}
}

// labelOf is the key of the words that a provider allows on a button.
func labelOf(provider string) string { return cmp.Or(brands()[provider].words, continueWith) }

// providerButton is the button of a provider, in one language, but for whether it was the last.
func (h *Handler) providerButton(id, name, label string) ProviderButton {
	return ProviderButton{
		ID: id, Name: name, Label: label, Start: h.prefix + "/social/" + id + "/start", Logo: h.assets.named["provider-"+id+".svg"],
	}
}
