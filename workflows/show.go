package workflows

import (
	"go.temporal.io/sdk/workflow"

	"twinview/attribute"
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
	v.Loss, v.BestAccuracy = p.Loss(), p.BestAccuracy()
	return v
}
