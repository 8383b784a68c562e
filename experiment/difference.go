package experiment

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Difference is a field in which specs differ.
type Difference struct {
	Path string `json:"field"`
	// Values are those of the specs, in their order; nil where a spec leaves a section out.
	Values []any `json:"values"`
}

// Differences lists the fields in which specs differ, in the order of a spec, without their names. A section that one of them
// leaves out is one difference. A second view that is absent counts as equal to the first, and no number of views as two.
func Differences(specs ...Spec) []Difference {
	second := slices.ContainsFunc(specs, func(s Spec) bool { return s.Augment.SecondView != nil })
	values := make([]reflect.Value, len(specs))
	for i, s := range specs {
		s.Name = ""
		s.Augment.Views = s.Augment.ViewsPerImage()
		if second && s.Augment.SecondView == nil {
			s.Augment.SecondView = &s.Augment.FirstView
		}
		values[i] = reflect.ValueOf(s)
	}
	return differences("", values)
}

func differences(path string, values []reflect.Value) []Difference {
	if len(values) == 0 || equal(values) {
		return nil
	}
	if values[0].Kind() == reflect.Pointer && allPresent(values) {
		present := make([]reflect.Value, len(values))
		for i, v := range values {
			present[i] = v.Elem()
		}
		values = present
	}
	if values[0].Kind() != reflect.Struct {
		return []Difference{{path, interfaces(values)}}
	}
	var all []Difference
	for i, key := range keys(values[0].Type()) {
		fields := make([]reflect.Value, len(values))
		for n, v := range values {
			fields[n] = v.Field(i)
		}
		all = append(all, differences(join(path, key), fields)...)
	}
	return all
}

func equal(values []reflect.Value) bool {
	for _, v := range values[1:] {
		if !reflect.DeepEqual(v.Interface(), values[0].Interface()) {
			return false
		}
	}
	return true
}

func allPresent(values []reflect.Value) bool {
	for _, v := range values {
		if v.IsNil() {
			return false
		}
	}
	return true
}

func interfaces(values []reflect.Value) []any {
	all := make([]any, len(values))
	for i, v := range values {
		if v.Kind() != reflect.Pointer || !v.IsNil() {
			all[i] = v.Interface()
		}
	}
	return all
}

// Text is a value as a spec may have it, in one line: "lars", "[0.08, 1]". Nil is empty.
func Text(value any) string {
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Invalid:
		return ""
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case reflect.Array, reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = Text(v.Index(i).Interface())
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	data, err := yaml.MarshalWithOptions(value, yaml.Flow(true))
	if err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSpace(string(data))
}
