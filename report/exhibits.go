package report

import (
	"encoding/json"
	"fmt"
)

// Exhibits are what a report shows of how the encoder represents test images. They are made where the test split is read and
// lie in the store as JSON, small: a few pictures and a layout.
type Exhibits struct {
	Neighbours []Exhibit `json:"neighbours"`
	// Map is nil where there are too few images for one.
	Map *Map `json:"map,omitempty"`
}

// Exhibit is a test image with the training images that its representation is most similar to.
type Exhibit struct {
	Picture
	// Predicted is the class that the k nearest neighbours vote for; those shown may be fewer.
	Predicted int `json:"predicted"`
	// Nearest are training images, nearest first.
	Nearest []Neighbour `json:"nearest"`
}

// Neighbour is a training image and its cosine similarity to the test image.
type Neighbour struct {
	Picture
	Similarity float64 `json:"similarity"`
}

// Picture is an image of a split.
type Picture struct {
	// Index is its place in the split, from 0.
	Index int `json:"index"`
	// Class is the index of its true class.
	Class int `json:"class"`
	// PNG is the picture itself.
	PNG []byte `json:"png"`
}

// Map is a layout of representations in the plane. X, Y and Class have one entry per test image.
type Map struct {
	// Method says how the layout was made, with its parameters.
	Method string    `json:"method"`
	X      []float64 `json:"x"`
	Y      []float64 `json:"y"`
	// Class holds indices of true classes.
	Class []int `json:"class"`
}

// JSON is the exhibits as they are stored.
func (e *Exhibits) JSON() ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("write exhibits: %w", err)
	}
	return data, nil
}

// ReadExhibits reads what JSON has written, for results with the given number of classes.
func ReadExhibits(data []byte, classes int) (*Exhibits, error) {
	var e Exhibits
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("read exhibits: %w", err)
	}
	if err := e.check(classes); err != nil {
		return nil, fmt.Errorf("read exhibits: %w", err)
	}
	return &e, nil
}

func (e *Exhibits) check(classes int) error {
	var all []int
	for _, x := range e.Neighbours {
		all = append(all, x.Class, x.Predicted)
		for _, n := range x.Nearest {
			all = append(all, n.Class)
		}
	}
	if m := e.Map; m != nil {
		if len(m.X) != len(m.Class) || len(m.Y) != len(m.Class) {
			return fmt.Errorf("map: %d and %d coordinates for %d images", len(m.X), len(m.Y), len(m.Class))
		}
		all = append(all, m.Class...)
	}
	for _, class := range all {
		if class < 0 || class >= classes {
			return fmt.Errorf("class %d is none of the %d classes", class, classes)
		}
	}
	return nil
}
