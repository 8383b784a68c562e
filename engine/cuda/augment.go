//go:build gpu

package cuda

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"gorgonia.org/cu"
	"gorgonia.org/gorgonia"

	"twinview/dataset"
	"twinview/engine"
	"twinview/engine/cuda/kernels"
	"twinview/experiment"
)

// augmenter makes the views of a leaf. What is random comes from the processor, in a table of a row for each view.
type augmenter struct {
	machine  *machine
	images   *images
	table    []kernels.View
	tableAt  cu.DevicePtr
	staging  *staging // of the table
	launches launches // one for each distribution
	filling  func() error
}

// Places in the kernels' arguments.
type (
	viewTable      struct{ from int } // from one of its rows on
	imagePlace     struct{}
	normalizePlace struct{ view int }
	leafPlace      struct{ element int }
)

// NewAugmenter implements engine.Augmenting.
func (m *machine) NewAugmenter(
	leaf *gorgonia.Node, data dataset.Images, views []experiment.View,
) (engine.Augmenter, error) {
	m.Values(leaf) // panics
	v := m.nodes[leaf]
	a := &augmenter{machine: m, table: make([]kernels.View, v.Shape[0])}
	calls, err := augmentations(data, views, v.Shape[0], v.Shape[1])
	if err == nil {
		err = m.fit(func() error {
			err := a.build(data, views, m.at[v], calls)
			if errors.Is(err, errMemory) {
				m.demand.fixed += len(data.Pixels)
			}
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("augment on cuda:%d: %w", m.device.ordinal, err)
	}
	a.filling = a.fill
	return a, nil
}

// augmentations are the calls that make rows views of size×size pixels.
func augmentations(data dataset.Images, views []experiment.View, rows, size int) ([]call, error) {
	if len(views) == 0 || rows%len(views) != 0 {
		return nil, fmt.Errorf("%d rows can't be shared out among views of %d distributions", rows, len(views))
	}
	each := rows / len(views)
	var calls []call
	for i, view := range views {
		launch, err := kernels.Augment(each, data.Height, data.Width, size, view.Blur.Kernel)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", engine.ErrUnsupported, err)
		}
		const channels = 3
		calls = append(calls, call{kernel: "augment_float32", launch: launch, arguments: []any{
			viewTable{i * each}, imagePlace{}, int32(data.Height), int32(data.Width), int32(size), int32(view.Blur.Kernel),
			float32(view.Solarize.Threshold), normalizePlace{i}, int32(channels), leafPlace{i * each * size * size * channels},
		}})
	}
	return calls, nil
}

func (a *augmenter) build(data dataset.Images, views []experiment.View, leaf cu.DevicePtr, calls []call) error {
	m := a.machine
	var err error
	if a.images, err = m.device.hold(data); err != nil {
		return err
	}
	m.augmenters = append(m.augmenters, a)
	tableBytes := len(a.table) * int(unsafe.Sizeof(kernels.View{}))
	if a.tableAt, err = m.memory.onDevice(tableBytes); err != nil {
		return err
	}
	if a.staging, err = m.newStaging(tableBytes); err != nil {
		return err
	}
	var factors []kernels.Normalize
	for _, view := range views {
		factors = append(factors, kernels.NewNormalize(view.Normalize.Mean, view.Normalize.Std))
	}
	normalize, err := upload(m.memory, factors)
	if err != nil {
		return err
	}
	address := func(place any) (uint64, error) {
		switch p := place.(type) {
		case viewTable:
			return uint64(a.tableAt) + uint64(p.from)*uint64(unsafe.Sizeof(kernels.View{})), nil
		case imagePlace:
			return uint64(a.images.at), nil
		case normalizePlace:
			return uint64(normalize) + uint64(p.view)*uint64(unsafe.Sizeof(kernels.Normalize{})), nil
		case leafPlace:
			return uint64(leaf) + uint64(p.element*Float32.Bytes()), nil
		}
		return 0, fmt.Errorf("%T is no argument of an augmentation", place)
	}
	for _, c := range calls {
		if err := a.launches.add(m.device, "augmentation", c, address); err != nil {
			return err
		}
	}
	return nil
}

// Fill implements engine.Augmenter.
func (a *augmenter) Fill(views []engine.View) error {
	if len(views) != len(a.table) {
		return fmt.Errorf("augment on cuda:%d: %d views for %d rows", a.machine.device.ordinal, len(views), len(a.table))
	}
	for i, v := range views {
		if v.Image < 0 || v.Image >= a.images.data.Len() {
			return fmt.Errorf("augment on cuda:%d: row %d is of image %d, but there are %d", a.machine.device.ordinal, i, v.Image,
				a.images.data.Len())
		}
		a.table[i] = kernels.NewView(v.Image, v.Drawn)
	}
	return a.machine.device.do(a.filling)
}

// fill sends the table and launches. The device does both in order.
func (a *augmenter) fill() error {
	s := a.machine.device.Stream
	if err := send(a.staging, a.tableAt, a.table, s); err != nil {
		return fmt.Errorf("send what was drawn for %d views: %w", len(a.table), err)
	}
	return a.launches.run(s)
}

// free gives back what does not go with the machine's memory.
func (a *augmenter) free() {
	a.launches.free()
	a.images.users--
}

// images are a data set in the device's memory, uint8 [N, height, width, 3].
type images struct {
	allocations
	at    cu.DevicePtr
	data  dataset.Images // the caller's, held so that no other data set can come to lie there
	users int
}

// are tells whether these are the images of a data set.
func (i *images) are(data dataset.Images) bool {
	return &i.data.Pixels[0] == &data.Pixels[0] && len(i.data.Pixels) == len(data.Pixels) &&
		i.data.Height == data.Height && i.data.Width == data.Width
}

// hold brings a data set to the device, unless it is there from an earlier epoch. Those that nobody uses any more make room.
func (d *device) hold(data dataset.Images) (*images, error) {
	if data.Len() == 0 {
		return nil, errors.New("there are no images")
	}
	var found *images
	for _, i := range d.images {
		if i.are(data) {
			found = i
		}
	}
	if err := d.dropImages(found); err != nil {
		return nil, err
	}
	if found == nil {
		made := &images{data: data}
		var err error
		if made.at, err = upload(&made.allocations, data.Pixels); err != nil {
			return nil, fmt.Errorf("bring %d images of %d×%d to the device: %w", data.Len(), data.Height, data.Width,
				errors.Join(err, made.free()))
		}
		d.images = append(d.images, made)
		found = made
	}
	found.users++
	return found, nil
}

// dropImages frees the data sets that nobody uses, all but one.
func (d *device) dropImages(but *images) error {
	var failed error
	d.images = slices.DeleteFunc(d.images, func(i *images) bool {
		idle := i.users == 0 && i != but
		if idle {
			failed = errors.Join(failed, i.free())
		}
		return idle
	})
	return failed
}
