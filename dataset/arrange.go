package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Names of the folders that divide a data set. There are several for validation.
const (
	folderTrain = "train"
	folderTest  = "test"
)

var foldersValidation = []string{"val", "valid", "validation"}

// The classes that a label's byte and a report's table can hold.
const (
	classesLeast = 2
	classesMost  = 256
)

// testShare is what is set aside for the test where no folder is: one image of five. unlabelledTestMost bounds it where there
// are no labels, as the images are only shown.
const (
	testShare          = 5
	unlabelledTestMost = 1000
)

// arrange divides files, sorted by name, into splits and labels them by their folders.
func arrange(files []picture, labels string) (*Prepared, error) {
	if len(files) == 0 {
		return nil, errors.New("there is no PNG or JPEG file: give the folder that has them, or the folders of classes that do")
	}
	if err := checkNames(files); err != nil {
		return nil, err
	}
	files = withoutCommonFolder(files)
	parts := divide(files)
	p := &Prepared{}
	if !labelled(labels) {
		p.Train, p.Test = parts.train, parts.test
		if len(p.Test) == 0 {
			p.Train, p.Test = setAside(p.Train, min(len(p.Train)/testShare, unlabelledTestMost))
		}
		return p, enough(p)
	}
	var err error
	if p.Classes, err = classesOf(parts); err != nil {
		return nil, err
	}
	for _, part := range [][]picture{parts.train, parts.validation, parts.test} {
		if err := label(part, p.Classes); err != nil {
			return nil, err
		}
	}
	p.Train, p.Validation, p.Test = parts.train, parts.validation, parts.test
	if len(p.Test) == 0 {
		if p.Train, p.Test, err = setAsideOfEach(parts.train, p.Classes); err != nil {
			return nil, err
		}
	}
	return p, enough(p)
}

func checkNames(files []picture) error {
	for i, f := range files {
		switch {
		case !utf8.ValidString(f.name):
			return fmt.Errorf("%q: the name is no UTF-8: rename it", f.name)
		case i > 0 && f.name == files[i-1].name:
			return fmt.Errorf("%s: the file is in the archive twice", f.name)
		}
	}
	return nil
}

func enough(p *Prepared) error {
	if len(p.Train) < 2 {
		return fmt.Errorf("%d training images are too few to learn from", len(p.Train))
	}
	return nil
}

// withoutCommonFolder takes away the folders that all files lie in: archives often have one at their top.
func withoutCommonFolder(files []picture) []picture {
	for {
		top, _, found := strings.Cut(files[0].name, "/")
		if !found || slices.ContainsFunc(files, func(f picture) bool { return !strings.HasPrefix(f.name, top+"/") }) {
			return files
		}
		files = slices.Clone(files)
		for i := range files {
			files[i].name = strings.TrimPrefix(files[i].name, top+"/")
		}
	}
}

// parts are the files of the splits, with names inside their folders.
type parts struct{ train, validation, test []picture }

// divide sorts files by the folders train, val and test, if there are no others; a class may be called train.
func divide(files []picture) parts {
	found := map[string]bool{}
	for _, f := range files {
		top, _, inside := strings.Cut(f.name, "/")
		if !inside || top != folderTrain && top != folderTest && !slices.Contains(foldersValidation, top) {
			return parts{train: files}
		}
		found[top] = true
	}
	if !found[folderTrain] || len(found) < 2 {
		return parts{train: files}
	}
	var p parts
	for _, f := range files {
		top, inside, _ := strings.Cut(f.name, "/")
		f.name = inside
		switch top {
		case folderTrain:
			p.train = append(p.train, f)
		case folderTest:
			p.test = append(p.test, f)
		default:
			p.validation = append(p.validation, f)
		}
	}
	return p
}

// classesOf are the names of the class folders, sorted.
func classesOf(p parts) ([]string, error) {
	var classes []string
	for _, f := range p.train {
		class, _, inside := strings.Cut(f.name, "/")
		if !inside {
			return nil, fmt.Errorf("%s: lies in no class folder: put the images of each class into a folder with its name, or set "+
				"dataset.labels: none to pretrain without labels", f.name)
		}
		if len(classes) == 0 || classes[len(classes)-1] != class {
			classes = append(classes, class)
		}
	}
	slices.Sort(classes)
	classes = slices.Compact(classes)
	if n := len(classes); n < classesLeast || n > classesMost {
		return nil, fmt.Errorf("%d class folders: want %d to %d, or dataset.labels: none", n, classesLeast, classesMost)
	}
	return classes, nil
}

func label(files []picture, classes []string) error {
	for i, f := range files {
		class, _, inside := strings.Cut(f.name, "/")
		at, known := slices.BinarySearch(classes, class)
		if !inside || !known {
			return fmt.Errorf("%s: lies in no folder of a class that there are training images of (%s)", f.name,
				shorten(strings.Join(classes, ", ")))
		}
		files[i].label = uint8(at)
	}
	return nil
}

func shorten(text string) string {
	const most = 200
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + " …"
	}
	return text
}

// setAsideOfEach takes a share of each class, at least one image, for the test.
func setAsideOfEach(files []picture, classes []string) (train, test []picture, err error) {
	for class, name := range classes {
		var of []picture
		for _, f := range files {
			if int(f.label) == class {
				of = append(of, f)
			}
		}
		kept, aside := setAside(of, max(1, len(of)/testShare))
		if len(kept) == 0 {
			return nil, nil, fmt.Errorf("class %s: its images are too few, or all alike, to set one aside for the test: add more, or "+
				"divide the images into the folders train and test", name)
		}
		train, test = append(train, kept...), append(test, aside...)
	}
	return sorted(train), sorted(test), nil
}

// setAside takes n files, or a few more, by their digests: their names, other files and the seed have no part in it, and copies
// of an image stay on one side.
func setAside(files []picture, n int) (kept, aside []picture) {
	byDigest := slices.SortedFunc(slices.Values(files), func(a, b picture) int {
		return cmp.Or(cmp.Compare(a.sha256, b.sha256), cmp.Compare(a.name, b.name))
	})
	for n > 0 && n < len(byDigest) && byDigest[n].sha256 == byDigest[n-1].sha256 {
		n++
	}
	return sorted(byDigest[n:]), sorted(byDigest[:n])
}

// sorted is by name.
func sorted(files []picture) []picture {
	return slices.SortedFunc(slices.Values(files), func(a, b picture) int {
		return cmp.Compare(a.name, b.name)
	})
}
