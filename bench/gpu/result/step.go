package result

import (
	"slices"
	"strings"
)

// ProjectionHead is what figures of the projection head's batch norm are of.
const ProjectionHead = "projection head"

// InStep tells whether a kernel is launched in a training step of SimCLR in bfloat16, by SGD, where its Count isn't 0. Of kernels in
// float32 those are that make views, are behind the encoder or belong to parameters. Matrix products are left out.
func (f Figure) InStep() bool {
	if f.Of == "Barlow Twins" || strings.HasSuffix(f.Of, "views of barlow_twins") || slices.Contains(otherRules, f.Kernel) {
		return false
	}
	if strings.Contains(f.Kernel, "float32") || strings.Contains(f.Kernel, "tf32") {
		return f.Kernel == "augment_float32" || f.Kernel == "scale_float32" || f.Of == ProjectionHead
	}
	return true
}

// otherRules are the optimisers' kernels beside SGD's.
var otherRules = []string{"lars_norms", "lars", "adamw"}
