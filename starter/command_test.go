package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// eachVerb calls see with every command that people run.
func eachVerb(t *testing.T, see func(t *testing.T, c *cobra.Command)) {
	root := newCommand()
	root.InitDefaultCompletionCmd()
	verbs := 0
	walk(root, func(c *cobra.Command) {
		if !c.Runnable() || c.Parent().Name() == "completion" {
			return
		}
		verbs++
		t.Run(c.CommandPath(), func(t *testing.T) { see(t, c) })
	})
	require.Greater(t, verbs, 15)
}

// plain are the verbs that print no data, and what they print instead.
var plain = map[string]string{
	"starter spec":      "its help",
	"starter spec init": "a file",
	"starter watch":     "a story without end",
}

// Whatever prints data prints it as JSON too.
func TestEveryVerbThatPrintsDataHasJSON(t *testing.T) {
	eachVerb(t, func(t *testing.T, c *cobra.Command) {
		f := c.Flags().Lookup("output")
		if plain[c.CommandPath()] != "" {
			return
		}
		require.NotNil(t, f, "-o json is missing")
		require.Equal(t, "o", f.Shorthand)
		require.Equal(t, "text", f.DefValue)
	})
}

// The help of each verb says what it does and teaches by examples that are of this verb and have only flags that exist.
func TestEveryVerbTeachesByExample(t *testing.T) {
	eachVerb(t, func(t *testing.T, c *cobra.Command) {
		require.NotEmpty(t, c.Short)
		require.Greater(t, len(c.Long), len(c.Short))
		require.Contains(t, c.Example, c.CommandPath())
		for line := range strings.FieldsFuncSeq(c.Example, func(r rune) bool { return strings.ContainsRune("\n|;>#&", r) }) {
			if _, line, ok := strings.Cut(line, "starter "); ok {
				requireFlags(t, c.Root(), strings.Fields(line))
			}
		}
	})
}

func requireFlags(t *testing.T, root *cobra.Command, line []string) {
	t.Helper()
	root.InitDefaultCompletionCmd(line...) // which cobra adds only when it runs
	c, _, err := root.Find(line)
	require.NoError(t, err)
	require.True(t, c.Runnable(), line)
	for _, word := range line {
		name, _, _ := strings.Cut(word, "=")
		if long, ok := strings.CutPrefix(name, "--"); ok {
			require.NotNil(t, c.Flag(long), "%s of the example is no flag of %s", name, c.CommandPath())
		} else if short, ok := strings.CutPrefix(name, "-"); ok && short != "" {
			require.NotNil(t, c.Flags().ShorthandLookup(short), "%s of the example is no flag of %s", name, c.CommandPath())
		}
	}
}

func TestEveryArgumentIsCompleted(t *testing.T) {
	eachVerb(t, func(t *testing.T, c *cobra.Command) {
		if strings.Contains(c.Use, " ") {
			require.NotNil(t, c.ValidArgsFunction)
		}
	})
}

func TestHelpTellsExitCodes(t *testing.T) {
	require.Contains(t, newCommand().Long, exitHelp)
}

// docs/starter.md says of every verb and of every exit code what the help says.
func TestVerbsAndExitCodesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/starter.md")
	require.NoError(t, err)
	for _, c := range newCommand().Commands() {
		require.Contains(t, string(text), "`"+c.Name(), c.Name())
	}
	for line := range strings.Lines(exitHelp) {
		if code, meaning, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			words := strings.Fields(meaning)
			require.Contains(t, string(text), "| "+code+" | "+strings.Join(words[:min(3, len(words))], " "))
		}
	}
}
