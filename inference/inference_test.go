package inference

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/checkpoint"
	"twinview/dataset"
	"twinview/engine"
	"twinview/experiment"
	"twinview/train"
)

const classes = 3

func tinySpec() experiment.Spec {
	s := experiment.Default()
	s.Name, s.Encoder.Width, s.Augment.Size, s.Finetune.Epochs = "tiny", 2, 8, 1
	return s
}

func noise(n, size int) dataset.Images {
	r := rand.New(rand.NewPCG(1, 2))
	images := dataset.Images{Height: size, Width: size, Pixels: make([]uint8, n*size*size*3), Labels: make([]uint8, n)}
	for i := range images.Pixels {
		images.Pixels[i] = uint8(r.UintN(256))
	}
	return images
}

// finetuned is a state that has never been trained, and its state dict.
func finetuned(t *testing.T, spec *experiment.Spec) (pretrained, s *train.State) {
	t.Helper()
	pretrained, err := train.NewPretrainState(spec)
	require.NoError(t, err)
	s, err = train.NewFinetuneState(spec, classes, pretrained)
	require.NoError(t, err)
	return pretrained, s
}

// A published model says what the training program says of its state, whatever the labels.
func TestClassifyIsSoftmaxOfPredict(t *testing.T) {
	spec, images := tinySpec(), noise(5, 8)
	_, s := finetuned(t, &spec)
	want, err := train.Predict(t.Context(), &spec, classes, images, s, train.Options{Compile: engine.Reference})
	require.NoError(t, err)

	m, err := Finetuned(spec, s.StateDict())
	require.NoError(t, err)
	require.Equal(t, classes, m.Classes())
	images.Labels = []uint8{9, 9, 9, 9, 9}
	got, err := m.Classify(t.Context(), images)
	require.NoError(t, err)
	require.Len(t, got, 5)
	for i, probabilities := range got {
		require.InDeltaSlice(t, softmax(want.Logits[i*classes:(i+1)*classes]), probabilities, 1e-6)
	}
	require.NotEqual(t, got[0], got[1])
}

func TestSoftmax(t *testing.T) {
	require.InDeltaSlice(t, []float64{0.25, 0.75, 0}, softmax([]float32{1000, 1000 + 1.0986123, -1000}), 1e-5)
}

func TestLinearModel(t *testing.T) {
	spec, images := tinySpec(), noise(2, 8)
	pretrained, _ := finetuned(t, &spec)
	features, err := Encoder(spec, pretrained.StateDict()).Embed(t.Context(), images)
	require.NoError(t, err)
	dim := len(features) / 2

	// The classifier tells how much larger the first feature is than the second.
	weight := make([]float32, 2*dim)
	weight[0], weight[dim+1] = 1, 1
	m, err := Linear(spec, append(pretrained.StateDict(),
		checkpoint.Tensor{Name: headWeight, Shape: []int{2, dim}, Data: weight},
		checkpoint.Tensor{Name: headBias, Shape: []int{2}, Data: []float32{0, 0.5}}))
	require.NoError(t, err)
	got, err := m.Classify(t.Context(), images)
	require.NoError(t, err)
	for i := range got {
		row := features[i*dim:]
		require.InDeltaSlice(t, softmax([]float32{row[0], row[1] + 0.5}), got[i], 1e-6)
	}
}

func TestEncoderHasNoClasses(t *testing.T) {
	spec := tinySpec()
	pretrained, _ := finetuned(t, &spec)
	_, err := Encoder(spec, pretrained.StateDict()).Classify(t.Context(), noise(1, 8))
	require.ErrorContains(t, err, "no classes")
	_, err = Finetuned(spec, pretrained.StateDict())
	require.ErrorContains(t, err, "no classifier")
}

func TestNeighbours(t *testing.T) {
	spec, images := tinySpec(), noise(6, 8)
	pretrained, _ := finetuned(t, &spec)
	m := Encoder(spec, pretrained.StateDict())
	features, err := m.Embed(t.Context(), images)
	require.NoError(t, err)
	e, err := ReadEmbeddings([]checkpoint.Tensor{
		{Name: "features", Shape: []int{6, len(features) / 6}, Data: features},
		{Name: "labels", Shape: []int{6}, Int64s: []int64{0, 0, 0, 1, 1, 2}},
	})
	require.NoError(t, err)
	found, err := m.Neighbours(t.Context(), images.Slice(3, 5), e, 2)
	require.NoError(t, err)
	require.Len(t, found, 2)
	for i, hood := range found {
		require.Len(t, hood.Nearest, 2)
		require.Equal(t, 3+i, hood.Nearest[0].Index, "an image's nearest is itself")
		require.InDelta(t, 1, hood.Nearest[0].Similarity, 1e-6)
		require.Less(t, hood.Nearest[1].Similarity, hood.Nearest[0].Similarity)
	}
}

func TestReadEmbeddingsRefusesWhatDoesNotFit(t *testing.T) {
	features := checkpoint.Tensor{Name: "features", Shape: []int{1, 2}, Data: []float32{1, 2}}
	for _, tensors := range [][]checkpoint.Tensor{
		nil,
		{features},
		{features, {Name: "labels", Shape: []int{2}, Int64s: []int64{0, 1}}},
		{features, {Name: "labels", Shape: []int{1}, Int64s: []int64{256}}},
	} {
		_, err := ReadEmbeddings(tensors)
		require.ErrorContains(t, err, "read embeddings")
	}
}
