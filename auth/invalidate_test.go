package auth_test

import (
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// Invariant 6: the table at auth.Change, line by line, as it is written there.
func TestInvalidate(t *testing.T) {
	for _, tt := range []struct {
		change                                  auth.Change
		keepsOne, keepsAll, keepsDevices, locks bool
	}{
		{change: auth.ChangePassword, keepsOne: true},
		{change: auth.ChangePasswordKept, keepsOne: true, keepsAll: true},
		{change: auth.ChangeVerified},
		{change: auth.ChangeEmail, keepsOne: true},
		{change: auth.ChangeEmailUndone, locks: true},
		{change: auth.ChangeRecovery, keepsOne: true},
		{change: auth.ChangeApp, keepsOne: true},
		{change: auth.ChangeAppGone, keepsOne: true},
		{change: auth.ChangeReported, keepsOne: true, keepsDevices: true, locks: true},
		{change: auth.ChangeLocked, locks: true},
		{change: auth.ChangeLinked, keepsOne: true, keepsAll: true},
		{change: auth.ChangeEnded},
	} {
		t.Run("invariant 6 "+string(tt.change), func(t *testing.T) {
			mailedEverywhere(t, func(t *testing.T, w *world) {
				ctx := t.Context()
				here, s := w.known("ann@acme.example", home)
				there, _ := w.known("ann@acme.example", office)
				solo, _ := w.known("solo@acme.example", home)
				ready := w.begin("ann@acme.example", here).at(auth.StageReady, "")
				waiting := w.begin("ann@acme.example", from("198.51.100.1")).at(auth.StageVerify, "")
				code := w.mail.take()[0].Code
				w.must(w.m.Invalidate(ctx, "ann", tt.change, s.ID))

				if kept := w.live(here.Session); kept != tt.keepsOne {
					t.Errorf("the session that may be kept lives: %v, want %v", kept, tt.keepsOne)
				}
				if kept := w.live(there.Session); kept != tt.keepsAll {
					t.Errorf("another session lives: %v, want %v", kept, tt.keepsAll)
				}
				if !w.live(solo.Session) {
					t.Error("somebody else's session ended")
				}
				list, err := w.m.ListDevices(ctx, s)
				if err != nil || len(list) > 0 != tt.keepsDevices {
					t.Errorf("%d devices are left, %v, want some: %v", len(list), err, tt.keepsDevices)
				}
				if done, _, err := w.m.Finish(ctx, ready.ref, here); err != nil || done.Token != "" {
					t.Errorf("a sign-in under way finishes: %+v, %v", done, err)
				}
				if waiting.code(code); waiting.step.Stage == auth.StageReady {
					t.Error("a code that was mailed before counts")
				}
				w.move(20 * time.Minute)
				k := w.begin("ann@acme.example", here)
				if locked := k.step.Reason == auth.ReasonAccountLocked; locked != tt.locks {
					t.Errorf("locked: %v, want %v (%s %s)", locked, tt.locks, k.step.Stage, k.step.Reason)
				}
				w.mail.take()
			})
		})
	}
}
