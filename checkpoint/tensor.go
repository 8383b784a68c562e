package checkpoint

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math"
	"unicode/utf8"
)

// maxTensorBytes bounds a tensor, and all tensors of a file, at 4 GiB less a little: the most that a zip archive holds
// without extensions, and a hundred times a ResNet-18.
const maxTensorBytes = math.MaxUint32 - 1<<20

// Tensor is a named array in row-major order. Exactly one of Data and Int64s holds its elements; one without elements may
// have neither, and is then a Data one.
type Tensor struct {
	// Name is the tensor's name as PyTorch has it, for example "layer1.0.conv1.weight".
	Name string
	// Shape is empty for a scalar, which has one element.
	Shape []int
	// Data holds float32 elements. The writers only read it; what a reader returns belongs to the caller.
	Data []float32
	// Int64s holds integer elements, such as batch norm's num_batches_tracked.
	Int64s []int64
}

func (t Tensor) isInt64() bool { return t.Int64s != nil }

func (t Tensor) itemSize() int {
	if t.isInt64() {
		return 8
	}
	return 4
}

// bytes is the length of the elements.
func (t Tensor) bytes() int { return t.itemSize() * (len(t.Data) + len(t.Int64s)) }

// elements is the product of a shape's dimensions. The error says that a dimension is negative or the product absurd.
func elements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		// Compared before it is multiplied, which could overflow.
		if d > 0 && n > maxTensorBytes/d {
			return 0, fmt.Errorf("shape %v has too many elements", shape)
		}
		n *= d
	}
	return n, nil
}

// check verifies what the writers rely on: unique names that every reader can decode, and as many elements as the shapes
// say.
func check(tensors []Tensor) error {
	seen := make(map[string]bool, len(tensors))
	total := 0
	for _, t := range tensors {
		if t.Name == "" || !utf8.ValidString(t.Name) || seen[t.Name] {
			return fmt.Errorf("tensor name %q is empty, no UTF-8 or used twice", t.Name)
		}
		seen[t.Name] = true
		if t.Data != nil && t.Int64s != nil {
			return fmt.Errorf("tensor %s has both float32 and int64 elements", t.Name)
		}
		n, err := elements(t.Shape)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		if got := len(t.Data) + len(t.Int64s); got != n {
			return fmt.Errorf("tensor %s: shape %v has %d elements, not %d", t.Name, t.Shape, n, got)
		}
		if total += t.bytes(); total > maxTensorBytes {
			return fmt.Errorf("the tensors have more than %d bytes", maxTensorBytes)
		}
	}
	return nil
}

// chunkElements is how many elements are converted at once.
const chunkElements = 8 << 10

// writeElements writes the elements in little-endian order, a chunk at a time.
func (t Tensor) writeElements(w io.Writer) error {
	buffer := make([]byte, 0, min(t.bytes(), chunkElements*t.itemSize()))
	for part := range chunks(len(t.Data)) {
		buffer = buffer[:0]
		for _, x := range t.Data[part.from:part.to] {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(x))
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
	}
	for part := range chunks(len(t.Int64s)) {
		buffer = buffer[:0]
		for _, x := range t.Int64s[part.from:part.to] {
			buffer = binary.LittleEndian.AppendUint64(buffer, uint64(x))
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
	}
	return nil
}

// readElements gives t n elements of the given type. Memory grows with what r really delivers, whatever n claims.
func (t *Tensor) readElements(r io.Reader, n int, e element) error {
	e.empty(t, min(n, chunkElements))
	buffer := make([]byte, min(n, chunkElements)*e.size)
	for part := range chunks(n) {
		bytes := buffer[:(part.to-part.from)*e.size]
		if _, err := io.ReadFull(r, bytes); err != nil {
			return err
		}
		e.appendTo(t, bytes)
	}
	return nil
}

type part struct{ from, to int }

// chunks divides n elements into parts of at most chunkElements.
func chunks(n int) iter.Seq[part] {
	return func(yield func(part) bool) {
		for from := 0; from < n; from += chunkElements {
			if !yield(part{from, min(from+chunkElements, n)}) {
				return
			}
		}
	}
}
