package workflows

import (
	"go.temporal.io/sdk/workflow"

	"twinview/attribute"
	"twinview/experiment"
)

// show brings what Temporal's web UI and its lists tell of the experiment up to date.
func (p *progress) show(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, p.details())
	p.index(ctx)
}

// index brings the search attributes up to date. Whoever submits an experiment decides whether it has any: a server takes only
// those that are registered there, and would refuse the workflow's every step with others. That they are in the first event of
// the history also lets experiments go on that older versions began.
func (p *progress) index(ctx workflow.Context) {
	if p.indexed == nil {
		return
	}
	now := p.attributes()
	updates := now.Since(*p.indexed)
	if len(updates) == 0 {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Warn("update the search attributes", "error", err)
		return
	}
	p.indexed = &now
}

// attributes are those that the experiment should have now.
func (p *progress) attributes() attribute.Values {
	v := attribute.Submitted(*p.spec)
	v.Stage, v.Paused, v.Diverged = p.Stage, p.Paused, p.diverged || p.Retry != nil
	v.BestAccuracy = p.bestAccuracy()
	if n := len(p.Pretrain); n > 0 && p.Pretrain[n-1].Epoch > 0 {
		v.Loss = new(p.Pretrain[n-1].Loss)
	}
	return v
}

// bestAccuracy is the highest on the validation split so far, of whichever protocol but the ablation's; nil before there is one.
func (p *progress) bestAccuracy() *float64 {
	var best *float64
	better := func(accuracy float64) {
		if best == nil || accuracy > *best {
			best = &accuracy
		}
	}
	for _, e := range p.Pretrain {
		if e.KNN != nil {
			better(*e.KNN)
		}
	}
	if p.Linear != nil {
		better(p.Linear.Best.Value)
	}
	for _, epochs := range [][]experiment.ClassifierEpoch{p.LinearAugmented, p.Finetune} {
		for _, e := range epochs {
			better(e.ValidationAccuracy)
		}
	}
	return best
}
