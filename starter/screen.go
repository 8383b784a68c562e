package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// screen prints lines and, on a terminal, keeps one live line below them that is written over.
type screen struct {
	w io.Writer
	// width is that of the terminal at the moment; nil where there is none.
	width func() int
	live  bool
}

func newScreen(w io.Writer) *screen {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return &screen{w: w}
	}
	return &screen{w: w, width: func() int {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 80
		}
		return width
	}}
}

func (s *screen) isTerminal() bool { return s.width != nil }

// line prints a line that stays.
func (s *screen) line(text string) {
	s.clear()
	fmt.Fprintln(s.w, text)
}

// status writes the live line over; without a terminal nothing happens.
func (s *screen) status(text string) {
	if !s.isTerminal() {
		return
	}
	// One column stays free, because a full line wraps on some terminals and could not be written over.
	if runes, most := []rune(text), max(0, s.width()-1); len(runes) > most {
		text = string(runes[:most])
	}
	s.clear()
	fmt.Fprint(s.w, text)
	s.live = true
}

// clear removes the live line.
func (s *screen) clear() {
	if s.live {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.live = false
	}
}
