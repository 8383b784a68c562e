// Package hardware says what machine this is, and how much energy its processors and GPUs take. It knows nothing of experiments.
package hardware
