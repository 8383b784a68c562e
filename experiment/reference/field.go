// Package reference explains the fields of a spec to people: what each means, what it may be and what its default is, as
// docs/spec.md, field by field, and as a spec with comments. It takes all of that from package experiment: meanings from the
// comments of its source, allowed values from its checks, defaults from its defaults.
package reference

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"twinview/experiment"
)

// Field is one field of a spec, or a section of fields.
type Field struct {
	// Path is as for --set: "pretrain.optimizer.name". Items of lists have no number.
	Path string `json:"field"`
	// Type is what kind of value it has: "number", "section".
	Type string `json:"type"`
	// Default is what a spec has that doesn't say, Twins what one of Barlow Twins has; nil is a section that is left out. Those
	// inside such a section are what an empty one has. Sections have nil, and so have items of lists, in which all must be said.
	Default any `json:"default"`
	Twins   any `json:"default_barlow_twins"`
	// Optional is a section that may be left out, and is where nobody writes it.
	Optional bool `json:"optional,omitempty"`
	// Range is what values are allowed, empty where the type says it all.
	Range string `json:"range,omitempty"`
	// Meaning is plain text.
	Meaning string `json:"meaning"`

	// kind is the Go type of a section, or of the items of a list of sections.
	kind reflect.Type
	// name is the key alone.
	name string
	item bool
	// own says that there is a comment about this very field, not only about sections of its kind.
	own bool
}

// IsSection says whether it holds other fields that can be set one by one.
func (f Field) IsSection() bool { return f.Type == "section" }

// IsItem says whether it is part of an item of a list, which is set as a whole.
func (f Field) IsItem() bool { return f.item }

// Inside says whether it is part of a section.
func (f Field) Inside(section Field) bool { return strings.HasPrefix(f.Path, section.Path+".") }

// Value is its type with the range, in a few words.
func (f Field) Value() string {
	switch {
	case f.Range == "":
		return f.Type
	case len(f.Choices()) > 0:
		return strings.Join(f.Choices(), ", ")
	}
	return f.Type + ", " + f.Range
}

// Defaults is what a spec has that doesn't say, in words; empty where it must.
func (f Field) Defaults() string {
	simclr, twins := f.defaultText(f.Default), f.defaultText(f.Twins)
	if simclr == twins {
		return simclr
	}
	return fmt.Sprintf("%s (%s for %s)", simclr, twins, experiment.BarlowTwins)
}

func (f Field) defaultText(value any) string {
	switch {
	case f.Optional:
		return "left out"
	case value == nil || value == "":
		return ""
	}
	return experiment.Text(value)
}

// Choices are the names that the field may have, none where it takes other values.
func (f Field) Choices() []string {
	if f.Type != "text" || f.Range == "" {
		return nil
	}
	choices := strings.Split(f.Range, " or ")
	if slices.ContainsFunc(choices, func(c string) bool { return strings.Contains(c, " ") }) {
		return nil
	}
	return choices
}

// Fields are all fields of a spec in its order, sections before what they hold.
func Fields() []Field {
	twins := experiment.DefaultFor(experiment.BarlowTwins)
	complete := experiment.Default().Complete()
	if twins.Augment.SecondView == nil {
		twins.Augment.SecondView = complete.Augment.SecondView
	}
	w := walker{ranges: experiment.Ranges(), comments: readComments()}
	w.section("", reflect.ValueOf(complete), reflect.ValueOf(twins))
	return w.fields
}

// walker goes through the fields of a spec.
type walker struct {
	ranges   map[string]string
	comments comments
	fields   []Field
}

// section adds the fields of v. Those of twins, the defaults of Barlow Twins, are of the same type, or v's where it has none.
func (w *walker) section(path string, v, twins reflect.Value) {
	for i := range v.NumField() {
		of := v.Type().Field(i)
		f := Field{Path: join(path, key(of)), name: key(of), Meaning: w.comments.field(v.Type(), of.Name)}
		f.own = f.Meaning != ""
		w.field(f, v.Field(i), twins.Field(i))
	}
}

func (w *walker) field(f Field, v, twins reflect.Value) {
	f.Type, f.Range = typeName(v.Type()), w.ranges[f.Path]
	if v.Kind() == reflect.Pointer {
		f.Optional = true
		if v = v.Elem(); twins.IsNil() {
			twins = v
		} else {
			twins = twins.Elem()
		}
	}
	switch {
	case v.Kind() == reflect.Struct:
		f.kind = v.Type()
		w.add(f)
		w.section(f.Path, v, twins)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		f.kind, f.Optional = v.Type().Elem(), true
		w.add(f)
		first, item := len(w.fields), reflect.New(f.kind).Elem()
		w.section(f.Path, item, item)
		for i := range w.fields[first:] {
			w.fields[first+i].Default, w.fields[first+i].Twins, w.fields[first+i].item = nil, nil, true
		}
	default:
		f.Default, f.Twins = v.Interface(), twins.Interface()
		w.add(f)
	}
}

// add completes the meaning by that of the section itself, where that is not known yet from another of the kind.
func (w *walker) add(f Field) {
	known := slices.ContainsFunc(w.fields, func(g Field) bool { return g.kind == f.kind })
	if f.kind != nil && (!f.own || !known) {
		f.Meaning = strings.TrimSpace(f.Meaning + " " + w.comments.section(f.kind, f.name))
	}
	w.fields = append(w.fields, f)
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Uint64:
		return "whole number"
	case reflect.Array:
		return "list of " + map[int]string{2: "two", 3: "three"}[t.Len()] + " numbers"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			return "list of sections"
		}
		return "list of numbers"
	case reflect.Struct, reflect.Pointer:
		return "section"
	case reflect.Map:
		return "map of numbers"
	}
	return "number"
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
