package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

const (
	// metadataKey is the header's only entry that is no tensor.
	metadataKey = "__metadata__"
	// maxHeaderBytes is far more than a network needs; the format itself allows 100 MB.
	maxHeaderBytes = 16 << 20
	// headerAlignment puts the first element on a boundary that suits every type.
	headerAlignment = 8
)

// ErrSafetensors marks input that is no well-formed safetensors file of supported types.
var ErrSafetensors = errors.New("malformed safetensors")

// entry describes one tensor in the header.
type entry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

const (
	dtypeF32 = "F32"
	dtypeI64 = "I64"
)

// dtypes are the types that can be read.
var dtypes = map[string]element{
	"F64": float64Element, dtypeF32: float32Element, "F16": float16Element, "BF16": bfloat16Element, dtypeI64: int64Element,
}

// WriteSafetensors writes tensors and metadata in the safetensors format
// (https://github.com/huggingface/safetensors#format): an 8-byte little-endian length, a JSON header, and the elements
// without holes. The header keeps the order of tensors; int64 elements come before float32 ones, so that all lie on
// boundaries of their size.
func WriteSafetensors(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	if err := check(tensors); err != nil {
		return err
	}
	header, err := header(tensors, metadata)
	if err != nil {
		return err
	}
	if buffer, ok := w.(*bytes.Buffer); ok {
		// Growing on the way takes longer than everything else.
		buffer.Grow(8 + len(header) + size(tensors))
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(len(header))); err != nil {
		return fmt.Errorf("write header: %w", err)
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("write header: %w", err)
	}
	for _, int64s := range []bool{true, false} {
		for _, t := range tensors {
			if t.isInt64() != int64s {
				continue
			}
			if err := t.writeElements(w); err != nil {
				return fmt.Errorf("write tensor %s: %w", t.Name, err)
			}
		}
	}
	return nil
}

// header is the JSON of all entries, padded with blanks. It is written by hand where the order of keys matters.
func header(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	if len(metadata) > 0 {
		for key, value := range metadata {
			if !utf8.ValidString(key) || !utf8.ValidString(value) {
				return nil, fmt.Errorf("metadata %q: %q is no UTF-8", key, value)
			}
		}
		if err := appendField(&b, metadataKey, metadata); err != nil {
			return nil, err
		}
	}
	offsets := offsets(tensors)
	for i, t := range tensors {
		if t.Name == metadataKey {
			return nil, fmt.Errorf("tensor name %q is reserved", t.Name)
		}
		e := entry{DType: dtypeF32, Shape: append([]int{}, t.Shape...), Offsets: [2]int{offsets[i], offsets[i] + t.bytes()}}
		if t.isInt64() {
			e.DType = dtypeI64
		}
		if err := appendField(&b, t.Name, e); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	for b.Len()%headerAlignment != 0 {
		b.WriteByte(' ')
	}
	if b.Len() > maxHeaderBytes {
		return nil, fmt.Errorf("the header has %d bytes, at most %d are allowed", b.Len(), maxHeaderBytes)
	}
	return b.Bytes(), nil
}

// size is the number of bytes of all elements.
func size(tensors []Tensor) int {
	n := 0
	for _, t := range tensors {
		n += t.bytes()
	}
	return n
}

// appendField writes `"key":value`, after a comma unless it is the first.
func appendField(b *bytes.Buffer, key string, value any) error {
	if b.Len() > 1 {
		b.WriteByte(',')
	}
	k, err := json.Marshal(key)
	if err != nil {
		return fmt.Errorf("encode key %q: %w", key, err)
	}
	v, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %q: %w", key, err)
	}
	b.Write(k)
	b.WriteByte(':')
	b.Write(v)
	return nil
}

// offsets are where each tensor's elements begin, int64 tensors first.
func offsets(tensors []Tensor) []int {
	at := make([]int, len(tensors))
	next := 0
	for _, int64s := range []bool{true, false} {
		for i, t := range tensors {
			if t.isInt64() == int64s {
				at[i] = next
				next += t.bytes()
			}
		}
	}
	return at
}
