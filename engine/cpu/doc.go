// Package cpu is the fast machine for CPUs. It compiles a graph once into a plan: which nodes are computed, in the order
// in which they were made, with batch norm, residual addition and ReLU fused into one pass over memory, and with all
// inner values placed in one arena by their lifetimes. Running the plan allocates nothing.
//
// Convolutions and matrix products are oneDNN's (2.x and 3.x), everything else is in the C++ files beside this one, one
// kernel family a file. An op that has no kernel here runs its own reference implementation, so every graph of package
// model works.
//
// With the same number of threads two runs give the same bits; sums over a batch do not depend on the number at all.
package cpu

// #cgo CXXFLAGS: -std=c++17 -O3 -fopenmp -Wall -Wextra
// #cgo LDFLAGS: -ldnnl -fopenmp
import "C"
