package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"twinview/inference"
	"twinview/layout"
	"twinview/train"
)

// neighbourhood is what neighbors tells of one image; the fields are those of its JSON.
type neighbourhood struct {
	Image string `json:"image"`
	// Vote is the class of most of the neighbours.
	Vote       string      `json:"vote"`
	Neighbours []neighbour `json:"neighbors"`
}

type neighbour struct {
	// Index is the image's place in the training split, from 0.
	Index      int     `json:"index"`
	Class      string  `json:"class"`
	Similarity float64 `json:"similarity"`
}

func newNeighborsCommand() *cobra.Command {
	var (
		format output
		folder string
		k      int
	)
	c := &cobra.Command{
		Use:   "neighbors NAME IMAGE...",
		Short: "Find the training images that the encoder takes for most similar to an image",
		Long: `neighbors shows the training images whose representations have the greatest cosine similarity to an image's, and the class
that most of them have: what the encoder has learnt without a label, and what kNN evaluation counts. Images are as for predict.

The encoder and the training images' representations are fetched once, verified, and kept in the user's cache folder. With --from
they are taken from a folder that get has filled, and NAME is left out.`,
		Example: `  starter neighbors first cat.jpg
  starter neighbors first cat.jpg -k 5 -o json
  starter get first --out first && starter get first embeddings/train.safetensors --out first
  starter neighbors --from first cat.jpg`,
		Args: imagesOf(&folder),
		RunE: func(c *cobra.Command, args []string) error {
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
			return writeNeighbours(c.OutOrStdout(), format, p.neighbourhoods(paths, found))
		},
	}
	format.addFlag(c)
	c.Flags().StringVar(&folder, "from", "", "folder with the experiment's files, in place of NAME")
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
		if _, err := fmt.Fprintf(w, "%s  %s\n", h.Image, h.Vote); err != nil {
			return err
		}
		for _, n := range h.Neighbours {
			fmt.Fprintf(w, "  %.3f  %-12s training image %d\n", n.Similarity, n.Class, n.Index)
		}
	}
	return nil
}
