package report

import (
	"fmt"
	"math"
	"slices"

	"twinview/experiment"
	"twinview/hardware"
)

// stage is what one stage of an experiment took.
type stage struct {
	name   string
	epochs int
	// stepSeconds is the time of the training steps, images what they took in that time.
	stepSeconds, images float64
	usages              []*experiment.Usage
}

// stages are those that computed, in order.
func stages(spec *experiment.Spec, r *experiment.Result) []stage {
	pretrain := stage{name: "Pretraining", epochs: len(trained(r))}
	for _, e := range r.Pretrain {
		pretrain.stepSeconds += e.Seconds
		pretrain.images += e.Seconds * e.ViewsPerSecond
		pretrain.usages = append(pretrain.usages, e.Usage)
	}
	all := []stage{pretrain}
	if len(r.Linear.Epochs) > 0 {
		linear := epochStage("Linear evaluation", r.Linear.Epochs, r.Data.Train)
		linear.usages = []*experiment.Usage{r.Linear.Usage} // all epochs are one activity
		all = append(all, linear)
	}
	if l := r.LinearAugmented; l != nil && len(l.Epochs) > 0 {
		all = append(all, epochStage("Linear evaluation with augmentation", l.Epochs, r.Data.Train))
	}
	if len(r.Finetune.Epochs) > 0 {
		whole := r.Data.Train / max(1, spec.Finetune.BatchSize) * spec.Finetune.BatchSize
		all = append(all, epochStage("Fine-tuning", r.Finetune.Epochs, whole))
	}
	if len(r.Ablation) > 0 {
		var epochs []experiment.ClassifierEpoch
		for _, arm := range r.Ablation {
			epochs = append(epochs, arm.Epochs...)
		}
		all = append(all, epochStage("Ablation", epochs, spec.Ablation.StepsPerEpoch*spec.Ablation.BatchSize))
	}
	return append(all, stage{name: "Test", usages: []*experiment.Usage{r.Test.Usage}})
}

// epochStage sums up epochs that take the given number of images each.
func epochStage(name string, epochs []experiment.ClassifierEpoch, images int) stage {
	s := stage{name: name, epochs: len(epochs), images: float64(images * len(epochs))}
	for _, e := range epochs {
		s.stepSeconds += e.Seconds
		s.usages = append(s.usages, e.Usage)
	}
	return s
}

// seconds and joules sum the activities up; false where one of them does not say, or says it of something else.
func (s *stage) seconds() (total float64, ok bool) {
	for _, u := range s.usages {
		if u == nil {
			return 0, false
		}
		total += u.Seconds
	}
	return total, len(s.usages) > 0
}

func (s *stage) joules() (total float64, ok bool) {
	for _, u := range s.usages {
		if u == nil || u.Joules == nil || !slices.Equal(u.EnergyOf, s.usages[0].EnergyOf) {
			return 0, false
		}
		total += *u.Joules
	}
	return total, len(s.usages) > 0
}

// machines adds to lines the descriptions of those that carried the stage out, each once.
func (s *stage) machines(lines []string) []string {
	for _, u := range s.usages {
		if u != nil && u.Hardware != "" && !slices.Contains(lines, u.Hardware) {
			lines = append(lines, u.Hardware)
		}
	}
	return lines
}

// stageRow is a row of the table of times.
type stageRow struct {
	Name, Epochs          string
	Steps, Activity, Rate string
	Energy                string
}

func stageRows(spec *experiment.Spec, r *experiment.Result) []stageRow {
	var rows []stageRow
	all := stage{name: "Together"}
	for i, s := range stages(spec, r) {
		row := stageRow{Name: s.name, Epochs: "–", Steps: "–", Rate: "–", Activity: "–", Energy: "–"}
		if s.epochs > 0 {
			row.Epochs, row.Steps, row.Rate = fmt.Sprint(s.epochs), duration(s.stepSeconds), rate(s, i == 0)
		}
		row.fill(&s)
		rows = append(rows, row)
		all.stepSeconds += s.stepSeconds
		all.usages = append(all.usages, s.usages...)
	}
	together := stageRow{
		Name: all.name, Epochs: "", Steps: duration(all.stepSeconds), Rate: "", Activity: "–", Energy: "–",
	}
	together.fill(&all)
	return append(rows, together)
}

func (row *stageRow) fill(s *stage) {
	if seconds, ok := s.seconds(); ok {
		row.Activity = duration(seconds)
	}
	if joules, ok := s.joules(); ok {
		row.Energy = energy(joules)
	}
}

func rate(s stage, views bool) string {
	if s.stepSeconds <= 0 {
		return "–"
	}
	unit := "images/s"
	if views {
		unit = "views/s"
	}
	return count(int(s.images/s.stepSeconds+0.5)) + " " + unit
}

// energy is in the unit that people compare by.
func energy(joules float64) string {
	const kilowattHour = 3.6e6
	if joules < kilowattHour/100 {
		return fmt.Sprintf("%.3g kJ", joules/1e3)
	}
	return fmt.Sprintf("%.3g kWh", joules/kilowattHour)
}

// energyNote says what the figures of energy are, or why there are none.
func energyNote(r *experiment.Result) string {
	of := ""
	for _, e := range r.Pretrain {
		if e.Usage == nil {
			return "Energy was not measured."
		}
		if e.Usage.Joules == nil {
			return "Energy was not readable: the machine shows no RAPL counters under /sys/class/powercap, as is usual in " +
				"virtual machines, or lets only root read them."
		}
		if of == "" {
			of = takers(e.Usage.EnergyOf)
		}
		if of != takers(e.Usage.EnergyOf) {
			return "Energy does not add up: not all machines could tell of the same parts of them."
		}
	}
	return "Energy is that of " + of + ", for everything that ran there; power supply, disks and cooling come on top."
}

// takers says in words what took energy.
func takers(of []string) string {
	gpu, processors := slices.Contains(of, hardware.GPU), slices.Contains(of, hardware.Processors)
	switch {
	case gpu && processors:
		return "the GPU by NVML, and of processors and memory by RAPL"
	case gpu:
		return "the GPU alone by NVML, as the machine does not tell that of its processors"
	default:
		return "processors and memory by RAPL"
	}
}

// machines are the descriptions of those that computed, each once; where the result has none, that of whoever reports.
func machines(in Input) []string {
	var lines []string
	for _, s := range stages(&in.Spec, &in.Result) {
		lines = s.machines(lines)
	}
	if len(lines) == 0 && in.Hardware != "" {
		return []string{in.Hardware}
	}
	return lines
}

// duration is a time in the two largest units that it fills.
func duration(seconds float64) string {
	s := int64(math.Round(seconds))
	switch {
	case seconds < 10:
		return fmt.Sprintf("%.2g s", seconds)
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	}
	return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
}
