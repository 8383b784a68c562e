package experiment

import (
	"cmp"
	"errors"
)

// Read is the valid spec that a YAML document describes after assignments (see Set) and under another name, empty for its own.
// It is Parse, Set and Validate in one, and the error, which is Problems, names all that any of them finds: a value that can't
// be read counts as its default, and is complained of once.
func Read(data []byte, name string, assignments ...string) (Spec, error) {
	spec, problems, err := decode(data)
	if err != nil {
		return Spec{}, asProblems(err)
	}
	for _, assignment := range assignments {
		var wrong Problems
		if err := Set(&spec, assignment); errors.As(err, &wrong) {
			for _, p := range wrong {
				p.Assignment = assignment
				problems = append(problems, p)
			}
		}
	}
	spec.Name = cmp.Or(name, spec.Name)
	var invalid Problems
	if errors.As(spec.Validate(), &invalid) {
		for _, p := range invalid {
			if !problems.about(p.Path) {
				problems = append(problems, p)
			}
		}
	}
	if len(problems) > 0 {
		return Spec{}, problems
	}
	return spec, nil
}

func asProblems(err error) Problems {
	if problems := (Problems)(nil); errors.As(err, &problems) {
		return problems
	}
	return Problems{{Text: err.Error()}}
}
