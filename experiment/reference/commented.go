package reference

import (
	"fmt"
	"reflect"
	"strings"

	"twinview/experiment"
)

// commentWidth is that of a comment's lines with what stands before them.
const commentWidth = 110

// Commented writes every field of a spec as YAML, each with what it means and what it may be. A kind of section that comes up
// again is explained once. What the spec leaves out stands behind a # without a space, to be switched on.
func Commented(s experiment.Spec) []byte {
	w := writer{fields: map[string]Field{}, explained: map[reflect.Type]bool{}}
	for _, f := range Fields() {
		w.fields[f.Path] = f
	}
	w.section("", reflect.ValueOf(s), reflect.ValueOf(s.Complete()))
	return []byte(w.text.String())
}

type writer struct {
	fields map[string]Field
	text   strings.Builder
	// explained are the kinds of sections whose fields have been explained.
	explained map[reflect.Type]bool
	// off says that what is written is left out of the spec.
	off bool
}

// section writes the fields of v; complete is the same with all that is left out.
func (w *writer) section(path string, v, complete reflect.Value) {
	known := w.explained[v.Type()]
	for i := range v.NumField() {
		f := w.fields[join(path, key(v.Type().Field(i)))]
		if f.kind != nil && path == "" {
			w.text.WriteString("\n")
		}
		if !known && (f.own || !w.explained[f.kind]) {
			w.comment(f)
		}
		w.field(f, v.Field(i), complete.Field(i))
	}
	w.explained[v.Type()] = true
}

func (w *writer) field(f Field, v, complete reflect.Value) {
	off := w.off
	defer func() { w.off = off }()
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Slice && f.kind != nil {
		if isEmpty(v) {
			w.off, v = true, complete
		}
	}
	switch {
	case v.Kind() == reflect.Pointer:
		w.line(f, "")
		w.section(f.Path, v.Elem(), complete.Elem())
	case v.Kind() == reflect.Struct:
		w.line(f, "")
		w.section(f.Path, v, complete)
	case v.Kind() == reflect.Slice && f.kind != nil:
		w.line(f, w.items(v))
	case w.unset(f, v):
		w.off = true
		w.line(f, "")
	default:
		w.line(f, experiment.Text(v.Interface()))
	}
}

func isEmpty(v reflect.Value) bool {
	return v.Kind() == reflect.Pointer && v.IsNil() || v.Kind() == reflect.Slice && v.Len() == 0
}

// unset says whether a text is to be written by somebody.
func (w *writer) unset(f Field, v reflect.Value) bool {
	return f.Path != "name" && v.Kind() == reflect.String && v.Len() == 0
}

// items is a list of small sections in one line.
func (w *writer) items(v reflect.Value) string {
	all := make([]string, v.Len())
	for i := range all {
		item := v.Index(i)
		pairs := make([]string, item.NumField())
		for j := range pairs {
			value := "…" // for somebody to fill in
			if !item.IsZero() {
				value = experiment.Text(item.Field(j).Interface())
			}
			pairs[j] = key(item.Type().Field(j)) + ": " + value
		}
		all[i] = "{" + strings.Join(pairs, ", ") + "}"
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func (w *writer) line(f Field, value string) {
	text := indent(f) + f.name + ":"
	if value != "" {
		text += " " + value
	}
	if w.off {
		text = indent(f) + "#" + text[len(indent(f)):]
	}
	w.text.WriteString(text + "\n")
}

// comment explains a field above it, in lines of some length.
func (w *writer) comment(f Field) {
	text := f.Meaning
	for _, plain := range []string{f.name + " ", "is ", "are "} {
		text = strings.TrimPrefix(text, plain)
	}
	if f.Range != "" && len(f.Choices()) == 0 {
		text = strings.TrimSuffix(text, ".") + ". Range: " + f.Range
	}
	line := ""
	flush := func() { fmt.Fprintf(&w.text, "%s#%s\n", indent(f), line); line = "" }
	for word := range strings.FieldsSeq(text) {
		if len(indent(f))+1+len(line)+1+len(word) > commentWidth {
			flush()
		}
		line += " " + word
	}
	flush()
}

func indent(f Field) string { return strings.Repeat("  ", strings.Count(f.Path, ".")) }
