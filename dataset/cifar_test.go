package dataset

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// member is a file of a test archive.
type member struct {
	name string
	data []byte
}

const classNames = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"

// records makes n records with labels 0, 1, … and pixels that tell label, plane and position.
func records(n int) []byte {
	var data []byte
	for i := range n {
		data = append(data, byte(i%10))
		for plane := range 3 {
			for p := range 1024 {
				data = append(data, byte(i+plane*50+p%7))
			}
		}
	}
	return data
}

func members() []member {
	files := []member{{"readme.html", []byte("hello")}, {"test_batch.bin", records(7)}, {"batches.meta.txt", []byte(classNames)}}
	for _, name := range []string{"data_batch_5.bin", "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin"} {
		files = append(files, member{name, records(4)})
	}
	return files
}

// members100 are CIFAR-100's: fine label i of n has coarse label i/5 % 20.
func members100(train, test int) []member {
	names := func(prefix string, n int) (text []byte) {
		for i := range n {
			text = fmt.Appendf(text, "%s_%d\n", prefix, i)
		}
		return text
	}
	records := func(n int) (data []byte) {
		for i := range n {
			data = append(data, byte(i%100/5), byte(i%100))
			data = append(data, bytes.Repeat([]byte{byte(i)}, 1024)...)
			data = append(data, bytes.Repeat([]byte{byte(i + 1)}, 1024)...)
			data = append(data, bytes.Repeat([]byte{byte(i + 2)}, 1024)...)
		}
		return data
	}
	return []member{
		{"coarse_label_names.txt", names("coarse", 20)}, {"fine_label_names.txt", names("fine", 100)},
		{"train.bin", records(train)}, {"test.bin", records(test)},
	}
}

func TestReadCIFAR100(t *testing.T) {
	packed := archive(t, members100(203, 100))
	fine, err := ReadCIFAR100(bytes.NewReader(packed), "")
	require.NoError(t, err)
	require.Equal(t, 203, fine.Train.Len())
	require.Equal(t, 100, fine.Test.Len())
	require.Len(t, fine.Classes, 100)
	require.Equal(t, "fine_99", fine.Classes[99])
	require.Equal(t, []uint8{0, 1, 2}, fine.Train.Labels[200:])
	require.Equal(t, []uint8{17, 18, 19}, fine.Train.Image(17)[300:303])

	coarse, err := ReadCIFAR100(bytes.NewReader(packed), experiment.CoarseLabels)
	require.NoError(t, err)
	require.Len(t, coarse.Classes, 20)
	require.Equal(t, "coarse_19", coarse.Classes[19])
	require.Equal(t, uint8(19), coarse.Test.Labels[99])
	require.Equal(t, fine.Train.Pixels, coarse.Train.Pixels)
}

func TestReadCIFAR100Rejects(t *testing.T) {
	mislabelled := func(at int, label byte) []member {
		files := members100(3, 3)
		files[3].data[3074+at] = label
		return files
	}
	for message, files := range map[string][]member{
		"train.bin is missing":                  append(members100(3, 3)[:2], members100(3, 3)[3]),
		"fine_label_names.txt is missing":       append(members100(3, 3)[:1], members100(3, 3)[2:]...),
		"coarse_label_names.txt is missing":     members100(3, 3)[1:],
		"record 1 has label 20: want 0 to 19":   mislabelled(0, 20),
		"record 1 has label 100: want 0 to 99":  mislabelled(1, 100),
		"which has train.bin and test.bin":      append(members100(3, 3), member{"data_batch_1.bin", records(1)}),
		"want 1 to 50000 records of 3074 bytes": append(members100(3, 3)[:3], member{"test.bin", make([]byte, 3073)}),
	} {
		_, err := ReadCIFAR100(bytes.NewReader(archive(t, files)), "")
		require.ErrorIs(t, err, ErrArchive)
		require.ErrorContains(t, err, message)
	}
	_, err := ReadCIFAR100(bytes.NewReader(archive(t, members())), "")
	require.ErrorContains(t, err, "not part of CIFAR-100", "CIFAR-10 by mistake")
	_, err = ReadCIFAR10(bytes.NewReader(archive(t, members100(3, 3))))
	require.ErrorContains(t, err, "not part of CIFAR-10", "and the other way round")
}

func archive(t testing.TB, files []member) []byte {
	t.Helper()
	return archiveEndingIn(t, files, nil)
}

// archiveEndingIn writes the tail behind the end of the tar archive, inside the gzip stream.
func archiveEndingIn(t testing.TB, files []member, tail []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	for _, f := range files {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: "cifar-10-batches-bin/" + f.name, Mode: 0o644, Size: int64(len(f.data))}))
		_, err := w.Write(f.data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	_, err := zipped.Write(tail)
	require.NoError(t, err)
	require.NoError(t, zipped.Close())
	return b.Bytes()
}

func TestReadCIFAR10(t *testing.T) {
	data, err := ReadCIFAR10(bytes.NewReader(archive(t, members())))
	require.NoError(t, err)
	require.Equal(t, 20, data.Train.Len())
	require.Equal(t, 7, data.Test.Len())
	require.Equal(t, "truck", data.Classes[9])
	require.Equal(t, []uint8{0, 1, 2, 3, 0}, data.Train.Labels[:5])
	// Planes become pixels: red, green and blue of position 8 in record 3.
	require.Equal(t, []uint8{3 + 1, 53 + 1, 103 + 1}, data.Train.Image(3)[24:27])
}

// TestReadCIFAR10AllowsPadding: tar programs fill their last block up with zeros.
func TestReadCIFAR10AllowsPadding(t *testing.T) {
	_, err := ReadCIFAR10(bytes.NewReader(archiveEndingIn(t, members(), make([]byte, 10_240))))
	require.NoError(t, err)
}

func TestReadCIFAR10Rejects(t *testing.T) {
	change := func(name string, data []byte) []member {
		files := members()
		for i := range files {
			if files[i].name == name {
				files[i].data = data
			}
		}
		return files
	}
	with := func(name string, data []byte) []byte { return archive(t, append(members(), member{name, data})) }
	mislabelled := records(4)
	mislabelled[2*3073] = 10
	whole := archive(t, members())
	for name, c := range map[string]struct {
		archive []byte
		message string
	}{
		"empty":           {nil, "read gzip header"},
		"not gzip":        {[]byte("hello, this is no archive"), "read gzip header"},
		"truncated":       {whole[:len(whole)-40], "unexpected EOF"},
		"cut checksum":    {whole[:len(whole)-4], "unexpected EOF"},
		"half a record":   {archive(t, change("data_batch_2.bin", records(4)[:5000])), "data_batch_2.bin: 5000 bytes"},
		"too many":        {archive(t, change("test_batch.bin", make([]byte, 3073*10001))), "want 1 to 10000 records"},
		"no records":      {archive(t, change("test_batch.bin", nil)), "test_batch.bin: 0 bytes"},
		"mislabelled":     {archive(t, change("data_batch_4.bin", mislabelled)), "data_batch_4.bin: record 2 has label 10"},
		"missing batch":   {archive(t, members()[:7]), "data_batch_4.bin is missing"},
		"missing test":    {archive(t, append(members()[:1], members()[2:]...)), "test_batch.bin is missing"},
		"missing names":   {archive(t, append(members()[:2], members()[3:]...)), "batches.meta.txt is missing"},
		"twice":           {archive(t, append(members(), members()[1])), "in the archive twice"},
		"names twice":     {with("batches.meta.txt", []byte(classNames)), "in the archive twice"},
		"sixth batch":     {with("data_batch_6.bin", records(4)), "data_batch_6.bin: the file is not part of CIFAR-10"},
		"text behind tar": {archiveEndingIn(t, members(), []byte("more")), "data behind the end"},
		"zeros on end":    {archiveEndingIn(t, members(), make([]byte, 1<<21)), "data behind the end"},
		"bytes on end":    {append(archive(t, members()), "more"...), "read to the end"},
		"nine names":      {archive(t, change("batches.meta.txt", []byte("a b c d e f g h i"))), "9 class names"},
		"oversized names": {archive(t, change("batches.meta.txt", make([]byte, 1<<17))), "131072 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadCIFAR10(bytes.NewReader(c.archive))
			require.ErrorIs(t, err, ErrArchive)
			require.ErrorContains(t, err, c.message)
		})
	}
}

// TestReadRealCIFAR10 checks the statistics that everybody normalises with.
func TestReadRealCIFAR10(t *testing.T) {
	source := os.Getenv(ArchiveVariable)
	if source == "" {
		t.Skip("set CIFAR10_ARCHIVE to the archive to read it")
	}
	f, err := os.Open(source)
	require.NoError(t, err)
	defer f.Close()
	data, err := ReadCIFAR10(f)
	require.NoError(t, err)
	require.Equal(t, 50000, data.Train.Len())
	require.Equal(t, 10000, data.Test.Len())
	var sum [3]float64
	for i, value := range data.Train.Pixels {
		sum[i%3] += float64(value) / 255
	}
	for c, want := range [3]float64{0.49140, 0.48216, 0.44653} {
		require.InDelta(t, want, sum[c]/(50000*1024), 1e-5)
	}
	var count [10]int
	for _, label := range data.Train.Labels {
		count[label]++
	}
	require.Equal(t, [10]int{5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000}, count)
}

// A file of 300 kB that unpacks to 300 MB, of which nothing would be kept, is given up.
func TestReadCIFAR10RefusesToUnpackWithoutEnd(t *testing.T) {
	bomb := member{"readme.html", make([]byte, unpackedMost+1)}
	_, err := ReadCIFAR10(bytes.NewReader(archive(t, append([]member{bomb}, members()...))))
	require.ErrorIs(t, err, ErrArchive)
	require.ErrorContains(t, err, "unpacks to more than")
}

// A name that leads out of a folder leads nowhere: nothing is written, and only the last part of a name counts.
func TestReadCIFAR10WritesNoFiles(t *testing.T) {
	files := members()
	for i := range files {
		files[i].name = "../../../" + files[i].name
	}
	before, err := os.ReadDir("..")
	require.NoError(t, err)
	_, err = ReadCIFAR10(bytes.NewReader(archive(t, files)))
	require.NoError(t, err)
	after, err := os.ReadDir("..")
	require.NoError(t, err)
	require.Len(t, after, len(before))
}

func FuzzReadCIFAR10(f *testing.F) {
	f.Add(archive(f, members()))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		data, err := ReadCIFAR10(io.LimitReader(bytes.NewReader(b), 1<<20))
		if err == nil {
			require.Equal(t, data.Train.Len()*3072, len(data.Train.Pixels))
		}
	})
}
