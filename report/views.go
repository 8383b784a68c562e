package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/png"
)

// encodeViews makes pictures that a page can hold in itself. They are our own bytes, so the template need not doubt them.
func encodeViews(views [][2]image.Image) ([][2]template.URL, error) {
	encoded := make([][2]template.URL, len(views))
	for i, pair := range views {
		for v, view := range pair {
			var data bytes.Buffer
			if err := png.Encode(&data, view); err != nil {
				return nil, fmt.Errorf("encode view %d of pair %d: %w", v+1, i+1, err)
			}
			encoded[i][v] = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(data.Bytes()))
		}
	}
	return encoded, nil
}
