// Package auth signs people in, from the first page to a session.
//
// Make a [Manager] with [New]. Over HTTP, give it to auth/web, which serves the pages and the JSON; guard your own handlers
// with [Manager.Require] and read who is there with session.From. Without HTTP, call the steps yourself:
// [Manager.Identify], [Manager.Password], then whatever [Decision].Offer names ([Manager.Code], [Manager.TOTP],
// [Manager.RecoveryCode], the set-up from [Manager.EnrollBegin] on, [Manager.ChooseAccount]) and, once a step answers StageReady,
// [Manager.Finish]. Start [Manager.Run] beside it: it sends the letters.
//
// Whoever has no session yet gets on by mail: [Manager.Forgot] and [Manager.OpenReset] lead to a new password, [Manager.SignUp] and
// [Manager.OpenSignUp] to an account, [Manager.Invite] and [Manager.OpenInvitation] into a company; [Manager.NewPassword] ends all three,
// and a sign-in follows. Whoever is signed in changes their password, address and recovery address ([Manager.ChangePassword],
// [Manager.AskEmail], [Manager.AskRecoveryEmail]), joins or switches companies by a [Manager.StepUp] with a target, and gets through
// [Manager.RequireProduct] with a seat.
//
// Where a company has a sign-in of its own, the flow offers MethodSSO: [Manager.Depart] lets the browser go, [Manager.Arrive] lays what comes
// back beside the flow, and [Manager.Arrived] makes a proof of it. Package sso speaks to the companies, and auth/web to both. [Meet] decides
// who somebody is whom a company names; [Manager.SetMemberSSO] exempts people from it. With accounts at social providers it is the same, from
// [Manager.DepartSocial] on and with package social. What waits for its owner's proof is Flow.Pending, and [Manager.Link] ends the waiting;
// whoever is signed in connects an account by a StepUp with ActionConnect, and [Manager.Disconnect] takes it back.
//
// A step that proves something gives the flow a new token ([Step].Token): send it to the browser in the place of the old one.
//
// A sign-in in progress is a [Flow]. Every way of proving something adds a [Proof] to it; the pure function [Next] decides what
// comes then; only Finish makes a session. There is no second way in.
//
// What people do wrong is a [Reason] in the [Step]; an error means that the machine is broken, or that somebody else was first
// ([ErrFlowChanged], [ErrFlowGone]).
//
// Whoever is signed in proves it once more in a [Manager.StepUp], which pages ask for with [Manager.RequireRecent]. What a change of
// a person ends stands in one table, at [Change].
//
// The package does not speak HTTP but for Require and its kin, does not know roles beyond what a decision needs, and keeps no person: people
// are the host's ([Users]) or auth/directory's. Two-step verification here does not withstand a false page in the middle; passkeys
// would.
package auth
