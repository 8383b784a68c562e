package train

import (
	"context"
	"runtime"
	"sync"

	"twinview/augment"
	"twinview/dataset"
	"twinview/engine"
	"twinview/experiment"
)

// visit is one look at an image: its index, and the pass over all images that the look is part of, from 0 on.
type visit struct{ image, pass int }

// draw says which views an epoch is made of. Every random draw in it is dataset.Stream(seed, purpose, pass, sample, view)
// with the sample's index in images, so neither the batch nor the goroutine that draws a view has a part in it.
type draw struct {
	images dataset.Images
	// order holds the epoch's visits, a whole number of batches.
	order     []visit
	batchSize int
	// views are the distributions of the views of each image, size their height and width.
	views   []experiment.View
	size    int
	seed    uint64
	purpose dataset.Purpose
	// onDevice says that the machine makes the views of what is drawn for them.
	onDevice bool
}

// batch is one step's input: row v·batchSize + i is view v of image i.
type batch struct {
	pixels []float32     // [views·batchSize, size, size, 3], normalised; none where the machine makes the views
	drawn  []engine.View // [views·batchSize], for the machine
	labels []float32     // [batchSize]
}

func (d draw) newBatch() *batch {
	b := &batch{labels: make([]float32, d.batchSize)}
	rows := len(d.views) * d.batchSize
	if d.onDevice {
		b.drawn = make([]engine.View, rows)
	} else {
		b.pixels = make([]float32, rows*d.size*d.size*3)
	}
	return b
}

// loader draws the views of the next batch, or what is random about them, in goroutines while the machine works on the present one.
type loader struct {
	ready, free chan *batch
	cancel      context.CancelFunc
	stopped     sync.WaitGroup
}

// newLoader starts drawing. The caller must close the loader.
func newLoader(ctx context.Context, d draw) (*loader, error) {
	crew, err := newCrew(d, runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	const ahead = 2 // one being drawn, one ready
	l := &loader{ready: make(chan *batch, ahead), free: make(chan *batch, ahead)}
	for range ahead {
		l.free <- d.newBatch()
	}
	ctx, l.cancel = context.WithCancel(ctx)
	l.stopped.Go(func() { l.run(ctx, d, crew) })
	return l, nil
}

func (l *loader) run(ctx context.Context, d draw, crew crew) {
	for first := 0; first < len(d.order); first += d.batchSize {
		select {
		case b := <-l.free:
			crew.fill(b, d, d.order[first:first+d.batchSize])
			l.ready <- b // has room for every batch there is
		case <-ctx.Done():
			return
		}
	}
}

// next waits for a batch; the caller gives it back with release.
func (l *loader) next(ctx context.Context) (*batch, error) {
	select {
	case b := <-l.ready:
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *loader) release(b *batch) { l.free <- b }

// close stops drawing and waits until no goroutine is left.
func (l *loader) close() {
	l.cancel()
	l.stopped.Wait()
}

// crew is one set of transforms for each goroutine, as a transform owns scratch memory.
type crew [][]*augment.Transform

func newCrew(d draw, members int) (crew, error) {
	c := make(crew, members)
	for member := range c {
		for _, view := range d.views {
			t, err := augment.New(view, d.size)
			if err != nil {
				return nil, err
			}
			c[member] = append(c[member], t)
		}
	}
	return c, nil
}

// fill draws every view of the images into b.
func (c crew) fill(b *batch, d draw, visits []visit) {
	var all sync.WaitGroup
	for member, transforms := range c {
		all.Go(func() {
			for i := member; i < len(visits); i += len(c) {
				for v, transform := range transforms {
					d.view(b, transform, v, i, visits[i])
				}
				b.labels[i] = float32(d.images.Labels[visits[i].image])
			}
		})
	}
	all.Wait()
}

// view draws view v of one image, the i-th of its batch.
func (d draw) view(b *batch, t *augment.Transform, v, i int, at visit) {
	row, length := v*d.batchSize+i, d.size*d.size*3
	random := dataset.Stream(d.seed, d.purpose, at.pass, at.image, v)
	if d.onDevice {
		b.drawn[row] = engine.View{Image: at.image, Drawn: t.Draw(d.images.Height, d.images.Width, random)}
		return
	}
	t.Apply(b.pixels[row*length:(row+1)*length], d.images.Image(at.image), d.images.Height, d.images.Width, random)
}
