package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"twinview/configs"
	"twinview/experiment"
)

// recipe is a spec to begin from.
type recipe struct {
	name string
	// about is what it is and where it comes from, in lines.
	about []string
	spec  []byte
}

// recipes are the defaults of both methods, then the specs in configs.
func recipes() ([]recipe, error) {
	all := []recipe{
		{"simclr", []string{"SimCLR on CIFAR-10: the defaults, after Chen et al. 2020, appendix B.9."},
			[]byte("name: simclr\nmethod: {name: simclr}\n")},
		{"barlow-twins", []string{"Barlow Twins on CIFAR-10: the defaults, after Zbontar et al. 2021, section 2."},
			[]byte("name: barlow-twins\nmethod: {name: barlow_twins}\n")},
	}
	files, err := configs.Files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := configs.Files.ReadFile(f.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, recipe{strings.TrimSuffix(f.Name(), ".yaml"), head(string(text)), text})
	}
	return all, nil
}

// head is the comment at the beginning of a spec, in lines without #.
func head(text string) (lines []string) {
	for line := range strings.Lines(text) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), "#")
		if !ok {
			break
		}
		lines = append(lines, strings.TrimPrefix(comment, " "))
	}
	return lines
}

// first is the first sentence of what it is.
func (r recipe) first() string {
	text, _, _ := strings.Cut(strings.Join(r.about, " "), "  ")
	if end := sentenceEnd.FindStringIndex(text); end != nil {
		return text[:end[0]+1]
	}
	return text
}

// sentenceEnd is not that of "Chen et al. 2020".
var sentenceEnd = regexp.MustCompile(`\. [A-Z]`)

func findRecipe(name string) (recipe, error) {
	all, err := recipes()
	if err != nil {
		return recipe{}, err
	}
	i := slices.IndexFunc(all, func(r recipe) bool { return r.name == name })
	if i < 0 {
		names := make([]string, len(all))
		for i, r := range all {
			names[i] = r.name
		}
		return recipe{}, usageError{fmt.Errorf("--recipe %q: there is no such recipe: must be one of %s", name, strings.Join(names, ", "))}
	}
	return all[i], nil
}

// read is the recipe's spec with the changes of the flags.
func (r recipe) read(o specFlags) (experiment.Spec, error) {
	spec, err := experiment.Read(r.spec, o.name, o.set...)
	if err != nil {
		return spec, fmt.Errorf("recipe %s with these changes is no valid spec:\n%w", r.name, err)
	}
	return spec, nil
}
