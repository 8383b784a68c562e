package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
)

// runOptions are the flags of run.
type runOptions struct {
	name  string
	set   []string
	watch bool
}

func newRunCommand(t *target) *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run SPEC",
		Short: "Submit the experiment of a YAML file",
		Long: `run checks a spec and submits its experiment. Workers carry it out; it goes on whether anybody watches or not.

An experiment's name is its workflow's ID and its folder in the object store, so each name is used once. Only an
experiment that has failed can be run again under its name, with the same spec: it goes on from its checkpoints.`,
		Example: `  starter run configs/demo.yaml --watch
  starter run configs/demo.yaml --name cold --set method.temperature=0.1 --set pretrain.epochs=20`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			spec, err := readSpec(args[0], o)
			if err != nil {
				return err
			}
			t, err := t.dial(c.Context())
			if err != nil {
				return err
			}
			defer t.Close()
			if err := t.submit(c.Context(), spec); err != nil {
				return err
			}
			t.announce(c.Context(), c.OutOrStdout(), spec.Name)
			if !o.watch {
				fmt.Fprintf(c.OutOrStdout(), "watch it: starter watch %s\n", spec.Name)
				return nil
			}
			return watch(c.Context(), t, c.OutOrStdout(), spec.Name)
		},
	}
	f := c.Flags()
	f.StringVar(&o.name, "name", "", "the experiment's name; overrides the spec's")
	f.StringArrayVar(&o.set, "set", nil, "change a field, as in pretrain.epochs=5; may be repeated")
	f.BoolVarP(&o.watch, "watch", "w", false, "follow the experiment to its end, as starter watch does")
	return c
}

// readSpec is the spec in the file with the changes of the flags, validated.
func readSpec(path string, o runOptions) (experiment.Spec, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return experiment.Spec{}, fmt.Errorf("read spec: %w", err)
	}
	spec, err := experiment.Parse(data)
	if err != nil {
		return spec, fmt.Errorf("%s is no valid spec:\n%w", path, err)
	}
	for _, assignment := range o.set {
		if err := experiment.Set(&spec, assignment); err != nil {
			return spec, fmt.Errorf("--set %s: %w", assignment, err)
		}
	}
	spec.Name = cmp.Or(o.name, spec.Name)
	if err := spec.Validate(); err != nil {
		return spec, fmt.Errorf("%s is no valid spec:\n%w", path, err)
	}
	return spec, nil
}

// submissions is how often an experiment is submitted whose starting nobody confirms.
const submissions = 3

// submit starts the experiment's workflow. Where the answer is lost, it looks whether the experiment was started all the same.
func (t *connection) submit(ctx context.Context, spec experiment.Spec) error {
	err := t.start(ctx, spec)
	for range submissions - 1 {
		if !answerLost(err) || ctx.Err() != nil {
			break
		}
		if t.submittedHere(ctx, spec.Name) {
			return nil
		}
		err = t.start(ctx, spec)
	}
	if errors.As(err, new(*serviceerror.WorkflowExecutionAlreadyStarted)) {
		return t.inUse(ctx, spec.Name)
	}
	return t.explain(spec.Name, err)
}

// start tries first with search attributes. A server that refuses the request for them has none of them registered, and no
// experiment is worth less for that.
func (t *connection) start(ctx context.Context, spec experiment.Spec) error {
	attributes := t.attributes(spec)
	err := t.startWith(ctx, spec, attributes)
	if attributes.Size() == 0 || !errors.As(err, new(*serviceerror.InvalidArgument)) {
		return err
	}
	t.unsearchable = err
	return t.startWith(ctx, spec, temporal.NewSearchAttributes())
}

func (t *connection) startWith(ctx context.Context, spec experiment.Spec, attributes temporal.SearchAttributes) error {
	details, err := spec.YAML()
	if err != nil {
		return err
	}
	_, err = t.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:        spec.Name,
		TaskQueue: experiment.QueueGeneral,
		// One experiment a name: its objects are never overwritten. A failed one may go on where it was.
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		TypedSearchAttributes:                    attributes,
		StaticSummary:                            spec.Summary(),
		StaticDetails:                            "```yaml\n" + string(details) + "```\n",
	}, experiment.WorkflowExperiment, spec)
	return err
}

// answerLost says whether the server may have done what it was asked to: gRPC reports a connection that breaks off in the middle
// of an answer as an internal error.
func answerLost(err error) bool {
	return isAway(err) || errors.As(err, new(*serviceerror.Internal))
}

// submittedHere says whether the newest experiment of the name was submitted over this connection.
func (t *connection) submittedHere(ctx context.Context, name string) bool {
	history := t.GetWorkflowHistory(ctx, name, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !history.HasNext() {
		return false
	}
	first, err := history.Next()
	return err == nil && first.GetWorkflowExecutionStartedEventAttributes().GetIdentity() == t.options.Identity
}

// inUse says what the experiment that has the name is doing.
func (t *connection) inUse(ctx context.Context, name string) error {
	state := "exists already"
	if description, err := t.DescribeWorkflowExecution(ctx, name, ""); err == nil {
		state = "is " + status(description.GetWorkflowExecutionInfo().GetStatus())
	}
	return fmt.Errorf("the name %q is in use: that experiment %s, and nothing about it was changed: "+
		"see it with `starter show %s`, or choose another name with --name", name, state, name)
}

// announce says that the experiment has been submitted, and warns where nobody will take it up.
func (t *connection) announce(ctx context.Context, w io.Writer, name string) {
	fmt.Fprintf(w, "submitted %s to Temporal at %s\n", name, t.address)
	if page := t.webUI(name); page != "" {
		fmt.Fprintln(w, "web UI:", page)
	}
	if t.unsearchable != nil {
		fmt.Fprintf(w, "submitted without search attributes, so lists show less of it (%v): `starter doctor --fix` registers them "+
			"for the next experiment\n", t.unsearchable)
	}
	for _, queue := range []string{experiment.QueueGeneral, experiment.QueueTrain} {
		// Whether a worker polls is nice to know; the experiment has been submitted either way.
		if workers, err := t.workers(ctx, queue); err == nil && len(workers) == 0 {
			fmt.Fprintf(w, "no worker polls %q yet: the experiment waits until one does (`make up`, or bin/worker)\n", queue)
		}
	}
}
