package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"twinview/bench/server"
	"twinview/experiment"
)

// Requests to a server of steps, one a line.
const (
	// stepRequest asks for forward and backward.
	stepRequest = "step"
	// updateRequest asks for a whole step: SGD with momentum moves the weights too. Ours draws its views besides.
	updateRequest = "update"
)

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
	if err := replies.Encode(server.Answer{Parameters: parameters, Version: conditions()}); err != nil {
		return fmt.Errorf("tell that the network is ready: %w", err)
	}
	updates, err := newEpochProbe(s, p)
	if err != nil {
		return err
	}
	defer updates.close()
	updates.spec.Pretrain.Optimizer.Name = experiment.SGD
	for requests := bufio.NewScanner(in); requests.Scan(); {
		seconds, err := serve(ctx, requests.Text(), step, updates)
		if err != nil {
			return err
		}
		if err := replies.Encode(server.Answer{Seconds: seconds}); err != nil {
			return fmt.Errorf("tell how long a step took: %w", err)
		}
	}
	return nil
}

func serve(ctx context.Context, request string, step *stepProbe, updates *epochProbe) (seconds float64, err error) {
	if request != updateRequest {
		err := step.sample(ctx)
		return step.took[len(step.took)-1], err
	}
	if err := updates.sample(ctx); err != nil {
		return 0, err
	}
	return updates.perView[len(updates.perView)-1] * float64(step.views), nil
}
