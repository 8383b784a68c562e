package experiment

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxSpecBytes is far more than any spec needs and small enough for every parser.
const maxSpecBytes = 32 << 10

// Parse reads one YAML document over the defaults of the method that it names: what the document leaves out keeps its
// default, also inside nested maps. A second view that is left out is the method's own; a partial one completes it, or
// the first view where the method has none; null makes it equal to the first view.
//
// Decoding is strict. The error names every unknown key and every value of the wrong type with its line and column, all
// of them in one go. Ranges are Validate's business: a spec can be adjusted (see Set) before it is validated.
func Parse(data []byte) (Spec, error) {
	root, err := document(data)
	if err != nil {
		return Spec{}, err
	}
	s := DefaultFor(methodName(root))
	d := decoder{}
	d.value(root, "", reflect.ValueOf(&s).Elem())
	if err := d.err(); err != nil {
		return Spec{}, err
	}
	return s, nil
}

// document is the root of the only document in data.
func document(data []byte) (ast.Node, error) {
	if len(data) > maxSpecBytes {
		return nil, fmt.Errorf("the spec has %d bytes, at most %d are allowed", len(data), maxSpecBytes)
	}
	file, err := parser.ParseBytes(data, 0)
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

// syntaxError puts the parser's complaint into the form of the other errors.
func syntaxError(err error) error {
	var located yaml.Error
	if !errors.As(err, &located) || located.GetToken() == nil {
		return fmt.Errorf("the spec is no YAML: %w", err)
	}
	p := located.GetToken().Position
	return fmt.Errorf("line %d, column %d: %s", p.Line, p.Column, located.GetMessage())
}

// methodName looks ahead to method.name, whose defaults apply. Anything wrong with it is found when it is decoded.
func methodName(root ast.Node) string {
	for _, key := range []string{"method", "name"} {
		root = lookup(root, key)
	}
	if s, ok := root.(*ast.StringNode); ok {
		return s.Value
	}
	return SimCLR
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
