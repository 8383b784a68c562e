package train

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/checkpoint"
	"twinview/experiment"
)

// Whatever is read as a training state is sound: it can be written, and is then the same; nothing else of it is trusted until
// it is compared with the network.
func FuzzReadState(f *testing.F) {
	for _, name := range []string{"pretrain-inside-epoch-2.safetensors", "linear_augmented-epoch-2.safetensors"} {
		data, err := os.ReadFile(filepath.Join(version1, name))
		require.NoError(f, err)
		f.Add(data)
	}
	for _, metadata := range []map[string]string{
		{"version": "1", "epoch": "1", "step": "2", "kernels": `{"precision":"float32"}`, underWay: `{"done":1,"steps":2,"loss":0.5}`},
		{"version": "2", "epoch": "1", "step": "2"},
		{"epoch": "99999999999999999999", "step": "-0"},
		{"epoch": "0", "step": "0", "kernels": "null", underWay: `{"done":9223372036854775807,"steps":9223372036854775807}`},
		{"epoch": "0", "step": "0", "kernels": "{}", underWay: `[]`},
	} {
		var b bytes.Buffer
		tensors := []checkpoint.Tensor{
			{Name: "fc.bias", Shape: []int{1}, Data: []float32{1}},
			{Name: bufferPrefix + "exp_avg.fc.bias", Shape: []int{1}, Data: []float32{1}},
			{Name: "bn1" + batches, Int64s: []int64{3}},
		}
		require.NoError(f, checkpoint.WriteSafetensors(&b, tensors, metadata))
		f.Add(b.Bytes())
	}
	spec := tinySpec(experiment.SimCLR)
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := ReadState(bytes.NewReader(file))
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, s.Epoch, 0)
		require.GreaterOrEqual(t, s.Step, 0)
		require.GreaterOrEqual(t, s.StepsDone(), 0)
		if done, err := s.stepsDone(3); err == nil {
			require.LessOrEqual(t, done, 3)
		}
		_, err = PretrainEpoch(t.Context(), spec, tinyImages(4), s.clone(), onReference)
		require.Error(t, err, "it is of another spec")
		_, err = FinetuneEpoch(t.Context(), spec, tinyImages(4), s.clone(), onReference)
		require.Error(t, err)

		var first, second bytes.Buffer
		if err := s.Write(&first); err != nil {
			require.ErrorContains(t, err, "name") // an empty one, or one that is no UTF-8
			return
		}
		again, err := ReadState(bytes.NewReader(first.Bytes()))
		require.NoError(t, err)
		require.NoError(t, again.Write(&second))
		require.Equal(t, first.Bytes(), second.Bytes())
	})
}
