package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"charm.land/bubbles/v2/progress"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"twinview/attribute"
	"twinview/experiment"
)

// Colours are the terminal's own, so that they suit its background.
var (
	bold   = lipgloss.NewStyle().Bold(true)
	faint  = lipgloss.NewStyle().Faint(true)
	green  = lipgloss.NewStyle().Foreground(lipgloss.Green)
	cyan   = lipgloss.NewStyle().Foreground(lipgloss.Cyan)
	yellow = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	red    = lipgloss.NewStyle().Foreground(lipgloss.Red)
)

// liveView draws an experiment as a screen full of text.
type liveView struct {
	name          string
	width, height int
	// o is the newest look at the experiment, p the newest progress that a worker told; nil before the first.
	o   *observation
	p   *experiment.Progress
	now time.Time
	// silence is what is missing now, empty where all answer.
	silence string
	pace    pace
	// perStep is the time of a step of the running activity, 0 where that is not known.
	perStep time.Duration
	// failures are attempts that failed while somebody watched, told the last of each activity.
	failures []incident
	told     map[string]string
}

// incident is something that did not go as planned.
type incident struct {
	at   time.Time
	text string
}

func newLiveView(name string) *liveView {
	return &liveView{name: name, width: 80, height: 24, told: map[string]string{}}
}

func (v *liveView) take(o observation, now time.Time) {
	v.o, v.now, v.silence = &o, now, ""
	if o.progress != nil {
		v.p = o.progress
	} else if o.silence != nil {
		v.silence = "no worker answers; the experiment goes on when one does"
	}
	for _, a := range o.activities {
		if a.lastFailure != "" && v.told[a.key] != a.lastFailure {
			v.told[a.key] = a.lastFailure
			v.failures = append(v.failures, incident{now, a.failure()})
		}
	}
	v.perStep = 0
	if a, ok := v.running(); ok {
		v.perStep = v.pace.perStep(a)
	}
}

// running is the activity that computes, or the one that does anything.
func (v *liveView) running() (pending, bool) {
	var found *pending
	for i, a := range v.o.activities {
		if a.running && a.heartbeat != nil && (found == nil || a.heartbeat.Steps > 0) {
			found = &v.o.activities[i]
		}
	}
	if found == nil {
		return pending{}, false
	}
	return *found, true
}

// draw is the whole screen, cut to its size.
func (v *liveView) draw() string {
	var lines []string
	switch {
	case v.o == nil:
		lines = []string{bold.Render(v.name), "", "asking Temporal ..."}
	case v.p == nil:
		lines = append(v.header(), "", yellow.Render("how far it is only a worker can say: "+v.silence))
	default:
		lines = slices.Concat(v.header(), []string{""}, v.stages(), v.curves(), v.machine())
		lines = append(lines, v.incidents(v.height-len(lines)-2)...)
	}
	lines = append(lines, "")
	lines = lines[:min(len(lines), max(0, v.height-1))]
	lines = append(lines, faint.Render("q or Ctrl-C stops watching; the experiment goes on"))
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], v.width, "…")
	}
	return strings.Join(lines, "\n")
}

// header says what this is.
func (v *liveView) header() []string {
	info := v.o.info
	about := []string{}
	if a, ok := attribute.Decode(info.GetSearchAttributes().GetIndexedFields()); ok {
		about = []string{a.Method, a.Encoder, a.Dataset}
	} else if v.p != nil && v.p.Method != "" {
		about = []string{v.p.Method}
	}
	state := cyan.Render(status(info.GetStatus()))
	if v.p != nil && v.p.Paused {
		state = yellow.Render(statusPaused)
	}
	right := state
	if info.GetStartTime() != nil {
		right += " " + duration(v.now.Sub(info.GetStartTime().AsTime()))
	}
	return []string{v.apart(bold.Render(v.name)+"  "+strings.Join(about, " · "), right)}
}

// apart puts two texts at the two ends of a line.
func (v *liveView) apart(left, right string) string {
	gap := v.width - lipgloss.Width(left) - lipgloss.Width(right)
	return left + strings.Repeat(" ", max(2, gap)) + right
}

// stages is a line for each, and one more for where the running epoch is.
func (v *liveView) stages() []string {
	current := slices.Index(stages, v.p.Stage)
	if v.p.Stage == experiment.StageDone {
		current = len(stages)
	}
	took := stageTimes(*v.p, v.now)
	var lines []string
	for i, stage := range stages {
		switch {
		case slices.Contains(v.p.LeftOut, stage):
		case i > current:
			lines = append(lines, faint.Render(" · "+stage))
		case i < current:
			lines = append(lines, v.apart(green.Render(" ✓ ")+column(stage)+faint.Render(v.outcome(stage)), stageTook(took, stage)))
		default:
			lines = append(lines, v.present(stage, stageTook(took, stage))...)
		}
	}
	return lines
}

// present is the stage that the experiment is in.
func (v *liveView) present(stage, took string) []string {
	mark := cyan.Render(" ▶ ")
	if v.p.Paused {
		mark = yellow.Render(" ‖ ")
	}
	done, planned := epochs(stage, *v.p)
	a, running := v.running()
	text := ""
	if planned > 0 {
		epoch := min(done+1, planned)
		part := float64(done) / float64(planned)
		if running && a.heartbeat.Steps > 0 && stageOf(*a.heartbeat) == stage {
			epoch = a.heartbeat.Epoch
			part += float64(a.heartbeat.Step) / float64(a.heartbeat.Steps) / float64(planned)
		}
		text = fmt.Sprintf("%s  %s", epochOf(epoch, planned), v.bar(part))
	}
	if running && planned > 0 && stageOf(*a.heartbeat) == stage {
		if left := stageLeft(*v.p, *a.heartbeat, v.perStep); left > 0 {
			took = strings.TrimPrefix(took+", about "+duration(left)+" left", ", ")
		}
	}
	lines := []string{v.apart(mark+bold.Render(column(stage))+text, took)}
	if running {
		lines = append(lines, v.step(*a.heartbeat))
	}
	return lines
}

// step is where the running activity is.
func (v *liveView) step(h experiment.Heartbeat) string {
	indent := "   " + column("")
	if h.Steps == 0 {
		return indent + faint.Render("working ...")
	}
	text := fmt.Sprintf("step %d/%d  %s", h.Step, h.Steps, v.bar(float64(h.Step)/float64(h.Steps)))
	if strings.Contains(h.Stage, "/") { // an arm of the ablation
		text = fmt.Sprintf("%s  epoch %d  %s", h.Stage, h.Epoch, text)
	}
	rate := ""
	if h.ViewsPerSecond > 0 {
		rate = fmt.Sprintf("loss %.4f  %.0f views/s", h.Loss, h.ViewsPerSecond)
	}
	if left := epochLeft(h, v.perStep); left > 0 {
		rate += "  " + duration(left) + " left"
	}
	return v.apart(indent+text, strings.TrimSpace(rate))
}

// bar is a fifth of the screen.
func (v *liveView) bar(part float64) string {
	width := max(5, min(40, v.width/5))
	bar := progress.New(progress.WithWidth(width), progress.WithoutPercentage(), progress.WithColors(lipgloss.Cyan),
		progress.WithFillCharacters('█', '░'))
	return bar.ViewAs(part) + fmt.Sprintf(" %3.0f %%", 100*part)
}

// outcome is what a stage has led to.
func (v *liveView) outcome(stage string) string {
	if text := outcomeOf(stage, *v.p); text != "" {
		return text
	}
	if done, planned := epochs(stage, *v.p); planned > 0 {
		return fmt.Sprintf("%d epochs", done)
	}
	return ""
}

// curves are the courses of loss and accuracy.
func (v *liveView) curves() []string {
	var loss, knn, accuracy []float64
	for _, e := range v.p.Pretrain {
		if e.Epoch > 0 {
			loss = append(loss, e.Loss)
		}
		if e.KNN != nil {
			knn = append(knn, *e.KNN)
		}
	}
	for _, e := range v.p.Finetune {
		accuracy = append(accuracy, e.ValidationAccuracy)
	}
	number := func(x float64) string { return fmt.Sprintf("%.4f", x) }
	var lines []string
	lines = append(lines, v.curve("loss", loss, number)...)
	lines = append(lines, v.curve("kNN", knn, experiment.Percent)...)
	lines = append(lines, v.curve("fine-tuned", accuracy, experiment.Percent)...)
	if len(lines) > 0 {
		lines = append([]string{""}, lines...)
	}
	return lines
}

func (v *liveView) curve(label string, values []float64, text func(float64) string) []string {
	if len(values) == 0 {
		return nil
	}
	first, last := text(values[0]), text(values[len(values)-1])
	line := sparkline(values, max(10, v.width/2))
	return []string{"   " + column(label) + cyan.Render(line) + "  " + first + " → " + last}
}

// machine is who computes on what.
func (v *liveView) machine() []string {
	a, ok := v.running()
	if !ok || a.worker == "" {
		return nil
	}
	lines := []string{"", "   " + column("worker") + a.worker}
	if hardware := v.hardware(a); hardware != "" {
		lines = append(lines, "   "+column("device")+hardware)
	}
	return lines
}

// hardware is that of the worker: it says so itself, or its last epoch does.
func (v *liveView) hardware(a pending) string {
	if a.heartbeat.Hardware != "" {
		return a.heartbeat.Hardware
	}
	for _, e := range slices.Backward(v.p.Pretrain) {
		if e.Worker == a.worker && e.Usage != nil {
			return e.Usage.Hardware
		}
	}
	return ""
}

// incidents are the newest of what did not go as planned, in at most so many lines.
func (v *liveView) incidents(room int) []string {
	all := slices.Clone(v.failures)
	for _, c := range v.p.Changes {
		all = append(all, incident{c.At, c.String()})
	}
	for _, r := range v.p.RollBacks {
		all = append(all, incident{r.At, r.String()})
	}
	slices.SortStableFunc(all, func(a, b incident) int { return a.at.Compare(b.at) })
	var lines []string
	if v.p.Retry != nil {
		lines = append(lines, yellow.Render("   "+v.p.Retry.String()))
	}
	for _, i := range all {
		lines = append(lines, "   "+faint.Render(i.at.Local().Format(time.TimeOnly))+" "+yellow.Render(i.text))
	}
	if v.silence != "" {
		lines = append(lines, red.Render("   "+v.silence))
	}
	if len(lines) == 0 || room < 2 {
		return nil
	}
	return append([]string{""}, lines[max(0, len(lines)-room+1):]...)
}

// epochs are how many of a stage are done and planned; none are planned in a stage without epochs.
func epochs(stage string, p experiment.Progress) (done, planned int) {
	switch stage {
	case experiment.StagePretrain:
		return len(p.Pretrain), p.PretrainEpochs
	case experiment.StageLinearAugmented:
		return len(p.LinearAugmented), p.LinearAugmentedEpochs
	case experiment.StageFinetune:
		return len(p.Finetune), p.FinetuneEpochs
	}
	return 0, 0
}

// stageOf is the experiment's stage that an activity belongs to: an arm's is the ablation.
func stageOf(h experiment.Heartbeat) string {
	stage, _, _ := strings.Cut(h.Stage, "/")
	return stage
}

func stageTook(took map[string]time.Duration, stage string) string {
	if d, ok := took[stage]; ok {
		return duration(d)
	}
	return ""
}

// column is a label of the first column.
func column(label string) string { return fmt.Sprintf("%-17s", label) }

// duration is a time as people say it.
func duration(d time.Duration) string {
	if d < time.Hour {
		return d.Round(time.Second).String()
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
