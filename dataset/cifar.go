package dataset

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"twinview/experiment"
)

// ErrArchive marks an archive that is not of the data set's official binary layout.
var ErrArchive = errors.New("malformed CIFAR archive")

// What both data sets have in common (https://www.cs.toronto.edu/~kriz/cifar.html): a record is one byte of label, or two,
// and 3,072 of pixels, the red plane first, then green, then blue, each row by row.
const (
	cifarSize   = 32
	cifarPlane  = cifarSize * cifarSize
	metaMost    = 1 << 16
	paddingMost = 1 << 20 // tar programs write blocks of 10 kB by default
	// unpackedMost is more than the official 184 MB. gzip packs a thousand zeros into a byte: a small file can unpack to
	// terabytes, and take hours even where nothing of them is kept.
	unpackedMost = 256 << 20
)

// binaryLayout says how a CIFAR's archive holds its images.
type binaryLayout struct {
	title string
	// train are the files of the training images, in order, test is that of the test images; a file has at most so many
	// records.
	train []string
	test  string
	most  int
	// labels are the bytes in front of a record's pixels, wanted is the index of the one that counts.
	labels []labelByte
	wanted int
}

// labelByte is one label of an image: the file with its names, and how many there are.
type labelByte struct {
	names   string
	classes int
}

var (
	cifar10 = binaryLayout{
		title: "CIFAR-10",
		train: []string{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
		test:  "test_batch.bin", most: 10_000,
		labels: []labelByte{{"batches.meta.txt", 10}},
	}
	cifar100 = binaryLayout{
		title: "CIFAR-100", train: []string{"train.bin"}, test: "test.bin", most: 50_000,
		labels: []labelByte{{"coarse_label_names.txt", 20}, {"fine_label_names.txt", 100}},
	}
)

// ReadCIFAR10 reads the .tar.gz of the official binary layout: five training batches, a test batch and the class names, in
// any order. A batch may be shorter than the official 10,000 records, so that a small archive can be made of the same
// form. Anything else is an ErrArchive that names the file and the record. Memory stays bounded whatever the archive says.
func ReadCIFAR10(r io.Reader) (*Data, error) { return cifar10.read(r) }

// ReadCIFAR100 is ReadCIFAR10 for CIFAR-100, which has all training images in one file. labels are
// experiment.CoarseLabels, or anything else for the fine ones.
func ReadCIFAR100(r io.Reader, labels string) (*Data, error) {
	layout := cifar100
	if labels != experiment.CoarseLabels {
		layout.wanted = 1
	}
	return layout.read(r)
}

func (l binaryLayout) read(r io.Reader) (*Data, error) {
	unzipped, err := gzip.NewReader(bufio.NewReaderSize(r, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%w: read gzip header: %w", ErrArchive, err)
	}
	defer unzipped.Close()
	content := &bounded{unzipped, unpackedMost}
	c := cifar{binaryLayout: l, batches: map[string]Images{}, classes: map[string][]string{}}
	if err := c.members(tar.NewReader(content)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	if err := readPadding(content); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	data, err := c.data()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	return data, nil
}

// bounded fails where more than left bytes are read of r.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("it unpacks to more than %d bytes", int64(unpackedMost))
	}
	return n, err
}

// readPadding reads what is behind the end of the tar archive: the zeros that fill the last block up, and the gzip checksum,
// without which the stream is truncated.
func readPadding(r io.Reader) error {
	padding, err := io.ReadAll(io.LimitReader(r, paddingMost+1))
	if err != nil {
		return fmt.Errorf("read to the end: %w", err)
	}
	if len(padding) > paddingMost || len(bytes.TrimLeft(padding, "\x00")) > 0 {
		return errors.New("data behind the end of the tar archive")
	}
	return nil
}

// cifar collects the members of an archive.
type cifar struct {
	binaryLayout
	batches map[string]Images
	classes map[string][]string
}

func (c *cifar) members(archive *tar.Reader) error {
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read next file: %w", err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if err := c.member(path.Base(header.Name), header.Size, archive); err != nil {
			return fmt.Errorf("%.100s: %w", header.Name, err)
		}
	}
}

func (c *cifar) member(name string, size int64, r io.Reader) error {
	_, batchTwice := c.batches[name]
	_, namesTwice := c.classes[name]
	switch label := slices.IndexFunc(c.labels, func(l labelByte) bool { return l.names == name }); {
	case batchTwice, namesTwice:
		return errors.New("the file is in the archive twice")
	case label >= 0:
		return c.meta(c.labels[label], size, r)
	case slices.Contains(c.train, name), name == c.test:
		batch, err := c.batch(size, r)
		c.batches[name] = batch
		return err
	case path.Ext(name) == ".bin":
		return fmt.Errorf("the file is not part of %s, which has %s and %s", c.title, strings.Join(c.train, ", "), c.test)
	}
	return nil // readme.html
}

func (c *cifar) batch(size int64, r io.Reader) (Images, error) {
	length := int64(len(c.labels) + 3*cifarPlane)
	if size == 0 || size%length != 0 || size/length > int64(c.most) {
		return Images{}, fmt.Errorf("%d bytes: want 1 to %d records of %d bytes", size, c.most, length)
	}
	n := int(size / length)
	images := Images{Height: cifarSize, Width: cifarSize}
	record := make([]byte, length)
	for i := range n {
		if _, err := io.ReadFull(r, record); err != nil {
			return Images{}, fmt.Errorf("read record %d of %d: %w", i, n, err)
		}
		for k, label := range c.labels {
			if int(record[k]) >= label.classes {
				return Images{}, fmt.Errorf("record %d has label %d: want 0 to %d", i, record[k], label.classes-1)
			}
		}
		images.Labels = append(images.Labels, record[c.wanted])
		images.Pixels = appendInterleaved(images.Pixels, record[len(c.labels):])
	}
	return images, nil
}

// appendInterleaved appends planes of red, green and blue as RGB pixels.
func appendInterleaved(pixels, planes []byte) []byte {
	for p := range cifarPlane {
		pixels = append(pixels, planes[p], planes[cifarPlane+p], planes[2*cifarPlane+p])
	}
	return pixels
}

func (c *cifar) meta(label labelByte, size int64, r io.Reader) error {
	if size > metaMost {
		return fmt.Errorf("%d bytes: want %d class names, at most %d bytes", size, label.classes, metaMost)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read class names: %w", err)
	}
	names := strings.Fields(string(text))
	if len(names) != label.classes {
		return fmt.Errorf("%d class names: want %d", len(names), label.classes)
	}
	c.classes[label.names] = names
	return nil
}

// data joins the batches.
func (c *cifar) data() (*Data, error) {
	for _, label := range c.labels {
		if c.classes[label.names] == nil {
			return nil, fmt.Errorf("%s is missing", label.names)
		}
	}
	test, ok := c.batches[c.test]
	if !ok {
		return nil, fmt.Errorf("%s is missing", c.test)
	}
	var pixels, labels [][]uint8
	for _, name := range c.train {
		batch, ok := c.batches[name]
		if !ok {
			return nil, fmt.Errorf("%s is missing", name)
		}
		pixels, labels = append(pixels, batch.Pixels), append(labels, batch.Labels)
	}
	train := Images{
		Height: cifarSize, Width: cifarSize, Pixels: slices.Concat(pixels...), Labels: slices.Concat(labels...),
	}
	return &Data{Classes: c.classes[c.labels[c.wanted].names], Train: train, Test: test}, nil
}
