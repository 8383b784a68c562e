package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"twinview/experiment"
	"twinview/inference"
)

// predicted is what predict tells of one image; the fields are those of its JSON.
type predicted struct {
	Image string `json:"image"`
	// Classes are the most probable, most probable first.
	Classes []classProbability `json:"classes"`
}

type classProbability struct {
	Class       string  `json:"class"`
	Probability float64 `json:"probability"`
}

func newPredictCommand() *cobra.Command {
	var (
		format     output
		folder     string
		classifier string
		top        int
	)
	c := &cobra.Command{
		Use:   "predict NAME IMAGE...",
		Short: "Classify images with an experiment's model",
		Long: `predict says which classes images most probably belong to, by the fine-tuned model of an experiment or, where there is
none, by the linear classifier on its frozen encoder. Images are PNG or JPEG files of any size: the largest square in the middle
is taken, in the size of the experiment's own images. Probabilities are the softmax of the model's outputs; a model knows no
classes but its own, and gives those to whatever it is shown.

The model is fetched once, verified, and kept in the user's cache folder. It runs here, in plain Go: about a second an image and
core for a ResNet-18. With --from the files are taken from a folder that get has filled, and NAME is left out.`,
		Example: `  starter predict first cat.jpg
  starter predict first --top 1 photos/*.png -o json | jq -r '.[] | [.image, .classes[0].class] | @tsv'
  starter get first --out first && starter predict --from first cat.jpg`,
		Args: imagesOf(&folder),
		RunE: func(c *cobra.Command, args []string) error {
			if top < 1 {
				return usageError{fmt.Errorf("--top %d: must be at least 1", top)}
			}
			name, paths := nameAndImages(folder, args)
			p, err := openPublished(c.Context(), name, folder)
			if err != nil {
				return err
			}
			m, err := p.classifier(c.Context(), classifier)
			if err != nil {
				return err
			}
			images, err := p.pictures(paths)
			if err != nil {
				return err
			}
			probabilities, err := m.Classify(c.Context(), images)
			if err != nil {
				return err
			}
			return writePredicted(c.OutOrStdout(), format, p.predicted(paths, probabilities, top))
		},
	}
	format.addFlag(c)
	c.Flags().StringVar(&folder, "from", "", "folder with the experiment's files, in place of NAME")
	c.Flags().StringVar(&classifier, "classifier", "", "finetune or linear (default: fine-tuned where there is such a model)")
	c.Flags().IntVar(&top, "top", 3, "how many classes to tell of each image")
	return c
}

// imagesOf wants a name before the images, unless a folder is named.
func imagesOf(folder *string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		least := 2
		if *folder != "" {
			least = 1
		}
		if len(args) < least {
			return errors.New("name an experiment (or --from a folder) and at least one image")
		}
		return nil
	}
}

func nameAndImages(folder string, args []string) (name string, images []string) {
	if folder != "" {
		return "", args
	}
	return args[0], args[1:]
}

// classifier opens the model that is asked for, by default the fine-tuned one or what there is in its place.
func (p *published) classifier(ctx context.Context, asked string) (*inference.Model, error) {
	linear := p.spec.Method.Name + "_lin_best.pt"
	switch asked {
	case "", experiment.StageFinetune:
		tensors, err := p.tensors(ctx, "finetune_best.pt")
		if asked == "" && isMissing(err) {
			return p.classifier(ctx, experiment.StageLinear)
		}
		if err != nil {
			return nil, err
		}
		return inference.Finetuned(p.spec, tensors)
	case experiment.StageLinear:
		tensors, err := p.tensors(ctx, linear)
		if err != nil {
			return nil, err
		}
		return inference.Linear(p.spec, tensors)
	}
	return nil, usageError{fmt.Errorf("--classifier %q: must be %s or %s", asked, experiment.StageFinetune, experiment.StageLinear)}
}

func (p *published) predicted(paths []string, probabilities [][]float64, top int) []predicted {
	all := make([]predicted, len(paths))
	for i, path := range paths {
		all[i].Image = path
		for _, label := range ranked(probabilities[i], top) {
			all[i].Classes = append(all[i].Classes, classProbability{p.class(label), probabilities[i][label]})
		}
	}
	return all
}

func writePredicted(w io.Writer, format output, all []predicted) error {
	if format == outputJSON {
		return writeJSON(w, all)
	}
	for _, p := range all {
		if _, err := fmt.Fprintln(w, p.Image); err != nil {
			return err
		}
		for _, c := range p.Classes {
			fmt.Fprintf(w, "  %5.1f %%  %s\n", 100*c.Probability, c.Class)
		}
	}
	return nil
}
