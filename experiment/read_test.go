package experiment

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadTakesNameAndAssignments(t *testing.T) {
	s, err := Read([]byte("name: a\npretrain: {epochs: 20}"), "b", "method.temperature=0.2", "pretrain.epochs=30")
	require.NoError(t, err)
	want := Default()
	want.Name, want.Method.Temperature, want.Pretrain.Epochs = "b", 0.2, 30
	require.Equal(t, want, s)
}

// What is wrong in the file, in assignments and in the spec that they make is said in one go, and each thing once.
func TestReadNamesEverythingThatIsWrong(t *testing.T) {
	_, err := Read([]byte("name: A\npretrain:\n  epochs: x\n  batchsize: 8\nencoder: 5\n"), "", "knn.kk=1", "knn.k=0", "seed",
		"encoder.width=7")
	require.EqualError(t, err, `line 3, column 11: pretrain.epochs: must be a whole number, not "x"
line 4, column 3: pretrain.batchsize: unknown key; did you mean "batch_size"?
line 5, column 10: encoder: must be a map with some of the keys architecture, width, weights
--set knn.kk=1: knn.kk: unknown key; did you mean "k"?
--set seed: "seed" is no assignment; write key=value, for example pretrain.epochs=5
name: "A" names no experiment: must be 1 to 63 lowercase letters, digits, - and _, beginning with a letter or digit `+
		`(it is the workflow's ID and a folder in the object store)
knn.k: 0 is out of range: must be 1 to 1000`)

	_, err = Read([]byte("name: a\nseed: [1"), "")
	require.Equal(t, Problems{{Line: 2, Column: 7, Text: "sequence end token ']' not found"}}, err)
	data, err := json.Marshal(err)
	require.NoError(t, err)
	require.Equal(t, `[{"line":2,"column":7,"problem":"sequence end token ']' not found"}]`, string(data))
	_, err = Read(nil, "")
	require.ErrorContains(t, err, "the spec is empty")
}
