package reference

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strings"

	"twinview/experiment"
)

// comments are those of the source of package experiment, by type and by "Type.Field", each in one line.
type comments struct{ of map[string]string }

// readComments can't fail: the compiler has read the very same files.
func readComments() comments {
	c := comments{map[string]string{}}
	files, err := experiment.Source.ReadDir(".")
	if err != nil {
		panic(err)
	}
	for _, f := range files {
		text, err := experiment.Source.ReadFile(f.Name())
		if err != nil {
			panic(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			panic(err)
		}
		c.read(file)
	}
	return c
}

func (c comments) read(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		declared, ok := n.(*ast.GenDecl)
		if !ok || declared.Tok != token.TYPE {
			return true
		}
		for _, spec := range declared.Specs {
			t := spec.(*ast.TypeSpec)
			of, ok := t.Type.(*ast.StructType)
			if !ok {
				continue
			}
			c.of[t.Name.Name] = line(declared.Doc)
			for _, field := range of.Fields.List {
				for _, name := range field.Names {
					c.of[t.Name.Name+"."+name.Name] = line(field.Doc)
				}
			}
		}
		return false
	})
}

func line(comment *ast.CommentGroup) string {
	return strings.Join(strings.Fields(comment.Text()), " ")
}

// field is the meaning of a field of t for readers of specs, who know no names of Go.
func (c comments) field(t reflect.Type, field string) string {
	return translate(t, c.of[t.Name()+"."+field])
}

// section is that of a section with the key.
func (c comments) section(t reflect.Type, key string) string {
	text := c.of[t.Name()]
	if rest, ok := strings.CutPrefix(text, t.Name()+" "); ok {
		text = key + " " + rest
	}
	return translate(t, text)
}

var (
	// A genitive is that of a person.
	identifier = regexp.MustCompile(`\b[A-Z][A-Za-z0-9]*(\.[A-Z][A-Za-z0-9]*)?\b('s)?`)
	absent     = strings.NewReplacer("Nil,", "Absent,", "nil,", "absent,")
)

// translate puts the names of fields, those of t and "Section.Field" of any section, into the form that they have in a spec.
func translate(t reflect.Type, text string) string {
	text = identifier.ReplaceAllStringFunc(text, func(name string) string {
		if section, field, qualified := strings.Cut(name, "."); qualified {
			if of, ok := reflect.TypeFor[experiment.Spec]().FieldByName(section); ok {
				return fmt.Sprintf("%s.%s", key(of), keyIn(of.Type, field))
			}
			return name
		}
		return keyIn(t, name)
	})
	return absent.Replace(text)
}

// keyIn is the key of t's field of that name, or the name where there is none.
func keyIn(t reflect.Type, name string) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if of, ok := t.FieldByName(name); ok {
		return key(of)
	}
	return name
}

func key(of reflect.StructField) string {
	name, _, _ := strings.Cut(of.Tag.Get("yaml"), ",")
	return name
}
