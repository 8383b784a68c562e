//go:build gpu

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"twinview/bench/gpu/result"
	"twinview/train"
)

func newAccuracyCommand(o *options) *cobra.Command {
	var epochs, every int
	c := &cobra.Command{
		Use: "accuracy", Short: "Pretrain, and tell after how long which kNN accuracy is reached", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.quick {
				epochs, every = 2, 1
			}
			return o.accuracy(c.Context(), epochs, every, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().IntVar(&epochs, "epochs", 10, "epochs of pretraining; the learning rate's schedule is over as many")
	c.Flags().IntVar(&every, "every", 1, "epochs between two measurements of the accuracy")
	return c
}

// accuracy pretrains as the activities do, without Temporal and the store.
func (o *options) accuracy(ctx context.Context, epochs, every int, out, log io.Writer) error {
	spec, err := o.experiment()
	if err != nil {
		return err
	}
	spec.Pretrain.Epochs = epochs
	split, classes, err := o.data(spec)
	if err != nil {
		return err
	}
	options := train.Options{Compile: o.compiler(bfloat16s)}
	state, err := train.NewPretrainState(spec)
	if err != nil {
		return err
	}
	training, reached := 0.0, 0.0
	for epoch := 1; epoch <= epochs; epoch++ {
		start := time.Now()
		stats, err := train.PretrainEpoch(ctx, spec, split.Train, state, options)
		if err != nil {
			return fmt.Errorf("train epoch %d: %w", epoch, err)
		}
		training += time.Since(start).Seconds()
		if epoch%every != 0 && epoch != epochs {
			continue
		}
		start = time.Now()
		knn, err := train.EncoderKNN(ctx, spec, split.Train, split.Validation, state, classes, options)
		if err != nil {
			return fmt.Errorf("measure epoch %d: %w", epoch, err)
		}
		fmt.Fprintf(log, "epoch %d: loss %.4f, kNN %.1f %%, after %.1f s\n", epoch, stats.Loss, 100*knn, training)
		reached = max(reached, knn)
		f := result.Figure{
			Name: "knn", Of: fmt.Sprintf("epoch %d", epoch), Value: 100 * knn, Unit: "%",
			Note: fmt.Sprintf("loss %.4f, after %.1f s of training; measuring took %.1f s", stats.Loss, training, time.Since(start).Seconds()),
		}
		if err := result.Write(out, f); err != nil {
			return err
		}
	}
	return result.Write(out,
		result.Figure{Name: "best_knn", Value: 100 * reached, Unit: "%", Of: fmt.Sprintf("%d images", split.Train.Len()),
			Note: fmt.Sprintf("on %d validation images, %d neighbours", split.Validation.Len(), spec.KNN.K)},
		result.Figure{Name: "training", Value: training, Unit: "s", Of: fmt.Sprintf("%d epochs", epochs)})
}
