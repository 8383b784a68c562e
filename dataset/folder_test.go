package dataset

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"image"
	colour "image/color"
	"image/png"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// pngOf is a picture of one colour; width and height can differ.
func pngOf(t testing.TB, width, height int, c colour.Color) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, c)
		}
	}
	return encoded(t, m)
}

func encoded(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.Bytes()
}

// pets are images of two classes in different sizes, each of a colour of its own.
func pets(t testing.TB) []member {
	t.Helper()
	var files []member
	for i := range 20 {
		c := colour.NRGBA{uint8(10 * i), 100, 200, 255}
		files = append(files, member{fmt.Sprintf("cat/%d.png", i), pngOf(t, 8+i, 12, c)})
		c.B = 0
		if i < 10 {
			files = append(files, member{fmt.Sprintf("dog/deeper/%d.PNG", i), pngOf(t, 9, 8+i, c)})
		}
	}
	return files
}

// folderOf writes files below a new folder.
func folderOf(t testing.TB, files []member) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range files {
		at := filepath.Join(root, filepath.FromSlash(f.name))
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.WriteFile(at, f.data, 0o600))
	}
	return root
}

func zipOf(t testing.TB, files []member) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		m, err := w.Create(f.name)
		require.NoError(t, err)
		_, err = m.Write(f.data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return written(t, "a.zip", b.Bytes())
}

func tarOf(t testing.TB, files []member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data))}))
		_, err := w.Write(f.data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func zipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func written(t testing.TB, name string, data []byte) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(at, data, 0o600))
	return at
}

// prepared are the bytes of the object that a source becomes, and its list's digest.
func prepared(t testing.TB, source, labels string, size int) ([]byte, string) {
	t.Helper()
	p, list, err := Prepare(t.Context(), source, labels, size)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, p.Write(&b))
	return b.Bytes(), list
}

func read(t testing.TB, object []byte) *Data {
	t.Helper()
	data, err := ReadPrepared(bytes.NewReader(object), int64(len(object)))
	require.NoError(t, err)
	return data
}

func data(t testing.TB, source, labels string, size int) *Data {
	t.Helper()
	object, _ := prepared(t, source, labels, size)
	return read(t, object)
}

func TestFolderAndArchivesOfItGiveTheSameBytes(t *testing.T) {
	files := pets(t)
	want, list := prepared(t, folderOf(t, files), "", 8)

	other := slices.Clone(files)
	slices.Reverse(other)
	other = append(other, member{"notes.txt", []byte("text")}, member{"cat/.DS_Store", []byte("x")},
		member{"__MACOSX/cat/._1.png", []byte("x")}, member{".hidden/1.png", []byte("x")})
	for name, source := range map[string]string{
		"another order, with other files": folderOf(t, other),
		"zip":                             zipOf(t, other),
		"tar":                             written(t, "a.tar", tarOf(t, other)),
		"tar.gz":                          written(t, "a.tar.gz", zipped(t, tarOf(t, other))),
	} {
		object, sum := prepared(t, source, "", 8)
		require.Equal(t, list, sum, name)
		require.True(t, bytes.Equal(want, object), name)
	}
	sum, err := ListDigest(t.Context(), folderOf(t, files))
	require.NoError(t, err)
	require.Equal(t, list, sum)

	inside := slices.Clone(files)
	for i := range inside {
		inside[i].name = "pets-1.0/" + inside[i].name
	}
	under := data(t, zipOf(t, inside), "", 8)
	require.Equal(t, read(t, want), under, "a folder at the top of an archive is none of the classes")
}

// The digest of a folder is that of what sha256sum prints.
func TestListDigestIsThatOfSha256sum(t *testing.T) {
	a, b := pngOf(t, 4, 4, colour.White), pngOf(t, 4, 4, colour.Black)
	sum, err := ListDigest(t.Context(), folderOf(t, []member{{"b/x.png", b}, {"a/x.png", a}}))
	require.NoError(t, err)
	require.Equal(t, sumOf([]byte(sumOf(a)+"  a/x.png\n"+sumOf(b)+"  b/x.png\n")), sum)
}

// The command in docs/own-data.md prints it.
func TestDocumentedCommandGivesTheListDigest(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the command is for GNU's tools")
	}
	page, err := os.ReadFile("../docs/own-data.md")
	require.NoError(t, err)
	_, command, found := strings.Cut(string(page), "\n(cd pets && ")
	require.True(t, found)
	command, _, _ = strings.Cut(command, ")\n")
	root := folderOf(t, append(pets(t), member{"cat/with a space.png", pngOf(t, 5, 5, colour.White)}))
	want, err := ListDigest(t.Context(), root)
	require.NoError(t, err)
	run := exec.Command("sh", "-c", command)
	run.Dir = root
	out, err := run.Output()
	require.NoError(t, err)
	require.Equal(t, want, strings.Fields(string(out))[0])
}

func TestFolderIsDivided(t *testing.T) {
	files := pets(t)
	d := data(t, folderOf(t, files), "", 8)
	require.Equal(t, []string{"cat", "dog"}, d.Classes)
	require.Equal(t, 24, d.Train.Len())
	require.Equal(t, 6, d.Test.Len())
	require.Zero(t, d.Validation.Len())
	require.Equal(t, 2, count(d.Test.Labels, 1), "a fifth of each class")

	s, err := d.Split(1, experiment.Dataset{Name: experiment.ImageFolder})
	require.NoError(t, err)
	require.Equal(t, []int{22, 2, 6}, []int{s.Train.Len(), s.Validation.Len(), s.Test.Len()})
	other, err := d.Split(2, experiment.Dataset{Name: experiment.ImageFolder})
	require.NoError(t, err)
	require.ElementsMatch(t, pictures(s.Test), pictures(other.Test), "whatever the seed")
	require.NotEqual(t, pictures(s.Validation), pictures(other.Validation))
	require.ElementsMatch(t, pictures(d.Train), append(pictures(s.Train), pictures(s.Validation)...))
}

// What has been set aside for the test stays so when names change, and images are added.
func TestTestImagesStayTheSame(t *testing.T) {
	files := pets(t)
	before := data(t, folderOf(t, files), "", 8)
	for i := range files {
		files[i].name = path.Join(path.Dir(files[i].name), fmt.Sprintf("%d-%s", 99-i, path.Base(files[i].name)))
	}
	after := data(t, folderOf(t, files), "", 8)
	require.ElementsMatch(t, pictures(before.Test), pictures(after.Test))
}

// A copy of an image in both splits would make the test easier than it is.
func TestCopiesOfAnImageStayTogether(t *testing.T) {
	files := pets(t)
	for _, f := range files[:20] {
		files = append(files, member{path.Dir(f.name) + "/copy of " + path.Base(f.name), f.data})
	}
	d := data(t, folderOf(t, files), "", 8)
	for _, p := range pictures(d.Test) {
		require.NotContains(t, pictures(d.Train), p)
	}
}

func TestFoldersOfSplitsAreTaken(t *testing.T) {
	var files []member
	for i, f := range pets(t) {
		part := []string{"train", "val", "test"}[i%3]
		files = append(files, member{part + "/" + f.name, f.data})
	}
	d := data(t, folderOf(t, files), "", 8)
	require.Equal(t, []int{10, 10, 10}, []int{d.Train.Len(), d.Validation.Len(), d.Test.Len()})
	s, err := d.Split(1, experiment.Dataset{Name: experiment.ImageFolder, TrainImages: 9, ValidationImages: 8, TestImages: 7})
	require.NoError(t, err)
	require.Equal(t, []int{9, 8, 7}, []int{s.Train.Len(), s.Validation.Len(), s.Test.Len()})
	for _, p := range pictures(s.Validation) {
		require.Contains(t, pictures(d.Validation), p)
	}
	_, err = d.Split(1, experiment.Dataset{Name: experiment.ImageFolder, ValidationImages: 11})
	require.ErrorContains(t, err, "dataset.validation_images: 11 is out of range: must be 0 to 10, the number of validation images")

	for i := range files { // without a test, a fifth is set aside
		files[i].name = strings.Replace(files[i].name, "test/", "val/more", 1)
	}
	files = slices.DeleteFunc(files, func(f member) bool { return strings.HasPrefix(f.name, "val/more") })
	d = data(t, folderOf(t, files), "", 8)
	require.Equal(t, []int{8, 10, 2}, []int{d.Train.Len(), d.Validation.Len(), d.Test.Len()})
}

// CIFAR-100 has a class of that name.
func TestAClassMayBeCalledTrain(t *testing.T) {
	files := pets(t)
	for i := range files {
		files[i].name = strings.Replace(files[i].name, "cat/", "train/", 1)
	}
	require.Equal(t, []string{"dog", "train"}, data(t, folderOf(t, files), "", 8).Classes)
}

func TestImagesWithoutLabels(t *testing.T) {
	d := data(t, folderOf(t, pets(t)), experiment.NoLabels, 8)
	require.Empty(t, d.Classes)
	require.Equal(t, 24, d.Train.Len())
	require.Equal(t, 6, d.Test.Len())
	require.Equal(t, make([]uint8, 24), d.Train.Labels)
	s, err := d.Split(1, experiment.Dataset{Name: experiment.ImageFolder, Labels: experiment.NoLabels})
	require.NoError(t, err)
	require.Equal(t, []int{24, 0, 6}, []int{s.Train.Len(), s.Validation.Len(), s.Test.Len()})

	var flat []member
	for i := range 10 {
		flat = append(flat, member{fmt.Sprintf("%d.png", i), pngOf(t, 8, 8, colour.Gray{uint8(i)})})
	}
	require.Equal(t, 8, data(t, folderOf(t, flat), experiment.NoLabels, 8).Train.Len())
}

func TestPrepareNamesWhatIsWrong(t *testing.T) {
	good := pets(t)
	with := func(files ...member) []member { return append(slices.Clone(good), files...) }
	truncated := good[0].data[:len(good[0].data)-20]
	for name, c := range map[string]struct {
		source  string
		message string
	}{
		"broken": {folderOf(t, with(member{"cat/bad.png", truncated}, member{"dog/text.jpg", []byte("text")})),
			"2 can't be read, replace them or take them out:\ncat/bad.png: png: invalid format: unexpected EOF\ndog/text.jpg: is neither a PNG nor a JPEG file"},
		"another format": {folderOf(t, with(member{"cat/a.webp", []byte("x")})), "cat/a.webp: only PNG and JPEG are read"},
		"outside":        {folderOf(t, with(member{"a.png", good[0].data})), "a.png: lies in no class folder"},
		"flat":           {folderOf(t, []member{{"a.png", good[0].data}, {"b.png", good[0].data}}), "dataset.labels: none"},
		"one class":      {folderOf(t, good[:1]), "lies in no class folder"},
		"empty":          {folderOf(t, []member{{"readme.txt", nil}}), "there is no PNG or JPEG file"},
		"few":            {folderOf(t, with(member{"owl/a.png", good[0].data})), "class owl: its images are too few, or all alike, to set one aside"},
		"alike": {folderOf(t, with(member{"owl/a.png", good[0].data}, member{"owl/b.png", good[0].data})),
			"class owl: its images are too few, or all alike"},
		"unknown class": {folderOf(t, []member{
			{"train/cat/a.png", good[0].data}, {"train/dog/a.png", good[2].data}, {"test/owl/a.png", good[4].data},
		}), "owl/a.png: lies in no folder of a class that there are training images of (cat, dog)"},
		"twice":       {zipOf(t, with(good[0])), "cat/0.png: the file is in the archive twice"},
		"outside tar": {written(t, "a.tar", tarOf(t, with(member{"../cat/a.png", good[0].data}))), `"../cat/a.png" is no path inside an archive`},
		"cut gzip":    {written(t, "a.tar.gz", zipped(t, tarOf(t, good))[:900]), "read tar archive: unexpected EOF"},
		"cut zip":     {written(t, "a.zip", []byte("PK\x03\x04 and no more")), "read zip archive"},
		"no archive":  {written(t, "a.bin", bytes.Repeat([]byte("no"), 1000)), "read tar archive"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Prepare(t.Context(), c.source, "", 8)
			require.ErrorIs(t, err, ErrImages)
			require.ErrorContains(t, err, c.message)
		})
	}
	_, _, err := Prepare(t.Context(), filepath.Join(t.TempDir(), "nowhere"), "", 8)
	require.ErrorIs(t, err, os.ErrNotExist)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = Prepare(ctx, folderOf(t, good), "", 8)
	require.ErrorIs(t, err, context.Canceled)
}

func TestFoldersOfTooManyClasses(t *testing.T) {
	var files []member
	for i := range classesMost + 1 {
		files = append(files, member{fmt.Sprintf("c%d/a.png", i), pngOf(t, 1, 1, colour.White)})
	}
	_, _, err := Prepare(t.Context(), folderOf(t, files), "", 8)
	require.ErrorContains(t, err, "257 class folders: want 2 to 256")
}

// A link to a folder is followed, as torchvision does; one that leads back ends.
func TestLinksAreFollowed(t *testing.T) {
	files := pets(t)
	elsewhere := folderOf(t, files)
	root := t.TempDir()
	for _, class := range []string{"cat", "dog"} {
		require.NoError(t, os.Symlink(filepath.Join(elsewhere, class), filepath.Join(root, class)))
	}
	want, _ := prepared(t, elsewhere, "", 8)
	got, _ := prepared(t, root, "", 8)
	require.True(t, bytes.Equal(want, got))
	require.NoError(t, os.Symlink(root, filepath.Join(root, "back")))
	_, _, err := Prepare(t.Context(), root, "", 8)
	require.ErrorIs(t, err, ErrImages)
	require.ErrorContains(t, err, "does a link lead back?")
}

func TestSplitKeepsClassesInProportion(t *testing.T) {
	var d Data
	d.Classes = []string{"few", "many"}
	d.Train = Images{Height: 1, Width: 1}
	for i := range 550 {
		label := uint8(0)
		if i >= 50 {
			label = 1
		}
		d.Train.Pixels = append(d.Train.Pixels, uint8(i), uint8(i>>8), 0)
		d.Train.Labels = append(d.Train.Labels, label)
	}
	s, err := d.Split(1, experiment.Dataset{Name: experiment.ImageFolder, ValidationImages: 110})
	require.NoError(t, err)
	require.Equal(t, 10, count(s.Validation.Labels, 0))
	require.Equal(t, 40, count(s.Train.Labels, 0))
	require.Equal(t, 4, count(s.Train.Head(44).Labels, 0))
}

// Known data sets keep the order that their results were made with.
func TestProportionalEqualsBalancedForClassesOfOneSize(t *testing.T) {
	labels := DrawSynthetic(1, 200, 10).Train.Labels
	require.Equal(t, balanced(labels, 10, 5, 0), proportional(labels, 10, 5, 0))
}

func count(labels []uint8, of uint8) (n int) {
	for _, label := range labels {
		if label == of {
			n++
		}
	}
	return n
}

// pictures tell the images apart by their pixels.
func pictures(x Images) []string {
	var all []string
	for i := range x.Len() {
		all = append(all, string(x.Image(i)))
	}
	return all
}
