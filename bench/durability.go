package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/frontend"
	"twinview/payload"
	"twinview/train"
)

// durabilityOptions say what is trained with and without Temporal and storage.
type durabilityOptions struct {
	set         []string
	repetitions int
}

func newDurabilityCommand() *cobra.Command {
	var o durabilityOptions
	c := &cobra.Command{
		Use:   "durability SPEC",
		Short: "Measure what orchestration and checkpoints cost",
		Long: `durability pretrains as SPEC says, through the Temporal, the worker and the object store that the environment names, and
the same once before and once after with nothing around it: one loop in this process, which stores nothing. All must end in
the same bits. A worker must be polling on this machine, and nothing else be going on here.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			spec, err := readDurabilitySpec(args[0], o.set)
			if err != nil {
				return err
			}
			records, err := measureDurability(c.Context(), spec, o.repetitions, c.ErrOrStderr())
			if err != nil {
				return err
			}
			return write(c, records)
		},
	}
	c.Flags().StringArrayVar(&o.set, "set", nil, "change a field of the spec, as in pretrain.epochs=3; may be repeated")
	c.Flags().IntVar(&o.repetitions, "repetitions", 1, "durable runs, each between two bare ones")
	return c
}

// readDurabilitySpec leaves all but pretraining out.
func readDurabilitySpec(path string, set []string) (experiment.Spec, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return experiment.Spec{}, fmt.Errorf("read spec: %w", err)
	}
	spec, err := experiment.Parse(data)
	if err != nil {
		return spec, fmt.Errorf("%s is no valid spec:\n%w", path, err)
	}
	for _, assignment := range set {
		if err := experiment.Set(&spec, assignment); err != nil {
			return spec, fmt.Errorf("--set %s: %w", assignment, err)
		}
	}
	spec.Linear.Epochs, spec.Finetune.Epochs, spec.LinearAugmented, spec.Ablation = 0, 0, nil, nil
	return spec, spec.Validate()
}

// trained is one pretraining: the time of the whole stage, and the digest of the state that it ended in.
type trained struct {
	seconds float64
	sha256  string
}

func measureDurability(ctx context.Context, spec experiment.Spec, repetitions int, log io.Writer) ([]record, error) {
	split, classes, err := readSplit(&spec)
	if err != nil {
		return nil, err
	}
	keys, err := payload.KeysFromEnv()
	if err != nil {
		return nil, err
	}
	options, err := frontend.Options("", "", keys)
	if err != nil {
		return nil, err
	}
	temporal, err := frontend.Dial(ctx, options)
	if err != nil {
		return nil, err
	}
	defer temporal.Close()
	fmt.Fprintln(log, conditions())
	var bare, durable samples
	var digest string
	for turn := range 2*repetitions + 1 {
		name, taken := "bare", &bare
		run := func() (trained, error) { return trainBare(ctx, &spec, split, classes) }
		if turn%2 == 1 {
			name, taken = "durable", &durable
			run = func() (trained, error) { return trainDurably(ctx, temporal, spec) }
		}
		t, err := run()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(log, "%-8s %.1f s, state %.12s\n", name, t.seconds, t.sha256)
		if digest == "" {
			digest = t.sha256
		}
		if t.sha256 != digest {
			return nil, fmt.Errorf("the %s run ended in the state %.12s, the first one in %.12s: they did not do the same work",
				name, t.sha256, digest)
		}
		taken.add(t.seconds)
	}
	share := 1 - bare.median()/durable.median()
	return []record{
		bare.plain("pretraining_bare", "s"), durable.plain("pretraining_durable", "s"),
		{Name: "durability_share", Value: share, Unit: "fraction", Note: "of the time, for orchestration and checkpoints"},
	}, nil
}

// readSplit returns the images and the number of their classes.
func readSplit(spec *experiment.Spec) (dataset.Split, int, error) {
	source, _, err := dataset.Locate(spec.Dataset)
	if err != nil {
		return dataset.Split{}, 0, err
	}
	f, err := os.Open(source)
	if err != nil {
		return dataset.Split{}, 0, fmt.Errorf("open data set: %w", err)
	}
	defer f.Close()
	data, err := dataset.ReadCIFAR10(f)
	if err != nil {
		return dataset.Split{}, 0, fmt.Errorf("read data set %s: %w", source, err)
	}
	split, err := data.Split(spec.Seed, spec.Dataset)
	return split, len(data.Classes), err
}

// trainBare does what the stage's activities do, and nothing for anybody to go on from.
func trainBare(ctx context.Context, spec *experiment.Spec, split dataset.Split, classes int) (trained, error) {
	precisions := nativePrecisions(full)
	o := train.Options{Compile: precisions[len(precisions)-1].compiler()}
	start := time.Now()
	s, err := train.NewPretrainState(spec)
	if err != nil {
		return trained{}, fmt.Errorf("make the training state: %w", err)
	}
	for epoch := range spec.Pretrain.Epochs {
		if _, err := train.PretrainEpoch(ctx, spec, split.Train, s, o); err != nil {
			return trained{}, fmt.Errorf("pretrain epoch %d: %w", epoch+1, err)
		}
		if (epoch+1)%spec.KNN.EveryEpochs != 0 && epoch+1 != spec.Pretrain.Epochs {
			continue
		}
		if err := monitor(ctx, spec, split, classes, s, o); err != nil {
			return trained{}, fmt.Errorf("monitor epoch %d: %w", epoch+1, err)
		}
	}
	t := trained{seconds: time.Since(start).Seconds()}
	sum := sha256.New()
	if err := s.Write(sum); err != nil {
		return t, fmt.Errorf("digest the state: %w", err)
	}
	t.sha256 = hex.EncodeToString(sum.Sum(nil))
	return t, nil
}

// monitor measures the validation split as pretraining does.
func monitor(
	ctx context.Context, spec *experiment.Spec, split dataset.Split, classes int, s *train.State, o train.Options,
) error {
	known, queries := split.Train.Head(spec.KNN.TrainImages), split.Validation.Head(spec.KNN.ValidationImages)
	_, err := train.EncoderKNN(ctx, spec, known, queries, s, classes, o)
	return err
}

// trainDurably runs the experiment under a name of its own. The time is that of the workflow of the stage, from its start to
// its close by the server's clock.
func trainDurably(ctx context.Context, c client.Client, spec experiment.Spec) (trained, error) {
	spec.Name = fmt.Sprintf("%s-durability-%s", spec.Name, time.Now().Format("20060102-150405"))
	options := client.StartWorkflowOptions{ID: spec.Name, TaskQueue: experiment.QueueGeneral}
	run, err := c.ExecuteWorkflow(ctx, options, experiment.WorkflowExperiment, spec)
	if err != nil {
		return trained{}, fmt.Errorf("submit %s: %w", spec.Name, err)
	}
	var result experiment.Result
	if err := run.Get(ctx, &result); err != nil {
		return trained{}, fmt.Errorf("experiment %s: %w", spec.Name, err)
	}
	pretraining := spec.Name + "/pretraining"
	history := c.GetWorkflowHistory(ctx, pretraining, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var first, last time.Time
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return trained{}, fmt.Errorf("history of %s: %w", pretraining, err)
		}
		if first.IsZero() {
			first = event.GetEventTime().AsTime()
		}
		last = event.GetEventTime().AsTime()
	}
	if len(result.Pretrain) == 0 {
		return trained{}, errors.New("the experiment has no epoch of pretraining")
	}
	digest := result.Pretrain[len(result.Pretrain)-1].Checkpoint.SHA256
	return trained{seconds: last.Sub(first).Seconds(), sha256: digest}, nil
}
