package report

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"twinview/experiment"
)

// page is what the report says, for screen and for paper. Numbers are formatted already.
type page struct {
	Name     string
	Method   string
	IsSimCLR bool
	// IsBarlowTwins is for its formula; a loss that is neither has its text alone.
	IsBarlowTwins bool
	Spec          experiment.Spec
	Result        experiment.Result
	// Labelled says that the images have labels. Without, there are no evaluations.
	Labelled bool
	// Headline is the evaluation that answers the question.
	Headline evaluationRow
	// Question, Network and Loss are paragraphs, Choices and Intervals say how to read the results.
	Question, Network, Loss, Symbols string
	Choices                          string
	// LossName is what the pretraining loss is called, with its unit.
	LossName string
	// Train, Validation and Test count images.
	Train, Validation, Test string
	Chance, ChanceAt        string
	Evaluations             []evaluationRow
	Ablation                []ablationRow
	Losses                  []lossRow
	// Retry tells of a divergence in pretraining; empty where there was none.
	Retry       string
	Pretrain    []figure
	Classifiers []figure
	Confusions  []confusion
	Neighbours  []neighbourRow
	Map         *mapFigure
	// Views are PNG files.
	Views      [][2][]byte
	ViewNames  []string
	Transforms []transform
	YAML       string
	YAMLSHA256 string
	Artifacts  []artifactRow
	Stages     []stageRow
	Energy     string
	Workers    int
	Facts      [][2]string
	Commands   string
}

// evaluationRow is a row of the table of results.
type evaluationRow struct {
	Name, Protocol          string
	Sentence                string
	Train, Validation, Test string
	Low, High               string
	// Bar positions in percent of the axis from 0 to 100 % accuracy.
	TestAt, LowAt, WidthAt float64
	Epoch                  int
	Of, Criterion          string
}

// lossRow is a row of the table of losses of pretraining.
type lossRow struct{ When, Loss string }

type artifactRow struct {
	Key, SHA256, Size string
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
		Name: r.Experiment, Method: methodTitle(spec.Method.Name),
		IsSimCLR: spec.Method.Name == experiment.SimCLR, IsBarlowTwins: spec.Method.Name == experiment.BarlowTwins, Spec: *spec, Result: *r,
		Labelled: spec.Dataset.Labelled(), Question: questionOf(spec), Network: network(spec), Choices: choices(spec, r),
		Train: count(r.Data.Train), Validation: count(r.Data.Validation), Test: count(r.Data.Test),
		Chance: percent(chance(r)), ChanceAt: fmt.Sprintf("%.2f", 100*chance(r)),
		Evaluations: evaluationRows(evaluations(spec, r)), Ablation: ablationRows(r), Losses: lossRows(r),
		Neighbours: neighbourRows(in.Exhibits, r.Data.Classes), Map: mapOf(in),
		Views: views, YAML: string(yaml), YAMLSHA256: digest(yaml),
		Artifacts: artifactRows(r), Stages: stageRows(spec, r), Energy: energyNote(r), Workers: workers(r), Facts: facts(in),
	}
	if retry := experiment.Retried(r.Pretrain); retry != nil {
		p.Retry = fmt.Sprintf("Pretraining: %s.", retry)
	}
	if p.Confusions, err = confusions(r); err != nil {
		return nil, err
	}
	p.Headline = headline(p.Evaluations)
	p.Commands = commands(p)
	p.describeLoss(spec)
	p.describeViews(spec)
	for _, f := range figures(spec, r) {
		if strings.HasPrefix(f.file, "pretrain") {
			p.Pretrain = append(p.Pretrain, f)
		} else {
			p.Classifiers = append(p.Classifiers, f)
		}
	}
	return p, nil
}

// headline is the evaluation that says most about the representation itself: linear evaluation, else kNN.
func headline(rows []evaluationRow) evaluationRow {
	var best evaluationRow
	for _, row := range rows {
		if row.Sentence != "" {
			best = row
		}
	}
	return best
}

// encodeViews makes PNG files.
func encodeViews(views [][2]image.Image) ([][2][]byte, error) {
	encoded := make([][2][]byte, len(views))
	for i, pair := range views {
		for v, view := range pair {
			var data bytes.Buffer
			if err := png.Encode(&data, view); err != nil {
				return nil, fmt.Errorf("encode view %d of pair %d: %w", v+1, i+1, err)
			}
			encoded[i][v] = data.Bytes()
		}
	}
	return encoded, nil
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

func evaluationRows(evaluations []evaluation) []evaluationRow {
	var rows []evaluationRow
	for _, e := range evaluations {
		interval := Wilson(*e.testAccuracy, e.testImages)
		rows = append(rows, evaluationRow{
			Name: e.name, Protocol: e.protocol, Sentence: e.sentence,
			Train: percentOr(e.trainAccuracy, "–"), Validation: percentOr(e.validationAccuracy, "–"),
			Test: percent(*e.testAccuracy), Low: percent(interval.Low), High: percent(interval.High),
			TestAt: 100 * *e.testAccuracy, LowAt: 100 * interval.Low, WidthAt: 100 * (interval.High - interval.Low),
			Epoch: e.choice.Epoch, Of: e.of, Criterion: e.choice.Criterion,
		})
	}
	return rows
}

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

// workers counts the processes that pretraining ran in.
func workers(r *experiment.Result) int {
	seen := map[string]bool{}
	for _, e := range r.Pretrain {
		seen[e.Worker] = true
	}
	return len(seen)
}

// facts are what was changed on the way, hardware and versions.
func facts(in Input) [][2]string {
	all := changeFacts(in)
	for _, line := range machines(in) {
		all = append(all, [2]string{"Hardware", line})
	}
	if n := len(in.Result.Pretrain); n > 0 && in.Result.Pretrain[n-1].Kernels != "" {
		all = append(all, [2]string{"Kernels of pretraining", in.Result.Pretrain[n-1].Kernels})
	}
	for _, name := range slices.Sorted(maps.Keys(in.Versions)) {
		all = append(all, [2]string{name, in.Versions[name]})
	}
	return all
}
