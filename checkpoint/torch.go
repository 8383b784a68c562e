package checkpoint

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	// torchArchive is the folder of all records; torch.load takes any.
	torchArchive = "archive/"
	// torchAlignment is where PyTorch puts records (caffe2/serialize/inline_container.cc), so that torch.load can map
	// them into memory.
	torchAlignment = 64
	// localHeaderBytes and extraHeaderBytes are sizes of the zip format: a file's header without its name, and the
	// header of an extra field.
	localHeaderBytes = 30
	extraHeaderBytes = 4
)

// WriteTorch writes tensors as the file that torch.save makes of a state dict: an OrderedDict of CPU tensors in the order
// of tensors, which torch.load opens with weights_only=True and also with mmap=True. float32 becomes torch.float32, int64
// torch.int64. Records are those of PyTorch 2.15 with fixed times, so equal tensors give equal bytes; only its optional
// serialization_id is left out.
func WriteTorch(w io.Writer, tensors []Tensor) error {
	if err := check(tensors); err != nil {
		return err
	}
	counter := &countingWriter{w: w}
	a := &torchWriter{counter: counter, zip: zip.NewWriter(counter)}
	a.text("data.pkl", string(stateDictPickle(tensors)))
	a.text(".format_version", "1")
	a.text(".storage_alignment", fmt.Sprint(torchAlignment))
	a.text("byteorder", "little")
	for i, t := range tensors {
		a.record(fmt.Sprintf("data/%d", i), t.writeElements)
	}
	a.text("version", "3\n")
	if a.err != nil {
		return a.err
	}
	if err := a.zip.Close(); err != nil {
		return fmt.Errorf("write zip directory: %w", err)
	}
	return nil
}

// torchWriter writes records into a zip archive. After the first error it does nothing more.
type torchWriter struct {
	counter *countingWriter
	zip     *zip.Writer
	err     error
}

// text writes a small record.
func (a *torchWriter) text(name, content string) {
	a.record(name, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
}

// record writes what write produces. It is called twice: the header in front of the bytes already holds their checksum,
// and computing them again is cheaper than keeping a copy of the model.
func (a *torchWriter) record(name string, write func(io.Writer) error) {
	if a.err != nil {
		return
	}
	if err := a.add(torchArchive+name, write); err != nil {
		a.err = fmt.Errorf("write record %s: %w", name, err)
	}
}

func (a *torchWriter) add(name string, write func(io.Writer) error) error {
	sum := crc32.NewIEEE()
	size := &countingWriter{w: sum}
	if err := write(size); err != nil {
		return err
	}
	// The position of the header is known only once all before it has left the zip writer's buffer.
	if err := a.zip.Flush(); err != nil {
		return err
	}
	w, err := a.zip.CreateRaw(&zip.FileHeader{
		Name:               name,
		Method:             zip.Store,
		CRC32:              sum.Sum32(),
		CompressedSize64:   uint64(size.n),
		UncompressedSize64: uint64(size.n),
		Extra:              padding(a.counter.n + localHeaderBytes + int64(len(name))),
	})
	if err != nil {
		return err
	}
	return write(w)
}

// padding is the extra field "FB", as PyTorch writes it, that ends on the next boundary when it begins at offset.
func padding(offset int64) []byte {
	blank := (torchAlignment - (offset+extraHeaderBytes)%torchAlignment) % torchAlignment
	return append([]byte{'F', 'B', byte(blank), 0}, bytes.Repeat([]byte{'Z'}, int(blank))...)
}

// countingWriter knows how many bytes went through it.
type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
