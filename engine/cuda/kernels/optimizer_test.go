package kernels_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/host"
)

// moved are parameters of several sizes on the device, and the same in float64.
type moved struct {
	*device
	values, grads []*host.Memory
	buffers       [2][]*host.Memory
	table, chunks *host.Memory
	grid          kernels.Launch
	broken        *host.Memory
	want          []wanted
}

type wanted struct {
	excluded      bool
	value, grad   []float64
	first, second []float64
}

// newMoved makes parameters shorter and longer than a chunk, some of which are excluded, one of them all 0, and one that does not
// begin at a whole access.
func newMoved(t *testing.T, buffers int) *moved {
	m := &moved{device: newDevice(t)}
	var table []kernels.Parameter
	for i, length := range []int{3, 64, 4096, 10001, 5, 9000} {
		value, grad := m.normal(float32s, length, 0, 0.1), m.normal(float32s, length, 0, 0.01)
		if i == 3 {
			value = m.normal(float32s, length+1, 0, 0.1).At(4)
		}
		if i == 4 {
			clear(value.Float32s())
		}
		m.values, m.grads = append(m.values, value), append(m.grads, grad)
		p := kernels.Parameter{Value: value.Address(), Grad: grad.Address(), Length: int64(length)}
		w := wanted{value: get(float32s, value), grad: get(float32s, grad), first: make([]float64, length),
			second: make([]float64, length)}
		if w.excluded = i == 1 || i == 5; w.excluded {
			p.Excluded = 1
		}
		for b, to := range []*uint64{&p.First, &p.Second}[:buffers] {
			buffer := m.put(float32s, make([]float32, length)...)
			m.buffers[b] = append(m.buffers[b], buffer)
			*to = buffer.Address()
		}
		table, m.want = append(table, p), append(m.want, w)
	}
	chunks := kernels.Chunks(table)
	m.grid = kernels.Optimizer(len(chunks))
	m.table, m.chunks = copied(m.device, table), copied(m.device, chunks)
	m.broken = copied(m.device, []int32{0})
	return m
}

// copied is memory with the bytes of a table.
func copied[T any](d *device, table []T) *host.Memory {
	size := len(table) * int(unsafe.Sizeof(table[0]))
	m := d.bytes(size)
	copy(m.Bytes(), unsafe.Slice((*byte)(unsafe.Pointer(&table[0])), size))
	return m
}

// steps runs three steps in one order of threads, in the other, and in float64, and compares.
func (m *moved) steps(launches func(step *host.Memory), rule func(w *wanted, rate float64, step int)) {
	m.t.Helper()
	state := slices.Concat(m.values, m.buffers[0], m.buffers[1])
	var before, first [][]byte
	for _, s := range state {
		before = append(before, slices.Clone(s.Bytes()))
	}
	for _, reversed := range []bool{true, false} {
		require.NoError(m.t, library.Reverse(reversed))
		for i, s := range state {
			copy(s.Bytes(), before[i])
		}
		for step := range 3 {
			launches(copied(m.device, []kernels.OptimizerStep{{Rate: 0.1 / float64(step+1), Number: int64(step + 1)}}))
		}
		for i, s := range state {
			if reversed {
				first = append(first, slices.Clone(s.Bytes()))
				continue
			}
			require.Equal(m.t, first[i], s.Bytes(), "the result depends on the order of the threads")
		}
	}
	require.Zero(m.t, m.broken.Int32s()[0])
	for i := range m.want {
		for step := range 3 {
			rule(&m.want[i], 0.1/float64(step+1), step+1)
		}
		near(m.t, m.want[i].value, get(float32s, m.values[i]), 1e-5, 1e-6)
		for b, want := range [][]float64{m.want[i].first, m.want[i].second} {
			if len(m.buffers[b]) > 0 {
				near(m.t, want, get(float32s, m.buffers[b][i]), 1e-5, 1e-8)
			}
		}
	}
	for _, memory := range m.memory {
		require.NoError(m.t, memory.Check())
	}
}

const decay = 0.02

func (w *wanted) decay() float64 {
	if w.excluded {
		return 0
	}
	return decay
}

// momentum is SGD's step at a ratio; at momentum 0 it has no buffer.
func (w *wanted) momentum(rate, ratio, momentum float64, nesterov bool) {
	for i := range w.value {
		direction := ratio * (w.grad[i] + w.decay()*w.value[i])
		w.first[i] = momentum*w.first[i] + direction
		if nesterov {
			w.value[i] -= rate * (direction + momentum*w.first[i])
		} else {
			w.value[i] -= rate * w.first[i]
		}
	}
}

func TestSGD(t *testing.T) {
	for _, s := range []struct {
		momentum float64
		nesterov bool
	}{{0, false}, {0.9, false}, {0.9, true}} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			buffers := 0
			if s.momentum > 0 {
				buffers = 1
			}
			m := newMoved(t, buffers)
			m.steps(func(step *host.Memory) {
				m.launch("sgd", m.grid, m.table, m.chunks, step, decay, s.momentum, kernels.Flag(s.nesterov), m.broken)
			}, func(w *wanted, rate float64, _ int) { w.momentum(rate, 1, s.momentum, s.nesterov) })
		})
	}
}

func TestLARS(t *testing.T) {
	const trust, excludedRate, momentum = 0.02, 0.3, 0.9
	for _, nesterov := range []bool{false, true} {
		m := newMoved(t, 1)
		norms := m.bytes(16 * m.grid.Grid[0])
		m.steps(func(step *host.Memory) {
			m.launch("lars_norms", m.grid, m.table, m.chunks, decay, norms)
			m.launch("lars", m.grid, m.table, m.chunks, step, decay, momentum, kernels.Flag(nesterov), trust, excludedRate,
				norms, m.broken)
		}, func(w *wanted, rate float64, _ int) {
			w.momentum(rate, w.ratio(trust, excludedRate), momentum, nesterov)
		})
	}
}

func (w *wanted) ratio(trust, excludedRate float64) float64 {
	if w.excluded {
		return excludedRate
	}
	weights, updates := 0.0, 0.0
	for i, v := range w.value {
		u := w.grad[i] + decay*v
		weights += v * v
		updates += u * u
	}
	if weights == 0 || updates == 0 {
		return 1
	}
	return trust * math.Sqrt(weights/updates)
}

func TestAdamW(t *testing.T) {
	const beta1, beta2, eps = 0.9, 0.999, 1e-8
	m := newMoved(t, 2)
	m.steps(func(step *host.Memory) {
		m.launch("adamw", m.grid, m.table, m.chunks, step, decay, beta1, beta2, eps, m.broken)
	}, func(w *wanted, rate float64, step int) {
		for i, g := range w.grad {
			w.first[i] += (1 - beta1) * (g - w.first[i])
			w.second[i] = beta2*w.second[i] + (1-beta2)*g*g
			mean := w.first[i] / (1 - math.Pow(beta1, float64(step)))
			square := w.second[i] / (1 - math.Pow(beta2, float64(step)))
			w.value[i] -= rate*w.decay()*w.value[i] + rate*mean/(math.Sqrt(square)+eps)
		}
	})
}

func TestOptimizersNoticeWhatIsNotFinite(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		for _, at := range []int{0, 10000} {
			m := newMoved(t, 2)
			m.grads[3].Float32s()[at] = float32(bad)
			step := copied(m.device, []kernels.OptimizerStep{{Rate: 0.1, Number: 1}})
			m.launch("adamw", m.grid, m.table, m.chunks, step, decay, 0.9, 0.999, 1e-8, m.broken)
			require.EqualValues(t, 1, m.broken.Int32s()[0])
		}
	}
}
