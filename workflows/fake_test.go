package workflows

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"twinview/experiment"
)

// fakes are activities that answer at once with results that can be told apart. They stand in for a worker that trains.
type fakes struct {
	// accuracies are the validation kNN accuracies of the pretraining epochs, negative where one is not monitored.
	accuracies []float64
	// fail, where it is set, is asked before each activity and may end the attempt.
	fail func(ctx context.Context, name string, epoch int) error
	// failPretrain is as fail, for pretraining alone.
	failPretrain func(experiment.PretrainEpochInput) error
	// retries are those that the epochs of pretraining were told of.
	retries []*experiment.Retry

	// queue is that of the worker that holds the state, empty where it has none of its own.
	queue string

	mu sync.Mutex
	// queues are those that the epochs of pretraining came from.
	queues []string
	// calls are the activities in the order in which their attempts began, with the epoch where there is one, but for removals of
	// checkpoints: those go beside the next epoch, before or after its beginning. prunes is the number of their attempts.
	calls  []string
	prunes int
	// froms are the checkpoints that training started from, pruned the keys that were removed.
	froms, pruned []string
	// rollBacks are the checkpoints that were asked for; the newest but damaged ones is found.
	rollBacks [][]experiment.Artifact
	damaged   map[string]bool
	// unfinished are the epochs that were given up, planned the numbers of epochs that those of pretraining were planned in.
	unfinished []experiment.UnfinishedEpoch
	planned    []int
	// recorded are the planned numbers of epochs that earlier runs of the experiment recorded, by epoch.
	recorded map[int]int
	tested   experiment.EvaluateTestInput
	// artifactsURL is where browsers find the store.
	artifactsURL string
	reported     experiment.WriteReportInput
}

// register adds all activities.
func (f *fakes) register(r worker.ActivityRegistry) {
	f.registerGeneral(r)
	f.registerTrain(r)
}

// registerGeneral adds those that a worker serves on the general queue, registerTrain those on the train queue.
func (f *fakes) registerGeneral(r worker.ActivityRegistry) {
	register(r, map[string]any{
		experiment.ActivityPrepareData:           f.prepare,
		experiment.ActivitySelectCheckpoint:      f.selectCheckpoint,
		experiment.ActivitySelectFinetuned:       f.selectFinetuned,
		experiment.ActivitySelectLinearAugmented: f.selectLinearAugmented,
		experiment.ActivityWriteReport:           f.report,
		experiment.ActivityPruneCheckpoints:      f.prune,
		experiment.ActivityRollBack:              f.rollBack,
	})
}

func (f *fakes) registerTrain(r worker.ActivityRegistry) {
	register(r, map[string]any{
		experiment.ActivityPretrainEpoch:        f.pretrain,
		experiment.ActivityMonitorEpoch:         f.monitor,
		experiment.ActivityEvaluateLinear:       f.linear,
		experiment.ActivityLinearAugmentedEpoch: f.linearAugmented,
		experiment.ActivityFinetuneEpoch:        f.finetune,
		experiment.ActivityEvaluateTest:         f.test,
	})
}

func register(r worker.ActivityRegistry, activities map[string]any) {
	for name, fn := range activities {
		r.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
}

// begin notes an attempt and lets it fail.
func (f *fakes) begin(ctx context.Context, name string, epoch int) error {
	f.mu.Lock()
	call := name
	if epoch > 0 {
		call = fmt.Sprintf("%s %d", name, epoch)
	}
	if name == experiment.ActivityPruneCheckpoints {
		f.prunes++
	} else {
		f.calls = append(f.calls, call)
	}
	f.mu.Unlock()
	if f.fail == nil {
		return nil
	}
	return f.fail(ctx, name, epoch)
}

func (f *fakes) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.calls...)
}

func artifact(format string, args ...any) experiment.Artifact {
	k := fmt.Sprintf(format, args...)
	return experiment.Artifact{Key: k, SHA256: "digest of " + k, Size: int64(len(k))}
}

func (f *fakes) prepare(ctx context.Context, in experiment.PrepareDataInput) (experiment.PreparedData, error) {
	return experiment.PreparedData{
		Name: in.Spec.Dataset.Name, SHA256: "d", Classes: []string{"cat", "dog"}, Train: 90, Validation: 10, Test: 20,
		ArtifactsURL: f.artifactsURL,
	}, f.begin(ctx, experiment.ActivityPrepareData, 0)
}

func (f *fakes) from(a *experiment.Artifact) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a == nil {
		f.froms = append(f.froms, "")
		return
	}
	f.froms = append(f.froms, a.Key)
}

func (f *fakes) pretrain(ctx context.Context, in experiment.PretrainEpochInput) (experiment.PretrainEpoch, error) {
	if err := f.begin(ctx, experiment.ActivityPretrainEpoch, in.Epoch); err != nil {
		return experiment.PretrainEpoch{}, err
	}
	f.mu.Lock()
	f.retries = append(f.retries, in.Retry)
	f.mu.Unlock()
	if f.failPretrain != nil {
		if err := f.failPretrain(in); err != nil {
			return experiment.PretrainEpoch{}, err
		}
	}
	f.from(in.From)
	f.mu.Lock()
	f.queues = append(f.queues, activity.GetInfo(ctx).TaskQueue)
	plan := in.Spec.Pretrain.In(in.Epoch).Epochs
	f.planned = append(f.planned, plan)
	f.mu.Unlock()
	done := f.pretrained(in.Epoch)
	done.Planned = cmp.Or(f.recorded[in.Epoch], plan)
	return done, nil
}

func (f *fakes) monitor(ctx context.Context, in experiment.MonitorEpochInput) (experiment.PretrainEpoch, error) {
	in.Epoch.KNN = new(0.9)
	return in.Epoch, f.begin(ctx, experiment.ActivityMonitorEpoch, in.Epoch.Epoch)
}

// pretrained is what comes of an epoch.
func (f *fakes) pretrained(epoch int) experiment.PretrainEpoch {
	e := experiment.PretrainEpoch{
		Epoch: epoch, Step: 10 * epoch, Loss: 5 / float64(max(1, epoch)), Worker: "fake", Queue: f.queue,
		Checkpoint: artifact("p%d", epoch),
	}
	if k := f.accuracies[max(0, epoch-1)]; k >= 0 {
		e.KNN = &k
	}
	return e
}

func (f *fakes) selectCheckpoint(ctx context.Context, in experiment.SelectCheckpointInput) (experiment.Selection, error) {
	best := in.Epochs[bestMonitored(in.Epochs)]
	return experiment.Selection{
		Epoch: best.Epoch, Criterion: "validation kNN accuracy", Value: *best.KNN, Checkpoint: best.Checkpoint,
		Model: artifact("model"),
	}, f.begin(ctx, experiment.ActivitySelectCheckpoint, 0)
}

func (f *fakes) linear(ctx context.Context, in experiment.EvaluateLinearInput) (experiment.Classification, error) {
	f.from(&in.Best.Checkpoint)
	heads := artifact("heads")
	return experiment.Classification{
		Epochs: []experiment.ClassifierEpoch{{Epoch: 1, ValidationAccuracy: 0.4}, {Epoch: 2, ValidationAccuracy: 0.5}},
		Best:   experiment.Selection{Epoch: 2, Criterion: "validation accuracy", Value: 0.5, Checkpoint: heads},
		Heads:  &heads,
	}, f.begin(ctx, experiment.ActivityEvaluateLinear, 0)
}

func (f *fakes) linearAugmented(
	ctx context.Context, in experiment.LinearAugmentedEpochInput,
) (experiment.ClassifierEpoch, error) {
	if err := f.begin(ctx, experiment.ActivityLinearAugmentedEpoch, in.Epoch); err != nil {
		return experiment.ClassifierEpoch{}, err
	}
	f.from(in.From)
	checkpoint := artifact("l%d", in.Epoch)
	return experiment.ClassifierEpoch{Epoch: in.Epoch, ValidationAccuracy: 0.6, Checkpoint: &checkpoint}, nil
}

func (f *fakes) selectLinearAugmented(
	ctx context.Context, in experiment.SelectLinearAugmentedInput,
) (experiment.Selection, error) {
	return experiment.Selection{
		Epoch: 1, Criterion: "validation accuracy", Value: 0.6, Checkpoint: *in.Epochs[0].Checkpoint,
	}, f.begin(ctx, experiment.ActivitySelectLinearAugmented, 0)
}

func (f *fakes) finetune(ctx context.Context, in experiment.FinetuneEpochInput) (experiment.ClassifierEpoch, error) {
	name, prefix := experiment.ActivityFinetuneEpoch, "f"
	if in.Arm != nil {
		name, prefix = in.Stage(), in.Stage()+"/"
	}
	if err := f.begin(ctx, name, in.Epoch); err != nil {
		return experiment.ClassifierEpoch{}, err
	}
	if in.From == nil && (in.Arm == nil || in.Arm.Start == experiment.FromPretrained) {
		in.From = &in.Best.Checkpoint
	}
	f.from(in.From)
	checkpoint := artifact("%s%d", prefix, in.Epoch)
	return experiment.ClassifierEpoch{
		Epoch: in.Epoch, ValidationAccuracy: 0.6, Checkpoint: &checkpoint, Queue: f.queue,
	}, nil
}

func (f *fakes) selectFinetuned(ctx context.Context, in experiment.SelectFinetunedInput) (experiment.Selection, error) {
	return experiment.Selection{
		Epoch: 1, Criterion: "validation accuracy", Value: 0.6, Checkpoint: *in.Epochs[0].Checkpoint,
	}, f.begin(ctx, experiment.ActivitySelectFinetuned, 0)
}

func (f *fakes) test(ctx context.Context, in experiment.EvaluateTestInput) (experiment.TestResult, error) {
	f.tested = in
	result := experiment.TestResult{KNNAccuracy: 0.45}
	for i := range in.Linear.Epochs {
		result.Linear = append(result.Linear, experiment.TestScore{Loss: 2, Accuracy: 0.1 * float64(i+1)})
	}
	for i := range in.Finetune.Epochs {
		result.Finetune = append(result.Finetune, experiment.TestScore{Loss: 1, Accuracy: 0.2 * float64(i+1)})
	}
	if in.LinearAugmented != nil {
		for i := range in.LinearAugmented.Epochs {
			result.LinearAugmented = append(result.LinearAugmented, experiment.TestScore{Accuracy: 0.3 * float64(i+1)})
		}
	}
	for _, arm := range in.Ablation {
		result.Ablation = append(result.Ablation, experiment.TestScore{Loss: 3, Accuracy: arm.Fraction})
	}
	return result, f.begin(ctx, experiment.ActivityEvaluateTest, 0)
}

func (f *fakes) report(ctx context.Context, in experiment.WriteReportInput) (map[string]experiment.Artifact, error) {
	f.reported = in
	files := map[string]experiment.Artifact{"metrics.json": artifact("metrics.json")}
	return files, f.begin(ctx, experiment.ActivityWriteReport, 0)
}

func (f *fakes) prune(ctx context.Context, in experiment.PruneCheckpointsInput) error {
	f.mu.Lock()
	for _, a := range in.Remove {
		f.pruned = append(f.pruned, a.Key)
	}
	if in.Unfinished != nil {
		f.unfinished = append(f.unfinished, *in.Unfinished)
	}
	f.mu.Unlock()
	return f.begin(ctx, experiment.ActivityPruneCheckpoints, 0)
}

// rollBack finds what is not damaged, and mends the rest: it is as good as trained again.
func (f *fakes) rollBack(ctx context.Context, in experiment.RollBackInput) (experiment.RolledBack, error) {
	f.mu.Lock()
	f.rollBacks = append(f.rollBacks, in.Checkpoints)
	n := len(in.Checkpoints)
	for ; n > 0 && f.damaged[in.Checkpoints[n-1].Key]; n-- {
		delete(f.damaged, in.Checkpoints[n-1].Key)
	}
	f.mu.Unlock()
	return experiment.RolledBack{Epochs: n}, f.begin(ctx, experiment.ActivityRollBack, 0)
}

// lost is what the real activity returns when it can't read an artifact back.
func lost(a experiment.Artifact) error {
	return temporal.NewNonRetryableApplicationError("object corrupt: "+a.Key, experiment.ErrorCorruptArtifact, nil, a)
}

// diverged is what the real activity returns when a loss is not a number.
func diverged() error {
	return temporal.NewApplicationError("training diverged", experiment.ErrorDiverged)
}
