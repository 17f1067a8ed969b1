package password

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/internal/baseurl"
)

// Breaches tells whether a password is known from a breach. It gets the password in NFC and must keep it to itself. It must
// end with its context, and bound the time it takes itself where the context has no end. [BreachFile] and [BreachRange] make one.
type Breaches func(ctx context.Context, password string) (bool, error)

// A BreachError says that a password was judged but for the question whether it was breached. Whether such a password is
// taken is for the caller to choose.
type BreachError struct {
	Err error
}

func (e *BreachError) Error() string { return "password: asking about breaches: " + e.Err.Error() }

func (e *BreachError) Unwrap() error { return e.Err }

// sum is what breach lists know a password by: SHA-1 in upper-case hexadecimal. It is no way to store one.
func sum(password string) []byte {
	hash := sha1.Sum([]byte(password))
	return bytes.ToUpper(hex.AppendEncode(nil, hash[:]))
}

const (
	sumLen     = sha1.Size * 2
	longestRow = 64 // bytes in a line of a breach list: the hash, a colon, a count, a line end
)

// BreachFile looks passwords up in a file on this machine: a line for each SHA-1 in hexadecimal, sorted, with or without a colon and
// a count behind it, which is how Pwned Passwords is downloaded. The file may be of any size; a look-up reads about
// 40 small pieces of it, may run beside others, and nothing leaves the machine. That the file is sorted is not checked.
func BreachFile(file io.ReaderAt, size int64) Breaches {
	return func(ctx context.Context, password string) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		return findRow(file, size, sum(password))
	}
}

func findRow(file io.ReaderAt, size int64, want []byte) (bool, error) {
	low, high := int64(0), size // both are starts of lines
	for low < high {
		middle := low + (high-low)/2
		from := max(low, middle-longestRow)
		piece := make([]byte, min(middle+longestRow, size)-from)
		if n, err := file.ReadAt(piece, from); n < len(piece) {
			return false, fmt.Errorf("reading the breach file: %w", err)
		}
		at := int(middle - from)
		start := bytes.LastIndexByte(piece[:at], '\n') + 1
		if start == 0 && from > low {
			return false, errMalformed
		}
		end := len(piece)
		if i := bytes.IndexByte(piece[at:], '\n'); i >= 0 {
			end = at + i + 1
		} else if from+int64(end) < size {
			return false, errMalformed
		}
		row := bytes.TrimRight(piece[start:end], "\r\n")
		if len(row) < sumLen || len(row) > sumLen && row[sumLen] != ':' {
			return false, errMalformed
		}
		switch bytes.Compare(want, bytes.ToUpper(row[:sumLen])) {
		case 0:
			return true, nil
		case -1:
			high = from + int64(start)
		default:
			low = from + int64(end)
		}
	}
	return false, nil
}

var errMalformed = errors.New("the breach list is malformed")

// Of an address asked about breaches.
const (
	prefixLen    = 5 // characters of the hash that leave
	rangeTimeout = 2 * time.Second
	maxRange     = 512 << 10 // bytes; real answers have about 80 KiB
)

// BreachRange asks a service that speaks the range protocol of Pwned Passwords, by k-anonymity: GET base/21BD1, answered by the rest of
// every hash that begins so. Only these five characters of the password's SHA-1 leave; about two thousand known passwords
// share them. The answer is padded on request, so that its length tells an onlooker nothing. A question takes two seconds and
// 512 KiB at most; anything but a well-formed answer of 200 is an error, never a "no".
//
// client must not be nil; its redirects are not followed. base must be https, or http to this machine. No part of the hash
// stands in an error.
func BreachRange(client *http.Client, base string) (Breaches, error) {
	if client == nil {
		return nil, errors.New("password: BreachRange needs a client")
	}
	at, err := url.Parse(base)
	if err != nil || at.Host == "" || at.Scheme != "https" && !(at.Scheme == "http" && baseurl.Loopback(at.Hostname())) {
		return nil, errors.New("password: BreachRange needs a base address that is https, or http to this machine")
	}
	direct := *client
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return func(ctx context.Context, password string) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, rangeTimeout)
		defer cancel()
		hash := sum(password)
		answer, err := getRange(ctx, &direct, at.JoinPath(string(hash[:prefixLen])).String())
		if err != nil {
			return false, err
		}
		return inRange(answer, string(hash[prefixLen:]))
	}, nil
}

func getRange(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("making the request failed") // err may show the address
	}
	req.Header.Set("Add-Padding", "true")
	req.Header.Set("User-Agent", "sallyport")
	res, err := client.Do(req)
	if err != nil {
		var shown *url.Error
		if errors.As(err, &shown) {
			err = shown.Err // without the address, which has part of the hash in it
		}
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the service answered %d", res.StatusCode)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxRange+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the answer: %w", err)
	case len(answer) > maxRange:
		return nil, errors.New("the answer is too large")
	}
	return answer, nil
}

// inRange reads lines of "rest of the hash, colon, count". A count of zero is padding.
func inRange(answer []byte, want string) (bool, error) {
	found, rows := false, 0
	for line := range strings.Lines(string(answer)) {
		rest, count, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if !ok || len(rest) != len(want) || strings.Trim(count, "0123456789") != "" {
			return false, errMalformed
		}
		rows++
		if strings.EqualFold(rest, want) && strings.Trim(count, "0") != "" {
			found = true
		}
	}
	if rows == 0 {
		return false, errMalformed // every prefix has hashes: an empty answer is a broken one
	}
	return found, nil
}
