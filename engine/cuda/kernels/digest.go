package kernels

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// CompilerFlags are what sources are compiled with, beside -ptx and where CUTLASS is.
var CompilerFlags = []string{"-std=c++17", "-O3", "-arch=compute_80", "--expt-relaxed-constexpr"}

// PTXVersion is the version of the PTX that is kept: drivers of CUDA 11.8 and later read it. The compiler writes that of its own
// release, which only drivers as new as that would, though it uses nothing newer but hints.
const PTXVersion = "7.8"

var include = regexp.MustCompile(`(?m)^#include "([^"/]+)"`)

// Head is the first line of the PTX that a compiler makes of a source, one of files. It changes with whatever has a say in
// the PTX: the source, the headers beside it that it includes, the compiler, its flags.
func Head(files fs.FS, source, compiler string) (string, error) {
	included := []string{source}
	digest := sha256.New()
	fmt.Fprintln(digest, compiler, CompilerFlags, PTXVersion)
	for at := 0; at < len(included); at++ {
		text, err := fs.ReadFile(files, included[at])
		if err != nil {
			return "", fmt.Errorf("digest %s: %w", source, err)
		}
		fmt.Fprintf(digest, "%s %d\n%s", included[at], len(text), text)
		for _, match := range include.FindAllSubmatch(text, -1) {
			header := string(match[1])
			if !forHost(header) && !slices.Contains(included, header) {
				included = append(included, header)
			}
		}
	}
	return fmt.Sprintf("// Made of %s by make cuda-kernels. Sources %s, compiler %s\n",
		source, hex.EncodeToString(digest.Sum(nil)), compiler), nil
}

// forHost tells which headers CUDA's compiler never sees.
func forHost(header string) bool { return header == "host.h" || strings.HasSuffix(header, "_host.h") }
