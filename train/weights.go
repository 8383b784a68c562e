package train

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"twinview/checkpoint"
)

// ErrWeights is wrapped by the error for initial weights that don't fit the encoder.
var ErrWeights = errors.New("encoder.weights: the file doesn't fit the encoder")

// wrappers are the names under which people's programs keep an encoder in a file, in any number and order.
var wrappers = []string{"state_dict", "model", "module", "backbone", "encoder"}

// projectorPrefix begins the names of the projection head's parameters.
const projectorPrefix = "projector."

// TakeWeights begins pretraining with other weights than the seed's: it writes an encoder's parameters and running statistics
// into s, which must be a state of NewPretrainState. Names are torchvision's, behind any of the wrappers; a file from before
// PyTorch counted batches may lack num_batches_tracked. If all of the projection head is there and has the right shapes, it is
// taken too. unused names what else is in tensors, such as a classifier.
//
// An encoder that lacks a tensor, or has one of another shape or with an infinite value, is an ErrWeights, and s is as it was.
func (s *State) TakeWeights(tensors []checkpoint.Tensor) (unused []string, err error) {
	prefix := s.prefixIn(tensors)
	encoder, head := s.parts()
	if err := fit(encoder, tensors, prefix); err != nil {
		return nil, err
	}
	taken := encoder
	if len(head) > 0 && fit(head, tensors, prefix) == nil {
		taken = append(taken, head...)
	}
	used := map[string]bool{}
	for _, t := range taken {
		if source := lookup(tensors, prefix+t.Name); source != nil {
			copy(t.Data, source.Data)
			copy(t.Int64s, source.Int64s)
			used[source.Name] = true
		}
	}
	for _, t := range tensors {
		if !used[t.Name] {
			unused = append(unused, t.Name)
		}
	}
	return unused, nil
}

// parts are the tensors of the encoder and those of the projection head.
func (s *State) parts() (encoder, head []checkpoint.Tensor) {
	for _, t := range s.tensors {
		if strings.HasPrefix(t.Name, projectorPrefix) {
			head = append(head, t)
		} else {
			encoder = append(encoder, t)
		}
	}
	return encoder, head
}

// prefixIn is what stands in front of the encoder's names: where there are several encoders, of the first that fits.
func (s *State) prefixIn(tensors []checkpoint.Tensor) string {
	encoder, _ := s.parts()
	var candidates []string
	for _, t := range tensors {
		prefix, found := strings.CutSuffix(t.Name, encoder[0].Name)
		if found && wraps(prefix) {
			candidates = append(candidates, prefix)
		}
	}
	for _, prefix := range candidates {
		if fit(encoder, tensors, prefix) == nil {
			return prefix
		}
	}
	if len(candidates) > 0 {
		return candidates[0]
	}
	return ""
}

// wraps says whether a prefix is made of nothing but wrappers: "", "module.", "state_dict.backbone.".
func wraps(prefix string) bool {
	for part := range strings.SplitSeq(strings.TrimSuffix(prefix, "."), ".") {
		if part != "" && !slices.Contains(wrappers, part) {
			return false
		}
	}
	return prefix == "" || strings.HasSuffix(prefix, ".")
}

// fit says what keeps the tensors of a file from being the needed ones.
func fit(needed, tensors []checkpoint.Tensor, prefix string) error {
	const shown = 5
	var problems []string
	for _, t := range needed {
		if problem := mismatch(t, lookup(tensors, prefix+t.Name)); problem != "" {
			problems = append(problems, prefix+t.Name+" "+problem)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	text := strings.Join(problems[:min(shown, len(problems))], "; ")
	if more := len(problems) - shown; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	if lookup(tensors, prefix+needed[0].Name) == nil && len(tensors) > 0 {
		text += fmt.Sprintf(" (the file begins with %q; the names in front of torchvision's may be %s)",
			tensors[0].Name, strings.Join(wrappers, ", "))
	}
	return fmt.Errorf("%w: %s", ErrWeights, text)
}

// mismatch is empty where a tensor of a file can take the place of the needed one.
func mismatch(needed checkpoint.Tensor, found *checkpoint.Tensor) string {
	switch {
	case found == nil && strings.HasSuffix(needed.Name, batches):
		return ""
	case found == nil:
		return fmt.Sprintf("is missing, shape %v is needed", needed.Shape)
	case !slices.Equal(found.Shape, needed.Shape):
		return fmt.Sprintf("has shape %v, but %v is needed", found.Shape, needed.Shape)
	case len(found.Int64s) != len(needed.Int64s):
		return "has elements of another type than PyTorch gives it"
	case !allFinite(found.Data):
		return "has values that are infinite or not numbers"
	}
	return ""
}

func lookup(tensors []checkpoint.Tensor, name string) *checkpoint.Tensor {
	i := slices.IndexFunc(tensors, func(t checkpoint.Tensor) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return &tensors[i]
}
