// Package cpu is the fast machine for CPUs. It compiles a graph once into a plan: engine/lowering says which nodes are computed, in
// the order in which they were made, in which precision, and with batch norm, residual addition and ReLU fused into few passes
// over memory; choose.go says by which convolutions; place.go places all inner values in one arena by their lifetimes.
//
// Where the CPU has AVX-512, 3×3 convolutions of stride 1 are our own, by Winograd's algorithm, and most of those of stride 2,
// direct; the others and matrix products are oneDNN's (2.x and 3.x). Everything else is in package kernels, in C++. An op that
// has no kernel there runs its own reference implementation, so every graph of package model works.
//
// With the same number of threads two runs give the same bits. Sums by oneDNN and in the weights' gradients of our own
// convolutions depend on the number; no other sum does.
package cpu

import _ "twinview/engine/cpu/kernels" // what the declarations in bridge.h stand for
