package model

// classifier adds the linear layer from features to logits.
func (b *builder) classifier(classes int) {
	if classes < 2 {
		b.fail("number of classes is %d, want at least 2", classes)
	}
	b.network.Logits = b.linearBias("fc", b.network.Features, classes)
}

// classificationLoss adds the labels and the cross entropy.
func (b *builder) classificationLoss() {
	if b.err != nil {
		return
	}
	b.network.Labels = b.leaf("labels", b.network.Logits.Shape()[0])
	b.network.Loss = b.apply(SoftmaxCrossEntropy{}, b.network.Logits, b.network.Labels)
}
