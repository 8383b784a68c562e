package experiment

import (
	"fmt"
	"maps"
	"slices"
)

// Loss is what a spec, its checks and the report know of a pretraining loss. What computes it is in package model, whose files
// register losses beside those that every spec starts from, SimCLR and Barlow Twins.
type Loss struct {
	// Name is method.name, Title what the literature calls it.
	Name, Title string
	// Parameters are the numbers in method.parameters.
	Parameters []Parameter
	// Views is the number of views of an image that it takes, 0 for any from 2 on.
	Views int
	// Unit is that of its value, empty where it has none.
	Unit string
	// Text explains it in the report, with its source.
	Text string
}

// Parameter is a number that a loss takes, with its default and its range.
type Parameter struct {
	Name               string
	Default, Low, High float64
}

// losses are those that there are, SimCLR and Barlow Twins first.
var losses = []Loss{
	{Name: SimCLR, Title: "SimCLR", Unit: "nats"},
	{Name: BarlowTwins, Title: "Barlow Twins", Views: 2},
}

// RegisterLoss adds a loss. It is called while a program initialises; a name that is taken is a mistake in the program.
func RegisterLoss(l Loss) {
	if _, taken := LossOf(l.Name); taken {
		panic(fmt.Sprintf("loss %q is registered twice", l.Name))
	}
	losses = append(losses, l)
}

// LossOf is the loss of a method, false where there is none.
func LossOf(method string) (Loss, bool) {
	i := slices.IndexFunc(losses, func(l Loss) bool { return l.Name == method })
	if i < 0 {
		return Loss{Name: method, Title: method}, false
	}
	return losses[i], true
}

func lossNames() []string {
	var names []string
	for _, l := range losses {
		names = append(names, l.Name)
	}
	return names
}

// defaults are the parameters, nil where there are none.
func (l Loss) defaults() map[string]float64 {
	if len(l.Parameters) == 0 {
		return nil
	}
	values := map[string]float64{}
	for _, p := range l.Parameters {
		values[p.Name] = p.Default
	}
	return values
}

// checkParameters compares a method's parameters with those of its loss.
func (m Method) checkParameters(c *checker) {
	loss, _ := LossOf(m.Name)
	for _, name := range slices.Sorted(maps.Keys(m.Parameters)) {
		path := "method.parameters." + name
		i := slices.IndexFunc(loss.Parameters, func(p Parameter) bool { return p.Name == name })
		if i < 0 {
			c.complain(path, m.Parameters[name], "is no parameter of %s: remove it", m.Name)
			continue
		}
		p := loss.Parameters[i]
		c.real(path, m.Parameters[name], span{low: p.Low, high: p.High}, "")
	}
	for _, p := range loss.Parameters {
		if _, given := m.Parameters[p.Name]; !given {
			c.complain("method.parameters."+p.Name, "", "is missing: the default is %v", p.Default)
		}
	}
}
