package dataset

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"twinview/experiment"
)

// PreparedVersion is the format version of what Prepared.Write writes and the newest that ReadPrepared reads.
const PreparedVersion = 1

// Prepared are images of one size, divided and labelled, in the order of their names.
type Prepared struct {
	// Classes are sorted, none where the images have no labels.
	Classes                 []string
	Train, Validation, Test []picture

	size int
}

// Names of an object's members: for each split that has images, "train_images.npy" and so on.
const (
	memberDescription = "dataset.json"
	memberImages      = "_images.npy"
	memberLabels      = "_labels.npy"
	memberFiles       = "_files.txt"
)

// description is the content of dataset.json.
type description struct {
	Version int      `json:"version"`
	Classes []string `json:"classes"`
}

// Write writes p as NumPy's .npz, a zip archive of arrays without compression, which numpy.load reads: for each of train,
// validation and test that has images, NAME_images [N, size, size, 3] and NAME_labels [N] of bytes. NAME_files.txt has the
// path of each image below the root, a line each, for people; dataset.json the format's version and the class names. The same
// files give the same bytes.
func (p *Prepared) Write(w io.Writer) error {
	archive := zip.NewWriter(w)
	text, err := json.Marshal(description{Version: PreparedVersion, Classes: p.Classes})
	if err != nil {
		return fmt.Errorf("write %s: %w", memberDescription, err)
	}
	if err := store(archive, memberDescription, text); err != nil {
		return err
	}
	for _, part := range []struct {
		name  string
		files []picture
	}{{"train", p.Train}, {"validation", p.Validation}, {"test", p.Test}} {
		if err := p.writePart(archive, part.name, part.files); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("write the end: %w", err)
	}
	return nil
}

func (p *Prepared) writePart(archive *zip.Writer, name string, files []picture) error {
	if len(files) == 0 {
		return nil
	}
	images := [][]byte{arrayHeader(len(files), p.size, p.size, 3)}
	labels := arrayHeader(len(files))
	var names []byte
	for _, f := range files {
		images = append(images, f.pixels)
		labels = append(labels, f.label)
		names = append(append(names, f.name...), '\n')
	}
	return errors.Join(
		store(archive, name+memberImages, images...), store(archive, name+memberLabels, labels),
		store(archive, name+memberFiles, names))
}

// store adds a member without compression and without a time.
func store(archive *zip.Writer, name string, content ...[]byte) error {
	w, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	for _, part := range content {
		if err == nil {
			_, err = w.Write(part)
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// arrayHeader is that of an array of bytes in NumPy's format
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), version 1.0.
func arrayHeader(shape ...int) []byte {
	const alignment, prefix = 64, 10
	text := headerText(shape)
	text += strings.Repeat(" ", alignment-1-(prefix+len(text))%alignment) + "\n"
	return append([]byte{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, byte(len(text)), byte(len(text) >> 8)}, text...)
}

func headerText(shape []int) string {
	list := strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]")
	if len(shape) == 1 {
		list += "," // Python's tuple of one
	}
	return fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%s), }", list)
}

// ReadPrepared reads what Prepared.Write wrote, of the given size in bytes.
func ReadPrepared(r io.ReaderAt, bytes int64) (*Data, error) {
	archive, err := zip.NewReader(r, bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: read zip archive: %w", ErrPrepared, err)
	}
	members := map[string]*zip.File{}
	for _, f := range archive.File {
		if f.UncompressedSize64 > uint64(bytes) {
			return nil, fmt.Errorf("%w: %s has more bytes than the archive", ErrPrepared, f.Name)
		}
		members[f.Name] = f
	}
	var about description
	text, err := contentOf(members[memberDescription])
	if err == nil {
		err = json.Unmarshal(text, &about)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPrepared, memberDescription, err)
	}
	if err := experiment.CheckVersion("prepared images", about.Version, PreparedVersion); err != nil {
		return nil, err
	}
	data := &Data{Classes: about.Classes}
	for _, part := range []struct {
		name   string
		images *Images
	}{{"train", &data.Train}, {"validation", &data.Validation}, {"test", &data.Test}} {
		pixels, labels := members[part.name+memberImages], members[part.name+memberLabels]
		if pixels == nil {
			continue
		}
		if err := part.images.read(pixels, labels, len(about.Classes)); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrPrepared, part.name, err)
		}
	}
	return data, nil
}

// ErrPrepared marks an object that does not hold prepared images.
var ErrPrepared = errors.New("malformed prepared images")

// read fills x from two arrays.
func (x *Images) read(images, labels *zip.File, classes int) error {
	pixels, shape, err := readArray(images, 4)
	if err != nil {
		return err
	}
	if shape[1] != shape[2] || shape[3] != 3 {
		return fmt.Errorf("shape %v: want square images of 3 channels", shape)
	}
	marks, counted, err := readArray(labels, 1)
	if err != nil {
		return err
	}
	if counted[0] != shape[0] {
		return fmt.Errorf("%d labels for %d images", counted[0], shape[0])
	}
	for i, label := range marks {
		if int(label) >= max(1, classes) {
			return fmt.Errorf("image %d has label %d: there are %d classes", i, label, classes)
		}
	}
	*x = Images{Height: shape[1], Width: shape[2], Pixels: pixels, Labels: marks}
	return nil
}

// readArray reads an array of bytes with the given number of dimensions.
func readArray(f *zip.File, dimensions int) (data []uint8, shape []int, err error) {
	content, err := contentOf(f)
	if err != nil {
		return nil, nil, err
	}
	const prefix = 10
	magic := []byte{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}
	if len(content) < prefix || !bytes.HasPrefix(content, magic) {
		return nil, nil, fmt.Errorf("%s is no NumPy array of version 1.0", f.Name)
	}
	end := prefix + int(content[8]) + int(content[9])<<8
	if end > len(content) {
		return nil, nil, fmt.Errorf("%s: the header is cut off", f.Name)
	}
	shape = make([]int, dimensions)
	list, targets := "", make([]any, dimensions)
	for i := range shape {
		targets[i] = &shape[i]
		list += "%d, "
	}
	wanted := "{'descr': '|u1', 'fortran_order': False, 'shape': (" + strings.TrimSuffix(list, ", ")
	if _, err := fmt.Sscanf(string(content[prefix:end]), wanted, targets...); err != nil {
		return nil, nil, fmt.Errorf("%s: the header describes no array of bytes with %d dimensions: %w", f.Name, dimensions, err)
	}
	data = content[end:]
	count := int64(1)
	for _, n := range shape {
		if n < 1 || count > int64(len(data)) {
			return nil, nil, fmt.Errorf("%s: shape %v doesn't fit its %d bytes", f.Name, shape, len(data))
		}
		count *= int64(n)
	}
	if count != int64(len(data)) {
		return nil, nil, fmt.Errorf("%s: shape %v doesn't fit its %d bytes", f.Name, shape, len(data))
	}
	return data, shape, nil
}

// contentOf reads a member whole, which its checksum is compared with.
func contentOf(f *zip.File) ([]byte, error) {
	if f == nil {
		return nil, errors.New("it is missing")
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.Name, err)
	}
	defer r.Close()
	// Stored as they are, members are no larger than the archive.
	if f.Method != zip.Store {
		return nil, fmt.Errorf("%s is compressed", f.Name)
	}
	content := make([]byte, f.UncompressedSize64)
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name, err)
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // where the checksum is compared
		return nil, fmt.Errorf("read %s to its end: %w", f.Name, err)
	}
	return content, nil
}
