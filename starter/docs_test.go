package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/integration/docstest"
)

var (
	// starterCall is what stands behind the program's name, up to whatever the shell does with it.
	starterCall = regexp.MustCompile(`(?:^|&& |\|\| |\(|; )(?:bin/)?starter ([^|;>&#)]+)`)
	makeCall    = regexp.MustCompile(`^make ([a-z-]+)`)
)

// Each command in the README and the documentation has a verb and flags that there are, each target of make is one, and each
// recipe is a file.
func TestCommandsInTheDocumentation(t *testing.T) {
	pages, err := docstest.Pages("..")
	require.NoError(t, err)
	makefile, err := os.ReadFile("../Makefile")
	require.NoError(t, err)
	commands := 0
	for _, path := range append(pages, "../CONTRIBUTING.md") {
		lines, err := docstest.Read(path)
		require.NoError(t, err)
		for _, line := range lines {
			t.Run(filepath.Base(path)+"/"+line, func(t *testing.T) {
				for _, call := range starterCall.FindAllStringSubmatch(line, -1) {
					words := strings.Fields(call[1])
					requireFlags(t, newCommand(), words)
					requireRecipes(t, words)
					commands++
				}
				if call := makeCall.FindStringSubmatch(line); call != nil {
					require.Contains(t, string(makefile), "\n"+call[1]+": ##", "make has no target %s", call[1])
					commands++
				}
			})
		}
	}
	require.Greater(t, commands, 25)
}

func requireRecipes(t *testing.T, words []string) {
	t.Helper()
	for _, word := range words {
		if strings.HasPrefix(word, "configs/") {
			require.FileExists(t, filepath.Join("..", word))
		}
	}
}
