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
}

// EvaluationResult is what Evaluation returns.
type EvaluationResult struct {
	Linear   experiment.Classification `json:"linear"`
	Finetune experiment.Classification `json:"finetune"`
	Test     experiment.TestResult     `json:"test"`
}

// Evaluation measures the selected encoder: a linear classifier on its frozen outputs, then fine-tuning of the whole
// network epoch by epoch. Both choose their epoch on the validation split; only after that is the test split read, once.
// A protocol of no epochs is left out.
func Evaluation(ctx workflow.Context, in EvaluationInput) (*EvaluationResult, error) {
	result := &EvaluationResult{}
	if in.Spec.Linear.Epochs > 0 {
		if err := linear(ctx, &in); err != nil {
			return nil, err
		}
		result.Linear = *in.Linear
	}
	if in.Spec.Finetune.Epochs > 0 {
		best, err := finetune(ctx, &in)
		if err != nil {
			return nil, err
		}
		result.Finetune = experiment.Classification{Epochs: in.Finetune, Best: best}
	}
	return result, test(ctx, in, result)
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

// finetune appends the missing epochs to in.Finetune and chooses the best. The error is a continue-as-new request when the
// history got long.
func finetune(ctx workflow.Context, in *EvaluationInput) (best experiment.Selection, err error) {
	planned := in.Spec.Finetune.Epochs
	for len(in.Finetune) < planned {
		if continueNow(ctx) {
			return best, workflow.NewContinueAsNewError(ctx, Evaluation, *in)
		}
		epoch := experiment.FinetuneEpochInput{Spec: in.Spec, Data: in.Data, Best: in.Best, Epoch: len(in.Finetune) + 1}
		if n := len(in.Finetune); n > 0 {
			epoch.From = in.Finetune[n-1].Checkpoint
		}
		var done experiment.ClassifierEpoch
		summary := fmt.Sprintf("epoch %d of %d", epoch.Epoch, planned)
		if err := train(ctx, experiment.ActivityFinetuneEpoch, summary, epoch, &done); err != nil {
			return best, err
		}
		in.Finetune = append(in.Finetune, done)
		tell(ctx, Report{Finetune: &done})
		workflow.SetCurrentDetails(ctx, finetuneDetails(in.Finetune, planned))
	}
	choose := experiment.SelectFinetunedInput{Spec: in.Spec, Data: in.Data, Epochs: in.Finetune}
	if err := general(ctx, experiment.ActivitySelectFinetuned, "best fine-tuned epoch", choose, &best); err != nil {
		return best, err
	}
	tell(ctx, Report{Stage: in.Spec.StageAfter(experiment.StageFinetune)})
	return best, nil
}

// test reads the test split and draws its figures into the curves.
func test(ctx workflow.Context, in EvaluationInput, result *EvaluationResult) error {
	request := experiment.EvaluateTestInput{
		Spec: in.Spec, Data: in.Data, Best: in.Best, Linear: result.Linear, Finetune: result.Finetune,
	}
	if err := train(ctx, experiment.ActivityEvaluateTest, "the test split", request, &result.Test); err != nil {
		return err
	}
	if err := fillTest(result.Linear.Epochs, result.Test.Linear); err != nil {
		return fmt.Errorf("linear evaluation: %w", err)
	}
	if err := fillTest(result.Finetune.Epochs, result.Test.Finetune); err != nil {
		return fmt.Errorf("fine-tuning: %w", err)
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
