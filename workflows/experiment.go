// Package workflows orchestrates an experiment: what happens in which order, what is retried, and where it goes on after
// a crash. It holds decisions and small results only; everything that reads, trains or stores is an activity.
//
//	Experiment ─ PrepareData → Pretraining → SelectCheckpoint → Evaluation → WriteReport → PruneCheckpoints
//	Pretraining (child) ─ PretrainEpoch, once an epoch → MonitorEpoch, where the last one was not planned as that
//	Evaluation (child) ─ EvaluateLinear → LinearAugmentedEpoch, once an epoch → SelectLinearAugmented →
//	FinetuneEpoch, once an epoch → SelectFinetuned → FinetuneEpoch, once an epoch of each arm of the ablation → EvaluateTest
//
// A spec may leave out any part of Evaluation but the test.
//
// A change of these functions must keep replaying the histories in testdata: experiments run for days, and a worker of
// the new version takes over what one of the old version began.
package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// Experiment carries spec from its data to its report. The workflow's ID must be the experiment's name, which makes
// Temporal refuse a second run under a name in use. It answers the query experiment.QueryProgress with an
// experiment.Progress at any time, also when it has ended, and takes the updates of package experiment while it runs.
//
// Errors are those of the failed stage: an ApplicationError of one of the types of package experiment inside the
// wrapping that Temporal adds, or a CanceledError.
func Experiment(ctx workflow.Context, spec experiment.Spec) (*experiment.Result, error) {
	progress, err := trackProgress(ctx, &spec)
	if err != nil {
		return nil, err
	}
	c := &control{experiment: spec.Name}
	if err := takeUpdates(ctx, &spec, c, progress); err != nil {
		return nil, err
	}
	if err := checkSpec(ctx, &spec); err != nil {
		return nil, err
	}
	result, err := conduct(controlled(ctx, c), spec, c, progress)
	if err != nil {
		return nil, progress.fail(ctx, err)
	}
	// Whoever sent an update last gets an answer.
	return result, workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}

// checkSpec refuses what no retry could help.
func checkSpec(ctx workflow.Context, spec *experiment.Spec) error {
	// Validate is a pure function of the spec; the checker stumbles over the library code that it calls.
	err := spec.Validate() //workflowcheck:ignore
	if id := workflow.GetInfo(ctx).WorkflowExecution.ID; err == nil && id != spec.Name {
		err = fmt.Errorf("name: %q differs from the workflow's ID %q; start the workflow under the experiment's name",
			spec.Name, id)
	}
	if err != nil {
		return temporal.NewNonRetryableApplicationError(err.Error(), experiment.ErrorBadSpec, nil)
	}
	return nil
}

// conduct goes through the stages in order.
func conduct(ctx workflow.Context, spec experiment.Spec, c *control, p *progress) (*experiment.Result, error) {
	result := &experiment.Result{Experiment: spec.Name}

	p.enter(ctx, experiment.StagePrepare)
	prepare := experiment.PrepareDataInput{Spec: spec}
	if err := general(ctx, experiment.ActivityPrepareData, "prepare "+spec.Dataset.Name, prepare, &result.Data); err != nil {
		return nil, err
	}
	p.Data = &result.Data
	if measured := result.Data.Normalize; measured != nil {
		spec = spec.Normalized(*measured)
	}

	pretraining := PretrainingInput{Spec: spec, Data: result.Data}
	if err := learn(ctx, &pretraining, c, p, result); err != nil {
		return nil, err
	}
	spec = pretraining.Spec

	p.enter(ctx, experiment.StageReport)
	result.Changes, result.RollBacks = p.Changes, p.RollBacks
	report := experiment.WriteReportInput{Spec: spec, Result: *result}
	if err := general(ctx, experiment.ActivityWriteReport, "metrics, report and plots", report, &result.Artifacts); err != nil {
		return nil, err
	}
	prune := experiment.PruneCheckpointsInput{Experiment: spec.Name, Remove: unselected(result)}
	if err := general(ctx, experiment.ActivityPruneCheckpoints, "checkpoints of fine-tuning", prune, nil); err != nil {
		return nil, err
	}
	p.Result = result
	p.enter(ctx, experiment.StageDone)
	return result, nil
}

// learn fills in what is trained and measured. Where the checkpoint of an epoch is lost that pretraining has behind it, the
// stages from there on come again: what they did is found by its records.
func learn(
	ctx workflow.Context, pretraining *PretrainingInput, c *control, p *progress, result *experiment.Result,
) error {
	for rollBacks := 0; ; {
		err := stages(ctx, pretraining, c, p, result)
		if err == nil {
			return nil
		}
		back, err := rollBack(ctx, pretraining.Spec.Name, pretrained(result.Pretrain), &rollBacks, err)
		if err != nil {
			return err
		}
		back.Stage = experiment.StagePretrain
		p.RollBacks = append(p.RollBacks, back)
		n := back.Epochs
		pretraining.Epochs, pretraining.Retry = result.Pretrain[:n:n], experiment.Retried(result.Pretrain)
	}
}

// stages are pretraining, the choice of its best epoch, and the evaluation.
func stages(
	ctx workflow.Context, pretraining *PretrainingInput, c *control, p *progress, result *experiment.Result,
) error {
	p.enter(ctx, experiment.StagePretrain)
	if err := c.pretraining(ctx, pretraining); err != nil {
		return err
	}
	spec := pretraining.Spec
	result.Pretrain = pretraining.Epochs
	p.Pretrain, p.Retry = result.Pretrain, experiment.Retried(result.Pretrain)

	p.enter(ctx, experiment.StageSelect)
	choose := experiment.SelectCheckpointInput{Spec: spec, Epochs: result.Pretrain}
	if err := general(ctx, experiment.ActivitySelectCheckpoint, "best epoch", choose, &result.Best); err != nil {
		return err
	}
	p.Best = &result.Best

	p.enter(ctx, spec.StageAfter(experiment.StageSelect))
	evaluation := EvaluationInput{Spec: spec, Data: result.Data, Best: result.Best, Controls: c.given()}
	var evaluated EvaluationResult
	if err := child(ctx, spec.Name+"/evaluation", spec.EvaluationSummary(), Evaluation, evaluation, &evaluated); err != nil {
		return err
	}
	result.Linear, result.Finetune, result.Ablation = evaluated.Linear, evaluated.Finetune, evaluated.Ablation
	result.LinearAugmented, result.Test = evaluated.LinearAugmented, evaluated.Test
	p.Finetune, p.Ablation = result.Finetune.Epochs, result.Ablation
	if result.LinearAugmented != nil {
		p.LinearAugmented = result.LinearAugmented.Epochs
	}
	if len(result.Linear.Epochs) > 0 {
		p.Linear = &result.Linear
	}
	return nil
}
