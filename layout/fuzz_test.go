package layout

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// Whatever lies in the store as a record: none of another version is read, and what one names lies beside it.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"version":1,"origin":{"data":"d","from":"f"},"artifact":{"key":"experiments/a/pretrain/epoch-0001.safetensors",` +
		`"sha256":"00","size":3},"result":{"epoch":1}}`))
	f.Add([]byte(`{"version":2,"step":[]}`))
	f.Add([]byte(`{"step":3,"checkpoint":{"key":"experiments/a/pretrain/epoch-0001.../../../b"},"usage":{"seconds":1e999}}`))
	f.Add([]byte(`{"version":null,"artifact":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var c experiment.StepCheckpoint
		err := Decode(data, "manifest", ManifestVersion, &c)
		var header struct {
			Version *int `json:"version"`
		}
		if json.Unmarshal(data, &header) == nil && header.Version != nil && *header.Version > ManifestVersion {
			require.ErrorAs(t, err, new(*experiment.VersionError))
		}
		named, err := artifactOf("experiments/a/pretrain/epoch-0001.json", data)
		if err == nil && named != "" {
			require.True(t, strings.HasPrefix(named, "experiments/a/pretrain/epoch-0001."))
			require.NotContains(t, named[len("experiments/a/pretrain/"):], "/")
		}
	})
}
