package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// ReadSafetensors reads a safetensors file of F64, F32, F16, BF16 and I64 tensors to its end; all floating-point elements
// become float32. Tensors come in the order of the header; metadata is nil if there is none. Input that is not well-formed gives an error for which errors.Is(err, ErrSafetensors)
// holds; an error of r's own does not. Memory grows with the input and not with what its header claims.
func ReadSafetensors(r io.Reader) (tensors []Tensor, metadata map[string]string, err error) {
	var length uint64
	if err := binary.Read(r, binary.LittleEndian, &length); err != nil {
		return nil, nil, readError("header length", err)
	}
	if length > maxHeaderBytes {
		return nil, nil, malformed("the header claims %d bytes, at most %d are allowed", length, maxHeaderBytes)
	}
	var header bytes.Buffer
	if _, err := io.CopyN(&header, r, int64(length)); err != nil {
		return nil, nil, readError("header", err)
	}
	tensors, entries, metadata, err := parseHeader(header.Bytes())
	if err != nil {
		return nil, nil, err
	}
	if err := readAll(r, tensors, entries); err != nil {
		return nil, nil, err
	}
	return tensors, metadata, nil
}

// readAll reads the elements in the order in which they lie in the file, and checks that they fill it without holes or
// overlaps.
func readAll(r io.Reader, tensors []Tensor, entries []entry) error {
	order := make([]int, len(tensors))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := entries[i].Offsets, entries[j].Offsets
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	next := 0
	for _, i := range order {
		t, e := &tensors[i], entries[i]
		n, of, err := e.elements()
		if err != nil {
			return malformed("tensor %q: %v", t.Name, err)
		}
		if e.Offsets[0] != next || e.Offsets[1] != next+n*of.size {
			return malformed("tensor %q: %s of shape %v lies at %v instead of [%d %d]",
				t.Name, e.DType, e.Shape, e.Offsets, next, next+n*of.size)
		}
		if next = e.Offsets[1]; next > maxTensorBytes {
			return malformed("the tensors claim more than %d bytes", maxTensorBytes)
		}
		if err := t.readElements(r, n, of); err != nil {
			return readError(fmt.Sprintf("tensor %q", t.Name), err)
		}
	}
	switch n, err := io.CopyN(io.Discard, r, 1); {
	case n > 0:
		return malformed("there are bytes after the last tensor")
	case !errors.Is(err, io.EOF):
		return readError("end", err)
	}
	return nil
}

// elements is the number of elements and their type.
func (e entry) elements() (n int, of element, err error) {
	of, ok := dtypes[e.DType]
	if !ok {
		return 0, of, fmt.Errorf("type %q is not supported, only %s are", e.DType,
			strings.Join(slices.Sorted(maps.Keys(dtypes)), ", "))
	}
	n, err = elements(e.Shape)
	return n, of, err
}

// parseHeader reads the entries in their order, which a Go map would lose. Tensors have no elements yet.
func parseHeader(header []byte) (tensors []Tensor, entries []entry, metadata map[string]string, err error) {
	d := json.NewDecoder(bytes.NewReader(header))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, nil, malformed("the header is no JSON object")
	}
	seen := make(map[string]bool)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, nil, nil, malformed("header: %v", err)
		}
		// Inside an object the decoder accepts nothing but strings here.
		name := token.(string)
		if seen[name] {
			return nil, nil, nil, malformed("%q stands in the header twice", name)
		}
		seen[name] = true
		if name == metadataKey {
			if err := d.Decode(&metadata); err != nil {
				return nil, nil, nil, malformed("%s: %v", metadataKey, err)
			}
			continue
		}
		e, err := decodeEntry(d)
		if err != nil {
			return nil, nil, nil, malformed("tensor %q: %v", name, err)
		}
		tensors, entries = append(tensors, Tensor{Name: name, Shape: e.Shape}), append(entries, e)
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, nil, malformed("header: %v", err)
	}
	if rest := bytes.TrimRight(header[d.InputOffset():], " "); len(rest) > 0 {
		return nil, nil, nil, malformed("the header goes on after its object")
	}
	return tensors, entries, metadata, nil
}

// decodeEntry reads one entry; all three of its fields must be there.
func decodeEntry(d *json.Decoder) (entry, error) {
	var raw struct {
		DType   *string `json:"dtype"`
		Shape   *[]int  `json:"shape"`
		Offsets []int   `json:"data_offsets"`
	}
	if err := d.Decode(&raw); err != nil {
		return entry{}, err
	}
	if raw.DType == nil || raw.Shape == nil || *raw.Shape == nil || len(raw.Offsets) != 2 {
		return entry{}, errors.New("dtype, shape or data_offsets is missing or incomplete")
	}
	return entry{DType: *raw.DType, Shape: *raw.Shape, Offsets: [2]int(raw.Offsets)}, nil
}

func malformed(format string, arguments ...any) error {
	return fmt.Errorf("%w: %s", ErrSafetensors, fmt.Sprintf(format, arguments...))
}

// readError tells an input that ends too early, which is malformed, from a reader that fails.
func readError(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("%s: the input ends too early", what)
	}
	return fmt.Errorf("read %s: %w", what, err)
}
