package experiment

import (
	"fmt"
	"strings"
)

// Problem is one thing wrong with a spec.
type Problem struct {
	// Line and Column count from 1 and say where in the file it is; 0 where it isn't about a place there.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Assignment is the one that it is about, such as "pretrain.epochs=x"; empty where it is about none.
	Assignment string `json:"assignment,omitempty"`
	// Path is that of the field, Text says what is wrong with its value and what it must be.
	Path string `json:"field,omitempty"`
	Text string `json:"problem"`
}

func (p Problem) String() string {
	var where strings.Builder
	if p.Assignment != "" {
		fmt.Fprintf(&where, "--set %s: ", p.Assignment)
	}
	if p.Line > 0 {
		fmt.Fprintf(&where, "line %d, column %d: ", p.Line, p.Column)
	}
	if p.Path != "" {
		fmt.Fprintf(&where, "%s: ", p.Path)
	}
	return where.String() + p.Text
}

// Problems is the error of a spec that is none: all that is wrong, each in a line.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// err is nil where there are none, which an empty list would not be.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// about says whether one of them is about the field, or about what it is a part of.
func (p Problems) about(path string) bool {
	for _, problem := range p {
		if rest, ok := strings.CutPrefix(path, problem.Path); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}
