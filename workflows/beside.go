package workflows

import "go.temporal.io/sdk/workflow"

// beside is what follows an epoch and need not be waited for: its report, and the removal of the checkpoints that it superseded.
// Meanwhile the next epoch trains.
type beside struct {
	// done is that of what was begun last, nil where it has been waited for.
	done workflow.Future
}

// do runs f beside what the workflow does next, once what was begun before is done. In histories of older versions f comes first.
func (b *beside) do(ctx workflow.Context, f func(workflow.Context) error) error {
	if workflow.GetVersion(ctx, "beside-the-next-epoch", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return f(ctx)
	}
	if err := b.wait(ctx); err != nil {
		return err
	}
	done, result := workflow.NewFuture(ctx)
	workflow.GoNamed(ctx, "beside", func(ctx workflow.Context) { result.SetError(f(ctx)) })
	b.done = done
	return nil
}

// wait returns when all that was begun is done, with the error of the last of it.
func (b *beside) wait(ctx workflow.Context) error {
	if b.done == nil {
		return nil
	}
	err := b.done.Get(ctx, nil)
	b.done = nil
	return err
}

// last is wait for those who return with err, unless that is nil.
func (b *beside) last(ctx workflow.Context, err error) error {
	waited := b.wait(ctx)
	if err != nil {
		return err
	}
	return waited
}
