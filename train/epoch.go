package train

import (
	"context"
	"errors"
	"fmt"

	"twinview/dataset"
	"twinview/engine"
	"twinview/experiment"
	"twinview/model"
)

// epochPlan is what pretraining and fine-tuning differ in.
type epochPlan struct {
	stage             string
	epochs, batchSize int
	// steps are those of an epoch, in passes over the images without end; 0 takes the whole batches in one pass.
	steps     int
	optimizer experiment.Optimizer
	schedule  experiment.Schedule
	// views are the distributions of an image's views, size their height and width in pixels.
	views          []experiment.View
	size           int
	order, purpose dataset.Purpose
	network        func() (*model.Network, error)
	// frozen is the encoder that batches pass through first, nil where the network sees the images itself.
	frozen *frozenEncoder
}

// run takes the steps of the epoch that s does not have behind it yet. It works on a copy of s and moves s at the end, so
// that an error loses nothing.
func (p epochPlan) run(
	ctx context.Context, spec *experiment.Spec, images dataset.Images, s *State, o Options,
) (EpochStats, error) {
	if err := s.check(spec, p.stage); err != nil {
		return EpochStats{}, err
	}
	if s.Epoch >= p.epochs {
		return EpochStats{}, fmt.Errorf("epoch %d is past the last: %s.epochs is %d", s.Epoch+1, p.stage, p.epochs)
	}
	steps, err := p.stepsPerEpoch(images.Len())
	if err != nil {
		return EpochStats{}, err
	}
	done, err := s.stepsDone(steps)
	if err != nil {
		return EpochStats{}, err
	}
	network, err := p.network()
	if err != nil {
		return EpochStats{}, err
	}
	rate := newSchedule(p.schedule, p.optimizer.LearningRate*s.RateFactor(), p.epochs, steps)
	trained := s.clone()
	if trained.spec, err = digest(spec, p.stage, s.Epoch+1); err != nil {
		return EpochStats{}, fmt.Errorf("digest spec: %w", err)
	}
	t, err := newTrainer(network, trained, p.optimizer, rate, o)
	if err != nil { // the images may have to be on the device too
		return EpochStats{}, inBatches(err, section(p.stage)+".batch_size", p.batchSize, len(images.Pixels))
	}
	defer t.close()
	augmenter, err := p.augmenter(t, images)
	if err != nil {
		err = fmt.Errorf("load batches of stage %s: %w", p.stage, err)
		return EpochStats{}, inBatches(err, section(p.stage)+".batch_size", p.batchSize, 0)
	}
	draw := p.draw(spec.Seed, images, s.Epoch, steps).from(done)
	draw.onDevice = augmenter != nil
	batches, err := newLoader(ctx, draw)
	if err != nil {
		return EpochStats{}, fmt.Errorf("load batches of stage %s: %w", p.stage, err)
	}
	defer batches.close()

	stats, err := t.epoch(ctx, steps, len(p.views)*p.batchSize, t.feedFrom(batches, augmenter, p.frozen))
	if err != nil {
		return EpochStats{}, err
	}
	next, err := t.finish()
	if err != nil {
		return EpochStats{}, err
	}
	*s = *next
	stats.Size, stats.Kernels = p.size, t.machine.Kernels()
	return stats, nil
}

func (p epochPlan) stepsPerEpoch(images int) (int, error) {
	if p.steps == 0 || images == 0 {
		return stepsPerEpoch(p.stage, images, p.batchSize)
	}
	return p.steps, nil
}

func (p epochPlan) draw(seed uint64, images dataset.Images, epoch, steps int) draw {
	count := steps * p.batchSize
	order := visits(seed, p.order, images.Len(), epoch*count, count)
	if p.steps == 0 {
		// A pass whose last, incomplete batch is left out.
		order = visits(seed, p.order, images.Len(), epoch*images.Len(), count)
	}
	return draw{
		images: images, order: order,
		batchSize: p.batchSize, views: p.views, size: p.size, seed: seed, purpose: p.purpose,
	}
}

// from leaves out the batches of the first steps.
func (d draw) from(steps int) draw {
	d.order = d.order[steps*d.batchSize:]
	return d
}

// visits are count of the visits to n images in passes without end, from the first on, each pass in an order of its own.
func visits(seed uint64, purpose dataset.Purpose, n, first, count int) []visit {
	all := make([]visit, 0, count)
	for pass := first / n; len(all) < count; pass++ {
		order := dataset.Order(seed, purpose, pass, n)
		if pass == first/n {
			order = order[first%n:]
		}
		for _, image := range order[:min(len(order), count-len(all))] {
			all = append(all, visit{image, pass})
		}
	}
	return all
}

// augmenter makes views where the network that sees the images runs; nil where the loader does.
func (p epochPlan) augmenter(t *trainer, images dataset.Images) (engine.Augmenter, error) {
	machine, leaf := t.machine, t.network.Images
	if p.frozen != nil {
		machine, leaf = p.frozen.machine, p.frozen.network.Images
	}
	augmenting, ok := machine.(engine.Augmenting)
	if !ok {
		return nil, nil
	}
	augmenter, err := augmenting.NewAugmenter(leaf, images, p.views)
	if errors.Is(err, engine.ErrUnsupported) {
		return nil, nil
	}
	return augmenter, err
}

// feedFrom writes the loader's batches into the leaves for images, or for a frozen encoder's features of them, and, in a
// classifier, labels.
func (t *trainer) feedFrom(l *loader, augmenter engine.Augmenter, frozen *frozenEncoder) feed {
	return func(ctx context.Context) error {
		b, err := l.next(ctx)
		if err != nil {
			return err
		}
		defer l.release(b)
		if t.network.Labels != nil {
			if err := t.queue.Feed(t.network.Labels, b.labels); err != nil {
				return err
			}
		}
		switch {
		case augmenter != nil:
			err = augmenter.Fill(b.drawn)
		case frozen != nil:
			copy(frozen.machine.Values(frozen.network.Images), b.pixels)
		default:
			err = t.queue.Feed(t.network.Images, b.pixels)
		}
		if err != nil || frozen == nil {
			return err
		}
		features, err := frozen.features()
		if err != nil {
			return err
		}
		return t.queue.Feed(t.network.Features, features)
	}
}
