package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"twinview/experiment"
	"twinview/experiment/reference"
)

func newSpecExplainCommand() *cobra.Command {
	var format output
	c := &cobra.Command{
		Use:   "explain [KEY]",
		Short: "Say what a field of a spec means, what it may be and what its default is",
		Long: `explain tells about one field of a spec, or about a section and all that is in it; without KEY, about the whole spec. It is
what docs/spec.md says.`,
		Example: `  starter spec explain pretrain.optimizer.momentum
  starter spec explain augment.first_view
  starter spec explain -o json | jq -r '.[].field'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			fields, err := explained(strings.Join(args, ""))
			if err != nil {
				return err
			}
			if format == outputJSON {
				return writeJSON(c.OutOrStdout(), fields)
			}
			return writeFields(c.OutOrStdout(), fields)
		},
		ValidArgsFunction: completeKeys,
	}
	format.addFlag(c)
	return c
}

// explained are the field of a key and those inside it; all where the key is empty.
func explained(key string) ([]reference.Field, error) {
	fields := reference.Fields()
	if key == "" {
		return fields, nil
	}
	fields = slices.DeleteFunc(fields, func(f reference.Field) bool {
		return f.Path != key && !strings.HasPrefix(f.Path, key+".")
	})
	if len(fields) > 0 {
		return fields, nil
	}
	spec := experiment.Default()
	return nil, usageError{experiment.Set(&spec, key+"=")} // which knows no such key either, and what was meant
}

// writeFields tells what the first field means, and of those inside it what there is.
func writeFields(w io.Writer, fields []reference.Field) error {
	if len(fields) == 1 || fields[1].Inside(fields[0]) {
		fmt.Fprintf(w, "%s: %s\n\n%s\n\n", fields[0].Path, fields[0].Value(), wrap(fields[0].Meaning, 100))
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FIELD\tDEFAULT\tVALUE")
	for _, f := range fields {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Path, f.Defaults(), f.Value())
	}
	return table.Flush()
}

// wrap breaks a text into lines of at most so many characters.
func wrap(text string, width int) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimLeft(line+" "+word, " ")
	}
	return strings.Join(append(lines, line), "\n")
}
