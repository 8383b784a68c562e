package emulator

import (
	"fmt"
	"strconv"
	"strings"
)

// module is what a PTX file has.
type module struct {
	name      string
	functions map[string]*function
	// variables are those outside of functions.
	variables map[string]*variable
}

// variable is a place in memory: a module's, a function's, or a parameter.
type variable struct {
	name, space, kind string
	align, size       int
	extern            bool
	initial           []byte
}

// function is an entry, which is a kernel, or a function that kernels call.
type function struct {
	name                string
	entry               bool
	parameters, results []*variable
	// most is the number of threads that a block may have, 0 where the function does not say.
	most       int
	variables  map[string]*variable
	registers  map[string]string // type of each, under its name in statements
	statements []statement
	labels     map[string]int // of statements
}

// parse reads a module.
func parse(name, text string) (m *module, err error) {
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case syntax:
			m, err = nil, fmt.Errorf("read %s.ptx: %w", name, failure.error)
		default:
			panic(failure)
		}
	}()
	m = &module{name: name, functions: map[string]*function{}, variables: map[string]*variable{}}
	for s := newScanner(text); s.token != ""; {
		m.declaration(s)
	}
	return m, nil
}

func (m *module) declaration(s *scanner) {
	extern := false
	for s.token == ".visible" || s.token == ".weak" || s.token == ".extern" {
		extern = s.take() == ".extern" || extern
	}
	switch s.token {
	case ".version", ".target", ".address_size":
		s.next()
		s.next()
	case ".global", ".const", ".shared":
		v := declared(s)
		v.extern = extern
		m.variables[v.name] = v
		s.expect(";")
	case ".entry", ".func":
		f := parseFunction(s)
		if f.statements != nil || m.functions[f.name] == nil {
			m.functions[f.name] = f
		}
	default:
		s.fail("%q is no declaration that is known here", s.token)
	}
}

// declared reads a variable: its space, alignment, type, name, size and values.
func declared(s *scanner) *variable {
	v := &variable{space: s.take()[1:]}
	if s.accept(".align") {
		v.align = s.number()
	}
	v.kind = s.take()
	v.name = s.take()
	element := bitsOf(v.kind) / 8
	if element == 0 {
		s.fail("%s is no type that is known here", v.kind)
	}
	v.align = max(v.align, element)
	v.size = element
	if s.accept("[") {
		v.size = 0
		if s.token != "]" {
			v.size = element * s.number()
		}
		s.expect("]")
	}
	if s.accept("=") {
		v.initial = values(s, element)
	}
	return v
}

func values(s *scanner, element int) []byte {
	var all []byte
	s.expect("{")
	for !s.accept("}") {
		n := s.number()
		for i := range element {
			all = append(all, byte(n>>(8*i)))
		}
		s.accept(",")
	}
	return all
}

func parseFunction(s *scanner) *function {
	f := &function{entry: s.take() == ".entry", variables: map[string]*variable{}, registers: map[string]string{},
		labels: map[string]int{}}
	if s.token == "(" {
		f.results = parameters(s)
	}
	f.name = s.take()
	if s.token == "(" {
		f.parameters = parameters(s)
	}
	for s.token != "{" && s.token != ";" {
		switch directive := s.take(); directive {
		case ".maxntid", ".reqntid":
			f.most = 1
			for more := true; more; more = s.accept(",") {
				f.most *= s.number()
			}
		case ".minnctapersm", ".maxnreg":
			s.number()
		case ".noreturn":
		default:
			s.fail("%s is no directive that is known here", directive)
		}
	}
	if s.accept(";") {
		return f
	}
	(&body{scanner: s, function: f}).read()
	return f
}

func parameters(s *scanner) []*variable {
	var all []*variable
	s.expect("(")
	for !s.accept(")") {
		if s.token != ".param" {
			s.fail("%q, want a parameter", s.token)
		}
		all = append(all, declared(s))
		s.accept(",")
	}
	return all
}

// bitsOf is the size of a type such as .u32 or b32; 0 if it is none.
func bitsOf(kind string) int {
	kind = strings.TrimPrefix(kind, ".")
	switch kind {
	case "pred":
		return 1
	case "bf16", "f16":
		return 16
	case "bf16x2", "tf32":
		return 32
	case "":
		return 0
	}
	bits, err := strconv.Atoi(kind[1:])
	if err != nil || !strings.ContainsAny(kind[:1], "bsuf") {
		return 0
	}
	switch bits {
	case 8, 16, 32, 64:
		return bits
	}
	return 0
}
