package experiment

import "maps"

// views are the distributions of images that s has.
func (s *Spec) views() []*View {
	all := []*View{&s.Augment.FirstView, &s.Finetune.Augment}
	if s.Augment.SecondView != nil {
		all = append(all, s.Augment.SecondView)
	}
	if s.LinearAugmented != nil {
		all = append(all, &s.LinearAugmented.Augment)
	}
	if s.Ablation != nil {
		all = append(all, &s.Ablation.Augment)
	}
	return all
}

// Normalized is s with statistics in place of those that are yet to be measured. It shares nothing that was changed.
func (s Spec) Normalized(measured Normalize) Spec {
	s = s.clone()
	for _, view := range s.views() {
		if view.Normalize == (Normalize{}) {
			view.Normalize = measured
		}
	}
	return s
}

// MeasuresStatistics says whether s leaves any to be measured.
func (s Spec) MeasuresStatistics() bool {
	for _, view := range s.views() {
		if view.Normalize == (Normalize{}) {
			return true
		}
	}
	return false
}

// clone copies the parts of s that can be absent.
func (s Spec) clone() Spec {
	s.Method.Parameters = maps.Clone(s.Method.Parameters)
	if s.Augment.SecondView != nil {
		s.Augment.SecondView = new(*s.Augment.SecondView)
	}
	if s.Encoder.Weights != nil {
		s.Encoder.Weights = new(*s.Encoder.Weights)
	}
	if s.LinearAugmented != nil {
		s.LinearAugmented = new(*s.LinearAugmented)
	}
	if s.Ablation != nil {
		s.Ablation = new(*s.Ablation)
	}
	if s.Pretrain.Divergence != nil {
		s.Pretrain.Divergence = new(*s.Pretrain.Divergence)
	}
	return s
}
