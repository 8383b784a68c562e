package experiment

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// checker collects what is wrong with a spec, and what its values are checked against.
type checker struct {
	problems Problems
	// ranges are by path what a value must be; nil where nobody asks.
	ranges map[string]string
}

// err is nil where nothing is wrong.
func (c *checker) err() error { return c.problems.err() }

func (c *checker) complain(path string, value any, format string, arguments ...any) {
	if s, ok := value.(string); ok {
		value = fmt.Sprintf("%q", s)
	}
	c.problems = append(c.problems, Problem{Path: path, Text: fmt.Sprintf("%v %s", value, fmt.Sprintf(format, arguments...))})
}

// must says what values of a field are allowed.
func (c *checker) must(path, be string) {
	if c.ranges != nil {
		c.ranges[path] = be
	}
}

// within checks a value against a range.
func (c *checker) within(ok bool, path string, value any, format string, arguments ...any) {
	be := fmt.Sprintf(format, arguments...)
	c.must(path, be)
	if !ok {
		c.complain(path, value, "is out of range: must be %s", be)
	}
}

// whole checks a whole number against an inclusive range; because says why there is a limit, empty where it is plain.
func (c *checker) whole(path string, value, low, high int, because string) {
	c.within(value >= low && value <= high, path, value, "%d to %d%s", low, high, parenthesis(because))
}

// wholeOrAll is whole for a limit where 0 takes everything.
func (c *checker) wholeOrAll(path string, value, low, high int) {
	c.within(value == 0 || value >= low && value <= high, path, value, "0 (all) or %d to %d", low, high)
}

// multiple is whole for a size in steps.
func (c *checker) multiple(path string, value, step, low, high int) {
	c.within(value >= low && value <= high && value%step == 0, path, value, "a multiple of %d from %d to %d", step, low, high)
}

// span is a range of real numbers. An open end does not belong to it.
type span struct {
	low, high         float64
	openLow, openHigh bool
}

var (
	probability = span{low: 0, high: 1}
	positive    = span{low: 0, high: 1000, openLow: true}
)

func (s span) String() string {
	low, high := "at least", "at most"
	if s.openLow {
		low = "greater than"
	}
	if s.openHigh {
		high = "less than"
	}
	if !s.openLow && !s.openHigh {
		return fmt.Sprintf("%v to %v", s.low, s.high)
	}
	return fmt.Sprintf("%s %v and %s %v", low, s.low, high, s.high)
}

// contains is false for NaN.
func (s span) contains(x float64) bool {
	above := x > s.low || x == s.low && !s.openLow
	below := x < s.high || x == s.high && !s.openHigh
	return above && below
}

// real checks a real number; NaN and the infinities are in no span.
func (c *checker) real(path string, value float64, s span, because string) {
	c.within(s.contains(value), path, value, "%v%s", s, parenthesis(because))
}

// interval checks the ends of a range to draw from.
func (c *checker) interval(path string, value [2]float64, s span) {
	ok := s.contains(value[0]) && s.contains(value[1]) && value[0] <= value[1]
	c.within(ok, path, value, "[low, high] with low at most high, both %v", s)
}

// used is real for a number that only some methods or optimisers use; the others still need it to be finite.
func (c *checker) used(used bool, path string, value float64, s span) {
	if used {
		c.real(path, value, s, "")
	} else {
		c.finite(path, value)
	}
}

// finite checks a number that nothing uses. A spec with NaN has no JSON, so it could not reach its workflow.
func (c *checker) finite(path string, value float64) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		c.complain(path, value, "is no finite number")
	}
}

// oneOf checks a name.
func (c *checker) oneOf(path, value string, names ...string) bool {
	be := strings.Join(names, " or ")
	c.must(path, be)
	if slices.Contains(names, value) {
		return true
	}
	c.complain(path, value, "is unknown: must be %s", be)
	return false
}

func parenthesis(because string) string {
	if because == "" {
		return ""
	}
	return " (" + because + ")"
}
