package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func written(t testing.TB, tensors []Tensor, metadata map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, WriteSafetensors(&b, tensors, metadata))
	return b.Bytes()
}

func TestSafetensorsRoundTrip(t *testing.T) {
	metadata := map[string]string{"step": "12", "a": `"<&>"`, "": ""}
	file := written(t, goldenTensors(), metadata)
	require.Equal(t, file, written(t, goldenTensors(), metadata), "equal tensors must give equal bytes")

	got, gotMetadata, err := ReadSafetensors(bytes.NewReader(file))
	require.NoError(t, err)
	require.Equal(t, metadata, gotMetadata)
	require.Equal(t, bits(goldenTensors()), bits(got), "in the order of writing")
}

func TestSafetensorsLargerThanAChunk(t *testing.T) {
	want := []Tensor{counting("a", 3, chunkElements+1), {Name: "b", Shape: []int{chunkElements * 2}, Int64s: make([]int64, chunkElements*2)}}
	want[1].Int64s[chunkElements] = -5
	got, _, err := ReadSafetensors(iotest.HalfReader(bytes.NewReader(written(t, want, nil))))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestSafetensorsWithoutTensors(t *testing.T) {
	tensors, metadata, err := ReadSafetensors(bytes.NewReader(written(t, nil, nil)))
	require.NoError(t, err)
	require.Empty(t, tensors)
	require.Nil(t, metadata)
}

func TestSafetensorsAlignsElements(t *testing.T) {
	file := written(t, goldenTensors(), map[string]string{"odd": "1"})
	length := binary.LittleEndian.Uint64(file)
	require.Zero(t, length%8)
	_, entries, _, err := parseHeader(file[8 : 8+length])
	require.NoError(t, err)
	for _, e := range entries {
		_, of, err := e.elements()
		require.NoError(t, err)
		require.Zero(t, e.Offsets[0]%of.size)
	}
}

func TestWriteSafetensorsRefusesWhatTheFormatCannotHold(t *testing.T) {
	reserved := []Tensor{{Name: metadataKey, Data: []float32{1}}}
	require.ErrorContains(t, WriteSafetensors(io.Discard, reserved, nil), "reserved")
	require.ErrorContains(t, WriteSafetensors(io.Discard, nil, map[string]string{"a": "\xff"}), "UTF-8")
}

// file is a safetensors file with the given header and elements.
func file(header string, elements int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, elements)...)
}

func TestReadSafetensorsRefusesHostileInput(t *testing.T) {
	const f32 = `"dtype":"F32","shape":[2],"data_offsets":`
	for name, input := range map[string][]byte{
		"nothing":              {},
		"half a length":        {1, 2, 3},
		"huge header":          {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"header missing":       {20, 0, 0, 0, 0, 0, 0, 0, '{'},
		"empty header":         file("", 0),
		"no object":            file("[]", 0),
		"unfinished object":    file("{", 0),
		"bare key":             file("{a:1}", 0),
		"two objects":          file("{}{}", 0),
		"not a string":         file("{1:2}", 0),
		"null entry":           file(`{"a":null}`, 0),
		"null shape":           file(`{"a":{"dtype":"F32","shape":null,"data_offsets":[0,4]}}`, 4),
		"shape missing":        file(`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, 4),
		"one offset":           file(`{"a":{`+f32+`[0]}}`, 8),
		"three offsets":        file(`{"a":{`+f32+`[0,8,8]}}`, 8),
		"backward offsets":     file(`{"a":{`+f32+`[8,0]}}`, 8),
		"negative offsets":     file(`{"a":{`+f32+`[-8,0]}}`, 8),
		"fractional offsets":   file(`{"a":{`+f32+`[0,8.5]}}`, 8),
		"size differs":         file(`{"a":{`+f32+`[0,12]}}`, 12),
		"unknown type":         file(`{"a":{"dtype":"U16","shape":[2],"data_offsets":[0,4]}}`, 4),
		"negative dimension":   file(`{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, 8),
		"overflowing shape":    file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0),
		"hole":                 file(`{"a":{`+f32+`[0,8]},"b":{`+f32+`[16,24]}}`, 24),
		"overlap":              file(`{"a":{`+f32+`[0,8]},"b":{`+f32+`[4,12]}}`, 12),
		"same place":           file(`{"a":{`+f32+`[0,8]},"b":{`+f32+`[0,8]}}`, 8),
		"same name":            file(`{"a":{`+f32+`[0,8]},"a":{`+f32+`[8,16]}}`, 16),
		"elements missing":     file(`{"a":{`+f32+`[0,8]}}`, 7),
		"elements left over":   file(`{"a":{`+f32+`[0,8]}}`, 9),
		"metadata of numbers":  file(`{"__metadata__":{"a":1}}`, 0),
		"deeply nested header": file(`{"a":`+strings.Repeat("[", 100_000), 0),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := ReadSafetensors(bytes.NewReader(input))
			require.ErrorIs(t, err, ErrSafetensors)
		})
	}
}

func TestReadSafetensorsRefusesEveryTruncation(t *testing.T) {
	whole := written(t, goldenTensors()[:3], nil)
	for n := range whole {
		_, _, err := ReadSafetensors(bytes.NewReader(whole[:n]))
		require.ErrorIs(t, err, ErrSafetensors, "%d of %d bytes", n, len(whole))
	}
}

func TestReadSafetensorsAllocatesNoMoreThanThereIs(t *testing.T) {
	claim := file(`{"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}}`, 100)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := ReadSafetensors(bytes.NewReader(claim))
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, ErrSafetensors)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func TestReadSafetensorsKeepsTheReadersError(t *testing.T) {
	lost := errors.New("connection lost")
	whole := written(t, goldenTensors(), nil)
	for _, n := range []int{0, 4, 100, len(whole) - 5, len(whole)} {
		_, _, err := ReadSafetensors(io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(lost)))
		require.ErrorIs(t, err, lost)
		require.NotErrorIs(t, err, ErrSafetensors)
	}
}

func FuzzReadSafetensors(f *testing.F) {
	golden, err := os.ReadFile("testdata/golden.safetensors")
	require.NoError(f, err)
	f.Add(golden)
	f.Add(written(f, goldenTensors()[:4], map[string]string{"k": "v"}))
	f.Add(file(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 0))
	f.Fuzz(func(t *testing.T, input []byte) {
		tensors, metadata, err := ReadSafetensors(bytes.NewReader(input))
		if err != nil {
			require.ErrorIs(t, err, ErrSafetensors)
			return
		}
		// What can be read can be written, and read again.
		var b bytes.Buffer
		if err := WriteSafetensors(&b, tensors, metadata); err != nil {
			require.ErrorContains(t, err, "name")
			return
		}
		again, againMetadata, err := ReadSafetensors(&b)
		require.NoError(t, err)
		require.Equal(t, bits(tensors), bits(again))
		require.Equal(t, len(metadata), len(againMetadata))
	})
}
