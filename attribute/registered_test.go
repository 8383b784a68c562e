package attribute

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// Shell scripts can't ask Kinds what to register; they must say the same.
func TestTheStacksRegisterAllAttributes(t *testing.T) {
	want := map[string]string{}
	for name, kind := range Kinds() {
		want[name] = kind.String()
	}
	for file, pattern := range map[string]string{
		filepath.Join("scripts", "stack.sh"): `--search-attribute (\w+)=(\w+)`,
		"docker-compose.yml":                 `--name (\w+) --type (\w+)`,
	} {
		text, err := os.ReadFile(filepath.Join("..", file))
		require.NoError(t, err)
		got := map[string]string{}
		for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			got[found[1]] = found[2]
		}
		require.Equal(t, want, got, file)
	}
}
