// Package auth signs people in, from the first page to a session.
//
// Make a [Manager] with [New]. Over HTTP, give it to auth/web, which serves the pages and the JSON; guard your own handlers
// with [Manager.Require] and read who is there with session.From. Without HTTP, call the steps yourself:
// [Manager.Identify], [Manager.Password], [Manager.ChooseAccount] and, once a step answers StageReady, [Manager.Finish].
//
// A step that proves something gives the flow a new token ([Step].Token): send it to the browser in the place of the old one.
//
// A sign-in in progress is a [Flow]. Every way of proving something adds a [Proof] to it; the pure function [Next] decides what
// comes then; only Finish makes a session. There is no second way in.
//
// What people do wrong is a [Reason] in the [Step]; an error means that the machine is broken, or that somebody else was first
// ([ErrFlowChanged], [ErrFlowGone]).
//
// The package does not speak HTTP but for Require, does not know roles beyond what a decision needs, does not mail, and keeps
// no person: people are the host's ([Users]) or auth/directory's.
package auth
