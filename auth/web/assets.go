package web

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// assets are the files that pages load, by hash and name: "3f…/style.css".
type assets struct {
	files map[string][]byte
	named map[string]Asset // by name alone
}

// assetType is the kind of a file by its ending; empty: none that pages load. It does not depend on the machine, as package mime does.
func assetType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".jpg":
		return "image/jpeg"
	case ".webp":
		return "image/webp"
	case ".ico":
		return "image/x-icon"
	}
	return ""
}

// readAssets reads the files of the assets folder, ours and the host's over them.
func readAssets(prefix string, overlay fs.FS) (assets, error) {
	found, err := gather(overlay, "assets/*")
	if err != nil {
		return assets{}, err
	}
	a := assets{files: map[string][]byte{}, named: map[string]Asset{}}
	for name, content := range found {
		name = path.Base(name)
		if strings.HasPrefix(name, ".") { // what version control and desktops leave behind
			continue
		}
		if assetType(name) == "" {
			return assets{}, fmt.Errorf("web: Config.Templates: assets/%s is of no kind that pages load", name)
		}
		hash := sha256.Sum256(content)
		key := hex.EncodeToString(hash[:8]) + "/" + name
		a.files[key] = content
		integrity := sha512.Sum384(content)
		a.named[name] = Asset{URL: prefix + "/assets/" + key, Integrity: "sha384-" + base64.StdEncoding.EncodeToString(integrity[:])}
	}
	return a, nil
}

// serve answers an asset by hash and name; false: there is none of this name.
func (a assets) serve(w http.ResponseWriter, r *http.Request, key string) bool {
	content, ok := a.files[key]
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", assetType(key))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	return true
}
