package experiment

import (
	"net/url"
	"regexp"
	"strings"
)

// The results of all epochs travel in one Temporal payload, which ends at 2 MB; an epoch takes up to 0.5 kB of it.
const (
	maxPretrainEpochs   = 2000
	maxClassifierEpochs = 500
)

// The sizes of both CIFARs, and the most images that are drawn or that a folder has.
const (
	cifarTrain   = 50_000
	cifarTest    = 10_000
	maxSynthetic = 100_000
	maxFolder    = 10_000_000
)

// digestForm is what a SHA-256 looks like.
const digestForm = "64 digits 0-9 and a-f"

var (
	nameSyntax   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	digestSyntax = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// IsName says whether an experiment can be called so.
func IsName(name string) bool { return nameSyntax.MatchString(name) }

// Validate checks every field against its range and the fields against each other. The error joins all that is wrong,
// one line each, with the path of the field, its value and what it must be. A field that the chosen method or optimiser
// doesn't use only has to be finite.
func (s Spec) Validate() error {
	c := &checker{}
	s.check(c)
	return c.err()
}

func (s Spec) check(c *checker) {
	const name = "1 to 63 lowercase letters, digits, - and _, beginning with a letter or digit"
	c.must("name", name)
	if !IsName(s.Name) {
		c.complain("name", s.Name, "names no experiment: must be %s (it is the workflow's ID and a folder in the object store)", name)
	}
	s.Dataset.check(c)
	s.Encoder.check(c)
	s.Method.check(c)
	s.Augment.check(c, smallestView(s.Pretrain.ProgressiveResizing, s.Augment.Size))
	s.Augment.checkViews(c, s.Method.Name)
	s.Pretrain.check(c)
	s.KNN.check(c)
	c.whole("linear.batch_size", s.Linear.BatchSize, 1, 4096, "")
	checkTraining(c, "linear", s.Linear.Epochs, s.Linear.Optimizer, s.Linear.Schedule)
	s.LinearAugmented.check(c, s.trainImages(), s.Augment)
	c.whole("finetune.batch_size", s.Finetune.BatchSize, 2, 4096, "batch norm has no variance of one image to train with")
	checkTraining(c, "finetune", s.Finetune.Epochs, s.Finetune.Optimizer, s.Finetune.Schedule)
	s.Finetune.Augment.check(c, "finetune.augment", smallestView(s.Finetune.ProgressiveResizing, s.Augment.Size))
	checkResizing(c, "finetune", s.Finetune.ProgressiveResizing, s.Finetune.Epochs)
	s.Ablation.check(c, s.trainImages(), s.Dataset.classes(), s.Augment.Size)
	s.checkLabels(c)
	c.whole("checkpoints.keep_last", s.Checkpoints.KeepLast, 1, maxPretrainEpochs, "training goes on from the last one")
	c.real("checkpoints.every_seconds", s.Checkpoints.EverySeconds, span{low: 0, high: 86400}, "0 takes none inside an epoch")
	c.whole("compute.threads", s.Compute.Threads, 0, 1024, "0 takes every core")
	s.Compute.check(c)
	c.whole("compute.evaluation_batch_size", s.Compute.EvaluationBatchSize, 1, 4096, "")
	s.checkSizes(c)
}

// check lets the choices be empty: an experiment under way may have begun before there were any.
func (p Compute) check(c *checker) {
	if p.Precision != "" {
		c.oneOf("compute.precision", p.Precision, Auto, Float32, TF32, BFloat16)
	}
	if p.Winograd != "" {
		c.oneOf("compute.winograd", p.Winograd, Auto, None, Winograd2x2, Winograd4x4)
	}
	if p.Kernels != "" {
		c.oneOf("compute.kernels", p.Kernels, Fixed, Measured)
	}
}

// manyImages is what is wrong with a batch that the training split does not fill.
const manyImages = "is more than the %d training images: lower it or raise dataset.train_images"

// checkSizes compares batches and neighbours with the images that there are.
func (s Spec) checkSizes(c *checker) {
	const few = "is more than the %d neighbours: lower it or raise knn.train_images"
	if s.KNN.TrainImages > 0 && s.KNN.K > s.KNN.TrainImages {
		c.complain("knn.k", s.KNN.K, few, s.KNN.TrainImages)
	}
	images := s.trainImages()
	if images <= 0 {
		return
	}
	for _, batch := range []struct {
		path         string
		epochs, size int
	}{
		{"pretrain.batch_size", s.Pretrain.Epochs, s.Pretrain.BatchSize},
		{"linear.batch_size", s.Linear.Epochs, s.Linear.BatchSize},
		{"finetune.batch_size", s.Finetune.Epochs, s.Finetune.BatchSize},
	} {
		if batch.epochs > 0 && batch.size > images {
			c.complain(batch.path, batch.size, manyImages, images)
		}
	}
	if s.KNN.K >= images { // a training image is not its own neighbour
		c.complain("knn.k", s.KNN.K, few, images-1)
	}
}

// trainImages is the size of the training split, 0 where the spec does not say.
func (s Spec) trainImages() int {
	if s.Dataset.TrainImages == 0 && s.Dataset.isCIFAR() {
		return cifarTrain - s.Dataset.ValidationImages
	}
	return s.Dataset.TrainImages
}

// source checks a path or URL of something that workers fetch.
func (c *checker) source(path, source string) {
	if !strings.Contains(source, "://") {
		return
	}
	shown := source
	if strings.ContainsAny(source, "@?") {
		// What may be a password stays out of the message, which ends up in logs.
		shown = "(hidden)"
	}
	switch u, err := url.Parse(source); {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		c.complain(path, shown, "can't be fetched: must be a path or an http(s) URL")
	case u.User != nil:
		c.complain(path, shown, "holds credentials, which a spec must not: use a URL without")
	case secretParameter(u.RawQuery) != "":
		c.complain(path, shown, "holds credentials in its parameter %q, which a spec must not: use a URL without, or fetch the "+
			"file and name its path", secretParameter(u.RawQuery))
	}
}

// secretParameter is the name of a parameter that lets whoever has the URL in, as those of signed URLs do; empty where there
// is none. Specs stand in histories, in the object store and in reports.
func secretParameter(query string) string {
	for parameter := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, _, _ := strings.Cut(parameter, "=")
		if secretName.MatchString(name) {
			return name
		}
	}
	return ""
}

var secretName = regexp.MustCompile(`(?i)signature|credential|token|secret|passw|^(sig|auth|key|api[-_]?key)$`)

func (e Encoder) check(c *checker) {
	c.oneOf("encoder.architecture", e.Architecture, ResNet18, ResNet34)
	c.multiple("encoder.width", e.Width, 8, 8, 256)
	if e.Weights != nil {
		e.Weights.check(c)
	}
}

func (w Weights) check(c *checker) {
	c.must("encoder.weights.sha256", digestForm)
	if w.Source == "" {
		c.complain("encoder.weights.source", "", "is missing: must be a path or an http(s) URL")
	}
	if !digestSyntax.MatchString(w.SHA256) {
		c.complain("encoder.weights.sha256", w.SHA256, "is no digest: must be that of encoder.weights.source, %s, as "+
			"sha256sum prints them", digestForm)
	}
	c.source("encoder.weights.source", w.Source)
}

func (m Method) check(c *checker) {
	if c.oneOf("method.name", m.Name, lossNames()...) {
		m.checkParameters(c)
	}
	c.used(m.Name == SimCLR, "method.temperature", m.Temperature, span{low: 0.001, high: 100})
	c.used(m.Name == BarlowTwins, "method.lambda", m.Lambda, span{low: 0, high: 1})
	c.whole("method.projector.layers", m.Projector.Layers, 1, 8, "")
	c.whole("method.projector.hidden", m.Projector.Hidden, 1, 16384, "")
	c.whole("method.projector.output", m.Projector.Output, 2, 16384, "")
}

func (p Pretrain) check(c *checker) {
	c.whole("pretrain.epochs", p.Epochs, 0, maxPretrainEpochs, "0 evaluates the encoder as it starts")
	c.whole("pretrain.batch_size", p.BatchSize, 2, 4096, "a contrastive loss needs other images to contrast with")
	p.Optimizer.check(c, "pretrain.optimizer")
	if p.Epochs == 0 { // nothing to warm up
		c.finite("pretrain.schedule.warmup_epochs", p.Schedule.WarmupEpochs)
		p.Schedule.WarmupEpochs = 0
	}
	p.Schedule.check(c, "pretrain.schedule", p.Epochs)
	checkResizing(c, "pretrain", p.ProgressiveResizing, p.Epochs)
	p.Divergence.check(c, "pretrain.divergence")
	p.checkPlans(c)
}

func (k KNN) check(c *checker) {
	c.whole("knn.k", k.K, 1, 1000, "")
	c.whole("knn.every_epochs", k.EveryEpochs, 1, maxPretrainEpochs, "")
	c.wholeOrAll("knn.train_images", k.TrainImages, 1, maxSynthetic)
	c.wholeOrAll("knn.validation_images", k.ValidationImages, 1, maxSynthetic)
}

func (l *LinearAugmented) check(c *checker, images int, a Augment) {
	if l == nil {
		return
	}
	const path = "linear_augmented"
	c.whole(path+".epochs", l.Epochs, 1, maxClassifierEpochs, "remove the section to leave the protocol out")
	c.whole(path+".batch_size", l.BatchSize, 1, 4096, "")
	if images > 0 && l.BatchSize > images {
		c.complain(path+".batch_size", l.BatchSize, manyImages, images)
	}
	l.Optimizer.check(c, path+".optimizer")
	l.Schedule.check(c, path+".schedule", l.Epochs)
	l.Augment.check(c, path+".augment", a.Size)
	if l.Augment.Normalize != a.FirstView.Normalize {
		c.complain(path+".augment.normalize", l.Augment.Normalize,
			"differs from augment.first_view.normalize, by which the encoder has learned: make them equal")
	}
}

// checkTraining checks what linear evaluation and fine-tuning have in common. Left out, a protocol keeps its schedule.
func checkTraining(c *checker, path string, epochs int, o Optimizer, s Schedule) {
	c.whole(path+".epochs", epochs, 0, maxClassifierEpochs, "0 leaves the protocol out")
	o.check(c, path+".optimizer")
	if epochs == 0 {
		epochs = maxClassifierEpochs
	}
	s.check(c, path+".schedule", epochs)
}
