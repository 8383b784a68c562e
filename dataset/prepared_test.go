package dataset

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// somePrepared are four images of 2×2 pixels.
func somePrepared() *Prepared {
	one := func(name string, label, shade uint8) picture {
		return picture{name: name, label: label, pixels: bytes.Repeat([]uint8{shade, shade + 1, shade + 2}, 4)}
	}
	return &Prepared{
		Classes: []string{"cat", "dög"}, size: 2,
		Train: []picture{one("cat/1.png", 0, 10), one("dög/1.png", 1, 20), one("dög/2.png", 1, 30)},
		Test:  []picture{one("dög/3.png", 1, 40)},
	}
}

func objectOf(t testing.TB, p *Prepared) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, p.Write(&b))
	return b.Bytes()
}

func TestPreparedSurvives(t *testing.T) {
	d := read(t, objectOf(t, somePrepared()))
	require.Equal(t, []string{"cat", "dög"}, d.Classes)
	require.Equal(t, []uint8{0, 1, 1}, d.Train.Labels)
	require.Equal(t, []uint8{30, 31, 32}, d.Train.Image(2)[:3])
	require.Equal(t, 2, d.Train.Height)
	require.Equal(t, []uint8{1}, d.Test.Labels)
	require.Zero(t, d.Validation.Len())
}

// The bytes are part of what a checkpoint belongs to: the digest names them.
func TestPreparedBytesStayTheSame(t *testing.T) {
	require.Equal(t, "bedec704a4dac70c0745e1e954dde335f570b8c0ad30af8902d9f691161d2e7c", sumOf(objectOf(t, somePrepared())))
}

func TestReadPreparedRefuses(t *testing.T) {
	whole := objectOf(t, somePrepared())
	swapped := func(from, to string) []byte { return repacked(t, whole, from, to) }
	for message, object := range map[string][]byte{
		"read zip archive":                 whole[:len(whole)-30],
		"checksum":                         damagedAt(whole, bytes.Index(whole, []byte{30, 31, 32})),
		"dataset.json: it is missing":      repackedNames(t, whole, "dataset.json", "other.json"),
		"train: it is missing":             repackedNames(t, whole, "train_labels.npy", "other.npy"),
		"image 1 has label 1: there are 1": swapped(`"cat","dög"`, `"cat"`),
		"doesn't fit its":                  swapped("(3, 2, 2, 3)", "(4, 2, 2, 3)"),
		"want square images of 3 channels": swapped("(3, 2, 2, 3)", "(3, 1, 4, 3)"),
		"no array of bytes with 4":         swapped("(3, 2, 2, 3)", "(36,)      "),
		"the header describes no array":    swapped("'|u1'", "'<f4'"),
		"is no NumPy array of version 1.0": swapped("NUMPY\x01", "NUMPY\x02"),
		"2 labels for 3 images":            swapped("'shape': (3,)", "'shape': (2,)"),
	} {
		_, err := ReadPrepared(bytes.NewReader(object), int64(len(object)))
		require.Error(t, err, message)
		if message != "2 labels for 3 images" { // whose length is found wrong first
			require.ErrorContains(t, err, message)
		}
		require.ErrorIs(t, err, ErrPrepared)
	}
	newer := swapped(`"version":1`, `"version":2`)
	_, err := ReadPrepared(bytes.NewReader(newer), int64(len(newer)))
	require.ErrorAs(t, err, new(*experiment.VersionError))
}

func damagedAt(object []byte, i int) []byte {
	object = bytes.Clone(object)
	object[i] ^= 1
	return object
}

// repacked replaces a text in every member, repackedNames in their names.
func repacked(t *testing.T, object []byte, from, to string) []byte {
	t.Helper()
	return repack(t, object, func(name string, content []byte) (string, []byte) {
		return name, bytes.ReplaceAll(content, []byte(from), []byte(to))
	})
}

func repackedNames(t *testing.T, object []byte, from, to string) []byte {
	t.Helper()
	return repack(t, object, func(name string, content []byte) (string, []byte) {
		if name == from {
			name = to
		}
		return name, content
	})
}

func repack(t *testing.T, object []byte, change func(string, []byte) (string, []byte)) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(object), int64(len(object)))
	require.NoError(t, err)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range r.File {
		m, err := f.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(m)
		require.NoError(t, err)
		name, content := change(f.Name, content)
		require.NoError(t, store(w, name, content))
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// NumPy reads what we write. It is looked for where PyTorch's tests find theirs.
func TestPreparedInPython(t *testing.T) {
	python := os.Getenv("TWINVIEW_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import numpy").Run(); err != nil {
		if os.Getenv("TWINVIEW_REQUIRE_PYTORCH") == "1" {
			t.Fatalf("%s has no NumPy: %v", python, err)
		}
		t.Skipf("%s has no NumPy; TWINVIEW_PYTHON names another, make test-torch installs one", python)
	}
	at := written(t, "a.npz", objectOf(t, somePrepared()))
	out, err := exec.Command(python, "-c", `
import json, sys, numpy
a = numpy.load(sys.argv[1])
print(json.loads(a["dataset.json"])["classes"], a["train_images"].shape, a["train_images"][2, 1, 1].tolist(),
      a["train_labels"].tolist(), a["test_labels"].tolist(), a["train_files.txt"].decode().split())`, at).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "['cat', 'dög'] (3, 2, 2, 3) [30, 31, 32] [0, 1, 1] [1] ['cat/1.png', 'dög/1.png', 'dög/2.png']\n", string(out))
}

func TestStatistics(t *testing.T) {
	x := Images{Height: 1, Width: 2, Pixels: []uint8{0, 255, 51, 255, 255, 51, 0, 255, 51, 255, 255, 51}, Labels: []uint8{0, 0}}
	n := x.Statistics()
	require.Equal(t, [3]float64{0.5, 1, 0.2}, n.Mean)
	require.Equal(t, [3]float64{0.5, 0.001, 0.001}, n.Std, "what has no deviation is divided by little, not by nothing")
}

func FuzzReadPrepared(f *testing.F) {
	f.Add(objectOf(f, somePrepared()))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ReadPrepared(bytes.NewReader(b), int64(len(b)))
		if err == nil {
			require.Len(t, d.Train.Pixels, d.Train.Len()*d.Train.Height*d.Train.Width*3)
		}
	})
}
