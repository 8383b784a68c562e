package emulator

import (
	"encoding/binary"
	"fmt"
	"math"

	"twinview/engine/cuda/kernels/host"
)

// values lays a kernel's arguments out as it reads them.
func (d *Device) values(p *program, arguments []any) ([]byte, error) {
	if p.bytes > mostValues {
		return nil, fmt.Errorf("%d bytes of parameters, want at most %d", p.bytes, mostValues)
	}
	if len(arguments) != len(p.parameters) {
		return nil, fmt.Errorf("%d arguments, want %d", len(arguments), len(p.parameters))
	}
	var all []byte
	for i, argument := range arguments {
		v := p.parameters[i]
		all = append(all, make([]byte, v.offset-len(all))...)
		bytes, err := d.argument(v.variable, argument)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i, err)
		}
		all = append(all, bytes...)
	}
	return all, nil
}

// argument is the bytes of one, if it is what the parameter is declared to be.
func (d *Device) argument(v *variable, argument any) ([]byte, error) {
	var bits uint64
	fits := false
	float := v.kind == ".f32" || v.kind == ".f64"
	switch a := argument.(type) {
	case int32:
		// A bool is one byte.
		bits, fits = uint64(uint32(a)), !float && (v.size == 4 || v.size == 1 && a>>1 == 0)
	case int64:
		bits, fits = uint64(a), !float && v.size == 8
	case float32:
		bits, fits = uint64(math.Float32bits(a)), v.kind == ".f32"
	case float64:
		bits, fits = math.Float64bits(a), v.kind == ".f64"
	case *host.Memory:
		bits, fits = a.Address(), !float && v.size == 8
		if bits != 0 && d.find(bits, 1) == nil {
			return nil, fmt.Errorf("the memory is not of this device's NewMemory, or was freed")
		}
	case []byte:
		if v.kind != ".b8" || len(a) < v.size {
			return nil, fmt.Errorf("%d bytes for a %s of %d", len(a), v.kind, v.size)
		}
		return a[:v.size], nil
	}
	if !fits {
		return nil, fmt.Errorf("a %T for a %s of %d bytes", argument, v.kind, v.size)
	}
	return binary.LittleEndian.AppendUint64(nil, bits)[:v.size], nil
}
