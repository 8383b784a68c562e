package emulator

import (
	"fmt"
	"strconv"
	"strings"
)

// statement is an instruction as it is written.
type statement struct {
	line int
	text string
	// guard is the predicate that it depends on, or empty; with unless it is executed where that is false.
	guard    string
	unless   bool
	opcode   []string
	operands []operand
}

// operand is a register, a constant, a name, an address ([base+offset]) or a vector ({a, b}). Of a|b the second is in other.
type operand struct {
	name     string
	constant bool
	value    uint64
	address  bool
	vector   []operand
	other    string
}

// body reads a function's statements.
type body struct {
	*scanner
	*function
	// scopes are the blocks that are open, with the names that were declared there and what they are called in statements.
	scopes []map[string]string
	opened int
	begun  int
}

func (b *body) read() {
	b.statements = []statement{}
	b.expect("{")
	b.open()
	for len(b.scopes) > 0 {
		b.statement()
	}
}

func (b *body) open() {
	b.scopes = append(b.scopes, map[string]string{})
	b.opened++
}

func (b *body) statement() {
	b.begun = b.start
	switch {
	case b.token == "":
		b.fail("the function %s has no end", b.function.name)
	case b.accept("{"):
		b.open()
	case b.accept("}"):
		b.scopes = b.scopes[:len(b.scopes)-1]
	case b.accept(".reg"):
		b.register()
	case b.token == ".shared" || b.token == ".local":
		v := declared(b.scanner)
		b.variables[v.name] = v
		b.expect(";")
	case b.token == ".param":
		v := declared(b.scanner)
		b.declare(v.name, v.kind)
		b.expect(";")
	case b.accept(".pragma"):
		b.next()
		b.expect(";")
	case strings.HasPrefix(b.token, "."):
		b.fail("%s is no directive that is known here", b.token)
	default:
		b.instruction()
	}
}

// register reads what follows .reg: a type and names, or a name with their number (%r<10>).
func (b *body) register() {
	kind := b.take()
	for more := true; more; more = b.accept(",") {
		name := b.take()
		if !b.accept("<") {
			b.declare(name, kind)
			continue
		}
		for i := range b.number() {
			b.declare(name+strconv.Itoa(i), kind)
		}
		b.expect(">")
	}
	b.expect(";")
}

func (b *body) declare(name, kind string) {
	unique := name
	if len(b.scopes) > 1 {
		unique = fmt.Sprintf("%s of block %d", name, b.opened)
	}
	b.scopes[len(b.scopes)-1][name] = unique
	b.registers[unique] = kind
}

// resolve is what a name is called in statements.
func (b *body) resolve(name string) string {
	for i := len(b.scopes) - 1; i >= 0; i-- {
		if unique, ok := b.scopes[i][name]; ok {
			return unique
		}
	}
	return name
}

func (b *body) instruction() {
	st := statement{line: b.line}
	if b.accept("@") {
		st.unless = b.accept("!")
		st.guard = b.resolve(b.take())
	}
	word := b.take()
	if b.accept(":") {
		b.labels[word] = len(b.statements)
		return
	}
	st.opcode = strings.Split(word, ".")
	for b.token != ";" {
		if b.token == "" {
			b.fail("the instruction %s has no end", word)
		}
		st.operands = append(st.operands, b.operand())
		b.accept(",")
	}
	st.text = strings.Join(strings.Fields(b.text[b.begun:b.at]), " ")
	b.next()
	b.statements = append(b.statements, st)
}

func (b *body) operand() operand {
	switch {
	case b.accept("{"):
		return operand{vector: b.list("}")}
	case b.accept("("):
		return operand{vector: b.list(")")}
	case b.accept("["):
		o := b.operand()
		o.address, o.constant = true, false
		if b.accept("+") {
			o.value = uint64(b.number())
		}
		b.expect("]")
		return o
	case b.token == "-" || b.token[0] >= '0' && b.token[0] <= '9':
		return operand{constant: true, value: b.literal()}
	}
	o := operand{name: b.resolve(b.take())}
	if b.accept("|") {
		o.other = b.resolve(b.take())
	}
	return o
}

func (b *body) list(end string) []operand {
	all := []operand{}
	for !b.accept(end) {
		all = append(all, b.operand())
		b.accept(",")
	}
	return all
}

// literal reads an integer or the bits of a float (0f3F800000, 0d3FF0000000000000).
func (b *body) literal() uint64 {
	digits, float := strings.CutPrefix(b.token, "0f")
	if !float {
		digits, float = strings.CutPrefix(b.token, "0d")
	}
	if !float {
		return b.integer()
	}
	bits, err := strconv.ParseUint(digits, 16, 64)
	if err != nil {
		b.fail("%q is no number", b.token)
	}
	b.next()
	return bits
}
