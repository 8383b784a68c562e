package checkpoint

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

// More opcodes of protocol 2, which only the reader meets.
const (
	opBinFloat  = 'G'
	opBuild     = 'b'
	opNone      = 'N'
	opNewTrue   = '\x88'
	opEmptyDict = '}'
	opEmptyList = ']'
	opAppend    = 'a'
	opAppends   = 'e'
)

// What a pickle is made of, beside Go's own string, int64, float64, bool and nil.
type (
	// mark opens a run of operands.
	mark  struct{}
	tuple []any
	list  struct{ items []any }
	// dict keeps the order of its items, and a later value of a key beside an earlier one.
	dict struct{ keys, values []any }
	// global is one of those in globals, by its full name.
	global string
	// storage is the record data/key with n elements.
	storage struct {
		key string
		of  element
		n   int
	}
	// view is a tensor: the elements offset + Σ index·stride of a storage.
	view struct {
		storage       storage
		offset        int
		shape, stride []int
	}
)

// The globals that torch.save writes into a state dict: two functions, a type, and the types of storages.
const (
	globalOrderedDict = "collections.OrderedDict"
	globalTensor      = "torch._utils._rebuild_tensor_v2"
	globalParameter   = "torch._utils._rebuild_parameter"
)

var storages = map[global]element{
	"torch.DoubleStorage":   float64Element,
	"torch.FloatStorage":    float32Element,
	"torch.HalfStorage":     float16Element,
	"torch.BFloat16Storage": bfloat16Element,
	"torch.LongStorage":     int64Element,
}

// unpickler runs a pickle on a stack of plain values. A pickle is a program that may call whatever Python can import; this
// one knows only what torch.save writes in its default protocol 2 for dicts of tensors, and refuses every other name.
type unpickler struct {
	in    []byte
	stack []any
	memo  map[int]any
}

// unpickle returns the value that the pickle ends in.
func unpickle(in []byte) (any, error) {
	if !bytes.HasPrefix(in, []byte(protocol)) {
		return nil, fmt.Errorf("it is no pickle of protocol 2, which torch.save writes by default")
	}
	u := &unpickler{in: in[len(protocol):], memo: map[int]any{}}
	for {
		code, err := u.bytes(1)
		if err != nil {
			return nil, err
		}
		if code[0] == opStop {
			return u.pop()
		}
		if err := u.run(code[0]); err != nil {
			return nil, err
		}
	}
}

func (u *unpickler) run(code byte) error {
	switch code {
	case opMark:
		return u.push(mark{}, nil)
	case opNone:
		return u.push(nil, nil)
	case opNewTrue, opNewFalse:
		return u.push(code == opNewTrue, nil)
	case opBinInt1, opBinInt2, opBinInt, opLong1:
		return u.push(u.integer(code))
	case opBinFloat:
		b, err := u.bytes(8)
		if err != nil {
			return err
		}
		return u.push(math.Float64frombits(binary.BigEndian.Uint64(b)), nil)
	case opBinUnicode:
		return u.push(u.text())
	case opGlobal:
		return u.push(u.global())
	case opEmptyTuple:
		return u.push(tuple{}, nil)
	case opTuple1, opTuple1 + 1, opTuple1 + 2:
		return u.push(u.operands(int(code - opTuple1 + 1)))
	case opTuple:
		return u.push(u.marked())
	case opEmptyDict:
		return u.push(&dict{}, nil)
	case opEmptyList:
		return u.push(&list{}, nil)
	case opSetItem, opSetItems:
		return u.setItems(code == opSetItem)
	case opAppend, opAppends:
		return u.append(code == opAppend)
	case opBinPut, opLongBinPut, opBinGet, opLongBinGet:
		return u.remember(code)
	case opReduce:
		return u.reduce()
	case opBuild:
		return u.build()
	case opBinPersID:
		return u.persistent()
	}
	return fmt.Errorf("its pickle has the opcode 0x%02x, which no state dict needs", code)
}

// push takes what makes a value, so that opcodes stay one line each.
func (u *unpickler) push(value any, err error) error {
	u.stack = append(u.stack, value)
	return err
}

func (u *unpickler) pop() (any, error) {
	values, err := u.operands(1)
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

// operands takes the n topmost values, none of which is a mark.
func (u *unpickler) operands(n int) (tuple, error) {
	from := len(u.stack) - n
	if from < 0 {
		return nil, fmt.Errorf("its pickle takes a value that is not there")
	}
	values := append(tuple{}, u.stack[from:]...)
	for _, v := range values {
		if v == (any)(mark{}) {
			return nil, fmt.Errorf("its pickle takes a value that is not there")
		}
	}
	u.stack = u.stack[:from]
	return values, nil
}

// marked takes all values down to the topmost mark, and the mark.
func (u *unpickler) marked() (tuple, error) {
	for from := len(u.stack) - 1; from >= 0; from-- {
		if _, ok := u.stack[from].(mark); ok {
			values := append(tuple{}, u.stack[from+1:]...)
			u.stack = u.stack[:from]
			return values, nil
		}
	}
	return nil, fmt.Errorf("its pickle has no mark where it needs one")
}

func (u *unpickler) bytes(n int) ([]byte, error) {
	if n > len(u.in) {
		return nil, fmt.Errorf("its pickle ends too early")
	}
	b := u.in[:n]
	u.in = u.in[n:]
	return b, nil
}

// little is an unsigned little-endian number of n bytes.
func (u *unpickler) little(n int) (int, error) {
	b, err := u.bytes(n)
	value := 0
	for i := len(b) - 1; i >= 0; i-- {
		value = value<<8 | int(b[i])
	}
	return value, err
}

func (u *unpickler) integer(code byte) (int64, error) {
	size, ok := map[byte]int{opBinInt1: 1, opBinInt2: 2, opBinInt: 4}[code]
	if ok {
		v, err := u.little(size)
		if code == opBinInt {
			v = int(int32(v))
		}
		return int64(v), err
	}
	size, err := u.little(1)
	if err != nil {
		return 0, err
	}
	if size > 8 {
		return 0, fmt.Errorf("its pickle has an integer of %d bytes", size)
	}
	v, err := u.little(size)
	if size > 0 { // two's complement
		v = v << (64 - 8*size) >> (64 - 8*size)
	}
	return int64(v), err
}

func (u *unpickler) text() (string, error) {
	n, err := u.little(4)
	if err != nil {
		return "", err
	}
	b, err := u.bytes(n)
	return string(b), err
}

func (u *unpickler) line() (string, error) {
	end := bytes.IndexByte(u.in, '\n')
	if end < 0 {
		return "", fmt.Errorf("its pickle ends too early")
	}
	b, err := u.bytes(end + 1)
	return string(b[:end]), err
}

func (u *unpickler) global() (global, error) {
	module, err := u.line()
	if err != nil {
		return "", err
	}
	name, err := u.line()
	if err != nil {
		return "", err
	}
	g := global(module + "." + name)
	switch g {
	case globalOrderedDict, globalTensor, globalParameter:
		return g, nil
	}
	if _, ok := storages[g]; ok {
		return g, nil
	}
	return "", fmt.Errorf("its pickle asks for %q, which is refused: save plain tensors, as in "+
		"torch.save(model.state_dict(), path)", g)
}

func (u *unpickler) setItems(one bool) error {
	items, err := u.pairs(one, 2)
	if err != nil {
		return err
	}
	d, err := top[*dict](u)
	if err != nil {
		return err
	}
	if len(items)%2 != 0 {
		return fmt.Errorf("its pickle has a key without a value")
	}
	for i := 0; i < len(items); i += 2 {
		d.keys, d.values = append(d.keys, items[i]), append(d.values, items[i+1])
	}
	return nil
}

func (u *unpickler) append(one bool) error {
	items, err := u.pairs(one, 1)
	if err != nil {
		return err
	}
	l, err := top[*list](u)
	if err != nil {
		return err
	}
	l.items = append(l.items, items...)
	return nil
}

// pairs takes the operands of one item, or of all since the mark.
func (u *unpickler) pairs(one bool, n int) (tuple, error) {
	if one {
		return u.operands(n)
	}
	return u.marked()
}

// top is the topmost value, which stays.
func top[T any](u *unpickler) (T, error) {
	if len(u.stack) > 0 {
		if v, ok := u.stack[len(u.stack)-1].(T); ok {
			return v, nil
		}
	}
	var none T
	return none, fmt.Errorf("its pickle fills something that is not a %T", none)
}

func (u *unpickler) remember(code byte) error {
	size := 1
	if code == opLongBinPut || code == opLongBinGet {
		size = 4
	}
	i, err := u.little(size)
	if err != nil {
		return err
	}
	if code == opBinPut || code == opLongBinPut {
		u.memo[i], err = top[any](u)
		return err
	}
	v, ok := u.memo[i]
	if !ok {
		return fmt.Errorf("its pickle refers to an object that it has not made")
	}
	return u.push(v, nil)
}

// reduce calls one of the known functions.
func (u *unpickler) reduce() error {
	values, err := u.operands(2)
	if err != nil {
		return err
	}
	arguments, _ := values[1].(tuple)
	switch values[0] {
	case global(globalOrderedDict):
		if len(arguments) == 0 {
			return u.push(&dict{}, nil)
		}
	case global(globalTensor):
		return u.push(newView(arguments))
	case global(globalParameter): // tensor, requires_grad, hooks
		if len(arguments) == 3 {
			if v, ok := arguments[0].(view); ok {
				return u.push(v, nil)
			}
		}
	}
	name, _ := values[0].(global)
	return fmt.Errorf("its pickle calls %q with arguments that torch.save does not give it", name)
}

// maxDimensions is how many a tensor of PyTorch has at most.
const maxDimensions = 64

// newView is a tensor from (storage, offset, size, stride, requires_grad, hooks[, metadata]).
func newView(arguments tuple) (view, error) {
	var v view
	var fine [4]bool
	if len(arguments) == 6 || len(arguments) == 7 {
		v.storage, fine[0] = arguments[0].(storage)
		v.offset, fine[1] = natural(arguments[1])
		v.shape, fine[2] = naturals(arguments[2])
		v.stride, fine[3] = naturals(arguments[3])
	}
	if fine != [4]bool{true, true, true, true} || len(v.shape) != len(v.stride) {
		return v, fmt.Errorf("its pickle has a tensor that torch.save does not write")
	}
	return v, nil
}

func naturals(value any) ([]int, bool) {
	values, ok := value.(tuple)
	if len(values) > maxDimensions {
		return nil, false
	}
	all := make([]int, len(values))
	for i, v := range values {
		n, fine := natural(v)
		all[i], ok = n, ok && fine
	}
	return all, ok
}

func natural(value any) (int, bool) {
	n, ok := value.(int64)
	return int(n), ok && n >= 0
}

// build takes the attributes of an object. A state dict has _metadata, the versions of its modules, which nobody needs.
func (u *unpickler) build() error {
	if _, err := u.pop(); err != nil {
		return err
	}
	_, err := top[*dict](u)
	return err
}

// persistent resolves ("storage", type, key, location, elements).
func (u *unpickler) persistent() error {
	id, err := u.pop()
	if err != nil {
		return err
	}
	s := storage{}
	if parts, _ := id.(tuple); len(parts) == 5 && parts[0] == "storage" {
		of, isType := parts[1].(global)
		known := false
		s.of, known = storages[of]
		key, isText := parts[2].(string)
		n, isNumber := natural(parts[4])
		if s.key, s.n = key, n; isType && known && isText && isNumber {
			return u.push(s, nil)
		}
	}
	return fmt.Errorf("its pickle refers to something that is no storage of a tensor")
}
