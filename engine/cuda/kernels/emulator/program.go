package emulator

import (
	"fmt"
	"slices"
	"strings"
)

const (
	lanes = 32
	all   = ^uint32(0)
	// sharedBase is where shared memory begins in its window, so that 0 is no address.
	sharedBase = 1024
	// Where the windows of shared memory and of a thread's frame begin among generic addresses.
	sharedWindow = 1 << 60
	localWindow  = 1 << 61
)

// values32 are those of a register, or of a constant, in the lanes of a warp. A register of fewer than 64 bits has zeros above.
type values32 = [lanes]uint64

// row is the place of such values in a warp's registers.
type row int32

// none stands for a register that is not there.
const none row = -1

// kind is what a warp has to do for an instruction beside executing it.
type kind uint8

const (
	plain   kind = iota
	jump         // goes on elsewhere
	call         // goes on in a function, which goes on here when it ends
	leave        // ends a function, or the thread
	meet         // is executed when all threads of the warp that belong to it are here
	barrier      // waits for the block
)

// instruction is one that is decoded.
type instruction struct {
	kind    kind
	guard   row
	unless  bool
	target  int
	execute func(w *warp, mask uint32)
	// A call writes where to go on to link, and a function's end reads it there; none ends the thread.
	link row
	// members is the mask of threads that meet.
	members row
	// A barrier that reduces gives the conjunction of all threads' source to result; others have none there.
	source, result row
	statement      *statement
	// reached tells that a thread has executed it, or has come to it where it is a jump.
	reached bool
	// end is behind the last statement of a function.
	end bool
}

// program is a kernel with the functions that it calls.
type program struct {
	kernel     *function
	module     *module
	code       []instruction
	parameters []placed
	bytes      int // of all parameters
	static     int // bytes of shared memory without that of the launch
	dynamic    int // where that begins
	local      int // bytes of a thread's frame
	// initial are the values of rows when a block begins: constants, and rubbish in registers.
	initial   []uint64
	constants map[uint64]row
	specials  map[string]row
	names     map[string]row
	symbols   map[string]uint64
	globals   func(v *variable) (uint64, error)
}

// placed is a parameter at its place among all.
type placed struct {
	*variable
	offset int
}

// link makes a program of a kernel. Globals tells where a variable of the module is.
func link(m *module, kernel *function, globals func(v *variable) (uint64, error)) (p *program, err error) {
	p = &program{kernel: kernel, module: m, constants: map[uint64]row{}, specials: map[string]row{}, names: map[string]row{},
		symbols: map[string]uint64{}, globals: globals}
	for _, v := range kernel.parameters {
		p.bytes = roundUp(p.bytes, v.align)
		p.parameters = append(p.parameters, placed{v, p.bytes})
		p.symbols[v.name] = uint64(p.bytes)
		p.bytes += v.size
	}
	functions := p.reached()
	if err := p.place(functions); err != nil {
		return nil, err
	}
	starts := map[string]int{}
	at := 0
	for _, f := range functions {
		starts[f.name] = at
		at += len(f.statements) + 1
	}
	for _, f := range functions {
		d := decoder{program: p, function: f, starts: starts}
		if err := d.all(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// reached are the kernel and the functions that it calls, by way of others too.
func (p *program) reached() []*function {
	functions := []*function{p.kernel}
	for i := 0; i < len(functions); i++ {
		for _, st := range functions[i].statements {
			if st.opcode[0] != "call" {
				continue
			}
			for _, o := range st.operands {
				if f := p.module.functions[o.name]; f != nil && f.statements != nil && !slices.Contains(functions, f) {
					functions = append(functions, f)
				}
			}
		}
	}
	return functions
}

// place gives addresses to the variables that the functions name.
func (p *program) place(functions []*function) (err error) {
	end, dynamicAlign, dynamic := sharedBase, 1, []string{}
	frame := 0
	for _, f := range functions {
		eachName(f, func(name string) {
			if _, ok := p.symbols[name]; ok || err != nil {
				return
			}
			v := f.variables[name]
			if v == nil {
				v = p.module.variables[name]
			}
			switch {
			case v == nil:
			case v.space == "local":
				frame = roundUp(frame, v.align)
				p.symbols[name] = uint64(frame)
				frame += v.size
			case v.space == "shared" && v.extern:
				dynamic, dynamicAlign = append(dynamic, name), max(dynamicAlign, v.align)
				p.symbols[name] = 0
			case v.space == "shared":
				end = roundUp(end, v.align)
				p.symbols[name] = uint64(end)
				end += v.size
			default:
				p.symbols[name], err = p.globals(v)
			}
		})
	}
	p.dynamic = roundUp(end, dynamicAlign)
	for _, name := range dynamic {
		p.symbols[name] = uint64(p.dynamic)
	}
	p.static, p.local = end-sharedBase, frame
	return err
}

// eachName calls found for each name that is no register's.
func eachName(f *function, found func(name string)) {
	var look func(operands []operand)
	look = func(operands []operand) {
		for _, o := range operands {
			look(o.vector)
			if o.name == "" || f.registers[o.name] != "" {
				continue
			}
			found(o.name)
		}
	}
	for _, st := range f.statements {
		look(st.operands)
	}
}

func roundUp(n, align int) int { return (n + align - 1) / align * align }

// newRow is a row that a block finds with a value.
func (p *program) newRow(initial uint64) row {
	p.initial = append(p.initial, initial)
	return row(len(p.initial) - 1)
}

func (p *program) constant(value uint64) row {
	at, ok := p.constants[value]
	if !ok {
		at = p.newRow(value)
		p.constants[value] = at
	}
	return at
}

// special is a register such as %tid.x, which every block has filled.
func (p *program) special(name string) (row, bool) {
	at, ok := p.specials[name]
	if !ok {
		if _, known := specialValues[name]; !known {
			return none, false
		}
		at = p.newRow(0)
		p.specials[name] = at
	}
	return at, true
}

// register is a function's, which has rubbish in it at first: all bits set, NaN as a float.
func (p *program) register(f *function, name string) (row, bool) {
	kind, ok := f.registers[name]
	if !ok {
		return none, false
	}
	key := f.name + " " + name
	at, ok := p.names[key]
	if !ok {
		at = p.newRow(truncate(^uint64(0), bitsOf(kind)))
		p.names[key] = at
	}
	return at, true
}

// specialValues tells what a special register is in a lane.
var specialValues = map[string]func(w *warp, lane int) int{
	"%tid.x":    func(w *warp, lane int) int { return w.thread(lane)[0] },
	"%tid.y":    func(w *warp, lane int) int { return w.thread(lane)[1] },
	"%tid.z":    func(w *warp, lane int) int { return w.thread(lane)[2] },
	"%ntid.x":   func(w *warp, lane int) int { return w.block.launch.Block[0] },
	"%ntid.y":   func(w *warp, lane int) int { return w.block.launch.Block[1] },
	"%ntid.z":   func(w *warp, lane int) int { return w.block.launch.Block[2] },
	"%ctaid.x":  func(w *warp, lane int) int { return w.block.index[0] },
	"%ctaid.y":  func(w *warp, lane int) int { return w.block.index[1] },
	"%ctaid.z":  func(w *warp, lane int) int { return w.block.index[2] },
	"%nctaid.x": func(w *warp, lane int) int { return w.block.launch.Grid[0] },
	"%nctaid.y": func(w *warp, lane int) int { return w.block.launch.Grid[1] },
	"%nctaid.z": func(w *warp, lane int) int { return w.block.launch.Grid[2] },
	"%laneid":   func(w *warp, lane int) int { return lane },
	"%warpid":   func(w *warp, lane int) int { return w.number },
}

// assertion is what a kernel calls where an assertion fails.
const assertion = "__assertfail"

func (p *program) describe(st *statement) string {
	return fmt.Sprintf("%s, line %d of %s.ptx: %s", p.kernel.name, st.line, p.module.name, strings.TrimSuffix(st.text, ";"))
}
