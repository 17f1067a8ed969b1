package web

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/password"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/mfa"
)

// stepAnswer is the one shape of a sign-in in JSON. docs/openapi.yaml describes it.
type stepAnswer struct {
	Flow       string          `json:"flow,omitempty"`
	Version    int64           `json:"version,omitempty"`
	Stage      auth.Stage      `json:"stage"`
	Offer      []auth.Method   `json:"offer"`
	Reason     auth.Reason     `json:"reason,omitempty"`
	Field      string          `json:"field,omitempty"`
	Message    string          `json:"message,omitempty"`
	Hint       string          `json:"hint,omitempty"`
	RetryAfter int             `json:"retry_after,omitempty"` // seconds
	Expires    string          `json:"expires,omitempty"`     // RFC 3339
	Accounts   []accountAnswer `json:"accounts,omitempty"`
	ReturnTo   string          `json:"return_to,omitempty"`

	Sent          bool          `json:"sent,omitempty"`    // this request has mailed something
	MailTo        string        `json:"mail_to,omitempty"` // where codes go
	ResendAt      string        `json:"resend_at,omitempty"`
	CodeExpires   string        `json:"code_expires,omitempty"`
	TrustBox      bool          `json:"trust_box,omitempty"`
	NewDevice     bool          `json:"new_device,omitempty"`
	Enroll        *enrollAnswer `json:"enroll,omitempty"`
	RecoveryCodes []string      `json:"recovery_codes,omitempty"` // in the one answer that makes them
	Rules         []ruleAnswer  `json:"rules,omitempty"`
	Fields        []string      `json:"fields,omitempty"` // that the new password is posted with

	Contacts []contactAnswer `json:"contacts,omitempty"`

	SignOut    auth.ResetSignOut `json:"sign_out,omitempty"`
	Invitation *invitationAnswer `json:"invitation,omitempty"`

	Providers []providerAnswer `json:"providers,omitempty"` // accounts elsewhere that one can go on with, in order
	Pending   *pendingAnswer   `json:"pending,omitempty"`   // the account elsewhere that the person has come with, and that opens nothing yet

	Company   string      `json:"company,omitempty"`   // whose own sign-in is meant
	Redirect  string      `json:"redirect,omitempty"`  // where the browser goes, on another site
	Post      *postAnswer `json:"post,omitempty"`      // what it posts there instead
	Reference string      `json:"reference,omitempty"` // names what went wrong

	Links links `json:"links"`
}

// pendingAnswer is an account elsewhere.
type pendingAnswer struct {
	Provider string `json:"provider"`
	Name     string `json:"name"`            // of the provider
	Email    string `json:"email,omitempty"` // there
}

// postAnswer is a form that the browser posts to another site.
type postAnswer struct {
	Action string            `json:"action"`
	Fields map[string]string `json:"fields"`
}

// enrollAnswer is how far the set-up of an app has come. The key stands in it at the one step that shows it.
type enrollAnswer struct {
	Step   int    `json:"step"`
	Secret string `json:"secret,omitempty"`
	URI    string `json:"uri,omitempty"`
	QR     string `json:"qr,omitempty"` // a data: address of a PNG
}

// ruleAnswer is one rule of a new password.
type ruleAnswer struct {
	Rule    password.Rule `json:"rule"`
	N       int           `json:"n,omitempty"`
	Message string        `json:"message"`
	Unmet   bool          `json:"unmet"`
}

type accountAnswer struct {
	ID    string            `json:"id"`
	Name  string            `json:"name"`
	State auth.AccountState `json:"state"`
}

// errorAnswer is the shape of every other refusal.
type errorAnswer struct {
	Reason    auth.Reason `json:"reason"`
	Message   string      `json:"message"`
	Reference string      `json:"reference,omitempty"`
	Links     links       `json:"links"`
}

// links are the addresses that lead on, by what is done there.
type links map[string]string

// stepAnswer is what a program is told of a step. Before something is proven it holds nothing of the person but the address as it
// was typed, masked.
func (v *visit) stepAnswer(step auth.Step) stepAnswer {
	f := step.Flow
	a := stepAnswer{
		Flow: f.ID, Version: f.Version, Stage: step.Stage, Offer: append([]auth.Method{}, step.Offer...), Reason: step.Reason,
		Hint: address.Mask(f.Email), RetryAfter: wholeSeconds(step.RetryAfter), Links: v.stepLinks(step),
		Company: v.companyName(step), Reference: cmp.Or(step.Came.Reference, v.reference),
		Sent: v.sent, MailTo: step.MailTo, TrustBox: step.TrustBox, NewDevice: step.NewPhone, RecoveryCodes: v.codes,
	}
	if f.ID == "" {
		a.Version = 0
	}
	if step.Reason != "" {
		a.Field, a.Message = field(step.Reason), v.stepMessage(step)
	}
	if f.ID != "" && !f.ExpiresAt.IsZero() {
		a.Expires = stamp(f.ExpiresAt)
	}
	if slices.Contains(step.Offer, auth.MethodEmailCode) && !f.Code.SentAt.IsZero() {
		a.ResendAt, a.CodeExpires = stamp(f.Code.ResendAt()), stamp(f.Code.ExpiresAt)
	}
	if step.Invitation.ID != "" && step.Flow.ID != "" && (step.Stage != auth.StageRefused) {
		a.Invitation = answerOfInvitation(step.Invitation)
	}
	if w := v.waiting(f); w != nil {
		a.Pending = &pendingAnswer{Provider: w.Provider, Name: w.Name, Email: w.Email}
	}
	for _, c := range step.Accounts {
		a.Accounts = append(a.Accounts, accountAnswer(c))
	}
	return a
}

// wholeAnswer is a stepAnswer with what takes some work: the picture of a key, the rules of a password.
func (v *visit) wholeAnswer(step auth.Step) (stepAnswer, error) {
	a := v.stepAnswer(step)
	providers, err := v.providersOf(step)
	if err != nil {
		return a, err
	}
	for _, p := range append(providers, v.offeredProviders(step)...) {
		a.Providers = append(a.Providers, providerAnswer{ID: p.ID, Name: p.Name, Start: p.Start, Last: p.Last})
	}
	switch step.Stage {
	case auth.StageVerify:
		if afterSetup(step) {
			a.Enroll = &enrollAnswer{Step: 6}
		}
	case auth.StageEnroll:
		a.Enroll = &enrollAnswer{Step: step.Dialog, Secret: step.App.Secret, URI: step.App.URI}
		if step.App.URI != "" {
			png, err := mfa.QR(step.App.URI)
			if err != nil {
				return a, err
			}
			a.Enroll.QR = string(picture(png))
		}
	case auth.StagePolicy:
		contacts, err := v.stopContacts(step)
		if err != nil {
			return a, err
		}
		a.Contacts = answerOfContacts(contacts)
	case auth.StageNewPassword:
		a.Fields, a.SignOut = v.newPasswordFields(step), step.SignOut
		for _, r := range v.rulesOf(step) {
			a.Rules = append(a.Rules, ruleAnswer{Rule: r.Rule, N: r.N, Message: v.rule(r), Unmet: slices.Contains(v.unmet, r)})
		}
	}
	return a, nil
}

func (v *visit) stepLinks(step auth.Step) links {
	l := v.links()
	entry := step.Flow.Action == auth.ActionJoin || step.Flow.Action == auth.ActionSwitch // which begins elsewhere
	if v.purpose == auth.StepUp && step.Flow.ID == "" && step.Stage != auth.StageReady && !entry {
		l["stepup"] = v.h.prefix + roomOf(auth.StepUp).page // which makes the flow
		return l
	}
	signIn := v.h.prefix + "/signin"
	switch step.Stage {
	case auth.StageIdentify:
		l["identify"] = signIn + "/identify"
		if start := v.startOf(step); start != "" {
			l["sso"] = start
		}
		v.strangerLinks(l)
	case auth.StageAuthenticate, auth.StageVerify:
		for _, m := range step.Offer {
			if _, elsewhere := m.Social(); m != auth.MethodSSO && !elsewhere {
				v.methodLinks(l, m)
			}
		}
		if v.h.sso != nil && step.Connection != "" {
			l["sso"] = v.h.prefix + "/sso/" + step.Connection + "/start"
		}
		if step.Stage == auth.StageAuthenticate && v.purpose == auth.SignIn {
			v.strangerLinks(l)
		}
	case auth.StageEnroll:
		v.enrollLinks(l, step.Dialog)
	case auth.StageLink:
		if len(step.Offer) == 0 { // else the provider is where it goes on
			l["link"] = signIn + "/link"
		}
	case auth.StageNewPassword:
		l["newpassword"] = signIn + "/newpassword"
	case auth.StageAccount:
		l["account"] = signIn + "/account"
	case auth.StageReady:
		if step.Flow.ID != "" {
			l["account"] = signIn + "/account"
			break
		}
		l["signout"], l["sessions"] = v.h.prefix+"/signout", v.h.prefix+"/account/sessions"
	}
	if step.NewPhone {
		l["new_device"] = signIn + "/enroll/newdevice"
	}
	if cmp.Or(v.why, step.Reason) == auth.ReasonAccountLocked && v.h.auth.CanMail() {
		l["reset"] = signIn + "/reset"
	}
	switch {
	case step.Flow.ID != "":
		l["restart"], l["cancel"] = signIn+"/restart", signIn+"/cancel"
	case v.purpose == auth.Reset && step.Stage == auth.StageRefused:
		l["restart"] = signIn
		v.strangerLinks(l)
	case step.Reason == auth.ReasonFlowGone:
		l["restart"] = signIn
	}
	if step.Reason == auth.ReasonInviteSignIn || step.Reason == auth.ReasonAccountExists || step.Reason == auth.ReasonSignInAgain {
		l["signin"] = signIn
	}
	return l
}

// strangerLinks adds what somebody needs who has no password, or no account.
func (v *visit) strangerLinks(l links) {
	if v.h.auth.CanMail() {
		l["forgot"] = v.h.prefix + "/forgot"
	}
	if v.h.sso != nil {
		l["company"] = v.h.companyIDAt()
	}
	if v.h.signsUp() {
		l["signup"] = v.h.prefix + "/signup"
	}
}

// methodLinks adds where a method is tried.
func (v *visit) methodLinks(l links, m auth.Method) {
	signIn := v.h.prefix + "/signin"
	switch m {
	case auth.MethodEmailCode:
		l["code"], l["resend"] = signIn+"/code", signIn+"/code/resend"
	case auth.MethodTOTP:
		l["totp"] = signIn + "/totp"
	case auth.MethodRecoveryCode:
		l["recovery"] = signIn + "/recovery"
	case auth.MethodEmailLink:
		page := roomOf(v.purpose).page // a mailed link is opened where its flow is
		l[page[1:]] = v.h.prefix + page
	default:
		l[string(m)] = signIn + "/" + string(m)
	}
}

// enrollLinks adds what leads on from a dialog.
func (v *visit) enrollLinks(l links, dialog int) {
	enroll := v.h.prefix + "/signin/enroll/"
	switch dialog {
	case 1:
		l["enroll_begin"] = enroll + "begin"
	case 2:
		l["enroll_email"], l["resend"] = enroll+"email", v.h.prefix+"/signin/code/resend"
	case 3:
		l["enroll_app"] = enroll + "app"
	case 4:
		l["enroll_confirm"] = enroll + "confirm"
	}
}

// links are those that every answer has.
func (v *visit) links() links {
	l := links{"help": v.h.prefix + "/help"}
	if v.h.support != "" {
		l["support"] = v.h.support
	}
	return l
}

// field is the name of the field that a reason is about; empty: none.
func field(reason auth.Reason) string {
	switch reason {
	case auth.ReasonEmailInvalid, auth.ReasonEmailSame, auth.ReasonRecoverySame, auth.ReasonDomainNotAllowed,
		auth.ReasonCompanyIDUnknown:
		return "email"
	case auth.ReasonInvalidCredentials, auth.ReasonPasswordMissing, auth.ReasonPasswordPolicy, auth.ReasonPasswordReused:
		return "password"
	case auth.ReasonCompanyMissing:
		return "company"
	case auth.ReasonCodeFormat, auth.ReasonCodeWrong, auth.ReasonCodeExpired, auth.ReasonTOTPWrong, auth.ReasonTOTPReused,
		auth.ReasonRecoveryWrong, auth.ReasonRecoveryUsed:
		return "code"
	case auth.ReasonAccountUnknown:
		return "account"
	case auth.ReasonCurrentWrong:
		return "current"
	}
	return ""
}

// message says a reason in the visitor's language, and how long to wait where that is known.
func (v *visit) message(reason auth.Reason, wait time.Duration) string {
	return v.messageOf(auth.Step{Decision: auth.Decision{Reason: reason}, RetryAfter: wait})
}

// messageOf is message, in the words that are for the step.
func (v *visit) messageOf(step auth.Step) string {
	text, reason, wait := v.text(), step.Reason, step.RetryAfter
	key := "reason." + string(reason)
	switch {
	case reason == auth.ReasonSocialNotConnected && v.h.signsUp():
		return text.Get(key+".signup", "name", v.meant(step))
	case reason != auth.ReasonTooManyAttempts || wait <= 0 || wait > day:
		return text.Get(key, "product", v.h.product, "name", v.meant(step))
	case wait <= time.Minute:
		return text.Count(key+".seconds", wholeSeconds(wait))
	}
	return text.Count(key+".minutes", int((wait+time.Minute-1)/time.Minute))
}

// stepMessage says why a step was not accepted, by its cause where one reason has several.
func (v *visit) stepMessage(step auth.Step) string {
	text, key := v.text(), "reason."+string(step.Reason)
	switch {
	case step.Reason == auth.ReasonCodeFormat:
		return text.Get(v.formatKey())
	case step.Reason == auth.ReasonSelfResetWait && step.RetryAfter > 0:
		return text.Count(key+".hours", int((step.RetryAfter+time.Hour-1)/time.Hour))
	case step.Reason != auth.ReasonTooManyAttempts:
	case v.resends && step.RetryAfter == 0:
		return text.Get(key + ".sent")
	case v.resends && step.RetryAfter <= time.Minute:
		return text.Count(key+".resend", wholeSeconds(step.RetryAfter))
	case spent(step):
		return text.Get(key + ".spent")
	}
	return v.messageOf(step)
}

// formatKey names the text about the form of the code that was typed.
func (v *visit) formatKey() string {
	const key = "reason." + string(auth.ReasonCodeFormat)
	if v.view == viewRecovery {
		return key + ".recovery"
	}
	switch mfa.CodeShape(v.in["code"]) {
	case mfa.ShapeTooFew:
		return key + ".few"
	case mfa.ShapeTooMany:
		return key + ".many"
	case mfa.ShapeNotDigits:
		return key + ".digits"
	}
	return key
}

// wholeSeconds rounds up: whoever waits that long has waited long enough.
func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func seconds(d time.Duration) string { return strconv.Itoa(wholeSeconds(d)) }

// json sends an answer to a program.
func (v *visit) json(status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil { // our own structs of texts and numbers: cannot happen
		status, body = http.StatusServiceUnavailable, []byte(`{"reason":"broken"}`)
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(status)
	v.w.Write(append(body, '\n')) // nobody is left to tell if this fails
}
