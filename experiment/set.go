package experiment

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Set changes one field of spec by an assignment such as "pretrain.epochs=5" or "augment.first_view.crop.scale=[0.2, 1]".
// The value is read as in a spec, except that strings need no quotes. Setting part of an absent second view starts from
// the first. Setting method.name to another method moves every field that still has the old method's default to the new
// one's, because a method is of little use under the other's settings; so do dataset.name and dataset.labels with what
// belongs to the images. Where it fails, which is with Problems, spec is unchanged.
func Set(spec *Spec, assignment string) error {
	path, text, ok := strings.Cut(assignment, "=")
	if !ok {
		return wrong("", "%q is no assignment; write key=value, for example pretrain.epochs=5", assignment)
	}
	path, text = strings.TrimSpace(path), strings.TrimSpace(text)
	changed := spec.clone()
	if err := set(&changed, path, text); err != nil {
		return err
	}
	from, to := defaultsWith(spec, spec), defaultsWith(&changed, spec)
	if from.Method.Name != to.Method.Name || from.Dataset != to.Dataset {
		follow(reflect.ValueOf(&changed).Elem(), reflect.ValueOf(from), reflect.ValueOf(to))
	}
	*spec = changed
	return nil
}

func set(spec *Spec, path, text string) error {
	if name, ok := strings.CutPrefix(path, "method.parameters."); ok {
		return setParameter(&spec.Method, path, name, text)
	}
	field, err := fieldAt(spec, path, text == "null")
	if err != nil {
		return err
	}
	if field.Kind() == reflect.String {
		field.SetString(text)
		return nil
	}
	value, err := document([]byte(text))
	if err != nil {
		return wrong(path, "%q is no value", text)
	}
	d := decoder{}
	d.value(value, path, field)
	for i := range d.problems {
		d.problems[i].Line, d.problems[i].Column = 0, 0 // there is no file
	}
	return d.problems.err()
}

func wrong(path, format string, arguments ...any) error {
	return Problems{{Path: path, Text: fmt.Sprintf(format, arguments...)}}
}

// setParameter sets a number of a map, whose keys are no fields.
func setParameter(m *Method, path, name, text string) error {
	var value float64
	if !setNumber(text, reflect.ValueOf(&value).Elem()) {
		return wrong(path, "must be a finite number, not %s", text)
	}
	if m.Parameters == nil {
		m.Parameters = map[string]float64{}
	}
	m.Parameters[name] = value
	return nil
}

// fieldAt is the field of spec at a path of keys. null says that it will be set to null.
func fieldAt(spec *Spec, path string, null bool) (reflect.Value, error) {
	v, walked := reflect.ValueOf(spec).Elem(), ""
	steps := strings.Split(path, ".")
	for n, key := range steps {
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return v, wrong(walked, "has no keys inside; set it as a whole")
		}
		i := slices.Index(keys(v.Type()), key)
		if i < 0 {
			return v, wrong(join(walked, key), "%s", unknownKey(key, walked, v.Type()))
		}
		prepare(v, i, null && n == len(steps)-1)
		v, walked = v.Field(i), join(walked, key)
	}
	return v, nil
}

// defaultsWith are the defaults of s's method and data set, with the optional sections that another spec has.
func defaultsWith(s, sections *Spec) Spec {
	d := defaultOn(s.Dataset, s.Method.Name)
	if sections.LinearAugmented != nil {
		d.LinearAugmented = new(defaultLinearAugmented())
		d.LinearAugmented.Augment.Normalize = s.Dataset.statistics()
	}
	if sections.Ablation != nil {
		d.Ablation = new(defaultAblation(s.Dataset))
	}
	return d
}

// follow sets the parts of v that equal from to to, field by field.
func follow(v, from, to reflect.Value) {
	if v.Kind() == reflect.Pointer && !v.IsNil() && !from.IsNil() && !to.IsNil() {
		v, from, to = v.Elem(), from.Elem(), to.Elem()
	}
	if v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			follow(v.Field(i), from.Field(i), to.Field(i))
		}
		return
	}
	if reflect.DeepEqual(v.Interface(), from.Interface()) {
		v.Set(to)
	}
}
