//go:build gpu

package cuda

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"twinview/engine"
	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/gpu"
	"twinview/experiment"
)

// optimizer moves the parameters where they lie. Its memory is the machine's.
type optimizer struct {
	machine  *machine
	buffers  [][][]float32
	bytes    int       // of all parameters and buffers
	kept     []managed // all of them
	launches launches

	// What the kernels read of a step, and where they note numbers that are not finite.
	step     [1]kernels.OptimizerStep
	stepAt   cu.DevicePtr
	staging  *staging
	broken   []int32
	brokenAt cu.DevicePtr
}

const stepBytes = int(unsafe.Sizeof(kernels.OptimizerStep{}))

// Places in the kernels' arguments.
type (
	parameterTable struct{}
	chunkTable     struct{}
	stepPlace      struct{}
	normsPlace     struct{}
	brokenPlace    struct{}
)

// NewOptimizer implements engine.Optimizing.
func (m *machine) NewOptimizer(o experiment.Optimizer, parameters []engine.Parameter) (engine.Optimizer, error) {
	made := &optimizer{machine: m}
	m.optimizers = append(m.optimizers, made)
	buffers, calls, err := ruleOf(o)
	if err == nil {
		err = m.fit(func() error { return made.build(parameters, buffers, calls) })
	}
	if err != nil {
		return nil, fmt.Errorf("optimise on the GPU: %w", err)
	}
	return made, nil
}

// ruleOf is the number of buffers that a rule keeps for each parameter, and its calls, whose launches are not known yet.
func ruleOf(o experiment.Optimizer) (buffers int, calls []call, err error) {
	nesterov := kernels.Flag(o.Nesterov)
	tables := []any{parameterTable{}, chunkTable{}}
	with := func(more ...any) []any { return append(append([]any(nil), tables...), more...) }
	switch o.Name {
	case experiment.SGD:
		if o.Momentum != 0 {
			buffers = 1
		}
		return buffers, []call{
			{kernel: "sgd", arguments: with(stepPlace{}, o.WeightDecay, o.Momentum, nesterov, brokenPlace{})},
		}, nil
	case experiment.LARS:
		return 1, []call{
			{kernel: "lars_norms", arguments: with(o.WeightDecay, normsPlace{})},
			{kernel: "lars", arguments: with(stepPlace{}, o.WeightDecay, o.Momentum, nesterov, o.TrustCoefficient,
				o.ExcludedRate(), normsPlace{}, brokenPlace{})},
		}, nil
	case experiment.AdamW:
		return 2, []call{
			{kernel: "adamw", arguments: with(stepPlace{}, o.WeightDecay, o.Betas[0], o.Betas[1], o.Epsilon, brokenPlace{})},
		}, nil
	}
	return 0, nil, fmt.Errorf("unknown optimiser %q", o.Name)
}

func (o *optimizer) build(parameters []engine.Parameter, buffers int, calls []call) error {
	if err := o.room(parameters, buffers); err != nil {
		return err
	}
	table := make([]kernels.Parameter, len(parameters))
	for i, p := range parameters {
		var err error
		if table[i], err = o.place(p, buffers); err != nil {
			return fmt.Errorf("parameter %q: %w", p.Value.Name(), err)
		}
	}
	// The caller writes them now.
	if err := o.machine.device.move(o.kept, host); err != nil {
		return err
	}
	if err := o.machine.device.Stream.Synchronize(); err != nil {
		return fmt.Errorf("wait for parameters to move: %w", err)
	}
	chunks := kernels.Chunks(table)
	if len(chunks) == 0 { // nothing is trained
		return nil
	}
	memory := o.machine.memory
	of := map[any]cu.DevicePtr{}
	var err error
	if of[parameterTable{}], err = upload(memory, table); err != nil {
		return err
	}
	if of[chunkTable{}], err = upload(memory, chunks); err != nil {
		return err
	}
	const doubles = 8
	if of[normsPlace{}], err = memory.onDevice(2 * doubles * len(chunks)); err != nil {
		return err
	}
	if of[stepPlace{}], err = memory.onDevice(stepBytes); err != nil {
		return err
	}
	if of[brokenPlace{}], err = memory.managed(4); err != nil {
		return err
	}
	o.stepAt, o.brokenAt = of[stepPlace{}], of[brokenPlace{}]
	o.broken = slice[int32](o.brokenAt, 1)
	if o.staging, err = o.machine.newStaging(stepBytes); err != nil {
		return err
	}
	for _, c := range calls {
		c.launch = kernels.Optimizer(len(chunks))
		err := o.launches.add(o.machine.device, "optimiser", c, func(place any) (uint64, error) {
			at, ok := of[place]
			if !ok {
				return 0, fmt.Errorf("%T is no argument of an optimiser", place)
			}
			return uint64(at), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// room fails where the device's free memory is too little for the buffers, even without data sets that nobody uses. Managed memory may
// be more than there is.
func (o *optimizer) room(parameters []engine.Parameter, buffers int) error {
	wanted := int64(0)
	for _, p := range parameters {
		wanted += int64(buffers * len(o.machine.Values(p.Value)) * Float32.Bytes())
	}
	free, _, err := freeMemory()
	if err == nil && free < wanted {
		if err := o.machine.device.dropImages(nil); err != nil {
			return err
		}
		free, _, err = freeMemory()
	}
	if err != nil {
		return err
	}
	if free < wanted {
		return errMemory
	}
	return nil
}

// place finds a parameter's memory and gives it buffers.
func (o *optimizer) place(p engine.Parameter, buffers int) (kernels.Parameter, error) {
	n, grad := len(o.machine.Values(p.Value)), len(o.machine.Values(p.Grad))
	if n != grad {
		return kernels.Parameter{}, fmt.Errorf("it has %d values and %d gradients", n, grad)
	}
	placed := kernels.Parameter{
		Value: uint64(o.machine.at[o.machine.nodes[p.Value]]), Grad: uint64(o.machine.at[o.machine.nodes[p.Grad]]),
		Length: int64(n),
	}
	if p.Excluded {
		placed.Excluded = 1
	}
	bytes := n * Float32.Bytes()
	o.bytes += (1 + buffers) * bytes
	if n > 0 {
		o.kept = append(o.kept, managed{p.Value.Name(), cu.DevicePtr(placed.Value), bytes})
	}
	kept := make([][]float32, buffers)
	for b, place := range []*uint64{&placed.First, &placed.Second}[:buffers] {
		at, err := o.machine.memory.managed(bytes)
		if err != nil {
			return kernels.Parameter{}, err
		}
		*place, kept[b] = uint64(at), slice[float32](at, n)
		if n > 0 {
			o.kept = append(o.kept, managed{p.Value.Name(), at, bytes})
		}
	}
	o.buffers = append(o.buffers, kept)
	return placed, nil
}

// upload copies a table to the device.
func upload[T any](memory *allocations, table []T) (cu.DevicePtr, error) {
	bytes := len(table) * int(unsafe.Sizeof(table[0]))
	at, err := memory.onDevice(bytes)
	if err != nil {
		return 0, err
	}
	return at, gpu.Upload(at, unsafe.Pointer(unsafe.SliceData(table)), bytes)
}

// Buffers implements engine.Optimizer.
func (o *optimizer) Buffers(i int) [][]float32 { return o.buffers[i] }

// Step implements engine.Optimizer.
func (o *optimizer) Step(rate float64, step int) (finite bool, err error) {
	if len(o.launches) == 0 {
		return true, nil
	}
	d := o.machine.device
	err = d.do(func() error {
		if err := o.begin(rate, step); err != nil {
			return err
		}
		return d.Stream.Synchronize()
	})
	if err != nil {
		return false, fmt.Errorf("move the parameters on cuda:%d: %w", d.ordinal, err)
	}
	return o.broken[0] == 0, nil
}

// begin asks the device for a step.
func (o *optimizer) begin(rate float64, step int) error {
	if len(o.launches) == 0 {
		return nil
	}
	s := o.machine.device.Stream
	o.step[0] = kernels.OptimizerStep{Rate: rate, Number: int64(step)}
	if err := send(o.staging, o.stepAt, o.step[:], s); err != nil {
		return fmt.Errorf("send the learning rate: %w", err)
	}
	if err := cu.MemsetD32Async(o.brokenAt, 0, 1, s); err != nil {
		return fmt.Errorf("clear what was found of numbers that are not finite: %w", err)
	}
	return o.launches.run(s)
}
