package experiment

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// unknownKey says what to write instead of key in the map at path, whose fields are those of t.
func unknownKey(key, path string, t reflect.Type) string {
	known := keys(t)
	if near, ok := nearest(key, known); ok {
		return fmt.Sprintf("unknown key; did you mean %q?", near)
	}
	if deeper := find(key, path, t); deeper != "" {
		return fmt.Sprintf("unknown key; did you mean %q?", deeper)
	}
	return "unknown key; the keys here are " + strings.Join(known, ", ")
}

// nearest is the known key with the fewest typing errors, if there are few enough to guess.
func nearest(key string, known []string) (string, bool) {
	if len(key) > 64 {
		return "", false
	}
	best := slices.MinFunc(known, func(a, b string) int { return distance(key, a) - distance(key, b) })
	return best, distance(key, best) <= max(1, len(best)/3)
}

// find is the path of a field named key somewhere below t, empty if there is none: optimizer settings, for one, are
// often looked for one level too high.
func find(key, path string, t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return ""
	}
	for i, name := range keys(t) {
		if name == key {
			return join(path, name)
		}
		if deeper := find(key, join(path, name), t.Field(i).Type); deeper != "" {
			return deeper
		}
	}
	return ""
}

// distance is the Levenshtein distance, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substituted := diagonal
			if a[i] != b[j] {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(substituted, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
