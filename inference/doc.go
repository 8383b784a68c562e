// Package inference asks published models about images of one's own, on the machine that asks: their classes, and the training
// images that they are most similar to. It runs the same networks as training does on Gorgonia's own machine, in plain Go: about
// a second an image and core for a ResNet-18 of full width, no library needed.
package inference
