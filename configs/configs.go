// Package configs holds the recipes: specs of experiments whose results are known or published, as files to run or to begin
// from.
package configs

import "embed"

// Files has a spec in each, under the name of its experiment.
//
//go:embed *.yaml
var Files embed.FS
