package social

import (
	"net/http"
	"net/url"
)

// NewMemoryOf is NewMemory with room for so many.
func NewMemoryOf(rows int) *Memory {
	m := NewMemory()
	m.max = rows
	return m
}

// OneLine is oneLine.
func OneLine(s string) string { return oneLine(s) }

// CheckAnswer is checkAnswer.
func CheckAnswer(q url.Values) error { return checkAnswer(q) }

// Through has a Manager ask whatever it asks through another transport, so that the hosts of real providers can be played.
func (m *Manager) Through(t http.RoundTripper) { m.http.Transport = t }
