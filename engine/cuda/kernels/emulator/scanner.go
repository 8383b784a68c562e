package emulator

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// scanner takes the text of a module apart: words, numbers among them, and single characters.
type scanner struct {
	text string
	at   int
	// token is the current one, empty at the end, and begins at start, in a line.
	token       string
	start, line int
}

func newScanner(text string) *scanner {
	s := &scanner{text: text, line: 1}
	s.next()
	return s
}

func (s *scanner) next() {
	s.skip()
	s.start = s.at
	if s.at == len(s.text) {
		s.token = ""
		return
	}
	if s.text[s.at] == '"' {
		if end := strings.IndexByte(s.text[s.at+1:], '"'); end >= 0 {
			s.at += end + 1
		}
	}
	for s.at < len(s.text) && s.inWord() {
		s.at++
	}
	if s.at == s.start || s.text[s.start] == '"' {
		s.at++
	}
	s.token = s.text[s.start:s.at]
}

// skip goes on behind spaces and comments.
func (s *scanner) skip() {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '\n':
			s.line++
			s.at++
		case c == ' ' || c == '\t' || c == '\r':
			s.at++
		case strings.HasPrefix(s.text[s.at:], "//"):
			end := strings.IndexByte(s.text[s.at:], '\n')
			if end < 0 {
				end = len(s.text) - s.at
			}
			s.at += end
		default:
			return
		}
	}
}

// inWord tells whether the next character is one of a word. Of colons those are that come in pairs, as in L2::128B.
func (s *scanner) inWord() bool {
	c := s.text[s.at]
	if c == ':' {
		return s.at > s.start && (strings.HasPrefix(s.text[s.at:], "::") || s.text[s.at-1] == ':')
	}
	return c == '_' || c == '.' || c == '$' || c == '%' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// take returns the current token and goes on to the next.
func (s *scanner) take() string {
	token := s.token
	s.next()
	return token
}

// accept goes on if the current token is this one.
func (s *scanner) accept(token string) bool {
	if s.token != token {
		return false
	}
	s.next()
	return true
}

func (s *scanner) expect(token string) {
	if !s.accept(token) {
		s.fail("%q, want %q", s.token, token)
	}
}

// integer reads one of 64 bits, with a sign or without.
func (s *scanner) integer() uint64 {
	negative := s.accept("-")
	n, err := strconv.ParseUint(s.token, 0, 64)
	if err != nil {
		s.fail("%q is no number", s.token)
	}
	s.next()
	if negative {
		return -n
	}
	return n
}

// number reads an integer that is an int.
func (s *scanner) number() int {
	token := s.token
	n := s.integer()
	if token != "-" && n > math.MaxInt64 {
		s.fail("%q is no number", token)
	}
	return int(n)
}

// syntax is an error in a module's text.
type syntax struct{ error }

// fail ends parsing.
func (s *scanner) fail(format string, arguments ...any) {
	panic(syntax{fmt.Errorf("line %d: "+format, append([]any{s.line}, arguments...)...)})
}
