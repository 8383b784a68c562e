// Package kernels is the C++ side of package cpu: bridge.h is all that cgo sees of it, every other file is one family of
// kernels. It has no Go of its own and imports nothing, so that it is compiled once, and not anew with whatever package cpu
// imports: a compiler takes more than a minute for it.
package kernels

// Elsewhere than on Linux OpenMP comes from flags in the environment (scripts/onednn.sh), or not at all.

// #cgo CXXFLAGS: -std=c++17 -O3 -Wall -Wextra -Wno-unknown-pragmas
// #cgo LDFLAGS: -ldnnl
// #cgo linux CXXFLAGS: -fopenmp
// #cgo linux LDFLAGS: -fopenmp
import "C"
