// Package mfa is what people prove with beside a password: authenticator apps, recovery codes for whoever has lost the phone, and
// codes by mail.
//
// Make a [TOTP] with [NewTOTP]. [TOTP.Begin] makes a secret, [QR] the picture to scan, [TOTP.Confirm] takes the first code, and from
// then on [TOTP.Verify] says whether a code is right. [NewRecovery] and [NewCodes] make the other two; both have a Verify or Check
// that works the same way. Keys are 32 random bytes each, as crypto/rand makes them, and stay out of the database.
// Each of the three keeps its rows behind an interface of a few atomic verbs: [Memory] keeps them here, store/sqlstore in a database,
// and a store of your own is tried by store/storetest. It is usable alone, without the rest of Sallyport (examples/mfaonly).
//
// What it keeps to:
//
//   - Codes of apps are those of RFC 6238 over RFC 4226: HMAC-SHA-1, six digits, 30 seconds, secrets of 160 bits. A phone's clock may
//     be one step early or late; nothing is learned of its drift. That makes a code good for 90 seconds, where OWASP ASVS 6.5.5 asks
//     for 30.
//   - No code counts twice: an app's neither in its own time step nor, once a later one was accepted, in an earlier one (RFC 6238,
//     5.2); the set-up code is used by setting up.
//   - Every try is charged before anything is compared. Those at apps and recovery codes are the person's, in whatever browser: [Budget]
//     closes the door for a while after ten wrong codes in a row, and for a month after a hundred (NIST SP 800-63B-4, 3.2.2). Those at
//     a mailed code are of its [CodeFor]; whoever can make many of these is counted by the caller.
//   - A copied database opens nothing: secrets are sealed for their person and app (AES-256-GCM), of codes only keyed MACs are kept.
//     Whoever has the keys too can try all mailed codes; recovery codes have 49 bits, fewer than the 64 that NIST asks for where one
//     alone recovers an account. Here one stands in for the app, beside the password.
//   - A mailed code is never a second factor (NIST SP 800-63B-4, 3.1.3): it shows that somebody reads a mailbox.
//
// It does not decide who needs a second step or what follows from one, sends no mail, draws no page, and does not know browsers or
// sessions; a CodeFor takes whatever you have for them. It has no codes by SMS, and none of devices that count instead of telling the
// time.
package mfa
