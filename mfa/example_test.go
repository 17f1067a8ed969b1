package mfa_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"

	"github.com/sallyport-auth/sallyport/mfa"
)

func ExampleNewTOTP() {
	key := make([]byte, 32) // keep yours: what it has sealed opens with no other
	rand.Read(key)
	apps, err := mfa.NewTOTP(mfa.TOTPConfig{Store: mfa.NewMemory(), Keys: [][]byte{key}, Issuer: "Example", Now: sameMoment})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	// Ada sees the picture and the key. Nothing is stored yet.
	setUp, err := apps.Begin("ada", "ada@example.com")
	if err != nil {
		log.Fatal(err)
	}
	picture, err := mfa.QR(setUp.URI)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(picture) > 0, len(setUp.Secret))

	// She types the code that her phone shows, and later, signing in, another one.
	code := phoneShows(setUp, 0)
	fmt.Println(apps.Confirm(ctx, "ada", setUp.Sealed, code, ""))
	fmt.Println(apps.Verify(ctx, "ada", code))
	fmt.Println(apps.Verify(ctx, "ada", phoneShows(setUp, 1)))
	// Output:
	// true 39
	// <nil>
	// mfa: the code was used already
	// <nil>
}

func ExampleCodes() {
	key := make([]byte, 32)
	rand.Read(key)
	codes, err := mfa.NewCodes(mfa.CodesConfig{Store: mfa.NewMemory(), Keys: [][]byte{key}})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	// Ada wants to change her address. The code goes to the new one.
	change := mfa.CodeFor{Purpose: "change address to new@example.com", UserID: "ada"}
	sent, err := codes.Send(ctx, change)
	if err != nil {
		log.Fatal(err)
	}
	// Here your program mails sent.Code.

	_, err = codes.Send(ctx, change) // too early for another one
	var closed *mfa.ClosedError
	fmt.Println(errors.As(err, &closed))
	fmt.Println(codes.Check(ctx, mfa.CodeFor{Purpose: "sign in", UserID: "ada"}, sent.Code))
	fmt.Println(codes.Check(ctx, change, sent.Code[:3]+" "+sent.Code[3:]))
	fmt.Println(codes.Check(ctx, change, sent.Code))
	// Output:
	// true
	// mfa: not found
	// <nil>
	// mfa: not found
}

func ExampleRecovery() {
	key := make([]byte, 32)
	rand.Read(key)
	recovery, err := mfa.NewRecovery(mfa.RecoveryConfig{Store: mfa.NewMemory(), Keys: [][]byte{key}})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	codes, err := recovery.New(ctx, "ada") // to be shown once, and kept by Ada
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(codes))
	fmt.Println(recovery.Verify(ctx, "ada", codes[0]))
	fmt.Println(recovery.Verify(ctx, "ada", codes[0]))
	// Output:
	// 10
	// 9 <nil>
	// 0 mfa: the code was used already
}

// CodeShape tells a page what to say of a code that cannot be one.
func ExampleCodeShape() {
	for _, typed := range []string{"12 34 56", "1234", "123-456-7", "half past one"} {
		switch mfa.CodeShape(typed) {
		case mfa.ShapeSix:
			fmt.Println("let us see")
		case mfa.ShapeTooFew:
			fmt.Println("a code has six digits: some are missing")
		case mfa.ShapeTooMany:
			fmt.Println("a code has six digits: these are more")
		case mfa.ShapeNotDigits:
			fmt.Println("a code has digits only")
		}
	}
	// Output:
	// let us see
	// a code has six digits: some are missing
	// a code has six digits: these are more
	// a code has digits only
}
