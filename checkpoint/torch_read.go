package checkpoint

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strings"
)

// ErrTorch marks input that is no file of torch.save, or one that holds more than tensors in dicts.
var ErrTorch = errors.New("unusable PyTorch file")

// maxSharing bounds how many times the size of the file its tensors may take in memory: views share storages, and half
// precision doubles.
const maxSharing = 8

// Bounds far beyond any model. Without them a file could make the reader take memory as the square of its size.
const (
	// maxPickleBytes is that of the pickle alone, which has some hundred bytes a tensor.
	maxPickleBytes = 16 << 20
	// maxDicts is how deep dicts may lie inside each other.
	maxDicts = 64
	// maxNameBytes is the length of a tensor's name, the keys of the dicts around it included.
	maxNameBytes = 4 << 10
	// tensorBytes is what a tensor takes beside its name and elements.
	tensorBytes = 128
)

// ReadTorch reads the tensors of a file that torch.save made: a dict of tensors, also inside further dicts, whose keys come
// in front as in "state_dict.conv1.weight". What is neither dict nor tensor (an epoch, a name) is left out. Tensors are
// float64, float32, float16 or bfloat16, which become float32, or int64, contiguous or not; their order is the file's.
//
// Nothing in the file is executed: a pickle that names anything but tensors and dicts is refused, as is everything else that
// a state dict doesn't need. Every error is an ErrTorch.
func ReadTorch(file []byte) ([]Tensor, error) {
	tensors, err := readTorch(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTorch, err)
	}
	return tensors, nil
}

func readTorch(file []byte) ([]Tensor, error) {
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, fmt.Errorf("it is no zip archive, as torch.save writes them since PyTorch 1.6: %w", err)
	}
	r := &torchReader{
		records: map[string]*zip.File{}, storages: map[string][]byte{},
		left: maxSharing * len(file), unread: uint64(len(file)),
	}
	for _, f := range archive.File {
		_, name, _ := strings.Cut(f.Name, "/") // the folder has any name
		r.records[name] = f
	}
	if order, err := r.record("byteorder"); err == nil && string(order) != "little" {
		return nil, fmt.Errorf("its numbers are in %q byte order, not in little", order)
	}
	pickle, err := r.record("data.pkl")
	if err != nil {
		return nil, err
	}
	if len(pickle) > maxPickleBytes {
		return nil, fmt.Errorf("its pickle has %d bytes, at most %d are allowed: save a state dict alone", len(pickle), maxPickleBytes)
	}
	value, err := unpickle(pickle)
	if err != nil {
		return nil, err
	}
	root, ok := value.(*dict)
	if !ok {
		return nil, errors.New("it holds no dict of tensors: save model.state_dict()")
	}
	r.seen = map[*dict]bool{}
	err = r.read(root, "", 1)
	return r.tensors, err
}

// torchReader collects the tensors of a file.
type torchReader struct {
	records  map[string]*zip.File
	storages map[string][]byte
	seen     map[*dict]bool
	tensors  []Tensor
	// left is how many more bytes the tensors may take.
	left int
	// unread is how many bytes of the file no record has taken yet.
	unread uint64
}

// record returns the bytes of a record, each of which is read once. They lie in the file as they are, so all records together
// have no more bytes than the file, unless they overlap.
func (r *torchReader) record(name string) ([]byte, error) {
	f, ok := r.records[name]
	if !ok {
		return nil, fmt.Errorf("it has no record %q", name)
	}
	if f.Method != zip.Store {
		return nil, fmt.Errorf("its record %q is compressed, which torch.save's are not", name)
	}
	if f.CompressedSize64 > r.unread {
		return nil, fmt.Errorf("its records overlap: %q is one too many", name)
	}
	r.unread -= f.CompressedSize64
	content, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("read record %q: %w", name, err)
	}
	defer content.Close()
	data, err := io.ReadAll(content)
	if err != nil {
		return nil, fmt.Errorf("read record %q: %w", name, err)
	}
	return data, nil
}

// read takes the tensors of a dict and of those inside it, each dict once: one may hold itself.
func (r *torchReader) read(d *dict, prefix string, depth int) error {
	if r.seen[d] {
		return nil
	}
	if depth > maxDicts {
		return fmt.Errorf("its dicts lie more than %d deep inside each other", maxDicts)
	}
	r.seen[d] = true
	for i, key := range d.keys {
		text, ok := key.(string)
		if !ok { // an optimiser's dict, by the parameter's number
			continue
		}
		if len(prefix)+len(text) > maxNameBytes {
			return fmt.Errorf("the name of a tensor has more than %d bytes", maxNameBytes)
		}
		name := prefix + text
		switch value := d.values[i].(type) {
		case *dict:
			if err := r.read(value, name+".", depth+1); err != nil {
				return err
			}
		case view:
			t, err := r.tensor(name, value)
			if err != nil {
				return fmt.Errorf("tensor %q: %w", name, err)
			}
			r.tensors = append(r.tensors, t)
		}
	}
	return nil
}

// tensor gathers the elements of a view in row-major order.
func (r *torchReader) tensor(name string, v view) (Tensor, error) {
	t := Tensor{Name: name, Shape: v.shape}
	n, err := elements(v.shape)
	if err != nil {
		return t, err
	}
	data, err := r.storage(v.storage)
	if err != nil {
		return t, err
	}
	if err := v.check(n, len(data)/v.storage.of.size); err != nil {
		return t, err
	}
	v.storage.of.empty(&t, n)
	if r.left -= n*t.itemSize() + len(name) + tensorBytes; r.left < 0 {
		return t, fmt.Errorf("the tensors up to this one take more than %d times the file's size", maxSharing)
	}
	if n > 0 {
		v.gather(&t, data, v.offset, 0)
	}
	return t, nil
}

// storage returns the bytes of a storage.
func (r *torchReader) storage(s storage) ([]byte, error) {
	data, ok := r.storages[s.key]
	if !ok {
		var err error
		if data, err = r.record(path.Join("data", s.key)); err != nil {
			return nil, err
		}
		r.storages[s.key] = data
	}
	if len(data)%s.of.size != 0 || len(data)/s.of.size != s.n {
		return nil, fmt.Errorf("its storage should have %d elements of %d bytes, but has %d bytes", s.n, s.of.size, len(data))
	}
	return data, nil
}

// check says whether all n elements lie in a storage of that many.
func (v view) check(n, stored int) error {
	if n == 0 {
		return nil
	}
	if n > stored {
		return fmt.Errorf("shape %v has more elements than the storage's %d: save a contiguous() copy", v.shape, stored)
	}
	last := v.offset
	for i, d := range v.shape {
		if d > 1 && v.stride[i] > math.MaxInt32 || last > math.MaxInt32 {
			return fmt.Errorf("stride %v or offset %d is absurd", v.stride, v.offset)
		}
		last += (d - 1) * v.stride[i]
	}
	if last >= stored {
		return fmt.Errorf("shape %v with stride %v from %d leaves the storage of %d elements", v.shape, v.stride, v.offset, stored)
	}
	return nil
}

// gather appends the elements from a dimension on.
func (v view) gather(t *Tensor, data []byte, at, dimension int) {
	size := v.storage.of.size
	if v.contiguous(dimension) {
		n, _ := elements(v.shape[dimension:])
		v.storage.of.appendTo(t, data[at*size:(at+n)*size])
		return
	}
	for range v.shape[dimension] {
		v.gather(t, data, at, dimension+1)
		at += v.stride[dimension]
	}
}

// contiguous says whether the elements from a dimension on lie one behind the other.
func (v view) contiguous(dimension int) bool {
	next := 1
	for i := len(v.shape) - 1; i >= dimension; i-- {
		if v.shape[i] != 1 && v.stride[i] != next {
			return false
		}
		next *= v.shape[i]
	}
	return true
}

// Read reads the tensors of a model's file, told apart by its first bytes: one of torch.save (see ReadTorch) or safetensors.
// Its errors are those of ReadTorch and ReadSafetensors.
func Read(file []byte) ([]Tensor, error) {
	if bytes.HasPrefix(file, []byte("PK\x03\x04")) {
		return ReadTorch(file)
	}
	if bytes.HasPrefix(file, []byte(protocol)) {
		return nil, fmt.Errorf("%w: it has the format before PyTorch 1.6: load it and torch.save it again", ErrTorch)
	}
	tensors, _, err := ReadSafetensors(bytes.NewReader(file))
	return tensors, err
}
