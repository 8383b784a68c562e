package report

import (
	"fmt"
	"math"
	"reflect"
	"strings"
)

// finite returns an error that names the first float in v, by its JSON path, that is NaN or infinite. JSON has no such
// numbers, and one of them in a result means that something went wrong earlier, so it is refused and not replaced.
func finite(path string, v any) error { return finiteValue(path, reflect.ValueOf(v)) }

func finiteValue(path string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%s is %v: a diverged or broken run has no report", path, f)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return finiteValue(path, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := finiteValue(fmt.Sprintf("%s[%d]", path, i), v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if err := finiteValue(path+"."+name, v.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}
