package activities

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/layout"
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

// archiveKey is where a data set's official archive lies.
func archiveKey(name, sha256 string) string {
	return layout.ArchiveKey(name, sha256, path.Base(dataset.ChainOf(name).Official))
}

// preparedKey is where images of one's own lie, prepared for all experiments that have them in one size with the same labels.
// sha256 is of what they were prepared from.
func preparedKey(d experiment.Dataset, sha256 string, size int) string {
	file := fmt.Sprintf("%s-%d-v%d.npz", cmp.Or(d.Labels, experiment.FolderLabels), size, dataset.PreparedVersion)
	return layout.ArchiveKey(d.Name, sha256, file)
}

// weightsKey is where initial weights lie, for all experiments that start from them.
func weightsKey(sha256 string) string { return path.Join("weights", sha256) }

// key is a file's key in an experiment's folder.
func key(name string, elements ...string) string {
	return layout.Key(name, elements...)
}

// epochKey is the key of an epoch's checkpoint in the stage's folder, "pretrain", "finetune" or
// "ablation/scratch-0.01".
func epochKey(name, stage string, epoch int) string {
	return key(name, stage, fmt.Sprintf("epoch-%04d.safetensors", epoch))
}

// pretrainFolder is where the epochs of pretraining lie. Those after a divergence have a folder of their own, so that nothing
// of the two tries at an epoch can be taken for the other's: "pretrain/rate-0.5".
func pretrainFolder(r *experiment.Retry) string {
	if r == nil {
		return experiment.StagePretrain
	}
	return fmt.Sprintf("%s/rate-%v", experiment.StagePretrain, r.RateFactor)
}

// partialPrefix begins the keys of an epoch's checkpoints between two steps: "experiments/first/pretrain/epoch-0042.partial/".
func partialPrefix(epochKey string) string {
	return layout.PartialPrefix(epochKey)
}

// partialKey is the key of one of them. No two attempts have the same, so a checkpoint of an attempt that was given up but
// still runs is in nobody's way.
func partialKey(epochKey, attempt string, step int) string {
	return fmt.Sprintf("%sstep-%06d-%s.safetensors", partialPrefix(epochKey), step, attempt)
}

// corruptKey is where what is damaged under a key is kept: "experiments/first/corrupt/pretrain/epoch-0042.safetensors".
func corruptKey(damaged string) string {
	elements := strings.SplitN(damaged, "/", 3)
	return key(elements[1], layout.Corrupt, elements[2])
}

// contentKey is the key beside another that only these bytes are written under.
func contentKey(key string, data []byte) string {
	sum := sha256.Sum256(data)
	extension := path.Ext(key)
	return strings.TrimSuffix(key, extension) + "." + hex.EncodeToString(sum[:6]) + extension
}

// modelFile is the file name of a model that pretraining leads to: "simclr_best_epoch.pt".
func modelFile(m experiment.Method, what string) string {
	return m.Name + "_" + what + ".pt"
}
