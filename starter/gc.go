package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"twinview/experiment"
	"twinview/layout"
	"twinview/storage"
)

func newGCCommand(t *target) *cobra.Command {
	var (
		format output
		age    time.Duration
		dryRun bool
	)
	c := &cobra.Command{
		Use:   "gc [NAME...]",
		Short: "Remove what failed attempts left in the object store",
		Long: `gc removes training checkpoints that failed attempts left and that nothing will ask for, of the experiments named, else of
all. While an experiment runs, those are what lies beside the recorded checkpoint of an epoch; where it has ended, or Temporal
no longer knows it, also checkpoints that belong to no finished epoch.

What a record or a result names stays, and so do models, reports, specs and what was set aside as damaged. An experiment that
can't be judged, as a record can't be read or its result not be decrypted, is left as it is and makes gc fail.`,
		Example: `  starter gc --dry-run
  starter gc first --older-than 24h
  starter gc --dry-run -o json | jq .bytes`,
		RunE: func(c *cobra.Command, args []string) error {
			if age <= 0 {
				return usageError{fmt.Errorf("--older-than: %s is out of range: must be above 0, such as 1h", age)}
			}
			t, err := t.dial(c.Context())
			if err != nil {
				return err
			}
			defer t.Close()
			store, err := openStore(c.Context())
			if err != nil {
				return err
			}
			g := collector{connection: t, store: store, age: age, out: c.OutOrStdout()}
			g.DryRun, g.Experiments = dryRun, []collected{}
			if format != outputJSON {
				return g.collect(c.Context(), args)
			}
			g.out = io.Discard
			return errors.Join(g.collect(c.Context(), args), writeJSON(c.OutOrStdout(), g.collection))
		},
	}
	format.addFlag(c)
	c.Flags().DurationVar(&age, "older-than", time.Hour, "leave what was written more recently than this")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be removed")
	return c
}

// inventory is what gc needs of the store.
type inventory interface {
	layout.Inventory
	Remove(ctx context.Context, key string) error
}

// collector removes leftovers and counts them.
type collector struct {
	*connection
	store inventory
	age   time.Duration
	out   io.Writer
	collection
}

// collection is what was removed, or would be; the fields are those of gc's JSON.
type collection struct {
	DryRun      bool        `json:"dry_run"`
	Experiments []collected `json:"experiments"`
	Objects     int         `json:"objects"`
	Bytes       int64       `json:"bytes"`
}

// collected is that of one experiment.
type collected struct {
	Name string `json:"name"`
	// State is empty where it is not known.
	State   string   `json:"state,omitempty"`
	Removed []string `json:"removed"`
	// Error is why it was left as it is.
	Error string `json:"error,omitempty"`
}

// collect goes through the experiments, all where none is named. One that can't be judged does not keep it from the others.
func (g *collector) collect(ctx context.Context, names []string) error {
	for _, name := range names {
		if err := checkName(name); err != nil {
			return err
		}
	}
	stored, err := g.stored(ctx)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = stored
	}
	var failed error
	for _, name := range names {
		if !slices.Contains(stored, name) {
			failed = errors.Join(failed, noFiles(name))
			continue
		}
		if err := g.experiment(ctx, name); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s is left as it is: %w", name, err))
			g.present(name).Error = err.Error()
		}
	}
	fmt.Fprintf(g.out, "%s %s in %s\n", g.verb(), size(g.Bytes), count(g.Objects, "object"))
	return failed
}

// present is the experiment in the list, and a new entry where it isn't there yet.
func (g *collector) present(name string) *collected {
	if n := len(g.Experiments); n == 0 || g.Experiments[n-1].Name != name {
		g.Experiments = append(g.Experiments, collected{Name: name, Removed: []string{}})
	}
	return &g.Experiments[len(g.Experiments)-1]
}

func (g *collector) verb() string {
	if g.DryRun {
		return "would remove"
	}
	return "removed"
}

// stored are the names of the experiments that have objects.
func (g *collector) stored(ctx context.Context) ([]string, error) {
	const folder = "experiments/"
	objects, err := g.store.Objects(ctx, folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, o := range objects {
		if name, _, ok := strings.Cut(strings.TrimPrefix(o.Key, folder), "/"); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// experiment removes the leftovers of one.
func (g *collector) experiment(ctx context.Context, name string) error {
	known, state, err := g.known(ctx, name)
	if err != nil {
		return err
	}
	g.present(name).State = state
	left, err := layout.Leftovers(ctx, g.store, name, known, g.age)
	if err != nil {
		return err
	}
	if len(left) == 0 {
		fmt.Fprintf(g.out, "%s (%s): nothing\n", name, state)
		return nil
	}
	if known.Ended {
		again, _, err := g.known(ctx, name)
		if err != nil {
			return err
		}
		if !again.Ended {
			return errors.New("it has just begun anew: run gc again")
		}
	}
	fmt.Fprintf(g.out, "%s (%s): %s\n", name, state, g.verb())
	for _, o := range left { // in the order of keys: the manifest of a checkpoint before it
		if err := g.remove(ctx, o); err != nil {
			return err
		}
		g.present(name).Removed = append(g.present(name).Removed, o.Key)
		fmt.Fprintf(g.out, "  %s  %s\n", strings.TrimPrefix(o.Key, layout.Key(name)+"/"), size(o.Size))
	}
	return nil
}

func (g *collector) remove(ctx context.Context, o storage.Object) error {
	if !g.DryRun {
		if err := g.store.Remove(ctx, o.Key); err != nil {
			return err
		}
	}
	g.Objects++
	g.Bytes += o.Size
	return nil
}

// known is what Temporal knows of an experiment, and how it is doing in a word or two. Temporal forgets only what has ended.
func (t *connection) known(ctx context.Context, name string) (known layout.Known, state string, err error) {
	description, err := t.DescribeWorkflowExecution(ctx, name, "")
	if errors.As(err, new(*serviceerror.NotFound)) {
		return layout.Known{Ended: true}, "not known to Temporal", nil
	}
	if err != nil {
		return known, "", t.explain(name, err)
	}
	info := description.GetWorkflowExecutionInfo()
	state = status(info.GetStatus())
	switch info.GetStatus() {
	case enums.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		var r experiment.Result
		if err := t.GetWorkflow(ctx, name, info.GetExecution().GetRunId()).Get(ctx, &r); err != nil {
			return known, state, fmt.Errorf("read its result: %w", err)
		}
		known.Referenced, err = artifactsIn(r)
		known.Ended = true
	case enums.WORKFLOW_EXECUTION_STATUS_FAILED, enums.WORKFLOW_EXECUTION_STATUS_CANCELED,
		enums.WORKFLOW_EXECUTION_STATUS_TERMINATED, enums.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		known.Ended = true
	}
	return known, state, err
}

// artifactsIn are all artifacts that a value names anywhere.
func artifactsIn(value any) ([]experiment.Artifact, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return nil, err
	}
	var all []experiment.Artifact
	var walk func(any)
	walk = func(node any) {
		switch node := node.(type) {
		case []any:
			for _, item := range node {
				walk(item)
			}
		case map[string]any:
			if key, ok := node["key"].(string); ok {
				all = append(all, experiment.Artifact{Key: key})
			}
			for _, item := range node {
				walk(item)
			}
		}
	}
	walk(tree)
	return all, nil
}

// count is a number of things in words: "1 object", "2 objects".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
