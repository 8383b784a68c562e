package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// EvaluationInput is the argument of Evaluation.
type EvaluationInput struct {
	Spec experiment.Spec         `json:"spec"`
	Data experiment.PreparedData `json:"data"`
	// Best is the pretraining epoch under evaluation.
	Best experiment.Selection `json:"best"`
	// Linear and Finetune are what earlier runs of the workflow have finished.
	Linear   *experiment.Classification   `json:"linear,omitempty"`
	Finetune []experiment.ClassifierEpoch `json:"finetune,omitempty"`
	// LinearAugmented is as Finetune, LinearAugmentedBest is chosen when it is complete.
	LinearAugmented     []experiment.ClassifierEpoch `json:"linear_augmented,omitempty"`
	LinearAugmentedBest *experiment.Selection        `json:"linear_augmented_best,omitempty"`
	// FinetuneBest is chosen when Finetune is complete.
	FinetuneBest *experiment.Selection `json:"finetune_best,omitempty"`
	// Ablation has the arms that were begun; the last may lack epochs.
	Ablation []experiment.AblationArm `json:"ablation,omitempty"`
	// RollBacks is how often a checkpoint was lost and training went back.
	RollBacks int `json:"roll_backs,omitempty"`
	// Controls are as in PretrainingInput.
	Controls *Controls `json:"controls,omitempty"`
}

// EvaluationResult is what Evaluation returns.
type EvaluationResult struct {
	Linear   experiment.Classification `json:"linear"`
	Finetune experiment.Classification `json:"finetune"`
	Ablation []experiment.AblationArm  `json:"ablation,omitempty"`
	// LinearAugmented is nil where the experiment leaves it out.
	LinearAugmented *experiment.Classification `json:"linear_augmented,omitempty"`
	Test            experiment.TestResult      `json:"test"`
}

// Evaluation measures the selected encoder: a linear classifier on its frozen outputs, another on those for augmented
// images, then fine-tuning of the whole network epoch by epoch, then the ablation's arms. All choose their epoch on the
// validation split; only after that is the test split read, once. A protocol of no epochs is left out. Where a checkpoint is
// lost, its training goes back to the one before it.
func Evaluation(ctx workflow.Context, in EvaluationInput) (*EvaluationResult, error) {
	ctx, _ = obey(ctx, in.Spec.Name, in.Controls)
	for {
		result, err := evaluate(ctx, &in)
		if err == nil {
			return result, nil
		}
		if err := in.rollBack(ctx, err); err != nil {
			return nil, err
		}
	}
}

// evaluate does what in lacks. The error is a continue-as-new request when the history got long.
func evaluate(ctx workflow.Context, in *EvaluationInput) (*EvaluationResult, error) {
	result := &EvaluationResult{}
	if in.Spec.Linear.Epochs > 0 {
		if err := linear(ctx, in); err != nil {
			return nil, err
		}
		result.Linear = *in.Linear
	}
	if in.Spec.LinearAugmented != nil {
		if err := linearAugmented(ctx, in); err != nil {
			return nil, err
		}
		result.LinearAugmented = &experiment.Classification{Epochs: in.LinearAugmented, Best: *in.LinearAugmentedBest}
	}
	if in.Spec.Finetune.Epochs > 0 {
		if err := finetune(ctx, in); err != nil {
			return nil, err
		}
		result.Finetune = experiment.Classification{Epochs: in.Finetune, Best: *in.FinetuneBest}
	}
	if in.Spec.Ablation != nil {
		if err := ablate(ctx, in); err != nil {
			return nil, err
		}
		result.Ablation = in.Ablation
	}
	return result, test(ctx, *in, result)
}

// linear fills in in.Linear unless an earlier run of the workflow has.
func linear(ctx workflow.Context, in *EvaluationInput) error {
	if in.Linear != nil {
		return nil
	}
	var done experiment.Classification
	request := experiment.EvaluateLinearInput{Spec: in.Spec, Data: in.Data, Best: in.Best}
	if err := train(ctx, experiment.ActivityEvaluateLinear, "linear evaluation", request, &done); err != nil {
		return err
	}
	in.Linear = &done
	tell(ctx, Report{Stage: in.Spec.StageAfter(experiment.StageLinear), Linear: &done})
	return nil
}

// linearAugmented appends the missing epochs to in.LinearAugmented and chooses the best. The error is a continue-as-new
// request when the history got long.
func linearAugmented(ctx workflow.Context, in *EvaluationInput) error {
	if in.LinearAugmentedBest != nil {
		return nil
	}
	training := course{
		stage: experiment.StageLinearAugmented, activity: experiment.ActivityLinearAugmentedEpoch,
		planned: in.Spec.LinearAugmented.Epochs,
		input: func(epoch int, from *experiment.Artifact) any {
			return experiment.LinearAugmentedEpochInput{Spec: in.Spec, Data: in.Data, Best: in.Best, Epoch: epoch, From: from}
		},
		report: func(done experiment.ClassifierEpoch) Report { return Report{LinearAugmented: &done} },
	}
	if err := training.run(ctx, in, &in.LinearAugmented); err != nil {
		return err
	}
	choose := experiment.SelectLinearAugmentedInput{Spec: in.Spec, Best: in.Best, Epochs: in.LinearAugmented}
	var best experiment.Selection
	if err := general(ctx, experiment.ActivitySelectLinearAugmented, "best epoch with augmentation", choose, &best); err != nil {
		return err
	}
	in.LinearAugmentedBest = &best
	tell(ctx, Report{Stage: in.Spec.StageAfter(experiment.StageLinearAugmented)})
	return nil
}

// finetune appends the missing epochs to in.Finetune and chooses the best. The error is a continue-as-new request when the
// history got long.
func finetune(ctx workflow.Context, in *EvaluationInput) error {
	if in.FinetuneBest != nil {
		return nil
	}
	planned := in.Spec.Finetune.Epochs
	training := course{
		stage: experiment.StageFinetune, activity: experiment.ActivityFinetuneEpoch, planned: planned,
		input: func(epoch int, from *experiment.Artifact) any {
			return experiment.FinetuneEpochInput{Spec: in.Spec, Data: in.Data, Best: in.Best, Epoch: epoch, From: from}
		},
		report: func(done experiment.ClassifierEpoch) Report {
			workflow.SetCurrentDetails(ctx, finetuneDetails(in.Finetune, planned))
			return Report{Finetune: &done}
		},
	}
	if err := training.run(ctx, in, &in.Finetune); err != nil {
		return err
	}
	choose := experiment.SelectFinetunedInput{Spec: in.Spec, Data: in.Data, Epochs: in.Finetune}
	var best experiment.Selection
	if err := general(ctx, experiment.ActivitySelectFinetuned, "best fine-tuned epoch", choose, &best); err != nil {
		return err
	}
	in.FinetuneBest = &best
	tell(ctx, Report{Stage: in.Spec.StageAfter(experiment.StageFinetune)})
	return nil
}

// course is one training of a classifier, an activity each epoch, from one checkpoint to the next.
type course struct {
	stage, activity string
	// name stands before the epoch's number in the web UI, where the activity says too little.
	name    string
	planned int
	input   func(epoch int, from *experiment.Artifact) any
	// report is what the experiment is told of an epoch that was just appended.
	report func(experiment.ClassifierEpoch) Report
}

// run appends the missing epochs to done, which is a part of in. The error is a continue-as-new request when the history
// got long.
func (c course) run(ctx workflow.Context, in *EvaluationInput, done *[]experiment.ClassifierEpoch) (err error) {
	control := controlOf(ctx)
	var after beside
	defer func() { err = after.last(ctx, err) }()
	for len(*done) < c.planned {
		if continueNow(ctx) {
			if err := after.wait(ctx); err != nil {
				return err
			}
			in.Controls = control.newest()
			return workflow.NewContinueAsNewError(ctx, Evaluation, *in)
		}
		var from *experiment.Artifact
		queue := ""
		n := len(*done)
		if n > 0 {
			from, queue = (*done)[n-1].Checkpoint, (*done)[n-1].Queue
		}
		summary := fmt.Sprintf("%sepoch %d of %d", c.name, n+1, c.planned)
		var trained experiment.ClassifierEpoch
		ok, err := control.epoch(ctx, c.stage, n+1, func(ctx workflow.Context) error {
			return trainOn(ctx, queue, c.activity, summary, c.input(n+1, from), &trained)
		})
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		*done = append(*done, trained)
		report := c.report(trained)
		err = after.do(ctx, func(ctx workflow.Context) error {
			tell(ctx, report)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// test reads the test split and draws its figures into the curves.
func test(ctx workflow.Context, in EvaluationInput, result *EvaluationResult) error {
	request := experiment.EvaluateTestInput{
		Spec: in.Spec, Data: in.Data, Best: in.Best, Linear: result.Linear, Finetune: result.Finetune,
		Ablation: result.Ablation, LinearAugmented: result.LinearAugmented,
	}
	if err := train(ctx, experiment.ActivityEvaluateTest, "the test split", request, &result.Test); err != nil {
		return err
	}
	if err := fillTest(result.Linear.Epochs, result.Test.Linear); err != nil {
		return fmt.Errorf("linear evaluation: %w", err)
	}
	if l := result.LinearAugmented; l != nil {
		if err := fillTest(l.Epochs, result.Test.LinearAugmented); err != nil {
			return fmt.Errorf("linear evaluation with augmentation: %w", err)
		}
	}
	if err := fillTest(result.Finetune.Epochs, result.Test.Finetune); err != nil {
		return fmt.Errorf("fine-tuning: %w", err)
	}
	if scores := result.Test.Ablation; len(scores) != len(result.Ablation) {
		return fmt.Errorf("ablation: %d arms but %d test scores", len(result.Ablation), len(scores))
	}
	for i := range result.Ablation {
		result.Ablation[i].Test = &result.Test.Ablation[i]
	}
	return nil
}

// fillTest puts each epoch's test figures beside its training figures.
func fillTest(epochs []experiment.ClassifierEpoch, scores []experiment.TestScore) error {
	if len(epochs) != len(scores) {
		return fmt.Errorf("%d epochs but %d test scores", len(epochs), len(scores))
	}
	for i := range epochs {
		epochs[i].TestLoss, epochs[i].TestAccuracy = &scores[i].Loss, &scores[i].Accuracy
	}
	return nil
}
