// Package augment draws the random views of an image that contrastive learning compares (Chen et al. 2020, section 3
// and appendix A). Every transform follows torchvision's function for float tensors
// (torchvision/transforms/_functional_tensor.py), on images with the channels last. All randomness comes from the
// generator that the caller passes, so a view is a pure function of the image, the distribution and the generator's
// state.
package augment
