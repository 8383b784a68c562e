package emulator

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// WriteUnexecuted lists the instructions that no launch has executed: of each kernel that was launched how many, and which.
func (d *Device) WriteUnexecuted(to io.Writer) error {
	for _, kernel := range slices.Sorted(maps.Keys(d.programs)) {
		p := d.programs[kernel]
		var never []*statement
		count := 0
		for i := range p.code {
			in := &p.code[i]
			if in.end {
				continue
			}
			if count++; !in.reached {
				never = append(never, in.statement)
			}
		}
		if _, err := fmt.Fprintf(to, "%s: %d of %d instructions never executed\n", kernel, len(never), count); err != nil {
			return err
		}
		for _, st := range never {
			if _, err := fmt.Fprintf(to, "%s.ptx:%d: %s\n", p.module.name, st.line, st.text); err != nil {
				return err
			}
		}
	}
	return nil
}
