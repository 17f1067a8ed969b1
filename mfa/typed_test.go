package mfa_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/sallyport-auth/sallyport/mfa"
)

func TestCleanCode(t *testing.T) {
	for _, tt := range []struct {
		name, typed, want string
		shape             mfa.Shape
	}{
		{"six digits", "012345", "012345", mfa.ShapeSix},
		{"U14 spaces", " 012 345 ", "012345", mfa.ShapeSix},
		{"U14 a hyphen", "012-345", "012345", mfa.ShapeSix},
		{"U14 dashes of printers", "0\u20101\u20112\u20123\u20134\u20145\u2212", "012345", mfa.ShapeSix},
		{"U14 spaces of printers", "012\u00a0\u2009\u202f\u3000345\r\n\t", "012345", mfa.ShapeSix},
		{"U14 marks that cannot be seen", "\ufeff\u200e012\u200b\u00ad345\u200f", "012345", mfa.ShapeSix},
		{"U14 full-width", "\uff10\uff11\uff12\uff0d\uff13\uff14\uff15", "012345", mfa.ShapeSix},
		{"U14 Arabic", "٠١٢٣٤٥", "012345", mfa.ShapeSix},
		{"U14 Persian", "۶۷۸۹۰۱", "678901", mfa.ShapeSix},
		{"U14 Devanagari", "०१२३४५", "012345", mfa.ShapeSix},
		{"U14 Thai and Bengali", "๐๑๒৩৪৫", "012345", mfa.ShapeSix},
		{"U14 mathematical, of five kinds", "\U0001d7ce\U0001d7d9\U0001d7e4\U0001d7ef\U0001d7fa\U0001d7ff", "012349", mfa.ShapeSix},
		{"U15 nothing", "", "", mfa.ShapeTooFew},
		{"U15 spaces only", "   ", "", mfa.ShapeTooFew},
		{"U15 too few", "12345", "", mfa.ShapeTooFew},
		{"U15 too many", "1234567", "", mfa.ShapeTooMany},
		{"U15 very many", strings.Repeat("1", 100_000), "", mfa.ShapeTooMany},
		{"U15 a letter", "12345a", "", mfa.ShapeNotDigits},
		{"U15 a letter too many", "123456a", "", mfa.ShapeNotDigits},
		{"U15 the letter O", "12345O", "", mfa.ShapeNotDigits},
		{"U15 a point", "123.456", "", mfa.ShapeNotDigits},
		{"U15 a plus", "+12345", "", mfa.ShapeNotDigits},
		{"U15 a fraction and a Roman five", "12345\u00bd\u2164", "", mfa.ShapeNotDigits},
		{"U15 digits that are letters' numbers", "12345\u00b2", "", mfa.ShapeNotDigits},
		{"U15 bytes that are no text", "12345\xff6", "", mfa.ShapeNotDigits},
		{"U15 a zero byte", "12345\x006", "", mfa.ShapeNotDigits},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := mfa.CleanCode(tt.typed)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("CleanCode(%.20q) = %q, %v, want %q", tt.typed, got, ok, tt.want)
			}
			if got := mfa.CodeShape(tt.typed); got != tt.shape {
				t.Errorf("CodeShape(%.20q) = %v, want %v", tt.typed, got, tt.shape)
			}
		})
	}
}

// TestDigits tells what CleanCode takes for granted of Unicode.
func TestDigits(t *testing.T) {
	runs, digits := 0, 0
	check := func(lo, hi, stride rune) {
		runs++
		if stride != 1 || (hi-lo+1)%10 != 0 {
			t.Errorf("U+%04X to U+%04X by %d is not made of tens", lo, hi, stride)
		}
		for r := lo; r <= hi; r++ {
			digits++
			want := strings.Repeat(string('0'+(r-lo)%10), 6)
			if got, ok := mfa.CleanCode(strings.Repeat(string(r), 6)); !ok || got != want {
				t.Errorf("CleanCode of six U+%04X = %q, %v, want %q", r, got, ok, want)
			}
		}
	}
	for _, r := range unicode.Nd.R16 {
		check(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range unicode.Nd.R32 {
		check(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	if runs < 30 || digits < 600 {
		t.Errorf("Unicode has %d digits in %d runs, want hundreds", digits, runs)
	}
}

func FuzzCleanCode(f *testing.F) {
	for _, typed := range []string{"", "123456", " 123-456\n", "１２３４５６", "٠١٢٣٤٥", "12345", "1234567", "12345a", "\xff\xfe", "\u200b1"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got, ok := mfa.CleanCode(typed)
		if ok != (mfa.CodeShape(typed) == mfa.ShapeSix) {
			t.Errorf("CleanCode(%q) is %v, and CodeShape %v", typed, ok, mfa.CodeShape(typed))
		}
		if !ok && got != "" || ok && (len(got) != 6 || strings.Trim(got, "0123456789") != "") {
			t.Errorf("CleanCode(%q) = %q, %v, want six digits or nothing", typed, got, ok)
		}
		if again, fine := mfa.CleanCode(got); ok && (!fine || again != got) {
			t.Errorf("CleanCode of its own answer %q = %q, %v", got, again, fine)
		}
		if spaced, fine := mfa.CleanCode(" -" + typed + "\u3000"); spaced != got || fine != ok {
			t.Errorf("CleanCode(%q) with spaces around it = %q, %v, want %q, %v", typed, spaced, fine, got, ok)
		}
	})
}

func FuzzCleanRecovery(f *testing.F) {
	for _, typed := range []string{"", "abcde-fghjk", "ABCDE FGHJK", "ａｂｃｄｅ23456", "abcde-fghjl", "abcde-fghj", "abcde-fghjkm", "\xff"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got, ok := mfa.CleanRecovery(typed)
		if !ok {
			return
		}
		if len(got) != 10 || strings.Trim(got, mfa.RecoveryAlphabet) != "" {
			t.Errorf("cleaning %q gave %q, want ten signs of the alphabet", typed, got)
		}
		if again, fine := mfa.CleanRecovery(strings.ToUpper(got[:5]) + "-" + got[5:]); !fine || again != got {
			t.Errorf("cleaning the shown form of %q gave %q, %v", got, again, fine)
		}
	})
}
