package augment

// Scratch is memory that transforms with intermediate results reuse from call to call. The zero value is ready; it
// grows as needed. It must not be used by two goroutines at once.
type Scratch struct {
	source               []float32 // the image as floats
	between              []float32 // the result of the first of two separable passes
	padded               []float32 // one row with its reflected margins
	kernel               []float32
	horizontal, vertical axis
}

// grow returns a slice of length n, in the memory of s where that is large enough. Its content is undefined.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// addScaled adds weight times x to dst, value by value.
func addScaled(dst, x []float32, weight float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] += weight * x[i]
	}
}
