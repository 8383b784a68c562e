package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
)

// answer is one line of a server of steps: how long the step took. The first one, before any request, tells that the
// server has warmed up, and what its network is.
type answer struct {
	Seconds float64 `json:"seconds"`
	// Parameters counts the trained numbers.
	Parameters int    `json:"parameters,omitempty"`
	Version    string `json:"version,omitempty"`
}

// serveSteps answers each line with a step until the input ends. peer.py does the same.
func serveSteps(ctx context.Context, s sizes, p precision, in io.Reader, out io.Writer) error {
	step, err := newStepProbe(s, p)
	if err != nil {
		return err
	}
	defer step.close()
	parameters := 0
	for _, parameter := range step.network.Parameters {
		parameters += parameter.Value.Shape().TotalSize()
	}
	replies := json.NewEncoder(out)
	if err := replies.Encode(answer{Parameters: parameters, Version: conditions()}); err != nil {
		return fmt.Errorf("tell that the network is ready: %w", err)
	}
	for requests := bufio.NewScanner(in); requests.Scan(); {
		if err := step.sample(ctx); err != nil {
			return err
		}
		if err := replies.Encode(answer{Seconds: step.took[len(step.took)-1]}); err != nil {
			return fmt.Errorf("tell how long a step took: %w", err)
		}
	}
	return nil
}
