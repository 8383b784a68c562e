package experiment

import "embed"

// Source holds the Go files that define a spec's types. Their comments are what people read about each field, see package
// reference.
//
//go:embed spec.go dataset.go divergence.go plan.go resizing.go
var Source embed.FS
