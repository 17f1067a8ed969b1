package mfa

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"github.com/boombuler/barcode/qr"
)

const (
	moduleSize = 5 // pixels on each side of a module
	quietZone  = 4 // modules of light around the code, as ISO/IEC 18004 asks for
)

// QR is the picture of a URI as PNG, dark on light with a quiet zone. It is made here: the secret goes to no other server.
func QR(uri string) ([]byte, error) {
	code, err := qr.Encode(uri, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("mfa: making the QR code: %w", err)
	}
	dark, _, _, _ := color.Black.RGBA()
	modules := code.Bounds().Dx()
	side := (modules + 2*quietZone) * moduleSize
	picture := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range modules {
		first := (y + quietZone) * moduleSize * picture.Stride
		row := picture.Pix[first : first+side]
		for x := range modules {
			if level, _, _, _ := code.At(x, y).RGBA(); level == dark {
				at := (x + quietZone) * moduleSize
				paint(row[at : at+moduleSize])
			}
		}
		for i := 1; i < moduleSize; i++ {
			copy(picture.Pix[first+i*picture.Stride:], row)
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		return nil, fmt.Errorf("mfa: writing the QR code: %w", err)
	}
	return file.Bytes(), nil
}

func paint(pixels []uint8) {
	for i := range pixels {
		pixels[i] = 1
	}
}
