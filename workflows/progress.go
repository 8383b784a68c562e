package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"twinview/attribute"
	"twinview/experiment"
)

// signalReport is the name of the signal by which a child tells its experiment of a finished part.
const signalReport = "report"

// Report is what a child has just finished; absent fields are unchanged.
type Report struct {
	// Stage is the one that begins now.
	Stage    string                    `json:"stage,omitempty"`
	Pretrain *experiment.PretrainEpoch `json:"pretrain,omitempty"`
	// Retry is that of pretraining, which begins now.
	Retry *experiment.Retry `json:"retry,omitempty"`
	// RollBack tells that training goes back.
	RollBack        *experiment.RollBack        `json:"roll_back,omitempty"`
	Linear          *experiment.Classification  `json:"linear,omitempty"`
	Finetune        *experiment.ClassifierEpoch `json:"finetune,omitempty"`
	LinearAugmented *experiment.ClassifierEpoch `json:"linear_augmented,omitempty"`
	// Ablation is an arm with all its epochs so far.
	Ablation *experiment.AblationArm `json:"ablation,omitempty"`
}

// tell sends r to the experiment that this child belongs to. Queries then show each epoch as soon as it has ended.
// The child waits until the signal has been taken, so that reports arrive in order. A report that can't be delivered
// costs no epoch: the experiment gets them all with the child's result.
func tell(ctx workflow.Context, r Report) {
	parent := workflow.GetInfo(ctx).ParentWorkflowExecution
	if parent == nil {
		return
	}
	err := workflow.SignalExternalWorkflow(ctx, parent.ID, parent.RunID, signalReport, r).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Warn("report to the experiment", "experiment", parent.ID, "error", err)
	}
}

// progress is the state of an experiment as queries and the web UI show it.
type progress struct {
	experiment.Progress
	spec *experiment.Spec
	// indexed are the search attributes as Temporal has them, nil where the experiment was submitted without.
	indexed *attribute.Values
	// diverged says that the experiment fails for that.
	diverged bool
}

// trackProgress answers queries and listens to the children's reports from now on.
func trackProgress(ctx workflow.Context, spec *experiment.Spec) (*progress, error) {
	p := &progress{spec: spec, Progress: experiment.Progress{
		Experiment:     spec.Name,
		Method:         spec.Method.Name,
		LeftOut:        spec.LeftOut(),
		PretrainEpochs: spec.Pretrain.Epochs,
		FinetuneEpochs: spec.Finetune.Epochs,
	}}
	if spec.LinearAugmented != nil {
		p.LinearAugmentedEpochs = spec.LinearAugmented.Epochs
	}
	if spec.Ablation != nil {
		p.AblationEpochs = spec.Ablation.Epochs
	}
	if v, ok := attribute.Of(workflow.GetTypedSearchAttributes(ctx)); ok {
		p.indexed = &v
	}
	err := workflow.SetQueryHandler(ctx, experiment.QueryProgress, func() (experiment.Progress, error) {
		return p.Progress, nil
	})
	if err != nil {
		return nil, err
	}
	reports := workflow.GetSignalChannel(ctx, signalReport)
	workflow.GoNamed(ctx, "reports", func(ctx workflow.Context) {
		for {
			var r Report
			reports.Receive(ctx, &r)
			p.take(ctx, r)
			p.show(ctx)
		}
	})
	return p, nil
}

// enter begins a stage.
func (p *progress) enter(ctx workflow.Context, stage string) {
	p.begin(ctx, stage)
	p.show(ctx)
}

// begin notes when a stage begins, which needs no entry in the history.
func (p *progress) begin(ctx workflow.Context, stage string) {
	p.Stage = stage
	p.Begun = append(p.Begun, experiment.StageBegun{Stage: stage, At: workflow.Now(ctx)})
}

// done is the number of epochs that the present stage has behind it, 0 in one without epochs.
func (p *progress) done() int {
	switch p.Stage {
	case experiment.StagePretrain:
		return len(p.Pretrain)
	case experiment.StageLinearAugmented:
		return len(p.LinearAugmented)
	case experiment.StageFinetune:
		return len(p.Finetune)
	}
	return 0
}

// take adds what a child has reported. When the experiment's own worker was away, a child's last reports can be handled
// after its result, so whatever is known already is left alone.
func (p *progress) take(ctx workflow.Context, r Report) {
	if stages := experiment.Stages(); slices.Index(stages, r.Stage) > slices.Index(stages, p.Stage) {
		p.begin(ctx, r.Stage)
	}
	if r.Pretrain != nil && r.Pretrain.Epoch == len(p.Pretrain)+1 {
		p.Pretrain = append(p.Pretrain, *r.Pretrain)
		p.replan(r.Pretrain.Planned)
	}
	if r.Retry != nil {
		p.Retry = r.Retry
	}
	if r.RollBack != nil {
		p.RollBacks = append(p.RollBacks, *r.RollBack)
	}
	if r.Linear != nil && p.Linear == nil {
		p.Linear = r.Linear
	}
	if r.Finetune != nil && r.Finetune.Epoch == len(p.Finetune)+1 {
		p.Finetune = append(p.Finetune, *r.Finetune)
	}
	if r.LinearAugmented != nil && r.LinearAugmented.Epoch == len(p.LinearAugmented)+1 {
		p.LinearAugmented = append(p.LinearAugmented, *r.LinearAugmented)
	}
	if r.Ablation != nil {
		p.takeArm(*r.Ablation)
	}
}

// replan takes the number of epochs over that an earlier run of the experiment was changed to, unless this one was too.
func (p *progress) replan(epochs int) {
	changed := slices.ContainsFunc(p.Changes, func(c experiment.Change) bool { return c.Update == experiment.UpdateExtend })
	if epochs > 0 && !changed {
		p.PretrainEpochs = epochs
	}
}

// takeArm takes an arm over in its newest form.
func (p *progress) takeArm(arm experiment.AblationArm) {
	i := slices.IndexFunc(p.Ablation, func(a experiment.AblationArm) bool { return a.Arm == arm.Arm })
	switch {
	case i < 0:
		p.Ablation = append(p.Ablation, arm)
	case len(arm.Epochs) > len(p.Ablation[i].Epochs):
		p.Ablation[i] = arm
	}
}
