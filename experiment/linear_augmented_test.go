package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLinearAugmentedOfPartOfASectionHasDefaults(t *testing.T) {
	s, err := Parse([]byte("name: a\nlinear_augmented: {}"))
	require.NoError(t, err)
	require.Equal(t, new(defaultLinearAugmented()), s.LinearAugmented)
	require.NoError(t, s.Validate())

	s, err = Parse([]byte("name: a\nlinear_augmented: {epochs: 7}\naugment: {first_view: {normalize: {mean: [0.5, 0.5, 0.5]}}}"))
	require.NoError(t, err)
	require.Equal(t, 7, s.LinearAugmented.Epochs)
	require.Equal(t, 512, s.LinearAugmented.BatchSize)
	require.NoError(t, s.Validate(), "normalised as the first view")

	before := s
	require.NoError(t, Set(&s, "linear_augmented.augment.flip_probability=0"))
	require.Equal(t, 0.5, before.LinearAugmented.Augment.Flip)
	require.NoError(t, Set(&s, "linear_augmented=null"))
	require.Nil(t, s.LinearAugmented)
}

func TestLinearAugmentedIsValidated(t *testing.T) {
	for want, change := range map[string]func(*LinearAugmented){
		"linear_augmented.epochs: 0 is out of range: must be 1 to 500": func(l *LinearAugmented) { l.Epochs = 0 },
		"linear_augmented.batch_size: 0":                               func(l *LinearAugmented) { l.BatchSize = 0 },
		"linear_augmented.batch_size: 600 is more than the 512":        func(l *LinearAugmented) { l.BatchSize = 600 },
		"linear_augmented.optimizer.name":                              func(l *LinearAugmented) { l.Optimizer.Name = "adam" },
		"linear_augmented.schedule.warmup_epochs: 21":                  func(l *LinearAugmented) { l.Schedule.WarmupEpochs = 21 },
		"linear_augmented.augment.flip_probability: 2":                 func(l *LinearAugmented) { l.Augment.Flip = 2 },
		"differs from augment.first_view.normalize":                    func(l *LinearAugmented) { l.Augment.Normalize.Std[0] = 1 },
	} {
		s := Default()
		s.Name, s.Dataset.TrainImages = "a", 512
		s.LinearAugmented = new(defaultLinearAugmented())
		change(s.LinearAugmented)
		require.ErrorContains(t, s.Validate(), want)
	}
}
