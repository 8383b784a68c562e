package activities

import (
	"fmt"
	"path"

	"twinview/experiment"
)

// Content types of what is stored.
const (
	typeBinary = "application/octet-stream"
	typeGzip   = "application/gzip"
	typeJSON   = "application/json"
	typeYAML   = "application/yaml"
	typeHTML   = "text/html; charset=utf-8"
	typeSVG    = "image/svg+xml"
	typePNG    = "image/png"
	typePDF    = "application/pdf"
)

// archiveKey is where a data set's archive lies. The digest is part of the key: two archives never meet.
func archiveKey(name, sha256 string) string {
	return path.Join("datasets", name, sha256, archiveFile)
}

// weightsKey is where initial weights lie, for all experiments that start from them.
func weightsKey(sha256 string) string { return path.Join("weights", sha256) }

// key is a file's key in an experiment's folder.
func key(name string, elements ...string) string {
	return path.Join("experiments", name, path.Join(elements...))
}

// epochKey is the key of an epoch's checkpoint in the stage's folder, "pretrain", "finetune" or
// "ablation/scratch-0.01".
func epochKey(name, stage string, epoch int) string {
	return key(name, stage, fmt.Sprintf("epoch-%04d.safetensors", epoch))
}

// modelFile is the file name of a model that pretraining leads to: "simclr_best_epoch.pt".
func modelFile(m experiment.Method, what string) string {
	return m.Name + "_" + what + ".pt"
}
