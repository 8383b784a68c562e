package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
)

func newRunCommand(t *target) *cobra.Command {
	var (
		format   output
		flags    specFlags
		watching bool
	)
	c := &cobra.Command{
		Use:   "run SPEC",
		Short: "Submit the experiment of a YAML file",
		Long: `run checks a spec and submits its experiment. Workers carry it out; it goes on whether anybody watches or not.

An experiment's name is its workflow's ID and its folder in the object store, so each name is used once. Only an
experiment that has failed can be run again under its name, with the same spec: it goes on from its checkpoints.

The spec is read as starter spec check reads it: with something wrong in it, nothing is submitted, all of that is named, and the
exit code is 2. With --watch the exit code is 5 where the experiment fails. SPEC may be "-" for standard input.`,
		Example: `  starter run configs/demo.yaml --watch
  starter run configs/demo.yaml --name cold --set method.temperature=0.1 --set pretrain.epochs=20
  for t in 0.1 0.2 0.5; do starter run first.yaml --name first-$t --set method.temperature=$t; done
  starter spec init --recipe demo --name second | starter run - -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			spec, err := readSpec(args[0], c.InOrStdin(), flags)
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
			s := t.submission(c.Context(), spec.Name)
			if format == outputJSON {
				return writeJSON(c.OutOrStdout(), s)
			}
			s.write(c.OutOrStdout())
			if !watching {
				fmt.Fprintf(c.OutOrStdout(), "watch it: starter watch %s\n", spec.Name)
				return nil
			}
			return watch(c.Context(), t, c.OutOrStdout(), spec.Name)
		},
	}
	format.addFlag(c)
	flags.add(c)
	c.Flags().BoolVarP(&watching, "watch", "w", false, "follow the experiment to its end, as starter watch does")
	// What watching tells is no single value.
	c.MarkFlagsMutuallyExclusive("watch", "output")
	return c
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

// submission is what is told of an experiment that was submitted; the fields are those of run's JSON.
type submission struct {
	Name      string `json:"name"`
	Address   string `json:"address"`
	Namespace string `json:"namespace"`
	WebUI     string `json:"web_ui,omitempty"`
	// Unsearchable is why lists show less of it: it was submitted without search attributes.
	Unsearchable string `json:"unsearchable,omitempty"`
	// Unpolled are the task queues that no worker polls yet: nobody will take the experiment up until one does.
	Unpolled []string `json:"unpolled_queues,omitempty"`
}

func (t *connection) submission(ctx context.Context, name string) submission {
	s := submission{Name: name, Address: t.address, Namespace: t.namespace, WebUI: t.webUI(name)}
	if t.unsearchable != nil {
		s.Unsearchable = t.unsearchable.Error()
	}
	for _, queue := range []string{experiment.QueueGeneral, experiment.QueueTrain} {
		// Whether a worker polls is nice to know; the experiment has been submitted either way.
		if workers, err := t.workers(ctx, queue); err == nil && len(workers) == 0 {
			s.Unpolled = append(s.Unpolled, queue)
		}
	}
	return s
}

func (s submission) write(w io.Writer) {
	fmt.Fprintf(w, "submitted %s to Temporal at %s\n", s.Name, s.Address)
	if s.WebUI != "" {
		fmt.Fprintln(w, "web UI:", s.WebUI)
	}
	if s.Unsearchable != "" {
		fmt.Fprintf(w, "submitted without search attributes, so lists show less of it (%s): `starter doctor --fix` registers them "+
			"for the next experiment\n", s.Unsearchable)
	}
	for _, queue := range s.Unpolled {
		fmt.Fprintf(w, "no worker polls %q yet: the experiment waits until one does (`make up`, or bin/worker)\n", queue)
	}
}
