package experiment

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxSpecBytes is far more than any spec needs and small enough for every parser.
const maxSpecBytes = 32 << 10

// maxNesting is how deep lists and maps may lie inside each other within a line. A spec needs three; the parser takes time and
// memory as the square of it.
const maxNesting = 32

// Parse reads one YAML document over the defaults of the method and the data set that it names: what the document leaves out keeps its
// default, also inside nested maps. A second view that is left out is the method's own; a partial one completes it, or
// the first view where the method has none; null makes it equal to the first view.
//
// Decoding is strict. The error names every unknown key and every value of the wrong type with its line and column, all
// of them in one go. Ranges are Validate's business: a spec can be adjusted (see Set) before it is validated.
func Parse(data []byte) (Spec, error) {
	s, problems, err := decode(data)
	if err != nil {
		return Spec{}, err
	}
	if len(problems) > 0 {
		return Spec{}, problems
	}
	return s, nil
}

// decode reads what it can. The error is that of something that is no YAML document; a field with a problem keeps its default.
func decode(data []byte) (Spec, Problems, error) {
	root, err := document(data)
	if err != nil {
		return Spec{}, nil, err
	}
	s := defaultOn(Dataset{
		Name: textAt(root, CIFAR10, "dataset", "name"), Labels: textAt(root, "", "dataset", "labels"),
	}, textAt(root, SimCLR, "method", "name"))
	d := decoder{}
	d.value(root, "", reflect.ValueOf(&s).Elem())
	return s, d.inOrder(), nil
}

// document is the root of the only document in data.
func document(data []byte) (ast.Node, error) {
	if len(data) > maxSpecBytes {
		return nil, fmt.Errorf("the spec has %d bytes, at most %d are allowed", len(data), maxSpecBytes)
	}
	tokens := lexer.Tokenize(string(data))
	if err := checkNesting(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, syntaxError(err)
	}
	var root ast.Node
	for _, d := range file.Docs {
		if d.Body == nil || d.Body.Type() == ast.DirectiveType || d.Body.Type() == ast.CommentGroupType {
			continue
		}
		if root != nil {
			p := d.Body.GetToken().Position
			return nil, fmt.Errorf("line %d: a second document begins here; write one experiment per file", p.Line)
		}
		root = d.Body
	}
	if root == nil {
		return nil, errors.New("the spec is empty; it needs at least a name, for example \"name: first-try\"")
	}
	return root, nil
}

// checkNesting refuses brackets and entries of lists that lie too deep inside each other. Maps and lists over several lines
// need not be counted: indentation makes a spec too long before they are too deep.
func checkNesting(tokens token.Tokens) error {
	brackets, entries := 0, 0
	for _, t := range tokens {
		if t.Type != token.SequenceEntryType || t.Prev == nil || t.Prev.Position.Line != t.Position.Line {
			entries = 0
		}
		switch t.Type {
		case token.SequenceEntryType:
			entries++
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		}
		if brackets > maxNesting || entries > maxNesting {
			return Problems{{
				Line: t.Position.Line, Column: t.Position.Column,
				Text: fmt.Sprintf("lists and maps lie more than %d deep inside each other", maxNesting),
			}}
		}
	}
	return nil
}

// syntaxError puts the parser's complaint into the form of the other errors.
func syntaxError(err error) error {
	var located yaml.Error
	if !errors.As(err, &located) || located.GetToken() == nil {
		return fmt.Errorf("the spec is no YAML: %w", err)
	}
	p := located.GetToken().Position
	return Problems{{Line: p.Line, Column: p.Column, Text: located.GetMessage()}}
}

// textAt looks ahead to a value that decides which defaults apply. Anything wrong with it is found when it is decoded.
func textAt(root ast.Node, otherwise string, path ...string) string {
	for _, key := range path {
		root = lookup(root, key)
	}
	if s, ok := root.(*ast.StringNode); ok {
		return s.Value
	}
	return otherwise
}

// lookup is the value of a key, nil where node is no map or has no such key.
func lookup(node ast.Node, key string) ast.Node {
	for _, e := range entries(node) {
		if k, ok := e.Key.(*ast.StringNode); ok && k.Value == key {
			return e.Value
		}
	}
	return nil
}
