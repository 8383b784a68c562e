package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"twinview/experiment"
)

//go:embed report.html.tmpl
var pageText string

//go:embed style.css
var styleSheet string

var pageTemplate = template.Must(template.New("report").Parse(pageText))

// page is what the template shows. Numbers are formatted already.
type page struct {
	Style    template.CSS
	Name     string
	Method   string
	IsSimCLR bool
	Spec     experiment.Spec
	Result   experiment.Result
	// Train, Validation and Test count images.
	Train, Validation, Test string
	Chance, ChanceAt        string
	Evaluations             []evaluationRow
	Ablation                []ablationRow
	Losses                  []lossRow
	Pretrain                []plotView
	Classifiers             []plotView
	Views                   [][2]template.URL
	ViewNames               []string
	Transforms              []transform
	YAML                    string
	Artifacts               []artifactRow
	Stages                  []stageRow
	Workers                 int
	Facts                   [][2]string
}

// evaluationRow is a row of the table of results.
type evaluationRow struct {
	Key, Name, Protocol     string
	Train, Validation, Test string
	Low, High               string
	// Bar positions in percent of the axis from 0 to 100 % accuracy.
	TestAt, LowAt, WidthAt string
	Epoch                  int
	Of, Criterion          string
}

// lossRow is a row of the table of losses of pretraining.
type lossRow struct{ When, Loss string }

type plotView struct {
	Caption string
	SVG     template.HTML
}

type artifactRow struct {
	Key, SHA256, Size string
}

type stageRow struct {
	Name   string
	Epochs int
	Time   string
	Rate   string
}

// HTML writes the report: one page that loads nothing from anywhere, for screens of all sizes and for print.
func HTML(in Input) ([]byte, error) {
	p, err := newPage(in)
	if err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	return out.Bytes(), nil
}

func newPage(in Input) (*page, error) {
	r, spec := &in.Result, &in.Spec
	if err := check(spec, r); err != nil {
		return nil, err
	}
	yaml, err := spec.YAML()
	if err != nil {
		return nil, err
	}
	views, err := encodeViews(in.Views)
	if err != nil {
		return nil, err
	}
	p := &page{
		Style: template.CSS(styleSheet), Name: r.Experiment, Method: methodTitle(spec.Method.Name),
		IsSimCLR: spec.Method.Name == experiment.SimCLR, Spec: *spec, Result: *r,
		Train: count(r.Data.Train), Validation: count(r.Data.Validation), Test: count(r.Data.Test),
		Chance: percent(chance(r)), ChanceAt: barAt(chance(r)),
		Evaluations: evaluationRows(evaluations(spec, r)), Ablation: ablationRows(r), Losses: lossRows(r), Views: views, YAML: string(yaml),
		Artifacts: artifactRows(r), Stages: stageRows(r), Workers: workers(r), Facts: facts(in),
	}
	p.describeViews(spec)
	return p, p.draw(figures(spec, r))
}

// describeViews fills in the table of augmentations, with one column for views of the same distribution.
func (p *page) describeViews(spec *experiment.Spec) {
	names := []string{"Both views", "First view", "Second view"}
	if n := spec.Augment.ViewsPerImage(); n > 2 {
		names = []string{fmt.Sprintf("All %d views", n), "Odd views", "Even views"}
	}
	p.ViewNames = names[:1]
	views := []experiment.View{spec.Augment.FirstView}
	if second := spec.Augment.SecondView; second != nil && *second != spec.Augment.FirstView {
		p.ViewNames = names[1:]
		views = append(views, *second)
	}
	phases := slices.Repeat([][]experiment.ResizingPhase{spec.Pretrain.ProgressiveResizing}, len(views))
	add := func(name string, view experiment.View, resized []experiment.ResizingPhase) {
		p.ViewNames, views, phases = append(p.ViewNames, name), append(views, view), append(phases, resized)
	}
	if l := spec.LinearAugmented; l != nil {
		add("Linear evaluation", l.Augment, nil)
	}
	if spec.Finetune.Epochs > 0 {
		add("Fine-tuning", spec.Finetune.Augment, spec.Finetune.ProgressiveResizing)
	}
	if spec.Ablation != nil {
		add("Ablation", spec.Ablation.Augment, nil)
	}
	p.Transforms = transforms(spec.Augment.Size, views)
	for i, resized := range phases {
		p.Transforms[0].Settings[i] += resizing(resized)
	}
}

// draw fills in the plots: those of pretraining first, then those of the classifiers.
func (p *page) draw(figures []figure) error {
	for _, f := range figures {
		svg, err := f.svg()
		if err != nil {
			return fmt.Errorf("draw %s: %w", f.file, err)
		}
		// The SVG is our own and its texts are escaped.
		view := plotView{f.caption, template.HTML(inline(svg, f.title))}
		if strings.HasPrefix(f.file, "pretrain") {
			p.Pretrain = append(p.Pretrain, view)
		} else {
			p.Classifiers = append(p.Classifiers, view)
		}
	}
	return nil
}

func evaluationRows(evaluations []evaluation) []evaluationRow {
	var rows []evaluationRow
	for _, e := range evaluations {
		interval := Wilson(*e.testAccuracy, e.testImages)
		rows = append(rows, evaluationRow{
			Key: e.key, Name: e.name, Protocol: e.protocol,
			Train: percentOr(e.trainAccuracy, "–"), Validation: percentOr(e.validationAccuracy, "–"),
			Test: percent(*e.testAccuracy), Low: percent(interval.Low), High: percent(interval.High),
			TestAt: barAt(*e.testAccuracy), LowAt: barAt(interval.Low), WidthAt: barAt(interval.High - interval.Low),
			Epoch: e.choice.Epoch, Of: e.of, Criterion: e.choice.Criterion,
		})
	}
	return rows
}

func barAt(fraction float64) string { return fmt.Sprintf("%.2f", 100*fraction) }

func lossRows(r *experiment.Result) []lossRow {
	row := func(when string, e experiment.PretrainEpoch) lossRow {
		return lossRow{fmt.Sprintf("%s epoch (%d)", when, e.Epoch), fmt.Sprintf("%.4f", e.Loss)}
	}
	if len(trained(r)) == 0 {
		return []lossRow{{"None: the encoder was evaluated as it started", "–"}}
	}
	rows := []lossRow{row("First", r.Pretrain[0])}
	if n := len(r.Pretrain); n > 1 {
		rows = append(rows, row("Last", r.Pretrain[n-1]))
	}
	for _, e := range r.Pretrain {
		if e.Epoch == r.Best.Epoch {
			rows = append(rows, row("Selected", e))
		}
	}
	return rows
}

func artifactRows(r *experiment.Result) []artifactRow {
	var rows []artifactRow
	for _, a := range artifacts(r) {
		rows = append(rows, artifactRow{a.Key, a.SHA256, humanize.Bytes(uint64(a.Size))})
	}
	return rows
}

// count writes a number with commas between thousands.
func count(n int) string { return humanize.Comma(int64(n)) }

func stageRows(r *experiment.Result) []stageRow {
	m := throughputMetrics(r)
	rows := []stageRow{
		{"Pretraining", len(trained(r)), duration(sum(m.PretrainSeconds)), rate(m)},
		{"Linear evaluation", len(r.Linear.Epochs), duration(sum(m.LinearSeconds)), ""},
		{"Linear evaluation with augmentation", len(m.LinearAugmentedSeconds), duration(sum(m.LinearAugmentedSeconds)), ""},
		{"Fine-tuning", len(r.Finetune.Epochs), duration(sum(m.FinetuneSeconds)), ""},
		{"Ablation", armEpochs(r), duration(sum(m.AblationSeconds)), ""},
	}
	return slices.DeleteFunc(rows, func(row stageRow) bool { return row.Epochs == 0 })
}

// armEpochs counts the epochs of all arms of the ablation.
func armEpochs(r *experiment.Result) int {
	n := 0
	for _, arm := range r.Ablation {
		n += len(arm.Epochs)
	}
	return n
}

// rate says how fast pretraining ran and how much of its time the data took.
func rate(m ThroughputMetrics) string {
	text := fmt.Sprintf("%.0f views/s", m.ViewsPerSecond)
	if seconds := sum(m.PretrainSeconds); seconds > 0 {
		text += fmt.Sprintf(", %.1f %% of the time waiting for data", 100*sum(m.PretrainDataWaitSeconds)/seconds)
	}
	return text
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
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

// workers counts the processes that pretraining ran in.
func workers(r *experiment.Result) int {
	seen := map[string]bool{}
	for _, e := range r.Pretrain {
		seen[e.Worker] = true
	}
	return len(seen)
}

// facts are hardware and versions.
func facts(in Input) [][2]string {
	var all [][2]string
	if in.Hardware != "" {
		all = append(all, [2]string{"Hardware", in.Hardware})
	}
	if n := len(in.Result.Pretrain); n > 0 && in.Result.Pretrain[n-1].Kernels != "" {
		all = append(all, [2]string{"Kernels of pretraining", in.Result.Pretrain[n-1].Kernels})
	}
	for _, name := range slices.Sorted(maps.Keys(in.Versions)) {
		all = append(all, [2]string{name, in.Versions[name]})
	}
	return all
}
