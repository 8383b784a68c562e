package experiment

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// decoder moves a YAML tree into a Spec. The library's own decoder is not strict enough for a spec that decides days of
// computing: it cuts 1.5 down to the integer 1, fills a short list up with zeros and takes null for "leave it".
type decoder struct{ problems Problems }

// inOrder are all problems in the order of the document.
func (d *decoder) inOrder() Problems {
	slices.SortStableFunc(d.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return d.problems
}

func (d *decoder) complain(at ast.Node, path, format string, arguments ...any) {
	p := Problem{Path: cmp.Or(path, "the spec"), Text: fmt.Sprintf(format, arguments...)}
	if t := at.GetToken(); t != nil && t.Position != nil {
		p.Line, p.Column = t.Position.Line, t.Position.Column
	}
	d.problems = append(d.problems, p)
}

// value decodes node into v, a settable part of a Spec.
func (d *decoder) value(node ast.Node, path string, v reflect.Value) {
	switch node.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.complain(node, path, "anchors, aliases and tags are not supported; write the value out")
		return
	case *ast.NullNode:
		if v.Kind() != reflect.Pointer {
			d.complain(node, path, "has no value; remove the key to get its default")
			return
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		d.fields(node, path, v)
	case reflect.Pointer:
		d.pointer(node, path, v)
	case reflect.Array:
		d.list(node, path, v)
	case reflect.Slice:
		d.items(node, path, v)
	case reflect.Map:
		d.numbers(node, path, v)
	default:
		d.scalar(node, path, v)
	}
}

// fields decodes a map, in the order of the struct's fields: the first view is known when the second is decoded.
func (d *decoder) fields(node ast.Node, path string, v reflect.Value) {
	if node.Type() != ast.MappingType && node.Type() != ast.MappingValueType {
		d.complain(node, path, "must be a map with some of the keys %s", strings.Join(keys(v.Type()), ", "))
		return
	}
	known := keys(v.Type())
	for _, e := range entries(node) {
		if key := keyText(e.Key); !slices.Contains(known, key) {
			d.complain(e.Key, join(path, key), "%s", unknownKey(key, path, v.Type()))
		}
	}
	for i, key := range known {
		if child := lookup(node, key); child != nil {
			prepare(v, i, child.Type() == ast.NullType)
			d.value(child, join(path, key), v.Field(i))
		}
	}
}

// prepare gives a part of a spec that is absent, before a part of it is set, what it starts from: the second view the values
// of the first, a section its defaults, anything else nothing.
func prepare(v reflect.Value, field int, null bool) {
	f := v.Field(field)
	if f.Kind() != reflect.Pointer || !f.IsNil() || null {
		return
	}
	switch absent := f.Addr().Interface().(type) {
	case **View:
		*absent = new(v.Addr().Interface().(*Augment).FirstView)
	case **LinearAugmented:
		*absent = new(defaultLinearAugmented())
		(*absent).Augment.Normalize = v.Addr().Interface().(*Spec).Augment.FirstView.Normalize
	case **Ablation:
		*absent = new(defaultAblation(v.Addr().Interface().(*Spec).Dataset))
	case **Divergence:
		*absent = new(defaultDivergence())
	default:
		f.Set(reflect.New(f.Type().Elem()))
	}
}

// pointer decodes a part of a spec that can be absent.
func (d *decoder) pointer(node ast.Node, path string, v reflect.Value) {
	if node.Type() == ast.NullType {
		v.SetZero()
		return
	}
	d.value(node, path, v.Elem())
}

func (d *decoder) list(node ast.Node, path string, v reflect.Value) {
	list, ok := node.(*ast.SequenceNode)
	if !ok || len(list.Values) != v.Len() {
		d.complain(node, path, "must be a list of %d numbers, such as %v", v.Len(), example(v))
		return
	}
	for i, item := range list.Values {
		d.value(item, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
	}
}

// items decodes a list of any length into memory of its own: v may be shared with a copy of the spec. An empty list is nil.
func (d *decoder) items(node ast.Node, path string, v reflect.Value) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		d.complain(node, path, "must be a list of %s", wantedItems(v.Type().Elem()))
		return
	}
	v.SetZero()
	for i, item := range list.Values {
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		d.value(item, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
	}
}

// numbers decodes a map of numbers, over what is there, into memory of its own.
func (d *decoder) numbers(node ast.Node, path string, v reflect.Value) {
	if node.Type() != ast.MappingType && node.Type() != ast.MappingValueType {
		d.complain(node, path, "must be a map of numbers")
		return
	}
	values := maps.Clone(v.Interface().(map[string]float64))
	if values == nil && len(entries(node)) > 0 {
		values = map[string]float64{}
	}
	for _, e := range entries(node) {
		var value float64
		key := keyText(e.Key)
		d.value(e.Value, join(path, key), reflect.ValueOf(&value).Elem())
		values[key] = value
	}
	v.Set(reflect.ValueOf(values))
}

func wantedItems(t reflect.Type) string {
	if t.Kind() == reflect.Struct {
		return "maps with the keys " + strings.Join(keys(t), ", ")
	}
	return "numbers"
}

// example writes v, which holds a default, as a YAML list.
func example(v reflect.Value) string {
	return strings.ReplaceAll(fmt.Sprint(v.Interface()), " ", ", ")
}

// scalar decodes a string, a number or a truth value from the very text that stands in the document.
func (d *decoder) scalar(node ast.Node, path string, v reflect.Value) {
	text, plain := scalarText(node)
	var ok bool
	switch v.Kind() {
	case reflect.String:
		if ok = isString(node); ok {
			v.SetString(text)
		}
	case reflect.Bool:
		if ok = node.Type() == ast.BoolType && (text == "true" || text == "false"); ok {
			v.SetBool(text == "true")
		}
	default:
		ok = plain && setNumber(text, v)
	}
	if !ok {
		d.complain(node, path, "must be %s, not %s", wanted(v.Kind()), describe(node, text))
	}
}

// scalarText is the text of a scalar and whether it stands there without quotes. Numbers such as 1e-6 come from the
// parser as plain strings, because YAML 1.1 asks for a point in them.
func scalarText(node ast.Node) (text string, plain bool) {
	switch n := node.(type) {
	case *ast.LiteralNode:
		return n.Value.Value, false
	case *ast.StringNode:
		return n.Value, n.Token.Type != token.SingleQuoteType && n.Token.Type != token.DoubleQuoteType
	case ast.ScalarNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func isString(node ast.Node) bool {
	return node.Type() == ast.StringType || node.Type() == ast.LiteralType
}

// setNumber sets v from a decimal number, if it is one that v can hold.
func setNumber(text string, v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Int:
		n, err := strconv.Atoi(text)
		v.SetInt(int64(n))
		return err == nil
	case reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		v.SetUint(n)
		return err == nil
	}
	x, err := strconv.ParseFloat(text, 64)
	v.SetFloat(x)
	return err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
}

// wanted names what a field of the kind takes.
func wanted(kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number from 0 to 18446744073709551615"
	}
	return "a finite number"
}

// describe names what stands in the document instead.
func describe(node ast.Node, text string) string {
	switch node.Type() {
	case ast.MappingType, ast.MappingValueType:
		return "a map"
	case ast.SequenceType:
		return "a list"
	case ast.StringType, ast.LiteralType:
		return strconv.Quote(text)
	}
	return text
}

// entries are the keys and values of a map, none for another node.
func entries(node ast.Node) []*ast.MappingValueNode {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

// keyText is a key as it stands in the document.
func keyText(key ast.MapKeyNode) string {
	if s, ok := key.(*ast.StringNode); ok {
		return s.Value
	}
	return key.String()
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// keys are the YAML names of a struct's fields, in their order.
func keys(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
	}
	return names
}
