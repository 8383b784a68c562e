package workflows

import (
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// ablate trains the arms of the ablation that in.Ablation lacks, one after the other, and chooses the epoch of each. The
// error is a continue-as-new request when the history got long.
func ablate(ctx workflow.Context, in *EvaluationInput) error {
	for i, arm := range in.Spec.Ablation.Arms() {
		if i == len(in.Ablation) {
			in.Ablation = append(in.Ablation, experiment.AblationArm{Arm: arm, Labels: arm.Labels(in.Data.Train)})
		}
		current := &in.Ablation[i]
		training := course{
			stage: arm.Stage(), activity: experiment.ActivityFinetuneEpoch, name: arm.Stage() + ", ", planned: in.Spec.Ablation.Epochs,
			input: func(epoch int, from *experiment.Artifact) any {
				return experiment.FinetuneEpochInput{
					Spec: in.Spec, Data: in.Data, Best: in.Best, Arm: &arm, Epoch: epoch, From: from,
				}
			},
			report: func(experiment.ClassifierEpoch) Report {
				workflow.SetCurrentDetails(ctx, ablationDetails(in.Ablation, in.Spec.Ablation.Epochs))
				so := *current
				return Report{Ablation: &so}
			},
		}
		if err := training.run(ctx, in, &current.Epochs); err != nil {
			return err
		}
		if err := choose(current); err != nil {
			return err
		}
	}
	tell(ctx, Report{Stage: in.Spec.StageAfter(experiment.StageAblation)})
	return nil
}

// choose is the selection of an arm's epoch. Unlike that of fine-tuning it publishes nothing, so it needs no activity.
func choose(arm *experiment.AblationArm) error {
	best, err := experiment.SelectClassifier(arm.Epochs)
	if err != nil {
		return err
	}
	best.Checkpoint = *arm.Epochs[best.Epoch-1].Checkpoint
	arm.Best = best
	return nil
}
