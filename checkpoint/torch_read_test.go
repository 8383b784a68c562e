package checkpoint

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

func torchFile(t testing.TB, tensors []Tensor) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, WriteTorch(&b, tensors))
	return b.Bytes()
}

func TestTorchRoundTrip(t *testing.T) {
	got, err := ReadTorch(torchFile(t, goldenTensors()))
	require.NoError(t, err)
	require.Equal(t, bits(goldenTensors()), bits(got))
}

func TestReadTorchOfTorchSave(t *testing.T) {
	got, err := ReadTorch(readFile(t, "golden.pt"))
	require.NoError(t, err)
	require.Equal(t, bits(goldenTensors()), bits(got))
}

// A training checkpoint holds much beside the model: only tensors under names come out.
func TestReadTorchOfATrainingCheckpoint(t *testing.T) {
	got, err := ReadTorch(readFile(t, "checkpoint.pt"))
	require.NoError(t, err)
	const prefix = "state_dict.module."
	require.Equal(t, bits([]Tensor{
		counting(prefix+"conv1.weight", 2, 1, 2, 2),
		{Name: prefix + "bn1.weight", Shape: []int{2}, Data: []float32{1, 1}},
		{Name: prefix + "bn1.bias", Shape: []int{2}, Data: []float32{0, 0}},
		{Name: prefix + "bn1.running_mean", Shape: []int{2}, Data: []float32{0, 0}},
		{Name: prefix + "bn1.running_var", Shape: []int{2}, Data: []float32{1, 1}},
		{Name: prefix + "bn1.num_batches_tracked", Int64s: []int64{0}},
	}), bits(got))
}

// typed are tensors of every type that testdata/make_golden.py saves.
func typed() []Tensor {
	inf, zero := float32(math.Inf(1)), float32(math.Copysign(0, -1))
	return []Tensor{
		counting("double", 3),
		{Name: "half", Shape: []int{5}, Data: []float32{1.5, -65504, 5.9604645e-08, zero, inf}},
		{Name: "bfloat16", Shape: []int{3}, Data: []float32{1.5, 3.3895314e38, -inf}},
		{Name: "long", Shape: []int{1, 2}, Int64s: []int64{1 << 40, -1}},
	}
}

func TestReadTorchOfViewsAndTypes(t *testing.T) {
	got, err := ReadTorch(readFile(t, "views.pt"))
	require.NoError(t, err)
	require.Equal(t, bits(append([]Tensor{
		{Name: "transposed", Shape: []int{4, 3}, Data: []float32{-.75, .25, 1.25, -.5, .5, 1.5, -.25, .75, 1.75, 0, 1, 2}},
		{Name: "column", Shape: []int{3}, Data: []float32{-.5, .5, 1.5}},
		{Name: "block", Shape: []int{2, 2}, Data: []float32{.75, 1, 1.75, 2}},
		counting("parameter", 3, 4),
	}, append(typed(), Tensor{Name: "empty", Shape: []int{0, 3}})...)), bits(got))
}

func TestReadSafetensorsOfOtherTypes(t *testing.T) {
	got, err := Read(readFile(t, "types.safetensors"))
	require.NoError(t, err)
	require.ElementsMatch(t, bits(typed()), bits(got))
}

// Every half is a float32, so the conversion must give back what rounding would take.
func TestFromFloat16(t *testing.T) {
	for half, want := range map[uint16]float32{
		0x0001: 0x1p-24, 0x03ff: 0x1p-14 - 0x1p-24, 0x0400: 0x1p-14, 0x3c00: 1, 0x3555: 0.33325195, 0xfbff: -65504,
	} {
		require.Equal(t, want, fromFloat16(half), "%#04x", half)
	}
	require.True(t, math.IsNaN(float64(fromFloat16(0xfe01))))
}

func TestReadTorchRefusesWhatIsNoStateDict(t *testing.T) {
	for file, want := range map[string]string{
		"harmful.pt":     `"posix.system", which is refused`,
		"whole_model.pt": `Small", which is refused`,
		"bool.pt":        `"torch.BoolStorage", which is refused`,
		"expanded.pt":    "save a contiguous() copy",
		"list.pt":        "no dict of tensors",
		"legacy.pt":      "before PyTorch 1.6",
	} {
		t.Run(file, func(t *testing.T) {
			_, err := Read(readFile(t, file))
			require.ErrorIs(t, err, ErrTorch)
			require.ErrorContains(t, err, want)
		})
	}
}

// archive is a file with the given pickle and one storage.
func archive(t testing.TB, pickle, stored string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	addRecord(t, z, "a/data.pkl", pickle)
	addRecord(t, z, "a/data/0", stored)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func addRecord(t testing.TB, z *zip.Writer, name, content string) {
	t.Helper()
	w, err := z.CreateHeader(&zip.FileHeader{Name: name})
	require.NoError(t, err)
	_, err = w.Write([]byte(content))
	require.NoError(t, err)
}

func TestReadTorchRefusesHostilePickles(t *testing.T) {
	const (
		name    = "\x80\x02}X\x01\x00\x00\x00a"
		rebuild = "ctorch._utils\n_rebuild_tensor_v2\n(("
		stored  = "X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x02tQ"
	)
	tensor := func(rest string) string {
		return name + rebuild + stored + rest + "\x89ccollections\nOrderedDict\n)RtRs."
	}
	got, err := ReadTorch(archive(t, tensor("K\x00K\x02\x85K\x01\x85"), "12345678"))
	require.NoError(t, err)
	require.Equal(t, []int{2}, got[0].Shape)

	for why, c := range map[string]struct{ pickle, want string }{
		"empty":                  {"", "protocol 2"},
		"protocol 4":             {"\x80\x04.", "protocol 2"},
		"no end":                 {"\x80\x02}", "too early"},
		"nothing on the stack":   {"\x80\x02.", "not there"},
		"takes a mark":           {"\x80\x02(.", "not there"},
		"no mark":                {"\x80\x02t.", "no mark"},
		"eval":                   {"\x80\x02c__builtin__\neval\nX\x01\x00\x00\x001\x85R.", `"__builtin__.eval", which is refused`},
		"global through a stack": {"\x80\x02X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x93.", "0x93"},
		"instance":               {"\x80\x02(ios\nsystem\n.", "0x69"},
		"calls a string":         {name + "X\x01\x00\x00\x00a)Rs.", "calls"},
		"odd items":              {"\x80\x02}(K\x01u.", "key without a value"},
		"unknown memo":           {"\x80\x02h\x05.", "not made"},
		"fills a number":         {"\x80\x02K\x01K\x02K\x03s.", "fills"},
		"long text":              {"\x80\x02X\xff\xff\xff\xffa.", "too early"},
		"long integer":           {"\x80\x02\x8a\xffa.", "integer of 255 bytes"},
		"outside":                {tensor("K\x01K\x02\x85K\x01\x85"), "leaves the storage"},
		"negative offset":        {tensor("J\xff\xff\xff\xffK\x02\x85K\x01\x85"), "does not write"},
		"negative size":          {tensor("K\x00J\xff\xff\xff\xff\x85K\x01\x85"), "does not write"},
		"stride and no size":     {tensor("K\x00)K\x01\x85"), "does not write"},
		"absurd stride":          {tensor("K\x00K\x02\x85\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85"), "absurd"},
		"absurd size":            {tensor("K\x00\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85K\x00\x85"), "too many"},
		"another record": {
			strings.Replace(tensor("K\x00K\x02\x85K\x01\x85"), "\x000X", "\x009X", 1), `no record "data/9"`,
		},
	} {
		t.Run(why, func(t *testing.T) {
			_, err := ReadTorch(archive(t, c.pickle, "12345678"))
			require.ErrorIs(t, err, ErrTorch)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// A dict that holds itself, and views that share a storage, take no more memory than the file is worth.
func TestReadTorchIsBounded(t *testing.T) {
	got, err := ReadTorch(archive(t, "\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.", ""))
	require.NoError(t, err)
	require.Empty(t, got)

	shared := func(views int) []byte {
		pickle := "\x80\x02}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n" +
			"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuM\x00\x10tQK\x00M\x00\x10\x85K\x01\x85\x89)tRq\x00s"
		for i := range views {
			pickle += fmt.Sprintf("X\x02\x00\x00\x00%02dh\x00s", i)
		}
		return archive(t, pickle+".", strings.Repeat("1234", 4096))
	}
	got, err = ReadTorch(shared(3))
	require.NoError(t, err)
	require.Len(t, got, 4)
	_, err = ReadTorch(shared(20))
	require.ErrorContains(t, err, "more than 8 times the file's size")
}

// overlapping is a file with that many records, all of which are the same bytes of the file.
func overlapping(t *testing.T, pickle, stored string, records int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range records {
		content := ""
		if i == 0 {
			content = stored
		}
		addRecord(t, z, fmt.Sprintf("a/data/%03d", i), content)
	}
	addRecord(t, z, "a/data.pkl", pickle)
	require.NoError(t, z.Close())
	// Entries of the directory at the file's end: 16 bytes from 16 on are the checksum and two sizes, 4 from 42 the place.
	file := b.Bytes()
	directory := bytes.Index(file, []byte("PK\x01\x02"))
	first := file[directory:][:46]
	at := directory
	for range records {
		entry := file[at:]
		copy(entry[16:28], first[16:28])
		copy(entry[42:46], first[42:46])
		at += 46 + len("a/data/000")
	}
	return file
}

// Each storage is loaded for one element of it, so the elements alone would not tell.
func TestReadTorchRefusesRecordsThatOverlap(t *testing.T) {
	const records = 50
	pickle := "\x80\x02}"
	for i := range records {
		pickle += fmt.Sprintf("X\x03\x00\x00\x00%03dctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\n"+
			"FloatStorage\nX\x03\x00\x00\x00%03dX\x03\x00\x00\x00cpuM\x00\x10tQK\x00K\x01\x85K\x01\x85\x89)tRs", i, i)
	}
	stored := strings.Repeat("1234", 4096)
	_, err := ReadTorch(overlapping(t, pickle+".", stored, 1))
	require.ErrorContains(t, err, `no record "data/001"`, "the first one is fine")
	_, err = ReadTorch(overlapping(t, pickle+".", stored, records))
	require.ErrorIs(t, err, ErrTorch)
	require.ErrorContains(t, err, "its records overlap")
}

// What these pickles ask for grows as the square of their size, or needs a stack as deep as they are long.
func TestReadTorchRefusesPicklesThatGrow(t *testing.T) {
	const rebuild = "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n" +
		"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x02tQK\x00"
	const rest = "\x89)tR"
	nested := "\x80\x02" + strings.Repeat("}X\x01\x00\x00\x00a", 1_000_000) + "}" + strings.Repeat("s", 1_000_000) + "."
	long := "X\x00\x00\x01\x00" + strings.Repeat("a", 1<<16)
	for why, c := range map[string]struct{ pickle, want string }{
		"dicts in dicts": {nested, "more than 64 deep"},
		"a long key over many tensors": {
			"\x80\x02}" + long + "}" + strings.Repeat("X\x01\x00\x00\x00b"+rebuild+"K\x01\x85K\x01\x85"+rest+"s", 100) + "s.",
			"has more than 4096 bytes",
		},
		"many tensors in no bytes": {
			"\x80\x02}" + "X\x01\x00\x00\x00bq\x00" + rebuild + "K\x00\x85K\x01\x85" + rest + "q\x01s" +
				strings.Repeat("h\x00h\x01s", 100_000) + ".",
			"more than 8 times the file's size",
		},
		"many dimensions": {
			"\x80\x02}X\x01\x00\x00\x00b" + rebuild + "(" + strings.Repeat("K\x01", 65) + "tq\x00h\x00" + rest + "s.",
			"does not write",
		},
		"a large pickle": {"\x80\x02}" + strings.Repeat("N0", 8<<20), "at most 16777216 are allowed"},
	} {
		t.Run(why, func(t *testing.T) {
			_, err := ReadTorch(archive(t, c.pickle, "12345678"))
			require.ErrorIs(t, err, ErrTorch)
			require.ErrorContains(t, err, c.want)
			require.Less(t, len(err.Error()), 1000)
		})
	}
}

func TestReadTorchReportsDamage(t *testing.T) {
	whole := torchFile(t, goldenTensors())
	for length := 0; length < len(whole); length += 499 {
		_, err := Read(whole[:length])
		require.Error(t, err)
	}
	damaged := bytes.Clone(whole)
	damaged[bytes.Index(damaged, []byte("ZZZ"))+200] ^= 1
	_, err := ReadTorch(damaged)
	require.ErrorIs(t, err, ErrTorch)
}

func FuzzReadTorch(f *testing.F) {
	f.Add(string(stateDictPickle(goldenTensors()[:2])))
	f.Add("\x80\x02}X\x01\x00\x00\x00a]K\x01aG\x00\x00\x00\x00\x00\x00\x00\x00Nes.")
	f.Fuzz(func(t *testing.T, pickle string) {
		tensors, err := ReadTorch(archive(t, pickle, "12345678"))
		if err != nil {
			require.ErrorIs(t, err, ErrTorch)
			return
		}
		for _, tensor := range tensors {
			n, err := elements(tensor.Shape)
			require.NoError(t, err)
			require.Len(t, tensor.Data, n-len(tensor.Int64s))
		}
	})
}
