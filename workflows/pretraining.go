package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// PretrainingInput is the argument of Pretraining.
type PretrainingInput struct {
	Spec experiment.Spec         `json:"spec"`
	Data experiment.PreparedData `json:"data"`
	// Epochs are those that earlier runs of the workflow have finished; pretraining goes on behind them.
	Epochs []experiment.PretrainEpoch `json:"epochs,omitempty"`
	// RollBacks is how often a checkpoint was lost and training went back.
	RollBacks int `json:"roll_backs,omitempty"`
	// Retry is how training goes on after a divergence, nil before the first.
	Retry *experiment.Retry `json:"retry,omitempty"`
	// Controls are the newest when the run began, nil while nobody has changed anything.
	Controls *Controls `json:"controls,omitempty"`
}

// Pretraining trains the encoder epoch by epoch, one activity each, from one checkpoint to the next. Checkpoints that
// retention doesn't keep are removed on the way, so that a long run needs no more room than a short one. Where no epoch is
// planned, epoch 0 stands in for them: the encoder as it starts. Where a checkpoint is lost, training goes back to the one
// before it. What people change meanwhile, Controls say: the number of epochs holds from the next one on, see
// experiment.Pretrain.In. The last epoch is monitored whether it was planned as the last or not.
func Pretraining(ctx workflow.Context, in PretrainingInput) ([]experiment.PretrainEpoch, error) {
	ctx, c := obey(ctx, in.Spec.Name, in.Controls)
	for {
		err := pretrain(ctx, c, &in)
		if err == nil {
			return in.Epochs, nil
		}
		if in.retry(ctx, err) {
			continue
		}
		if err := in.rollBack(ctx, err); err != nil {
			return nil, err
		}
	}
}

// pretrain appends the missing epochs to in.Epochs. The error is a continue-as-new request when the history got long.
func pretrain(ctx workflow.Context, c *control, in *PretrainingInput) (err error) {
	var after beside
	defer func() { err = after.last(ctx, err) }()
	for c.goesOn(in) {
		planned := in.Spec.Pretrain.Epochs
		if continueNow(ctx) {
			if err := after.wait(ctx); err != nil {
				return err
			}
			in.Controls = c.newest()
			return workflow.NewContinueAsNewError(ctx, Pretraining, *in)
		}
		epoch := experiment.PretrainEpochInput{Spec: in.Spec, Data: in.Data, Epoch: min(len(in.Epochs)+1, planned)}
		queue := ""
		if n := len(in.Epochs); n > 0 {
			epoch.From, queue = &in.Epochs[n-1].Checkpoint, in.Epochs[n-1].Queue
		}
		epoch.Retry = in.retryOf(epoch.Epoch)
		var done experiment.PretrainEpoch
		summary := fmt.Sprintf("epoch %d of %d", epoch.Epoch, planned)
		trained, err := c.epoch(ctx, experiment.StagePretrain, epoch.Epoch, func(ctx workflow.Context) error {
			return trainOn(ctx, queue, experiment.ActivityPretrainEpoch, summary, epoch, &done)
		})
		if err != nil {
			return err
		}
		if !trained {
			break
		}
		if epoch.Retry != nil && epoch.Retry.Epoch == epoch.Epoch {
			done.Retry = epoch.Retry
		}
		in.Epochs = append(in.Epochs, done)
		workflow.SetCurrentDetails(ctx, pretrainDetails(in.Epochs, planned))
		so := *in
		err = after.do(ctx, func(ctx workflow.Context) error {
			tell(ctx, Report{Pretrain: &done})
			return prune(ctx, so)
		})
		if err != nil {
			return err
		}
	}
	return monitorLast(ctx, in)
}

// prune removes the checkpoints that the newest epoch superseded, if there are any.
func prune(ctx workflow.Context, in PretrainingInput) error {
	old := superseded(in.Epochs, in.Spec.Checkpoints.KeepLast)
	if len(old) == 0 {
		return nil
	}
	request := experiment.PruneCheckpointsInput{Experiment: in.Spec.Name, Remove: old}
	return general(ctx, experiment.ActivityPruneCheckpoints, "superseded checkpoints", request, nil)
}
