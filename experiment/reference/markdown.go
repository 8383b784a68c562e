package reference

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"twinview/experiment"
)

//go:generate go run twinview/experiment/reference/generate ../../docs/spec.md

const introduction = `# The spec

<!-- Made by "go generate ./experiment/reference" from the comments, checks and defaults in experiment/. Don't edit it here. -->

An experiment is one YAML file. It needs a ` + "`name`" + `; all else has a default, which is that of SimCLR on CIFAR-10 unless
` + "`method.name`" + ` says otherwise. An unknown key is an error. ` + "`starter spec init`" + ` writes a whole one with comments,
` + "`starter spec check`" + ` says what is wrong with one, ` + "`starter spec explain KEY`" + ` says what is below, and every field can be
changed on the command line: ` + "`--set pretrain.epochs=20`" + `.

A section that may be left out has the defaults below where it is there, also if it is empty (` + "`ablation: {}`" + `). Where a
range depends on other fields, it is that of a spec with the other defaults.
`

// Markdown is docs/spec.md.
func Markdown() []byte {
	m := markdown{fields: Fields()}
	m.text.WriteString(introduction)
	m.table("", m.top())
	for _, f := range m.fields {
		if f.kind != nil && !strings.Contains(f.Path, ".") {
			fmt.Fprintf(&m.text, "\n## %s\n\n%s\n", f.Path, sentence(f))
			m.table(f.Path+".", m.inside(f.Path))
		}
	}
	for _, kind := range m.shared() {
		m.kind(kind)
	}
	return []byte(m.text.String())
}

type markdown struct {
	fields []Field
	text   strings.Builder
}

// top are the fields outside of all sections.
func (m *markdown) top() (top []Field) {
	for _, f := range m.fields {
		if f.kind == nil && !strings.Contains(f.Path, ".") {
			top = append(top, f)
		}
	}
	return top
}

// inside are the fields in a section, also in sections of it, but for what sections of a shared kind hold.
func (m *markdown) inside(path string) (inside []Field) {
	shared := ""
	for _, f := range m.fields {
		if !strings.HasPrefix(f.Path, path+".") || shared != "" && strings.HasPrefix(f.Path, shared) {
			continue
		}
		if inside, shared = append(inside, f), ""; f.kind != nil && slices.Contains(m.shared(), f.kind) {
			shared = f.Path + "."
		}
	}
	return inside
}

// shared are the kinds of which a spec has several sections, without those inside one of them.
func (m *markdown) shared() (kinds []reflect.Type) {
	count := map[reflect.Type]int{}
	within := ""
	for _, f := range m.fields {
		if f.kind == nil || within != "" && strings.HasPrefix(f.Path, within) {
			continue
		}
		count[f.kind]++
		if within = ""; !slices.Contains(kinds, f.kind) && m.times(f.kind) > 1 {
			kinds = append(kinds, f.kind)
		}
		if slices.Contains(kinds, f.kind) {
			within = f.Path + "."
		}
	}
	return kinds
}

func (m *markdown) times(kind reflect.Type) (n int) {
	for _, f := range m.fields {
		if f.kind == kind {
			n++
		}
	}
	return n
}

func (m *markdown) table(prefix string, fields []Field) {
	m.text.WriteString("\n| field | value | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, f := range fields {
		m.row(strings.TrimPrefix(f.Path, prefix), m.value(f), defaults(f), sentence(f))
	}
}

func (m *markdown) row(cells ...string) {
	cells[0] = "`" + cells[0] + "`"
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	fmt.Fprintf(&m.text, "| %s |\n", strings.Join(cells, " | "))
}

// value is the type with the range, or where the fields of a shared kind are.
func (m *markdown) value(f Field) string {
	switch {
	case f.kind != nil && slices.Contains(m.shared(), f.kind):
		return fmt.Sprintf("%s, see [%s](#%s)", f.Type, title(f.kind), strings.ReplaceAll(title(f.kind), " ", "-"))
	case len(f.Choices()) > 0:
		return "`" + strings.Join(f.Choices(), "`, `") + "`"
	}
	return f.Value()
}

// kind is a section about sections of one kind, with the defaults that each of them has.
func (m *markdown) kind(kind reflect.Type) {
	var places []Field
	for _, f := range m.fields {
		if f.kind == kind {
			places = append(places, f)
		}
	}
	first := places[0]
	fmt.Fprintf(&m.text, "\n## %s\n\n%s\n\nThis is what `%s` have.\n", title(kind), url.ReplaceAllString(readComments().section(kind, "It"), "<$0>"),
		strings.Join(paths(places), "`, `"))
	m.text.WriteString("\n| field | value | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, f := range m.inside(first.Path) {
		key := strings.TrimPrefix(f.Path, first.Path+".")
		m.row(key, m.value(f), m.each(places, key), sentence(f))
	}
}

var upperCase = regexp.MustCompile(`\B[A-Z]`)

// title is the kind's name in words.
func title(kind reflect.Type) string {
	return strings.ToLower(upperCase.ReplaceAllString(kind.Name(), " $0"))
}

func paths(fields []Field) (all []string) {
	for _, f := range fields {
		all = append(all, f.Path)
	}
	return all
}

// each says what the defaults of a key are in all sections of a kind: once where they are equal.
func (m *markdown) each(places []Field, key string) string {
	var values []string
	where := map[string][]string{}
	for _, place := range places {
		i := slices.IndexFunc(m.fields, func(f Field) bool { return f.Path == place.Path+"."+key })
		value := defaults(m.fields[i])
		if where[value] == nil {
			values = append(values, value)
		}
		where[value] = append(where[value], place.Path)
	}
	if len(values) == 1 {
		return values[0]
	}
	for i, value := range values {
		values[i] = fmt.Sprintf("%s in %s", value, strings.Join(where[value], ", "))
	}
	return strings.Join(values, "; ")
}

// defaults are those of a field, marked as code.
func defaults(f Field) string {
	simclr, twins := f.defaultText(f.Default), f.defaultText(f.Twins)
	switch {
	case f.Optional:
		return simclr
	case simclr == "":
		return "–"
	case simclr == twins:
		return "`" + simclr + "`"
	}
	return fmt.Sprintf("`%s` (`%s` for `%s`)", simclr, twins, experiment.BarlowTwins)
}

var url = regexp.MustCompile(`https?://[^\s;,)]+`)

// sentence is the meaning with the field's own key marked.
func sentence(f Field) string {
	text := url.ReplaceAllString(f.Meaning, "<$0>")
	if rest, ok := strings.CutPrefix(text, f.name+" "); ok {
		return "`" + f.name + "` " + rest
	}
	return text
}
