package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// writeTable lists records for people, the layers apart from all others.
func writeTable(w io.Writer, records []record) error {
	var layers []record
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nNAME\tPRECISION\tVALUE\tUNIT\tLOW – HIGH\t")
	for _, r := range records {
		if r.Name == "layer" {
			layers = append(layers, r)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Precision, r.number(r.Value), r.Unit, r.spread(), r.about())
	}
	if err := table.Flush(); err != nil || len(layers) == 0 {
		return err
	}
	return writeLayers(w, layers)
}

// writeLayers sets the kernels of a layer and direction side by side.
func writeLayers(w io.Writer, layers []record) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nLAYER\tDIRECTION\tPRECISION\tONEDNN MS\tGFLOP/S\tENGINE MS\tGFLOP/S\tLAYOUT")
	for i, r := range layers {
		if r.Kernel != libraryKernel {
			continue
		}
		own := "\t"
		if i+1 < len(layers) && layers[i+1].Kernel == ownKernel {
			own = number(layers[i+1].Value) + "\t" + number(layers[i+1].GFlops)
		}
		fmt.Fprintf(table, "%d × %s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Count, r.Layer, r.Direction, r.Precision,
			number(r.Value), number(r.GFlops), own, r.Note)
	}
	return table.Flush()
}

// about is what a record is of, beside its name.
func (r record) about() string {
	what := r.Op + r.Mode
	if r.Note == "" {
		return what
	}
	if what != "" {
		what += ": "
	}
	return what + r.Note
}

func (r record) spread() string {
	if r.Low == r.High {
		return ""
	}
	return r.number(r.Low) + " – " + r.number(r.High)
}

// number writes fractions in a form that can be compared at a glance.
func (r record) number(v float64) string {
	if r.Unit == "fraction" {
		return fmt.Sprintf("%.4f", v)
	}
	return number(v)
}

// number has four digits that count.
func number(v float64) string {
	if v >= 1000 || v <= -1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}
