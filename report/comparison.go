package report

import (
	"fmt"
	"strconv"

	"twinview/experiment"
)

// Compared is an experiment in a comparison, as far as it has come.
type Compared struct {
	Name string
	// Status says how it is doing in a few words.
	Status string
	Spec   experiment.Spec
	// Result may lack whatever isn't there yet: selections, protocols, the test.
	Result experiment.Result
	// Tested says that Result has the test.
	Tested bool
}

// Comparison is what programs get of a comparison.
type Comparison struct {
	Experiments []ComparedMetrics `json:"experiments"`
	// Differences are the fields in which the specs differ, with values in the order of Experiments; null is a section that is
	// left out.
	Differences []experiment.Difference `json:"differences"`
}

// ComparedMetrics are the figures of one experiment. Curves have a number per epoch, from epoch 1 on.
type ComparedMetrics struct {
	Name       string            `json:"name"`
	Status     string            `json:"status"`
	Method     string            `json:"method"`
	Accuracies []Score           `json:"accuracies"`
	Loss       []float64         `json:"pretrain_loss"`
	KNN        KNNCurve          `json:"pretrain_knn"`
	Linear     *ClassifierCurves `json:"linear,omitempty"`
	Augmented  *ClassifierCurves `json:"linear_augmented,omitempty"`
	Finetune   *ClassifierCurves `json:"finetune,omitempty"`
}

// Splits that a Score is measured on.
const (
	splitTest       = "test"
	splitValidation = "validation"
)

// Score is an accuracy by one protocol.
type Score struct {
	// Protocol identifies it, as in metrics.json; Name is what people call it.
	Protocol string `json:"protocol"`
	Name     string `json:"name"`
	// Split is "test" for what counts in the end, and "validation" for the best so far before the test.
	Split    string  `json:"split"`
	Accuracy float64 `json:"accuracy"`
	// Interval is the 95 % Wilson interval on the test split. Before the test there is none: the best of several is no fair
	// draw.
	Interval *Interval `json:"interval,omitempty"`
	Images   int       `json:"images,omitempty"`
	// Epoch is the one that was selected, or is the best so far.
	Epoch int `json:"epoch"`
}

// Compare lays experiments side by side, in their order.
func Compare(all []Compared) Comparison {
	c := Comparison{Experiments: []ComparedMetrics{}, Differences: []experiment.Difference{}}
	specs := make([]experiment.Spec, len(all))
	for i := range all {
		specs[i] = all[i].Spec
		c.Experiments = append(c.Experiments, all[i].metrics())
	}
	c.Differences = append(c.Differences, experiment.Differences(specs...)...)
	return c
}

func (e *Compared) metrics() ComparedMetrics {
	m := ComparedMetrics{
		Name: e.Name, Status: e.Status, Method: e.Spec.Method.Name, Accuracies: e.scores(), Loss: []float64{},
		KNN:    KNNCurve{Epoch: []int{}, ValidationAccuracy: []float64{}},
		Linear: curvesOf(e.Result.Linear.Epochs), Finetune: curvesOf(e.Result.Finetune.Epochs),
	}
	for _, p := range e.Result.Pretrain {
		if p.Epoch > 0 {
			m.Loss = append(m.Loss, p.Loss)
		}
		if p.KNN != nil {
			m.KNN.Epoch = append(m.KNN.Epoch, p.Epoch)
			m.KNN.ValidationAccuracy = append(m.KNN.ValidationAccuracy, *p.KNN)
		}
	}
	if l := e.Result.LinearAugmented; l != nil {
		m.Augmented = curvesOf(l.Epochs)
	}
	return m
}

func curvesOf(epochs []experiment.ClassifierEpoch) *ClassifierCurves {
	if len(epochs) == 0 {
		return nil
	}
	return new(curves(epochs))
}

// scores are those of every protocol that has come to one, never nil.
func (e *Compared) scores() []Score {
	scores := []Score{}
	add := func(s *Score) {
		if s != nil {
			scores = append(scores, *s)
		}
	}
	add(e.knn())
	add(e.classifier(protocolLinear, "Linear", &e.Result.Linear))
	if l := e.Result.LinearAugmented; l != nil {
		add(e.classifier(protocolLinearAugmented, "Linear, augmented", l))
	}
	add(e.classifier(protocolFinetune, "Fine-tuned", &e.Result.Finetune))
	for _, arm := range e.Result.Ablation {
		add(e.arm(arm))
	}
	return scores
}

// tested is a score on the test split.
func (e *Compared) tested(accuracy float64, epoch int) *Score {
	images := e.Result.Data.Test
	return &Score{
		Split: splitTest, Accuracy: accuracy, Interval: new(Wilson(accuracy, images)), Images: images, Epoch: epoch,
	}
}

func (e *Compared) knn() *Score {
	var s *Score
	if !e.Spec.Dataset.Labelled() {
		return nil
	}
	if e.Tested {
		s = e.tested(e.Result.Test.KNNAccuracy, e.Result.Best.Epoch)
	} else {
		for _, p := range e.Result.Pretrain {
			if p.KNN != nil && (s == nil || *p.KNN > s.Accuracy) {
				images := monitored(e.Spec.KNN.ValidationImages, e.Result.Data.Validation)
				s = &Score{Split: splitValidation, Accuracy: *p.KNN, Epoch: p.Epoch, Images: images}
			}
		}
	}
	if s != nil {
		s.Protocol, s.Name = protocolKNN, "kNN"
	}
	return s
}

// classifier is nil before its first epoch.
func (e *Compared) classifier(protocol, name string, c *experiment.Classification) *Score {
	best, err := experiment.SelectClassifier(c.Epochs)
	if err != nil {
		return nil
	}
	s := &Score{Split: splitValidation, Accuracy: best.Value, Epoch: best.Epoch, Images: e.Result.Data.Validation}
	if chosen, ok := selected(c); ok && e.Tested && chosen.TestAccuracy != nil {
		s = e.tested(*chosen.TestAccuracy, chosen.Epoch)
	}
	s.Protocol, s.Name = protocol, name
	return s
}

func (e *Compared) arm(a experiment.AblationArm) *Score {
	s := e.classifier("", "", &experiment.Classification{Epochs: a.Epochs})
	if e.Tested && a.Test != nil {
		s = e.tested(a.Test.Accuracy, a.Best.Epoch)
	}
	if s != nil {
		share := strconv.FormatFloat(100*a.Fraction, 'g', 4, 64)
		s.Protocol, s.Name = a.Stage(), fmt.Sprintf("%s %% of labels, %s", share, startNames[a.Start])
	}
	return s
}

var startNames = map[string]string{experiment.FromPretrained: "pretrained", experiment.FromScratch: "from scratch"}

// text is the accuracy with its interval, or where it comes from.
func (s Score) text() string {
	if s.Interval == nil {
		return percent(s.Accuracy) + " on " + s.Split + ", so far"
	}
	return fmt.Sprintf("%s (%.1f – %.1f)", percent(s.Accuracy), 100*s.Interval.Low, 100*s.Interval.High)
}

// scoreRow has what every experiment has come to by one protocol, nil where it has none.
type scoreRow struct {
	Name   string
	Scores []*Score
}

// scoreRows are in the order in which protocols come up.
func scoreRows(c Comparison) []scoreRow {
	var rows []scoreRow
	at := map[string]int{}
	for i, e := range c.Experiments {
		for _, s := range e.Accuracies {
			n, ok := at[s.Protocol]
			if !ok {
				n = len(rows)
				at[s.Protocol] = n
				rows = append(rows, scoreRow{s.Name, make([]*Score, len(c.Experiments))})
			}
			rows[n].Scores[i] = &s
		}
	}
	return rows
}
