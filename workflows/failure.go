package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// fail is the error of an experiment that err ends: first where it was, then what the activity said. Temporal alone would
// begin with the children and activities that the error came through; they stay as its cause.
func (p *progress) fail(ctx workflow.Context, err error) error {
	p.diverged = failureType(err) == experiment.ErrorDiverged
	p.Paused = false
	p.show(ctx)
	var application *temporal.ApplicationError
	if temporal.IsCanceledError(err) || !errors.As(err, &application) {
		return err
	}
	message := fmt.Sprintf("%s failed: %s", p.place(), application.Message())
	return temporal.NewApplicationErrorWithOptions(message, application.Type(), temporal.ApplicationErrorOptions{
		NonRetryable: true, Cause: err,
	})
}

// failureType is the type of the activity's error, empty where there is none.
func failureType(err error) string {
	var application *temporal.ApplicationError
	if !errors.As(err, &application) {
		return ""
	}
	return application.Type()
}

// place is where the experiment is: "pretrain, epoch 3 of 10", without an epoch in a stage that has none.
func (p *progress) place() string {
	planned := map[string]int{
		experiment.StagePretrain: p.PretrainEpochs, experiment.StageLinearAugmented: p.LinearAugmentedEpochs,
		experiment.StageFinetune: p.FinetuneEpochs,
	}[p.Stage]
	if done := p.done(); done < planned {
		return fmt.Sprintf("%s, epoch %d of %d", p.Stage, done+1, planned)
	}
	return p.Stage
}
