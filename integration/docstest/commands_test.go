package docstest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommands(t *testing.T) {
	page := "```sh\nmake up  # it stays\n\n# nothing\nbin/starter run a \\\n  --watch\n```\n\n```yaml\nname: no\n```\n\n" +
		"```sh\na || case $? in\n  5) b ;;\nesac\ngrep '#' file  # in quotes\n```\n"
	commands, err := Commands(page)
	require.NoError(t, err)
	require.Equal(t, []string{
		"make up", "bin/starter run a   --watch", "a || case $? in\n  5) b ;;\nesac", "grep '#' file",
	}, commands)
	require.Equal(t, "name: no\n", Block(page, "yaml"))

	_, err = Commands("```sh\nfor a in b; do\n```\n")
	require.ErrorContains(t, err, "inside a command: for a in b; do")
}
