package kernels_test

import (
	"bytes"
	commandline "flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/host"
)

// runner runs kernels to their end, as host.Library documents it.
type runner interface {
	Launch(kernel string, launch kernels.Launch, arguments ...any) error
	// Reverse changes the order of threads in the launches that follow, where the order is ours to choose.
	Reverse(reversed bool) error
	NewMemory(size int) (*host.Memory, error)
}

// library has all kernels: on this processor, in the form that -kernels says, or with the tag gpu on the first GPU.
var library = &recorder{launched: map[string]bool{}}

func TestMain(m *testing.M) {
	commandline.Parse()
	into, err := os.MkdirTemp("", "twinview-kernels-")
	if err == nil {
		library.runner, err = open(into)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(into)
	if err := library.finish(wholeRun()); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// wholeRun tells whether all tests were asked for.
func wholeRun() bool {
	for _, choice := range []string{"test.run", "test.skip", "test.list"} {
		if commandline.Lookup(choice).Value.String() != "" {
			return false
		}
	}
	return true
}

// element is a type of elements.
type element struct {
	name string
	size int
	// rounding is by how much, of its size, a number may be off after it was rounded once.
	rounding float64
}

var (
	float32s  = element{"float32", 4, 0x1p-24}
	bfloat16s = element{"bfloat16", 2, 0x1p-8}
	elements  = []element{float32s, bfloat16s}
)

// device is the memory of one test.
type device struct {
	t      *testing.T
	random *rand.Rand
	memory []*host.Memory
}

// newDevice draws its numbers from a new seed each time, and logs it.
func newDevice(t *testing.T) *device {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	d := &device{t: t, random: rand.New(rand.NewPCG(seed, 0))}
	t.Cleanup(func() {
		for _, m := range d.memory {
			m.Free()
		}
	})
	return d
}

func (d *device) bytes(n int) *host.Memory {
	m, err := library.NewMemory(n)
	require.NoError(d.t, err)
	d.memory = append(d.memory, m)
	return m
}

// empty is memory for n elements, poisoned.
func (d *device) empty(e element, n int) *host.Memory { return d.bytes(n * e.size) }

// normal is memory with n numbers drawn from a normal distribution.
func (d *device) normal(e element, n int, mean, deviation float64) *host.Memory {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(mean + deviation*d.random.NormFloat64())
	}
	return d.put(e, values...)
}

// put is memory with these numbers.
func (d *device) put(e element, values ...float32) *host.Memory {
	m := d.empty(e, len(values))
	write(e, m, values)
	return m
}

func write(e element, m *host.Memory, values []float32) {
	if e == float32s {
		copy(m.Float32s(), values)
		return
	}
	for i, v := range values {
		m.Bfloat16s()[i] = toBfloat16(v)
	}
}

// get is what memory holds.
func get(e element, m *host.Memory) []float64 {
	var values []float64
	if e == float32s {
		for _, v := range m.Float32s() {
			values = append(values, float64(v))
		}
		return values
	}
	for _, bits := range m.Bfloat16s() {
		values = append(values, float64(math.Float32frombits(uint32(bits)<<16)))
	}
	return values
}

func toBfloat16(v float32) uint16 {
	bits := math.Float32bits(v)
	if v != v {
		return 0x7fff
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

func (d *device) launch(kernel string, launch kernels.Launch, arguments ...any) {
	d.t.Helper()
	require.NoError(d.t, library.Launch(kernel, launch, arguments...))
}

// run makes the outputs from poisoned memory, in one order of threads, in the other, and on a narrow grid where a kernel takes
// any. It fails if a bit differs or something was written beside them.
func (d *device) run(launches func(), outputs ...*host.Memory) {
	d.t.Helper()
	first := d.outcome(true, false, launches, outputs)
	other := d.outcome(false, false, launches, outputs)
	require.Equal(d.t, -1, differing(first, other), "this output depends on the order of the threads")
	if library.narrowed {
		other = d.outcome(false, true, launches, outputs)
		require.Equal(d.t, -1, differing(first, other), "this output depends on the grid's size")
	}
	for _, m := range d.memory {
		require.NoError(d.t, m.Check())
	}
}

// outcome is what launches make of poisoned outputs.
func (d *device) outcome(reversed, narrow bool, launches func(), outputs []*host.Memory) [][]byte {
	d.t.Helper()
	for _, output := range outputs {
		output.Poison()
	}
	require.NoError(d.t, library.Reverse(reversed))
	library.narrow, library.narrowed = narrow, false
	defer func() { library.narrow = false }()
	launches()
	var made [][]byte
	for _, output := range outputs {
		made = append(made, slices.Clone(output.Bytes()))
	}
	return made
}

// differing is the first of two lists' elements that differs, or -1.
func differing(a, b [][]byte) int {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return i
		}
	}
	return -1
}

// array is a tensor for the reference.
type array struct {
	shape  []int
	values []float64
}

// reference is what the model's op makes of the inputs in float64.
func (d *device) reference(op gorgonia.Op, inputs ...array) []float64 {
	d.t.Helper()
	values := make([]gorgonia.Value, len(inputs))
	for i, in := range inputs {
		if len(in.shape) == 0 {
			values[i] = gorgonia.NewF64(in.values[0])
			continue
		}
		values[i] = tensor.New(tensor.WithShape(in.shape...), tensor.WithBacking(slices.Clone(in.values)))
	}
	result, err := op.Do(values...)
	require.NoError(d.t, err)
	if scalar, ok := result.(*gorgonia.F64); ok {
		return []float64{float64(*scalar)}
	}
	return result.Data().([]float64)
}

// near fails unless every number is as close as `relative` of the wanted one's size or `absolute`. NaN is near NaN alone.
func near(t *testing.T, want, got []float64, relative, absolute float64) {
	t.Helper()
	require.Equal(t, len(want), len(got))
	for i, w := range want {
		if w == got[i] || math.IsNaN(w) && math.IsNaN(got[i]) {
			continue
		}
		if off := math.Abs(got[i] - w); !(off <= relative*math.Abs(w)+absolute) {
			require.Failf(t, "too far off", "element %d of %d is %v, want %v: off by %.3g", i, len(want), got[i], w, off)
		}
	}
}
