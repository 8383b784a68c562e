package attribute

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// A shell script can't ask Kinds what to register; it must say the same. Everywhere else `starter provision` does it.
func TestTheStackRegistersAllAttributes(t *testing.T) {
	want := map[string]string{}
	for name, kind := range Kinds() {
		want[name] = kind.String()
	}
	script, err := os.ReadFile(filepath.Join("..", "scripts", "stack.sh"))
	require.NoError(t, err)
	got := map[string]string{}
	for _, found := range regexp.MustCompile(`--search-attribute (\w+)=(\w+)`).FindAllStringSubmatch(string(script), -1) {
		got[found[1]] = found[2]
	}
	require.Equal(t, want, got)
}
