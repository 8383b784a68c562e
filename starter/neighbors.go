package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"twinview/dataset"
	"twinview/inference"
	"twinview/layout"
	"twinview/report"
	"twinview/train"
)

// neighbourhood is what neighbors tells of one image; the fields are those of its JSON.
type neighbourhood struct {
	Image string `json:"image"`
	// Vote is the class of most of the neighbours, absent where the training images have no labels.
	Vote       string      `json:"vote,omitempty"`
	Neighbours []neighbour `json:"neighbors"`
}

type neighbour struct {
	// Index is the image's place in the training split, from 0.
	Index      int     `json:"index"`
	Class      string  `json:"class,omitempty"`
	Similarity float64 `json:"similarity"`
}

func newNeighborsCommand() *cobra.Command {
	var (
		format  output
		folder  string
		picture string
		k       int
	)
	c := &cobra.Command{
		Use:   "neighbors NAME IMAGE...",
		Short: "Find the training images that the encoder takes for most similar to an image",
		Long: `neighbors shows the training images whose representations have the greatest cosine similarity to an image's, and the class
that most of them have: what the encoder has learnt without a label, and what kNN evaluation counts. Images are as for predict.
With --picture it also draws them: each image with its neighbours beside it, as a PNG file.

The encoder and the training images' representations are fetched once, verified, and kept in the user's cache folder. With --from
they are taken from a folder that get has filled, and NAME is left out. --picture needs the training images too, which are fetched
and kept in the same way; the credentials must let datasets/ be read.`,
		Example: `  starter neighbors first cat.jpg
  starter neighbors first photos/*.jpg --picture neighbors.png
  starter neighbors first cat.jpg -k 5 -o json
  starter get first --out first && starter get first embeddings/train.safetensors --out first
  starter neighbors --from first cat.jpg`,
		Args: imagesOf(&folder),
		RunE: func(c *cobra.Command, args []string) error {
			if picture != "" && filepath.Ext(picture) != ".png" {
				return usageError{fmt.Errorf("--picture %q: must end in .png", picture)}
			}
			if k < 1 {
				return usageError{fmt.Errorf("-k %d: must be at least 1", k)}
			}
			name, paths := nameAndImages(folder, args)
			p, err := openPublished(c.Context(), name, folder)
			if err != nil {
				return err
			}
			file := layout.Embeddings + "/train.safetensors"
			tensors, err := p.tensors(c.Context(), file)
			if isMissing(err) {
				return notFoundError{fmt.Errorf("there is no %s: older versions kept none, and of a folder it has to be fetched by its "+
					"name: %w", file, err)}
			}
			if err != nil {
				return err
			}
			known, err := inference.ReadEmbeddings(tensors)
			if err != nil {
				return err
			}
			encoder, err := p.tensors(c.Context(), p.spec.Method.Name+"_best_epoch.pt")
			if err != nil {
				return err
			}
			images, err := p.pictures(paths)
			if err != nil {
				return err
			}
			found, err := inference.Encoder(p.spec, encoder).Neighbours(c.Context(), images, known, k)
			if err != nil {
				return err
			}
			all := p.neighbourhoods(paths, found)
			if picture != "" {
				if err := p.draw(c.Context(), picture, images, all); err != nil {
					return err
				}
			}
			return writeNeighbours(c.OutOrStdout(), format, all)
		},
	}
	format.addFlag(c)
	c.Flags().StringVar(&folder, "from", "", "folder with the experiment's files, in place of NAME")
	c.Flags().StringVar(&picture, "picture", "", "PNG file to draw them into; one that is there is replaced")
	completeFlag(c, "picture", completePictures)
	c.Flags().IntVarP(&k, "k", "k", 10, "how many neighbours to show")
	return c
}

func (p *published) neighbourhoods(paths []string, found []train.Neighbourhood) []neighbourhood {
	all := make([]neighbourhood, len(paths))
	for i, path := range paths {
		all[i] = neighbourhood{Image: path, Vote: p.class(int(found[i].Predicted))}
		for _, n := range found[i].Nearest {
			all[i].Neighbours = append(all[i].Neighbours, neighbour{n.Index, p.class(n.Label), n.Similarity})
		}
	}
	return all
}

func writeNeighbours(w io.Writer, format output, all []neighbourhood) error {
	if format == outputJSON {
		return writeJSON(w, all)
	}
	for _, h := range all {
		if _, err := fmt.Fprintln(w, strings.TrimSpace(h.Image+"  "+h.Vote)); err != nil {
			return err
		}
		for _, n := range h.Neighbours {
			label := ""
			if n.Class != "" {
				label = fmt.Sprintf("%-12s ", n.Class)
			}
			fmt.Fprintf(w, "  %.3f  %straining image %d\n", n.Similarity, label, n.Index)
		}
	}
	return nil
}

// draw writes a picture of the images with their neighbours.
func (p *published) draw(ctx context.Context, path string, images dataset.Images, all []neighbourhood) error {
	known, err := p.trainingImages(ctx)
	if err != nil {
		return err
	}
	sheet := report.NeighbourSheet{Title: "Nearest training images, " + p.spec.Name}
	for i, h := range all {
		row := report.SheetRow{Query: images.Picture(i), Name: filepath.Base(h.Image), Vote: h.Vote}
		for _, n := range h.Neighbours {
			if n.Index >= known.Len() {
				return fmt.Errorf("the embeddings speak of training image %d, and there are %d: are they of this experiment?",
					n.Index, known.Len())
			}
			label := cmp.Or(n.Class, fmt.Sprintf("image %d", n.Index))
			row.Nearest = append(row.Nearest, report.SheetNeighbour{
				Image: known.Picture(n.Index), Label: label, Similarity: n.Similarity,
			})
		}
		sheet.Rows = append(sheet.Rows, row)
	}
	data, err := sheet.PNG()
	if err != nil {
		return usageError{err}
	}
	return os.WriteFile(path, data, 0o644)
}
