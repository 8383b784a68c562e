package report

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"twinview/experiment"
)

// point is one scalar of an event file.
type point struct {
	step  int64
	time  float64
	value float32
}

// fields splits a message into its fields, in order; values of fixed size and varints as eight bytes.
func fields(t *testing.T, message []byte) map[protowire.Number][]byte {
	t.Helper()
	all := map[protowire.Number][]byte{}
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		require.Positive(t, n)
		message = message[n:]
		n = protowire.ConsumeFieldValue(field, kind, message)
		require.Positive(t, n)
		value := message[:n]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(value)
		}
		all[field], message = value, message[n:]
	}
	return all
}

// pointsByTag reads an event file back, by tag.
func pointsByTag(t *testing.T, file []byte) map[string][]point {
	t.Helper()
	curves := map[string][]point{}
	for first := true; len(file) > 0; first = false {
		length := binary.LittleEndian.Uint64(file)
		event := fields(t, file[12:12+length])
		file = file[16+length:]
		if first {
			require.Equal(t, "brain.Event:2", string(event[3]))
			continue
		}
		value := fields(t, fields(t, event[5])[1])
		step, n := protowire.ConsumeVarint(event[2])
		require.Positive(t, n)
		tag := string(value[1])
		curves[tag] = append(curves[tag], point{
			int64(step), math.Float64frombits(binary.LittleEndian.Uint64(event[1])),
			math.Float32frombits(binary.LittleEndian.Uint32(value[2])),
		})
	}
	return curves
}

func TestTensorBoardHasTheCurves(t *testing.T) {
	in := sampleInput(10, 4, 3)
	files, err := TensorBoard(in)
	require.NoError(t, err)
	require.Len(t, files, 3)
	train := pointsByTag(t, files["train/"+eventFile])
	validation := pointsByTag(t, files["validation/"+eventFile])
	test := pointsByTag(t, files["test/"+eventFile])

	r := in.Result
	var spent float64
	var loss, rate, throughput, knn []point
	for _, e := range r.Pretrain {
		spent += e.Seconds + e.KNNSeconds
		at := func(v float64) point { return point{int64(e.Epoch), spent, float32(v)} }
		loss, rate = append(loss, at(e.Loss)), append(rate, at(e.LearningRate))
		throughput = append(throughput, at(e.ViewsPerSecond))
		if e.KNN != nil {
			knn = append(knn, at(*e.KNN))
		}
	}
	require.Equal(t, loss, train["pretrain/loss"])
	require.Equal(t, rate, train["pretrain/learning_rate"])
	require.Equal(t, throughput, train["pretrain/views_per_second"])
	require.Len(t, knn, 2)
	require.Equal(t, knn, validation["pretrain/knn_accuracy"])
	require.Len(t, test["pretrain/knn_accuracy"], 1)
	require.Equal(t, float32(r.Test.KNNAccuracy), test["pretrain/knn_accuracy"][0].value)

	for stage, c := range map[string]experiment.Classification{"linear": r.Linear, "finetune": r.Finetune} {
		require.Len(t, train[stage+"/loss"], len(c.Epochs))
		for i, e := range c.Epochs {
			require.Equal(t, int64(e.Epoch), train[stage+"/accuracy"][i].step)
			require.Equal(t, float32(e.TrainAccuracy), train[stage+"/accuracy"][i].value)
			require.Equal(t, float32(e.ValidationLoss), validation[stage+"/loss"][i].value)
			require.Equal(t, float32(*e.TestAccuracy), test[stage+"/accuracy"][i].value)
		}
	}
	again, err := TensorBoard(in)
	require.NoError(t, err)
	require.Equal(t, files, again, "whoever makes them")
}

func TestTensorBoardOfWhatIsThere(t *testing.T) {
	in := sampleInput(3, 0, 0)
	files, err := TensorBoard(in)
	require.NoError(t, err)
	require.NotContains(t, pointsByTag(t, files["train/"+eventFile]), "linear/loss", "a protocol that is left out")

	in.Result.Pretrain[0].Loss = math.NaN()
	_, err = TensorBoard(in)
	require.ErrorContains(t, err, "loss")
}
