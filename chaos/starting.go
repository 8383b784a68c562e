package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// killStarter kills a starter on its way, and submits the experiment again: whether the first one got through or not, there
// is one experiment.
func killStarter(ctx context.Context, r *round, h harm) error {
	p, _, err := r.starter()
	if err != nil {
		return err
	}
	sleep(ctx, h.after/2)
	p.kill()
	r.note(h.kind.name)
	return r.submit(ctx)
}

// loseRun has a starter not learn that it has submitted the experiment.
func loseRun(ctx context.Context, r *round, h harm) error {
	f := newLoss(h.how, callOf(h))
	r.temporalGate.arm(f)
	defer r.temporalGate.disarm(f)
	if err := r.submit(ctx); err != nil {
		return err
	}
	r.note(h.kind.name)
	return nil
}

// submit runs a starter to its end. That the name is in use is success: a starter before it has submitted the experiment.
func (r *round) submit(ctx context.Context) error {
	p, output, err := r.starter()
	if err != nil {
		return err
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.kill()
		return context.Cause(ctx)
	}
	if p.err != nil && !strings.Contains(output.String(), "is in use") {
		return fmt.Errorf("starter run: %w: %s", p.err, output.String())
	}
	return nil
}

func (r *round) starter() (*process, *bytes.Buffer, error) {
	c := exec.Command(filepath.Join(r.programs, "starter"), "run", r.spec, "--name", r.name())
	c.Dir, c.Env = r.dir, r.environment(r.temporalGate.address(), r.storeGate.address())
	var output bytes.Buffer
	p, err := launch(c, &output)
	return p, &output, err
}
