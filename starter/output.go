package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// output is the value of the flag that chooses between text for people and JSON for programs.
type output string

const (
	outputText output = "text"
	outputJSON output = "json"
)

func (o *output) String() string { return string(*o) }

// Type is what --help calls the value.
func (o *output) Type() string { return "text|json" }

func (o *output) Set(value string) error {
	switch v := output(value); v {
	case outputText, outputJSON:
		*o = v
		return nil
	}
	return fmt.Errorf("%q is no output format: must be text or json", value)
}

func (o *output) addFlag(c *cobra.Command) {
	*o = outputText
	c.Flags().VarP(o, "output", "o", "text for people or json for programs")
	formats := []cobra.Completion{string(outputText), string(outputJSON)}
	completeFlag(c, "output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
