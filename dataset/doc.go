// Package dataset turns CIFAR-10, CIFAR-100 and folders of images into images in memory: it finds and verifies the archive,
// reads the official binary layout or prepares images of any size, divides the images into splits, and seeds the random stream
// of every sample. For machines without file and network it draws a synthetic set of the same form.
package dataset
