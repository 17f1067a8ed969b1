// Package password hashes passwords, checks them, and judges new ones.
//
// Start with [Hasher], whose zero value is ready: Hash makes the text to store, Verify checks a typed password against
// it. Put a [Queue] in front of both, one for the whole program, or a burst of sign-ins takes all the memory there is.
// Before a new password is hashed, ask a [Judge] what is wrong with it; [Modern] is the policy it follows by default.
//
// A password is text of at most 1024 bytes. It is brought into Unicode normalization form NFC, when it is set
// and when it is checked, and nothing else is changed: no trimming, no case, no width (A-154, NIST SP 800-63B-4
// section 3.1.1.2). Bytes that are not UTF-8 are refused when set and match nothing when checked. So is the empty
// password. New hashes are Argon2id (RFC 9106) in the PHC string format.
//
// Hashes of other systems are read as they are and reported stale, so that the next sign-in replaces them: bcrypt
// ($2a$, $2b$, $2y$), PBKDF2 as passlib writes it ($pbkdf2-sha256$, $pbkdf2-sha512$, also in the PHC spelling i=…) and as
// Django does (pbkdf2_sha256$, pbkdf2_sha512$), and whatever a [Verifier] of the host knows. bcrypt reads 72 bytes and
// repeats what is shorter after a zero byte, so a password of more than 72 bytes, or with a zero byte in it, never
// matches a bcrypt hash: its owner sets a new one by mail.
//
// What it does not do: it stores nothing, counts no guesses, and knows no accounts. It adds no secret key ("pepper") to
// the hash. A wrong password for an imported hash takes as long as that format does, not as long as [Hasher.Decoy], until
// its owner has signed in once. Argon2's memory is not wiped after use. Passwords do not age: the 90 days of the Enhanced
// policy are a later step.
package password
