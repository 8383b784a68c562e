package experiment

import (
	"maps"
	"reflect"
	"regexp"
)

// Complete is s with every section that it leaves out, as an empty one in a file gives it, and with one item in each list of
// sections that is empty.
func (s Spec) Complete() Spec {
	complete(reflect.ValueOf(&s).Elem())
	return s
}

// complete writes into v only what was absent: a section that was there may be shared with another spec.
func complete(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Kind() {
		case reflect.Pointer:
			if f.IsNil() {
				prepare(v, i, false)
				complete(f.Elem())
			}
		case reflect.Slice:
			if f.Len() == 0 && f.Type().Elem().Kind() == reflect.Struct {
				f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			}
		case reflect.Struct:
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
			s := Default().Complete()
			s.Method.Name, s.Augment.Views = method, 2
			for _, o := range []*Optimizer{
				&s.Pretrain.Optimizer, &s.Linear.Optimizer, &s.LinearAugmented.Optimizer, &s.Finetune.Optimizer, &s.Ablation.Optimizer,
			} {
				o.Name = optimizer
			}
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
