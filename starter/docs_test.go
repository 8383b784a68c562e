package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shellLines are the commands in a page's blocks of shell, without their comments, continued lines put together.
func shellLines(page string) []string {
	var lines []string
	inside, continued := false, ""
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```sh"
			continue
		case !inside || line == "" || strings.HasPrefix(line, "#"):
			continue
		}
		line, _, _ = strings.Cut(line, "  #")
		if rest, ok := strings.CutSuffix(line, `\`); ok {
			continued += rest
			continue
		}
		lines = append(lines, continued+line)
		continued = ""
	}
	return lines
}

func TestShellLines(t *testing.T) {
	page := "```sh\nmake up  # it stays\n\n# nothing\nbin/starter run a \\\n  --watch\n```\n\n```yaml\nname: no\n```\n"
	require.Equal(t, []string{"make up", "bin/starter run a --watch"}, shellLines(page))
}

var (
	// starterCall is what stands behind the program's name, up to whatever the shell does with it.
	starterCall = regexp.MustCompile(`(?:^|&& |\|\| |\(|; )(?:bin/)?starter ([^|;>&#)]+)`)
	makeCall    = regexp.MustCompile(`^make ([a-z-]+)`)
)

// Each command in the README and the documentation has a verb and flags that there are, each target of make is one, and each
// recipe is a file.
func TestCommandsInTheDocumentation(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	makefile, err := os.ReadFile("../Makefile")
	require.NoError(t, err)
	commands := 0
	for _, path := range append(pages, "../README.md", "../CONTRIBUTING.md") {
		page, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, line := range shellLines(string(page)) {
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
