package checkpoint

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// goldenTensors are those of testdata/make_golden.py.
func goldenTensors() []Tensor {
	inf := float32(math.Inf(1))
	nan := math.Float32frombits(0x7fc00000) // torch's
	tensors := []Tensor{
		counting("conv1.weight", 2, 3, 3, 3),
		{Name: "bn1.bias", Shape: []int{5}, Data: []float32{
			nan, inf, float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, math.MaxFloat32,
		}},
		{Name: "bn1.num_batches_tracked", Int64s: []int64{1<<40 + 7}},
		counting("fc.weight", 10, 30),
		counting("volume", 2, 1, 3),
		{Name: "scalar", Data: []float32{0.5}},
		{Name: "labels", Shape: []int{3}, Int64s: []int64{-1, 0, 9}},
		counting("breadth", 0, 70000),
		counting("größe", 1, 1, 1, 1, 2),
	}
	for i := range 40 {
		tensors = append(tensors, Tensor{
			Name: fmt.Sprintf("layer.%d.bias", i), Shape: []int{1}, Data: []float32{float32(i)},
		})
	}
	return tensors
}

func counting(name string, shape ...int) Tensor {
	n, err := elements(shape)
	if err != nil {
		panic(err)
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(i-3) * 0.25
	}
	return Tensor{Name: name, Shape: shape, Data: data}
}

// records are the contents of a .pt file by name, and the names in their order.
func records(t *testing.T, file []byte) (map[string][]byte, []string) {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	require.NoError(t, err)
	contents, names := make(map[string][]byte), []string(nil)
	for _, f := range archive.File {
		r, err := f.Open()
		require.NoError(t, err)
		contents[f.Name], err = io.ReadAll(r)
		require.NoError(t, err, f.Name)
		names = append(names, f.Name)
	}
	return contents, names
}

func TestWriteTorchEqualsTorchSave(t *testing.T) {
	golden, err := os.ReadFile("testdata/golden.pt")
	require.NoError(t, err)
	want, wantNames := records(t, golden)
	const optional = "archive/.data/serialization_id"
	require.Contains(t, wantNames, optional)

	var b bytes.Buffer
	require.NoError(t, WriteTorch(&b, goldenTensors()))
	got, gotNames := records(t, b.Bytes())

	require.Equal(t, wantNames[:len(wantNames)-1], gotNames)
	for _, name := range gotNames {
		require.Equal(t, want[name], got[name], name)
	}
}

func TestReadSafetensorsOfTheReferenceLibrary(t *testing.T) {
	file, err := os.Open("testdata/golden.safetensors")
	require.NoError(t, err)
	defer file.Close()
	got, metadata, err := ReadSafetensors(file)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"epoch": "3", "note": "größer <1>"}, metadata)
	require.ElementsMatch(t, bits(goldenTensors()), bits(got))
}

// bits makes tensors comparable where they hold NaN.
func bits(tensors []Tensor) []string {
	var all []string
	for _, t := range tensors {
		s := fmt.Sprint(t.Name, append([]int{}, t.Shape...), t.Int64s, " ")
		for _, x := range t.Data {
			s += fmt.Sprintf("%08x", math.Float32bits(x))
		}
		all = append(all, s)
	}
	return all
}
