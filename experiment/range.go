package experiment

import (
	"maps"
	"reflect"
	"regexp"
)

// Complete is Default with every section that a spec may leave out, as an empty one in a file gives it, and with one item in
// each list of sections.
func Complete() Spec {
	s := Default()
	complete(reflect.ValueOf(&s).Elem())
	return s
}

func complete(v reflect.Value) {
	for i := range v.NumField() {
		prepare(v, i, false)
		f := v.Field(i)
		if f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		if f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct {
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			f = f.Index(0)
		}
		if f.Kind() == reflect.Struct {
			complete(f)
		}
	}
}

// Ranges says by path what Validate lets a field be, such as "1 to 4096". Where that depends on other fields, it is what a spec
// of defaults may have. Items of lists have no number in their path: "pretrain.progressive_resizing.size".
func Ranges() map[string]string {
	ranges := map[string]string{}
	// Some fields are checked only where a method or an optimiser uses them. The defaults come last, and prevail.
	for _, method := range []string{BarlowTwins, SimCLR} {
		for _, optimizer := range []string{SGD, AdamW, LARS} {
			s := Complete()
			s.Method.Name, s.Pretrain.Optimizer.Name = method, optimizer
			s.Augment.Views = 2
			c := checker{ranges: map[string]string{}}
			s.check(&c)
			maps.Copy(ranges, c.ranges)
		}
	}
	for path, be := range ranges {
		if field := itemNumber.ReplaceAllString(path, ""); field != path {
			delete(ranges, path)
			if _, whole := ranges[field]; !whole {
				ranges[field] = be
			}
		}
	}
	return ranges
}

var itemNumber = regexp.MustCompile(`\[\d+\]`)
