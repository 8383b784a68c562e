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
)

// ErrArchive marks an archive that is not CIFAR-10 in the official binary layout.
var ErrArchive = errors.New("malformed CIFAR-10 archive")

// The official binary layout: one byte of label and 3,072 of pixels a record, the red plane first, then green, then blue,
// each row by row (https://www.cs.toronto.edu/~kriz/cifar.html).
const (
	cifarSize     = 32
	cifarPlane    = cifarSize * cifarSize
	cifarRecord   = 1 + 3*cifarPlane
	cifarClasses  = 10
	cifarBatches  = 5
	cifarMost     = 10000 // records in a batch file
	cifarMetaFile = "batches.meta.txt"
	cifarTestFile = "test_batch.bin"
	metaMost      = 1 << 16
	paddingMost   = 1 << 20 // tar programs write blocks of 10 kB by default
	// unpackedMost is more than the official 184 MB. gzip packs a thousand zeros into a byte: a small file can unpack to
	// terabytes, and take hours even where nothing of them is kept.
	unpackedMost = 256 << 20
)

// ReadCIFAR10 reads the .tar.gz of the official binary layout: five training batches, a test batch and the class names, in
// any order. A batch may be shorter than the official 10,000 records, so that a small archive can be made of the same
// form. Anything else is an ErrArchive that names the file and the record. Memory stays bounded whatever the archive says.
func ReadCIFAR10(r io.Reader) (*Data, error) {
	unzipped, err := gzip.NewReader(bufio.NewReaderSize(r, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%w: read gzip header: %w", ErrArchive, err)
	}
	defer unzipped.Close()
	content := &bounded{unzipped, unpackedMost}
	c := cifar{batches: map[string]Images{}}
	if err := c.read(tar.NewReader(content)); err != nil {
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
	batches map[string]Images
	classes []string
}

func (c *cifar) read(archive *tar.Reader) error {
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
	switch _, twice := c.batches[name]; {
	case twice, name == cifarMetaFile && c.classes != nil:
		return errors.New("the file is in the archive twice")
	case name == cifarMetaFile:
		return c.meta(size, r)
	case isBatch(name):
		batch, err := readBatch(size, r)
		c.batches[name] = batch
		return err
	case path.Ext(name) == ".bin":
		return fmt.Errorf("the file is not part of CIFAR-10, which has %s to %s and %s",
			trainFile(1), trainFile(cifarBatches), cifarTestFile)
	}
	return nil // readme.html
}

func isBatch(name string) bool {
	for i := 1; i <= cifarBatches; i++ {
		if name == trainFile(i) {
			return true
		}
	}
	return name == cifarTestFile
}

func trainFile(i int) string { return fmt.Sprintf("data_batch_%d.bin", i) }

func readBatch(size int64, r io.Reader) (Images, error) {
	if size == 0 || size%cifarRecord != 0 || size/cifarRecord > cifarMost {
		return Images{}, fmt.Errorf("%d bytes: want 1 to %d records of %d bytes", size, cifarMost, cifarRecord)
	}
	n := int(size / cifarRecord)
	images := Images{Height: cifarSize, Width: cifarSize}
	record := make([]byte, cifarRecord)
	for i := range n {
		if _, err := io.ReadFull(r, record); err != nil {
			return Images{}, fmt.Errorf("read record %d of %d: %w", i, n, err)
		}
		if record[0] >= cifarClasses {
			return Images{}, fmt.Errorf("record %d has label %d: want 0 to %d", i, record[0], cifarClasses-1)
		}
		images.Labels = append(images.Labels, record[0])
		images.Pixels = appendInterleaved(images.Pixels, record[1:])
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

func (c *cifar) meta(size int64, r io.Reader) error {
	if size > metaMost {
		return fmt.Errorf("%d bytes: want ten class names, at most %d bytes", size, metaMost)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read class names: %w", err)
	}
	c.classes = strings.Fields(string(text))
	if len(c.classes) != cifarClasses {
		return fmt.Errorf("%d class names: want %d", len(c.classes), cifarClasses)
	}
	return nil
}

// data joins the batches.
func (c *cifar) data() (*Data, error) {
	if c.classes == nil {
		return nil, fmt.Errorf("%s is missing", cifarMetaFile)
	}
	test, ok := c.batches[cifarTestFile]
	if !ok {
		return nil, fmt.Errorf("%s is missing", cifarTestFile)
	}
	var pixels, labels [][]uint8
	for i := 1; i <= cifarBatches; i++ {
		batch, ok := c.batches[trainFile(i)]
		if !ok {
			return nil, fmt.Errorf("%s is missing", trainFile(i))
		}
		pixels, labels = append(pixels, batch.Pixels), append(labels, batch.Labels)
	}
	train := Images{
		Height: cifarSize, Width: cifarSize, Pixels: slices.Concat(pixels...), Labels: slices.Concat(labels...),
	}
	return &Data{Classes: c.classes, Train: train, Test: test}, nil
}
