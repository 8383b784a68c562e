package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// probe measures one thing, a sample at a time, so that all of them take turns and a slow minute of the machine falls on
// each alike. It has warmed up when it is made.
type probe interface {
	sample(ctx context.Context) error
	records() ([]record, error)
	close() error
}

// alternate takes the samples of all probes in turn.
func alternate(ctx context.Context, probes []probe, repetitions int, log io.Writer) error {
	for repetition := range repetitions {
		fmt.Fprintf(log, "repetition %d of %d ...\n", repetition+1, repetitions)
		for _, p := range probes {
			if err := ctx.Err(); err != nil {
				return err
			}
			settle()
			if err := p.sample(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle waits until nobody's OpenMP threads spin any more: those of the engine and those of the library are two teams,
// and one that has just finished would take the other's cores for some milliseconds.
func settle() { time.Sleep(50 * time.Millisecond) }
