package workflows

import (
	"errors"
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// maxRollBacks is how often one workflow goes back because a checkpoint is lost. Drives that damage more than that damage
// everything.
const maxRollBacks = 5

// lostArtifact is the artifact that can't be read back by what err says, nil where err says something else.
func lostArtifact(err error) *experiment.Artifact {
	var application *temporal.ApplicationError
	if !errors.As(err, &application) || application.Type() != experiment.ErrorCorruptArtifact || !application.HasDetails() {
		return nil
	}
	var lost experiment.Artifact
	if application.Details(&lost) != nil {
		return nil
	}
	return &lost
}

// holds says whether what failure tells to be lost is one of the artifacts.
func holds(artifacts []experiment.Artifact, failure error) bool {
	lost := lostArtifact(failure)
	return lost != nil && index(artifacts, *lost) >= 0
}

func index(artifacts []experiment.Artifact, a experiment.Artifact) int {
	return slices.IndexFunc(artifacts, func(b experiment.Artifact) bool { return a.Key == b.Key })
}

// rollBack returns how many epochs training can go on behind, after failure has told that one of their checkpoints is lost:
// it withdraws what can't be read, and times counts it. Epochs behind the lost one are found by their records when training
// comes to them again. The error is failure where that is about something else. The caller adds the stage.
func rollBack(
	ctx workflow.Context, name string, checkpoints []experiment.Artifact, times *int, failure error,
) (experiment.RollBack, error) {
	if !holds(checkpoints, failure) {
		return experiment.RollBack{}, failure
	}
	if *times == maxRollBacks {
		message := fmt.Sprintf("gone back to an earlier checkpoint %d times, and again one can't be read: check the object "+
			"store's drives: %v", maxRollBacks, failure)
		return experiment.RollBack{}, temporal.NewNonRetryableApplicationError(message, experiment.ErrorCorruptArtifact, nil)
	}
	*times++
	lost := lostArtifact(failure)
	request := experiment.RollBackInput{Experiment: name, Checkpoints: checkpoints[:index(checkpoints, *lost)+1]}
	var to experiment.RolledBack
	if err := general(ctx, experiment.ActivityRollBack, "back to a checkpoint that can be read", request, &to); err != nil {
		return experiment.RollBack{}, err
	}
	workflow.GetLogger(ctx).Warn("a checkpoint is lost: go back", "artifact", lost.Key, "epochs", to.Epochs, "aside", to.Aside)
	return experiment.RollBack{At: workflow.Now(ctx), Lost: lost.Key, Epochs: to.Epochs, Aside: to.Aside}, nil
}

// tellRollBack lets the experiment show what its child has gone through. Older versions told nobody.
func tellRollBack(ctx workflow.Context, r experiment.RollBack) {
	if workflow.GetVersion(ctx, "tell-roll-back", workflow.DefaultVersion, 1) > workflow.DefaultVersion {
		tell(ctx, Report{RollBack: &r})
	}
}

// rollBack drops the epochs that must be trained again.
func (in *PretrainingInput) rollBack(ctx workflow.Context, failure error) error {
	back, err := rollBack(ctx, in.Spec.Name, pretrained(in.Epochs), &in.RollBacks, failure)
	if err != nil {
		return err
	}
	in.Epochs = in.Epochs[:back.Epochs:back.Epochs]
	back.Stage = experiment.StagePretrain
	tellRollBack(ctx, back)
	return nil
}

// rollBack drops what must be done again of the training that the lost artifact belongs to, and the choice that was made
// there. The encoder's is not among them: that is left to the experiment.
func (in *EvaluationInput) rollBack(ctx workflow.Context, failure error) error {
	if lostArtifact(failure) == nil {
		return failure
	}
	for _, p := range in.parts() {
		if !holds(p.checkpoints, failure) {
			continue
		}
		back, err := rollBack(ctx, in.Spec.Name, p.checkpoints, &in.RollBacks, failure)
		if err != nil {
			return err
		}
		p.keep(back.Epochs)
		back.Stage = p.stage
		tellRollBack(ctx, back)
		return nil
	}
	return failure
}

// part is one training of an evaluation. keep drops all but its first epochs and the choice among them.
type part struct {
	stage       string
	checkpoints []experiment.Artifact
	keep        func(epochs int)
}

func (in *EvaluationInput) parts() []part {
	var all []part
	if in.Linear != nil { // one artifact for all epochs
		all = append(all, part{experiment.StageLinear, []experiment.Artifact{*in.Linear.Heads}, func(n int) {
			if n == 0 {
				in.Linear = nil
			}
		}})
	}
	all = append(all, part{experiment.StageLinearAugmented, classified(in.LinearAugmented), func(n int) {
		in.LinearAugmented, in.LinearAugmentedBest = in.LinearAugmented[:n:n], nil
	}})
	all = append(all, part{experiment.StageFinetune, classified(in.Finetune), func(n int) {
		in.Finetune, in.FinetuneBest = in.Finetune[:n:n], nil
	}})
	for i := range in.Ablation {
		arm := &in.Ablation[i]
		all = append(all, part{arm.Stage(), classified(arm.Epochs), func(n int) { arm.Epochs = arm.Epochs[:n:n] }})
	}
	return all
}

func pretrained(epochs []experiment.PretrainEpoch) []experiment.Artifact {
	var checkpoints []experiment.Artifact
	for _, e := range epochs {
		checkpoints = append(checkpoints, e.Checkpoint)
	}
	return checkpoints
}

func classified(epochs []experiment.ClassifierEpoch) []experiment.Artifact {
	var checkpoints []experiment.Artifact
	for _, e := range epochs {
		checkpoints = append(checkpoints, *e.Checkpoint)
	}
	return checkpoints
}
