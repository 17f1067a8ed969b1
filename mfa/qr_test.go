package mfa_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/mfa"
)

func TestQR(t *testing.T) {
	draw := func(t *testing.T, uri string) []byte {
		t.Helper()
		file, err := mfa.QR(uri)
		if err != nil {
			t.Fatalf("QR = %v", err)
		}
		return file
	}
	t.Run("R58 a phone reads it", func(t *testing.T) {
		for _, name := range []string{"a@b.example", "ann+work@acme.example", strings.Repeat("long.", 40) + "@acme.example", "Ünïcode@例え.example"} {
			p, err := newTOTP(t, newClock(), mfa.NewMemory()).Begin("ann", name)
			if err != nil {
				t.Fatal(err)
			}
			if got := run(t, draw(t, p.URI), "zbarimg", "--quiet", "--raw", "-Sbinary", "-"); got != p.URI {
				t.Errorf("the code says %q, want %q", got, p.URI)
			}
		}
	})
	t.Run("R58 two colours and a quiet zone", func(t *testing.T) {
		file := draw(t, "otpauth://totp/Sallyport:ann@acme.example?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Sallyport")
		picture, err := png.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		paletted, ok := picture.(*image.Paletted)
		if !ok || len(paletted.Palette) != 2 {
			t.Fatalf("the picture is a %T, want one of two colours", picture)
		}
		side := picture.Bounds().Dx()
		const pixels = 5
		if side != picture.Bounds().Dy() || side%pixels != 0 || (side/pixels-8-17)%4 != 0 {
			t.Errorf("the picture is %v, want a square of whole modules with four on each side", picture.Bounds())
		}
		for i := range side {
			for j := range 4 * pixels {
				for _, at := range [][2]int{{i, j}, {j, i}, {i, side - 1 - j}, {side - 1 - j, i}} {
					if c := color.GrayModel.Convert(picture.At(at[0], at[1])); c != (color.Gray{255}) {
						t.Fatalf("the quiet zone is %v at %v, want white", c, at)
					}
				}
			}
		}
		if c := color.GrayModel.Convert(picture.At(4*pixels, 4*pixels)); c != (color.Gray{0}) {
			t.Errorf("the corner of the code is %v, want black", c)
		}
		if len(file) > 4096 {
			t.Errorf("the file has %d bytes, want a few thousand at most", len(file))
		}
	})
	t.Run("too much for a code", func(t *testing.T) {
		if file, err := mfa.QR(strings.Repeat("x", 5000)); err == nil || file != nil {
			t.Errorf("QR of 5000 bytes = %d bytes, %v, want an error", len(file), err)
		}
	})
}
