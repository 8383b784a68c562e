package dataset

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// ErrImages marks images that make no data set. The message names the file or folder and says what to do.
var ErrImages = errors.New("unusable images")

const (
	// fileMost is more than any photograph has.
	fileMost = 256 << 20
	// foldersDeep ends the walk through folders that links have made endless.
	foldersDeep = 32
)

// visitor is called with each image file: its path below the root, with slashes, and its content.
type visitor func(name string, data []byte) error

// visitImages calls visit for each PNG and JPEG file of a folder, or of a .zip, .tar or .tar.gz, in whatever order they come.
// Files of other kinds are passed over, but an image of another format is an error: its absence could go unnoticed.
func visitImages(ctx context.Context, source string, visit visitor) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	heeding := func(name string, size int64, open func() (io.ReadCloser, error)) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return visitFile(name, size, open, visit)
	}
	if info.IsDir() {
		return walkFolder(source, "", foldersDeep, heeding)
	}
	f, err := os.Open(source)
	if err != nil {
		return err
	}
	defer f.Close()
	beginning := make([]byte, 4)
	n, err := f.ReadAt(beginning, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", source, err)
	}
	switch beginning = beginning[:n]; {
	case bytes.HasPrefix(beginning, []byte("PK")):
		err = walkZip(f, info.Size(), heeding)
	case bytes.HasPrefix(beginning, []byte{0x1f, 0x8b}):
		err = walkGzip(f, heeding)
	default:
		err = walkTar(bufio.NewReaderSize(f, 1<<20), heeding)
	}
	return err
}

// opener is called with each file; open is valid during the call.
type opener func(name string, size int64, open func() (io.ReadCloser, error)) error

// visitFile reads a file if it is an image.
func visitFile(name string, size int64, open func() (io.ReadCloser, error), visit visitor) error {
	switch {
	case ignored(name), !isImage(name) && !isForeignImage(name):
		return nil
	case isForeignImage(name):
		return fmt.Errorf("%w: %s: only PNG and JPEG are read: convert it, or take it out", ErrImages, name)
	case size > fileMost:
		return fmt.Errorf("%w: %s: %d bytes are too many for an image, at most %d are read", ErrImages, name, size, fileMost)
	}
	r, err := open()
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, fileMost+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > fileMost {
		return fmt.Errorf("%w: %s: more than %d bytes are too many for an image", ErrImages, name, fileMost)
	}
	return visit(name, data)
}

// ignored says whether a file is one of those that systems leave in people's folders.
func ignored(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") || part == "__MACOSX" {
			return true
		}
	}
	return false
}

func isImage(name string) bool {
	return slices.Contains([]string{".png", ".jpg", ".jpeg"}, strings.ToLower(path.Ext(name)))
}

func isForeignImage(name string) bool {
	foreign := []string{".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".ppm", ".pgm"}
	return slices.Contains(foreign, strings.ToLower(path.Ext(name)))
}

// walkFolder visits what is below root/folder, through symbolic links too.
func walkFolder(root, folder string, deep int, visit opener) error {
	entries, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(folder)))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := path.Join(folder, entry.Name())
		if ignored(name) {
			continue
		}
		at := filepath.Join(root, filepath.FromSlash(name))
		info, err := os.Stat(at)
		switch {
		case err != nil:
			return err
		case info.IsDir() && deep == 0:
			return fmt.Errorf("%w: %s: more than %d folders lie inside each other: does a link lead back?", ErrImages, name, foldersDeep)
		case info.IsDir():
			err = walkFolder(root, name, deep-1, visit)
		case info.Mode().IsRegular():
			err = visit(name, info.Size(), func() (io.ReadCloser, error) { return os.Open(at) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func walkZip(f io.ReaderAt, size int64, visit opener) error {
	archive, err := zip.NewReader(f, size)
	if err != nil {
		return fmt.Errorf("%w: read zip archive: %w", ErrImages, err)
	}
	for _, member := range archive.File {
		if !member.Mode().IsRegular() {
			continue
		}
		name, err := memberName(member.Name)
		if err != nil {
			return err
		}
		err = visit(name, int64(min(member.UncompressedSize64, fileMost+1)), func() (io.ReadCloser, error) { return member.Open() })
		if err != nil {
			return damaged(err)
		}
	}
	return nil
}

func walkGzip(f io.Reader, visit opener) error {
	unzipped, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return fmt.Errorf("%w: read gzip header: %w", ErrImages, err)
	}
	defer unzipped.Close()
	return walkTar(unzipped, visit)
}

func walkTar(r io.Reader, visit opener) error {
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: read tar archive: %w (an archive is a .zip, a .tar or a .tar.gz)", ErrImages, err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		name, err := memberName(header.Name)
		if err != nil {
			return err
		}
		err = visit(name, header.Size, func() (io.ReadCloser, error) { return io.NopCloser(archive), nil })
		if err != nil {
			return damaged(err)
		}
	}
}

// damaged marks what is wrong with the bytes of an archive.
func damaged(err error) error {
	for _, known := range []error{
		io.ErrUnexpectedEOF, gzip.ErrChecksum, gzip.ErrHeader, zip.ErrChecksum, zip.ErrFormat, zip.ErrAlgorithm, tar.ErrHeader,
	} {
		if errors.Is(err, known) {
			return fmt.Errorf("%w: the archive is damaged: %w", ErrImages, err)
		}
	}
	return err
}

// memberName is the path of an archive's member, which must not lead out of the archive.
func memberName(name string) (string, error) {
	clean := path.Clean(name)
	if !filepath.IsLocal(filepath.FromSlash(clean)) {
		return "", fmt.Errorf("%w: %.200q is no path inside an archive", ErrImages, name)
	}
	return clean, nil
}
