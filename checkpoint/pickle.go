package checkpoint

import (
	"encoding/binary"
	"slices"
	"strconv"
)

// Opcodes of Python's pickle protocol 2 (Lib/pickle.py).
const (
	opGlobal     = 'c'
	opMark       = '('
	opEmptyTuple = ')'
	opTuple      = 't'
	opTuple1     = '\x85'
	opReduce     = 'R'
	opBinUnicode = 'X'
	opBinInt1    = 'K'
	opBinInt2    = 'M'
	opBinInt     = 'J'
	opLong1      = '\x8a'
	opNewFalse   = '\x89'
	opBinPersID  = 'Q'
	opBinPut     = 'q'
	opLongBinPut = 'r'
	opBinGet     = 'h'
	opLongBinGet = 'j'
	opSetItem    = 's'
	opSetItems   = 'u'
	opStop       = '.'
)

const (
	// protocol opens the pickle.
	protocol = "\x80\x02"
	// setItemsBatch is how many items of a dict go into one SETITEMS.
	setItemsBatch = 1000
)

// pickler writes a pickle as CPython's own does, memo included: the golden file in testdata, made by torch.save, has the
// same bytes.
type pickler struct {
	out  []byte
	memo map[string]int // objects that are the same one wherever they occur
	next int            // number of memorised objects
}

// stateDictPickle is the pickle of an OrderedDict of tensors. Tensor number i refers to the storage named i.
func stateDictPickle(tensors []Tensor) []byte {
	p := &pickler{memo: make(map[string]int)}
	p.out = append(p.out, protocol...)
	p.orderedDict()
	index := 0
	for batch := range slices.Chunk(tensors, setItemsBatch) {
		if len(batch) > 1 {
			p.op(opMark)
		}
		for _, t := range batch {
			p.text(t.Name)
			p.tensor(t, strconv.Itoa(index))
			index++
		}
		if len(batch) > 1 {
			p.op(opSetItems)
		} else {
			p.op(opSetItem)
		}
	}
	p.op(opStop)
	return p.out
}

// tensor is torch._utils._rebuild_tensor_v2(storage, offset 0, size, stride, requires_grad False, no hooks).
func (p *pickler) tensor(t Tensor, key string) {
	p.global("torch._utils", "_rebuild_tensor_v2")
	p.op(opMark)
	p.storage(t, key)
	p.integer(0)
	p.tuple(t.Shape)
	p.tuple(strides(t.Shape))
	p.op(opNewFalse)
	p.orderedDict()
	p.op(opTuple)
	p.put()
	p.op(opReduce)
	p.put()
}

// storage is the persistent ID ("storage", type, key, "cpu", elements), which torch.load resolves to the record data/key.
func (p *pickler) storage(t Tensor, key string) {
	p.op(opMark)
	p.shared("storage", func() { p.text("storage") })
	if t.isInt64() {
		p.global("torch", "LongStorage")
	} else {
		p.global("torch", "FloatStorage")
	}
	p.text(key)
	p.shared("cpu", func() { p.text("cpu") })
	p.integer(len(t.Data) + len(t.Int64s))
	p.op(opTuple)
	p.put()
	p.op(opBinPersID)
}

// strides are those of a contiguous tensor, in elements, as PyTorch computes them where a dimension is 0.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	next := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = next
		next *= max(1, shape[i])
	}
	return s
}

// orderedDict is an empty collections.OrderedDict.
func (p *pickler) orderedDict() {
	p.global("collections", "OrderedDict")
	p.op(opEmptyTuple)
	p.op(opReduce)
	p.put()
}

func (p *pickler) op(code byte) { p.out = append(p.out, code) }

// shared writes an object the first time and refers to it from then on. write must memorise the object first of all.
func (p *pickler) shared(name string, write func()) {
	if i, ok := p.memo[name]; ok {
		p.get(i)
		return
	}
	p.memo[name] = p.next
	write()
}

func (p *pickler) global(module, name string) {
	p.shared(module+"."+name, func() {
		p.op(opGlobal)
		p.out = append(p.out, module+"\n"+name+"\n"...)
		p.put()
	})
}

func (p *pickler) text(s string) {
	p.op(opBinUnicode)
	p.out = binary.LittleEndian.AppendUint32(p.out, uint32(len(s)))
	p.out = append(p.out, s...)
	p.put()
}

// tuple is a tuple of integers.
func (p *pickler) tuple(values []int) {
	if len(values) == 0 {
		p.op(opEmptyTuple)
		return
	}
	if len(values) > 3 {
		p.op(opMark)
	}
	for _, v := range values {
		p.integer(v)
	}
	if len(values) > 3 {
		p.op(opTuple)
	} else {
		p.op(opTuple1 + byte(len(values)) - 1) // TUPLE1, TUPLE2 and TUPLE3 follow each other
	}
	p.put()
}

// integer is a non-negative integer in the shortest of its encodings.
func (p *pickler) integer(v int) {
	switch {
	case v < 1<<8:
		p.out = append(p.out, opBinInt1, byte(v))
	case v < 1<<16:
		p.out = append(p.out, opBinInt2, byte(v), byte(v>>8))
	case v < 1<<31:
		p.op(opBinInt)
		p.out = binary.LittleEndian.AppendUint32(p.out, uint32(v))
	default:
		// Sizes are below 2^32; the fifth byte keeps the sign clear.
		p.out = append(p.out, opLong1, 5)
		p.out = binary.LittleEndian.AppendUint32(p.out, uint32(v))
		p.op(0)
	}
}

// put memorises the object that was just written.
func (p *pickler) put() {
	p.reference(opBinPut, opLongBinPut, p.next)
	p.next++
}

func (p *pickler) get(i int) { p.reference(opBinGet, opLongBinGet, i) }

func (p *pickler) reference(short, long byte, i int) {
	if i < 1<<8 {
		p.out = append(p.out, short, byte(i))
		return
	}
	p.op(long)
	p.out = binary.LittleEndian.AppendUint32(p.out, uint32(i))
}
