package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// writeTable sums up rounds.
func writeTable(w io.Writer, outcomes []outcome) error {
	var checkpoints, others account
	var lost, unexpected, differ, passed int
	var repeated, takeOvers []time.Duration
	done, missed := map[string]int{}, map[string]int{}
	for _, o := range outcomes {
		checkpoints.add(o.ledger.checkpoints)
		others.add(o.ledger.others)
		lost += len(o.ledger.lost)
		unexpected += len(o.ledger.unexpected)
		differ += len(o.differ)
		repeated = append(repeated, o.repeated...)
		takeOvers = append(takeOvers, o.takeOvers...)
		for _, k := range o.done {
			done[k.name]++
		}
		for _, k := range o.missed {
			missed[k.name]++
		}
		if len(o.problems) == 0 {
			passed++
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\nharm\tdone\tmoment never came\n")
	for _, k := range kinds {
		fmt.Fprintf(t, "%s\t%d\t%d\n", k.name, done[k.name], missed[k.name])
	}
	fmt.Fprintf(t, "\n\tattempted\tacknowledged\tremoved\tread back\n")
	for _, row := range []struct {
		name string
		account
	}{{"checkpoints", checkpoints}, {"other objects", others}} {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\n", row.name, row.attempted, row.acknowledged, row.removed, row.readBack)
	}
	fmt.Fprintf(t, "\nobjects lost\t%d\nobjects unexpected\t%d\n", lost, unexpected)
	fmt.Fprintf(t, "work repeated\t%s\n", spread(repeated))
	fmt.Fprintf(t, "take-over by another worker\t%s\n", spread(takeOvers))
	fmt.Fprintf(t, "digests that differ\t%d\n", differ)
	fmt.Fprintf(t, "rounds\t%d\n\n", len(outcomes))
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d passed, %d failed\n", passed, len(outcomes)-passed)
	return err
}

// spread is a median and a maximum.
func spread(all []time.Duration) string {
	if len(all) == 0 {
		return "never"
	}
	sorted := slices.Sorted(slices.Values(all))
	return fmt.Sprintf("median %.1f s, at most %.1f s (%d times)",
		sorted[len(sorted)/2].Seconds(), sorted[len(sorted)-1].Seconds(), len(sorted))
}
