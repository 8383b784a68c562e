// Package docstest reads the commands out of the documentation, for tests that hold it to what the programs do.
package docstest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Pages are the paths of README.md and docs/*.md in the order in which they are read. Root is the repository's folder.
func Pages(root string) ([]string, error) {
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		return nil, err
	}
	return append([]string{filepath.Join(root, "README.md")}, pages...), nil
}

// Read returns the commands of the page at path.
func Read(path string) ([]string, error) {
	page, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	commands, err := Commands(string(page))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return commands, nil
}

// Commands are those in a page's blocks of shell, without comments. What the shell reads as one command is one, over however many
// lines it goes.
func Commands(page string) ([]string, error) {
	var commands []string
	inside, command := false, ""
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			if command != "" {
				return nil, fmt.Errorf("a block ends inside a command: %s", command)
			}
			inside = line == "```sh"
			continue
		case !inside || line == "" || strings.HasPrefix(line, "#"):
			continue
		}
		line, _, _ = strings.Cut(line, "  #")
		command += strings.TrimRight(line, " ")
		if !whole(command) {
			command += "\n"
			continue
		}
		commands = append(commands, strings.ReplaceAll(command, "\\\n", ""))
		command = ""
	}
	return commands, nil
}

// whole says whether the shell reads a command to its end.
func whole(command string) bool {
	if strings.HasSuffix(command, `\`) {
		return false
	}
	return exec.Command("bash", "-n", "-c", command).Run() == nil
}

// Block is the first block of a language, such as "yaml", in a page; empty where there is none.
func Block(page, language string) string {
	_, rest, found := strings.Cut(page, "```"+language+"\n")
	block, _, ended := strings.Cut(rest, "```")
	if !found || !ended {
		return ""
	}
	return block
}
