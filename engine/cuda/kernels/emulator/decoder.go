package emulator

import (
	"fmt"
	"slices"
	"strings"
)

// decoder makes instructions of a function's statements.
type decoder struct {
	*program
	function *function
	starts   map[string]int // of functions, in the program's code
	// The statement that is decoded; head is its first word, rest the others.
	st   *statement
	head string
	rest []string
}

// unfit is an error of a statement.
type unfit struct{ error }

func (d *decoder) fail(format string, arguments ...any) {
	panic(unfit{fmt.Errorf(format, arguments...)})
}

func (d *decoder) all() (err error) {
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case unfit:
			err = fmt.Errorf("decode %s: %w", d.describe(d.st), failure.error)
		default:
			panic(failure)
		}
	}()
	for i := range d.function.statements {
		d.st = &d.function.statements[i]
		d.head, d.rest = d.st.opcode[0], d.st.opcode[1:]
		in := instruction{guard: none, link: none, members: none, source: none, result: none, statement: d.st, unless: d.st.unless}
		if d.st.guard != "" {
			in.guard = d.named(d.st.guard)
		}
		d.decode(&in)
		d.code = append(d.code, in)
	}
	// Whoever comes to the end without a ret ends there.
	d.code = append(d.code, instruction{kind: leave, guard: none, link: d.link(d.function), statement: d.st, end: true})
	return nil
}

func (d *decoder) decode(in *instruction) {
	switch d.head {
	case "bra":
		in.kind = jump
		at, ok := d.function.labels[d.st.operands[0].name]
		if !ok {
			d.fail("there is no such label")
		}
		in.target = d.starts[d.function.name] + at
	case "ret", "exit":
		in.kind, in.link = leave, d.link(d.function)
		if d.head == "exit" {
			in.link = none
		}
	case "call":
		d.call(in)
	case "bar", "barrier":
		d.barrier(in)
	case "shfl", "ldmatrix", "mma":
		in.kind = meet
		in.members = d.constant(uint64(all))
		d.together(in)
	case "ld":
		in.execute = d.load()
	case "st":
		in.execute = d.store()
	case "atom":
		in.execute = d.atomic()
	case "cp":
		in.execute = d.copy()
	case "mov":
		in.execute = d.move()
	case "membar", "fence":
		in.execute = func(*warp, uint32) {} // memory is as it was written at once
	default:
		in.execute = d.arithmetic()
	}
}

// link is where a function finds where to go on after its end; a kernel goes on nowhere.
func (d *decoder) link(f *function) row {
	if f.entry {
		return none
	}
	return d.constantOf("end of " + f.name)
}

// constantOf is a row of its own under a name that is no register's.
func (d *decoder) constantOf(name string) row {
	at, ok := d.names[name]
	if !ok {
		at = d.newRow(0)
		d.names[name] = at
	}
	return at
}

func (d *decoder) unknown() {
	d.fail("the emulator has no instruction %s", strings.Join(d.st.opcode, "."))
}

// flag takes a word from those behind the head, and tells whether it was there.
func (d *decoder) flag(word string) bool {
	at := slices.Index(d.rest, word)
	if at < 0 {
		return false
	}
	d.rest = slices.Concat(d.rest[:at], d.rest[at+1:])
	return true
}

// wants fails unless there are n operands.
func (d *decoder) wants(n int) {
	if len(d.st.operands) != n {
		d.fail("%d operands, want %d", len(d.st.operands), n)
	}
}

// named is the row of a register or of a special one.
func (d *decoder) named(name string) row {
	if at, ok := d.register(d.function, name); ok {
		return at
	}
	if at, ok := d.special(name); ok {
		return at
	}
	d.fail("%q is no register that is known here", name)
	return none
}

// result is the register that operand i writes to; "_" is one that nobody reads.
func (d *decoder) result(o operand) row {
	if o.name == "_" {
		return d.constantOf("_")
	}
	at, ok := d.register(d.function, o.name)
	if !ok || o.address || o.constant {
		d.fail("%q is no register to write to", o.name)
	}
	return at
}

// value is the row of an operand that is read, as a number of so many bits.
func (d *decoder) value(o operand, bits int) row {
	switch {
	case o.address || o.vector != nil:
		d.fail("an operand is an address or a vector, want a value")
	case o.constant:
		return d.constant(truncate(o.value, bits))
	}
	if address, ok := d.symbols[o.name]; ok {
		return d.constant(address)
	}
	return d.named(o.name)
}

// widthOf is the number of bits of a register.
func (d *decoder) widthOf(o operand) int {
	if o.name == "_" {
		return 64
	}
	return bitsOf(d.function.registers[o.name])
}

// call copies arguments into the rows of the function's parameters and goes there, and its end goes on with copying what it
// left.
func (d *decoder) call(in *instruction) {
	operands := d.st.operands
	var results []operand
	if operands[0].vector != nil {
		results, operands = operands[0].vector, operands[1:]
	}
	name := operands[0].name
	var arguments []operand
	if len(operands) > 1 {
		arguments = operands[1].vector
	}
	if name == assertion {
		in.execute = d.assertion(arguments)
		return
	}
	f := d.module.functions[name]
	start, ok := d.starts[name]
	if f == nil || !ok {
		d.fail("the module has no function %q", name)
	}
	if len(arguments) != len(f.parameters) || len(results) != len(f.results) {
		d.fail("%d arguments and %d results, want %d and %d", len(arguments), len(results), len(f.parameters), len(f.results))
	}
	in.kind, in.target, in.link = call, start, d.link(f)
	var from, to []row
	for i, argument := range arguments {
		from, to = append(from, d.named(argument.name)), append(to, d.parameterOf(f, f.parameters[i]))
	}
	for i, result := range results {
		// A function's results are in the rows that its caller reads: no function is called from two places at once.
		d.names[d.function.name+" "+result.name] = d.parameterOf(f, f.results[i])
	}
	in.execute = func(w *warp, mask uint32) {
		for i := range from {
			copyLanes(&w.registers[to[i]], &w.registers[from[i]], mask)
		}
	}
}

// parameterOf is the row of a function's parameter or result.
func (d *decoder) parameterOf(f *function, v *variable) row {
	if v.size > 8 {
		d.fail("the parameter %s of %s has %d bytes, want a number", v.name, f.name, v.size)
	}
	return d.constantOf(f.name + " " + v.name)
}

// assertion fails with what the assertion says: its text, its file, its line and its function.
func (d *decoder) assertion(arguments []operand) func(w *warp, mask uint32) {
	if len(arguments) != 5 {
		d.fail("%d arguments, want 5", len(arguments))
	}
	text, file, line := d.named(arguments[0].name), d.named(arguments[1].name), d.named(arguments[2].name)
	return func(w *warp, mask uint32) {
		lane := w.first(mask)
		w.fail(lane, "the assertion %q of %s:%d failed", w.text(w.registers[text][lane]), w.text(w.registers[file][lane]),
			w.registers[line][lane])
	}
}

func copyLanes(to, from *values32, mask uint32) {
	if mask == all {
		*to = *from
		return
	}
	for lane := range to {
		if mask>>lane&1 != 0 {
			to[lane] = from[lane]
		}
	}
}
