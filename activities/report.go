package activities

import (
	"context"
	"fmt"
	"path"

	"twinview/experiment"
	"twinview/report"
	"twinview/storage"
)

// Names of the files that people read.
const (
	fileSpec    = "spec.yaml"
	fileMetrics = "metrics.json"
	fileReport  = "report.html"
	filePaper   = "report.pdf"
	folderPlots = "plots"
	// folderTensorBoard is what TensorBoard's --logdir names.
	folderTensorBoard = "tensorboard"
)

// WriteReport publishes what people read about the experiment and lists it, with the models, by file name. metrics.json
// comes last: where it is, the experiment has ended.
func (a *Activities) WriteReport(
	ctx context.Context, in experiment.WriteReportInput,
) (map[string]experiment.Artifact, error) {
	first := experiment.Heartbeat{Stage: experiment.StageReport}
	return attempt(ctx, a, first, func(ctx context.Context, _ *pulse) (map[string]experiment.Artifact, error) {
		split, err := a.split(ctx, &in.Spec, in.Result.Data)
		if err != nil {
			return nil, err
		}
		views, err := examples(&in.Spec, split.Train)
		if err != nil {
			return nil, err
		}
		exhibits, err := a.exhibits(ctx, in.Result)
		if err != nil {
			return nil, err
		}
		files, err := render(report.Input{
			Spec: in.Spec, Result: in.Result, Views: views, Exhibits: exhibits, Hardware: a.Hardware, Versions: a.Versions,
		})
		if err != nil {
			return nil, err
		}
		published := models(in.Result)
		for _, f := range files {
			stored, err := replace(ctx, a.Store, key(in.Spec.Name, f.name), f.data, f.contentType)
			if err != nil {
				return nil, err
			}
			published[f.name] = stored
		}
		return published, nil
	})
}

// exhibits fetches what the reading of the test split left for show, nil where an older version left nothing.
func (a *Activities) exhibits(ctx context.Context, r experiment.Result) (*report.Exhibits, error) {
	if r.Test.Exhibits == nil {
		return nil, nil
	}
	data, err := a.Store.Get(ctx, *r.Test.Exhibits)
	if err != nil {
		return nil, err
	}
	e, err := report.ReadExhibits(data, max(1, len(r.Data.Classes)))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", storage.ErrCorrupt, r.Test.Exhibits.Key, err)
	}
	return e, nil
}

// file is one file of a report.
type file struct {
	name, contentType string
	data              []byte
}

// render makes the files of a report, in the order in which they are published.
func render(in report.Input) ([]file, error) {
	plots, err := report.Plots(in)
	if err != nil {
		return nil, err
	}
	var files []file
	for name, data := range plots {
		kind := typeSVG
		if path.Ext(name) == ".png" {
			kind = typePNG
		}
		files = append(files, file{path.Join(folderPlots, name), kind, data})
	}
	events, err := report.TensorBoard(in)
	if err != nil {
		return nil, err
	}
	for name, data := range events {
		files = append(files, file{path.Join(folderTensorBoard, name), typeBinary, data})
	}
	html, err := report.HTML(in)
	if err != nil {
		return nil, err
	}
	pdf, err := report.PDF(in)
	if err != nil {
		return nil, err
	}
	spec, err := in.Spec.YAML()
	if err != nil {
		return nil, err
	}
	metrics, err := report.Metrics(in.Spec, in.Result)
	if err != nil {
		return nil, err
	}
	return append(files,
		file{fileReport, typeHTML, html},
		file{filePaper, typePDF, pdf},
		file{fileSpec, typeYAML, spec},
		file{fileMetrics, typeJSON, metrics},
	), nil
}

// models are the PyTorch state dicts that the selections published, by file name.
func models(r experiment.Result) map[string]experiment.Artifact {
	found := make(map[string]experiment.Artifact)
	selections := []experiment.Selection{r.Best, r.Linear.Best, r.Finetune.Best}
	if r.LinearAugmented != nil {
		selections = append(selections, r.LinearAugmented.Best)
	}
	for _, s := range selections {
		if s.Model.Key != "" { // empty where a protocol was left out
			found[path.Base(s.Model.Key)] = s.Model
		}
	}
	return found
}
