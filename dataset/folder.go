package dataset

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"twinview/experiment"
)

const (
	// badShown is how many images that can't be read are named at once.
	badShown = 10
	// bytesMost bounds the images of a data set in memory.
	bytesMost = 8 << 30
)

// picture is an image as the data set has it.
type picture struct {
	// name is the path below the root, with slashes, sha256 the digest of the file.
	name, sha256 string
	// pixels are [size, size, 3].
	pixels []uint8
	// label is an index of the classes.
	label uint8
}

// ListDigest is the SHA-256 of what sha256sum prints of an image folder's images, sorted by path: whatever the order of the
// folder, the same images have the same digest.
func ListDigest(ctx context.Context, source string) (string, error) {
	var lines []string
	err := visitImages(ctx, source, func(name string, data []byte) error {
		lines = append(lines, line(name, digestOf(data)))
		return nil
	})
	if err != nil {
		return "", err
	}
	return listDigest(lines), nil
}

func line(name, sha256 string) string { return sha256 + "  " + name + "\n" }

// listDigest sorts lines by the path that follows the digest.
func listDigest(lines []string) string {
	slices.SortFunc(lines, func(a, b string) int { return cmp.Compare(a[64:], b[64:]) })
	return digestOf([]byte(strings.Join(lines, "")))
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Prepare reads the images of a folder or an archive of it, resized to size × size pixels, and divides them as their folders
// say. labels are experiment.NoLabels, or anything else for those of the folders. list is the ListDigest of what was read. Images
// that can't be used are an ErrImages that names them.
func Prepare(ctx context.Context, source, labels string, size int) (p *Prepared, list string, err error) {
	files, err := readPictures(ctx, source, size)
	if err != nil {
		return nil, "", err
	}
	lines := make([]string, len(files))
	for i, f := range files {
		lines[i] = line(f.name, f.sha256)
	}
	p, err = arrange(files, labels)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrImages, err)
	}
	p.size = size
	return p, listDigest(lines), nil
}

// readPictures reads one file after the other and decodes them side by side.
func readPictures(ctx context.Context, source string, size int) ([]picture, error) {
	var (
		mu    sync.Mutex
		files []picture
		bad   []string
	)
	decoding, ctx := errgroup.WithContext(ctx)
	decoding.SetLimit(runtime.GOMAXPROCS(0))
	visited := 0
	err := visitImages(ctx, source, func(name string, data []byte) error {
		if visited++; int64(visited)*int64(size*size*3) > bytesMost {
			return fmt.Errorf("%w: more than %d images of %d × %d pixels don't fit into memory: lower dataset.size", ErrImages,
				visited-1, size, size)
		}
		decoding.Go(func() error {
			pixels, err := ReadPicture(data, size)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				bad = append(bad, fmt.Sprintf("%s: %v", name, err))
				return nil
			}
			files = append(files, picture{name: name, sha256: digestOf(data), pixels: pixels})
			return nil
		})
		return nil
	})
	if err := errors.Join(err, decoding.Wait()); err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b picture) int { return cmp.Compare(a.name, b.name) })
	return files, unreadable(bad)
}

// unreadable names the images that can't be read.
func unreadable(bad []string) error {
	if len(bad) == 0 {
		return nil
	}
	slices.Sort(bad)
	more := ""
	if n := len(bad) - badShown; n > 0 {
		more = fmt.Sprintf("\nand %d more", n)
	}
	return fmt.Errorf("%w: %d can't be read, replace them or take them out:\n%s%s", ErrImages, len(bad),
		strings.Join(bad[:min(badShown, len(bad))], "\n"), more)
}

// labelled says whether the labels of folders are wanted.
func labelled(labels string) bool { return experiment.Dataset{Labels: labels}.Labelled() }
