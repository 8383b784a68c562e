package checkpoint

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWriteTorchAlignsRecords(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, WriteTorch(&b, goldenTensors()))
	archive, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.NoError(t, err)
	for _, f := range archive.File {
		offset, err := f.DataOffset()
		require.NoError(t, err)
		require.Zero(t, offset%torchAlignment, f.Name)
		require.Equal(t, zip.Store, f.Method)
	}
}

func TestWriteTorchIsDeterministic(t *testing.T) {
	var a, b bytes.Buffer
	require.NoError(t, WriteTorch(&a, goldenTensors()))
	require.NoError(t, WriteTorch(&b, goldenTensors()))
	require.Equal(t, a.Bytes(), b.Bytes())
}

func TestWritersReportBadTensors(t *testing.T) {
	for name, c := range map[string]struct {
		tensors []Tensor
		want    string
	}{
		"no name":       {[]Tensor{{Shape: []int{1}, Data: []float32{1}}}, "name"},
		"no UTF-8":      {[]Tensor{{Name: "\xff", Data: []float32{1}}}, "name"},
		"twice":         {[]Tensor{{Name: "a", Data: []float32{1}}, {Name: "a", Data: []float32{1}}}, "twice"},
		"both types":    {[]Tensor{{Name: "a", Data: []float32{1}, Int64s: []int64{1}}}, "both"},
		"too few":       {[]Tensor{{Name: "a", Shape: []int{2, 2}, Data: []float32{1}}}, "has 4 elements, not 1"},
		"negative":      {[]Tensor{{Name: "a", Shape: []int{-1}, Data: []float32{1}}}, "negative"},
		"absurd shape":  {[]Tensor{{Name: "a", Shape: []int{1 << 40, 1 << 40}}}, "too many"},
		"empty, scalar": {[]Tensor{{Name: "a"}}, "has 1 elements, not 0"},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.ErrorContains(t, WriteTorch(&b, c.tensors), c.want)
			require.ErrorContains(t, WriteSafetensors(&b, c.tensors, nil), c.want)
			require.Zero(t, b.Len())
		})
	}
}

// fullDisk takes so many bytes and no more.
type fullDisk struct{ left int }

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.left {
		return d.left, errFull
	}
	d.left -= len(p)
	return len(p), nil
}

func TestWritersReportAFullDisk(t *testing.T) {
	var whole bytes.Buffer
	require.NoError(t, WriteTorch(&whole, goldenTensors()))
	for left := 0; left < whole.Len(); left += 997 {
		require.ErrorIs(t, WriteTorch(&fullDisk{left}, goldenTensors()), errFull)
	}
	whole.Reset()
	require.NoError(t, WriteSafetensors(&whole, goldenTensors(), nil))
	for left := 0; left < whole.Len(); left += 97 {
		require.ErrorIs(t, WriteSafetensors(&fullDisk{left}, goldenTensors(), nil), errFull)
	}
}

// loaded is one tensor as testdata/load.py finds it.
type loaded struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Shape  []int  `json:"shape"`
	SHA256 string `json:"sha256"`
}

func TestTorchLoadsWhatIsWritten(t *testing.T) {
	python := pythonWith(t, "torch, numpy")
	path := writeTorchFile(t, goldenTensors())
	require.Equal(t, describe(t, goldenTensors()), runLoad(t, python, path))

	path = writeTorchFile(t, nil)
	require.Empty(t, runLoad(t, python, path))
	path = writeTorchFile(t, goldenTensors()[:1])
	require.Equal(t, describe(t, goldenTensors()[:1]), runLoad(t, python, path))
}

func TestTorchLoadsMoreTensorsThanOneBatch(t *testing.T) {
	python := pythonWith(t, "torch, numpy")
	var tensors []Tensor
	for i := range setItemsBatch + 1 {
		tensors = append(tensors, Tensor{Name: hex.EncodeToString([]byte{byte(i >> 8), byte(i)}), Data: []float32{float32(i)}})
	}
	require.Equal(t, describe(t, tensors), runLoad(t, python, writeTorchFile(t, tensors)))
}

func TestTorchvisionLoadsAResNet(t *testing.T) {
	python := pythonWith(t, "torch, numpy, torchvision")
	var tensors []Tensor
	for i, p := range runLoad(t, python, "resnet18") {
		n, err := elements(p.Shape)
		require.NoError(t, err)
		tensor := Tensor{Name: p.Name, Shape: p.Shape}
		if p.Type == "torch.int64" {
			tensor.Int64s = []int64{int64(i)}
		} else {
			tensor.Data = make([]float32, n)
			for j := range tensor.Data {
				tensor.Data[j] = float32(i) + float32(j)/float32(n)
			}
		}
		tensors = append(tensors, tensor)
	}
	require.Len(t, tensors, 122)
	require.Equal(t, describe(t, tensors), runLoad(t, python, writeTorchFile(t, tensors), "resnet18"))
}

// pythonWith is a Python that has the modules: $TWINVIEW_PYTHON or python3. Without one the test is skipped, unless
// TWINVIEW_REQUIRE_PYTORCH=1 says that it must not be; the golden file still says what PyTorch expects.
func pythonWith(t *testing.T, modules string) string {
	t.Helper()
	python := os.Getenv("TWINVIEW_PYTHON")
	if python == "" {
		python = "python3"
	}
	out, err := exec.Command(python, "-c", "import "+modules).CombinedOutput()
	if err != nil && os.Getenv("TWINVIEW_REQUIRE_PYTORCH") == "1" {
		t.Fatalf("%s can't import %s: %v\n%s", python, modules, err, out)
	}
	if err != nil {
		t.Skipf("%s can't import %s (%v); TWINVIEW_PYTHON names another, make test-torch installs one", python, modules, err)
	}
	return python
}

func runLoad(t *testing.T, python string, arguments ...string) []loaded {
	t.Helper()
	command := exec.Command(python, append([]string{"testdata/load.py"}, arguments...)...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	require.NoError(t, err)
	var all []loaded
	require.NoError(t, json.Unmarshal(out, &all))
	return all
}

func writeTorchFile(t *testing.T, tensors []Tensor) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.pt")
	file, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, WriteTorch(file, tensors))
	require.NoError(t, file.Close())
	return path
}

func describe(t *testing.T, tensors []Tensor) []loaded {
	t.Helper()
	var all []loaded
	for _, tensor := range tensors {
		sum := sha256.New()
		require.NoError(t, tensor.writeElements(sum))
		l := loaded{tensor.Name, "torch.float32", append([]int{}, tensor.Shape...), hex.EncodeToString(sum.Sum(nil))}
		if tensor.isInt64() {
			l.Type = "torch.int64"
		}
		all = append(all, l)
	}
	return all
}
