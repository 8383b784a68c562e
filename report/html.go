package report

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
)

//go:embed report.html.tmpl
var pageText string

//go:embed style.css
var styleSheet string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"picture": pictureURL, "vector": vector,
}).Parse(pageText))

// HTML writes the report: one page that loads nothing from anywhere, for screens of all sizes and for print.
func HTML(in Input) ([]byte, error) {
	p, err := newPage(in)
	if err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	var out bytes.Buffer
	err = pageTemplate.Execute(&out, struct {
		*page
		Style template.CSS
	}{p, template.CSS(styleSheet)})
	if err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	return out.Bytes(), nil
}

// pictureURL is a PNG file that a page holds in itself. It is our own bytes, so the template need not doubt it.
func pictureURL(png []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
}

// vector is a figure as part of the page. The SVG is our own and its texts are escaped.
func vector(d drawing) (template.HTML, error) {
	data, err := drawSVG(d)
	if err != nil {
		return "", fmt.Errorf("draw %s: %w", d.name(), err)
	}
	return template.HTML(inline(data, d)), nil
}
