package server

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// log keeps what a process says while others read it.
type log struct {
	mu   sync.Mutex
	said []byte
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, p...)
	return len(p), nil
}

func (l *log) text() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.TrimSpace(slices.Clone(l.said))
}

// LastWords is the end of what the process has said on its standard error so far.
func (s *Server) LastWords() string {
	const enough = 2000
	said := s.log.text()
	return strings.ToValidUTF8(string(said[max(0, len(said)-enough):]), "")
}

// What PyTorch says where it is slower than it could be.
var slower = regexp.MustCompile(`(?i)skipping cudagraphs|graph break|recompil|\bwarn`)

// Warnings are the first lines, each once, in which the process has said so far that it is not as fast as it could be, or warned of
// something else.
func (s *Server) Warnings() (lines []string) {
	const most, width = 20, 300
	for line := range strings.Lines(string(s.log.text())) {
		line = strings.TrimSpace(line)
		line = strings.ToValidUTF8(line[:min(width, len(line))], "")
		if slower.MatchString(line) && !slices.Contains(lines, line) && len(lines) < most {
			lines = append(lines, line)
		}
	}
	return lines
}
