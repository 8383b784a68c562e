package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"twinview/bench/gpu/result"
)

// print writes the table for people.
func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "\nTwinview %s on %s\n", r.Version, r.Device)
	if r.StandIn {
		fmt.Fprintln(w, "THIS IS NOT A GPU: a stand-in for the driver ran the kernels on the processor. All speeds are meaningless.")
	} else if r.Quick {
		fmt.Fprintln(w, "Tiny sizes (--quick): speeds say nothing.")
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nSTEP\tSTATUS\tSECONDS\tWHAT")
	for _, s := range r.Steps {
		row(table, s.Name, s)
		for _, t := range s.Tests {
			if t.Status == result.Failed {
				row(table, "  "+t.Name, t)
			}
		}
	}
	for _, s := range r.Steps {
		if s.Name == "roofline" && len(s.Figures) > 0 {
			kernels(table, s.Figures)
		}
	}
	table.Flush()
}

func row(table io.Writer, name string, s result.Step) {
	lines := shortened(append(headlines(s), strings.Split(s.Reason, "\n")...))
	first := ""
	if len(lines) > 0 {
		first = lines[0]
	}
	fmt.Fprintf(table, "%s\t%s\t%.1f\t%s\n", name, s.Status, s.Seconds, first)
	for _, line := range lines[min(1, len(lines)):] {
		fmt.Fprintf(table, "\t\t\t%s\n", line)
	}
}

// shortened leaves out empty lines and what would widen the table.
func shortened(lines []string) []string {
	const most, width = 24, 150
	var kept []string
	for _, line := range lines {
		if line = strings.TrimSpace(strings.ReplaceAll(line, "\t", " ")); line != "" && len(kept) < most {
			kept = append(kept, strings.ToValidUTF8(line[:min(width, len(line))], ""))
		}
	}
	return kept
}

// headlines are what a step comes to.
func headlines(s result.Step) (lines []string) {
	if len(s.Tests) > 0 {
		lines = append(lines, counts(s.Tests))
	}
	told := map[string]bool{
		"device": true, "bandwidth": true, "peak_bfloat16": true, "loss": true, "gradients": true, "same_bits": true, "memcheck": true,
		"racecheck": true, "step": true, "train": true, "train_measured": true, "pytorch": true, "train_to_pytorch": true, "train_measured_to_pytorch": true,
		"best_knn": true, "training": true, "fill": true, "begin": true, "end": true,
	}
	for _, f := range s.Figures {
		if told[f.Name] && (f.Value != 0 || f.Note != "") {
			lines = append(lines, sentence(f))
		}
	}
	return lines
}

func counts(tests []result.Step) string {
	text := fmt.Sprintf("%d tests passed, %d failed, %d skipped", count(tests, result.Passed), count(tests, result.Failed),
		count(tests, result.Skipped))
	if n := count(tests, result.NotReached); n > 0 {
		text += fmt.Sprintf(", %d not reached", n)
	}
	return text
}

func sentence(f result.Figure) string {
	text := f.Name
	if f.Of != "" {
		text += ", " + f.Of
	}
	if f.Unit != "" {
		text += fmt.Sprintf(": %.4g %s", f.Value, f.Unit)
	}
	if f.Bound > 0 {
		text += fmt.Sprintf(", %.4g at best", f.Bound)
	}
	if f.Note != "" {
		text += " (" + strings.Join(strings.Fields(f.Note), " ") + ")"
	}
	return text
}

// kernels lists those of training in bfloat16: of each convolution the fastest, and how much slower the one is that is tried first.
func kernels(table io.Writer, figures []result.Figure) {
	first := map[string]float64{}
	for _, f := range figures {
		if f.Chosen {
			first[f.Of+f.Direction+number(f.Kernel)] = f.Value
		}
	}
	fmt.Fprintln(table, "\nKERNEL\tOF\tµs\tAT BEST\tROOFLINE")
	for _, f := range figures {
		if f.Name != "kernel" || f.Rank > 1 || number(f.Kernel) == "float32" && !(f.InStep() && f.Count > 0) {
			continue
		}
		note := f.Note
		if chosen := first[f.Of+f.Direction+number(f.Kernel)]; f.Rank == 1 && chosen > f.Value {
			note = strings.TrimPrefix(note+fmt.Sprintf(", the one listed first takes %.4g", chosen), ", ")
		}
		fmt.Fprintf(table, "%s\t%s\t%.4g\t%.4g\t%.0f %%  %s\n", f.Kernel, f.Of, f.Value, f.Bound, 100*f.Roofline, note)
	}
}

// number is the type of numbers in a kernel's name.
func number(kernel string) string {
	for _, n := range []string{"bfloat16", "tf32", "float32"} {
		if strings.Contains(kernel, n) {
			return n
		}
	}
	return ""
}
