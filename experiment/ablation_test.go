package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAblationOfAnEmptySectionHasTheDefaults(t *testing.T) {
	for text, want := range map[string]*Ablation{
		"name: a":                 nil,
		"name: a\nablation: null": nil,
		"name: a\nablation: {}":   new(defaultAblation(Dataset{})),
		"name: a\nablation: {label_fractions: [0.01, 0.1]}": new(defaultAblation(Dataset{})),
	} {
		s, err := Parse([]byte(text))
		require.NoError(t, err)
		require.Equal(t, want, s.Ablation, text)
		require.NoError(t, s.Validate())
		data, err := s.YAML()
		require.NoError(t, err)
		again, err := Parse(data)
		require.NoError(t, err)
		require.Equal(t, s, again)
	}
}

func TestAblationIsSetOnACopy(t *testing.T) {
	s := Default()
	require.NoError(t, Set(&s, "ablation.epochs=3"))
	require.Equal(t, 3, s.Ablation.Epochs)
	require.Equal(t, 128, s.Ablation.BatchSize)
	before := s
	require.Error(t, Set(&s, "ablation.epochs=x"))
	require.NoError(t, Set(&s, "ablation.label_fractions=[1]"))
	require.Equal(t, []float64{1}, s.Ablation.LabelFractions)
	require.Equal(t, []float64{0.01, 0.1}, before.Ablation.LabelFractions)
	require.NoError(t, Set(&s, "ablation=null"))
	require.Nil(t, s.Ablation)
}

func TestArms(t *testing.T) {
	a := defaultAblation(Dataset{})
	require.Equal(t, []Arm{
		{0.01, FromPretrained}, {0.01, FromScratch}, {0.1, FromPretrained}, {0.1, FromScratch},
	}, a.Arms())
	require.Equal(t, "ablation/scratch-0.01", a.Arms()[1].Stage())
	require.Equal(t, 450, a.Arms()[1].Labels(45_000))
	require.Equal(t, 7, Arm{Fraction: 1}.Labels(7))
	require.Empty(t, (*Ablation)(nil).Arms())
}

func TestStages(t *testing.T) {
	s := Default()
	require.Equal(t, []string{StageLinearAugmented, StageAblation}, s.LeftOut())
	require.Equal(t, StageTest, s.StageAfter(StageFinetune))
	s.LinearAugmented = new(defaultLinearAugmented())
	require.Equal(t, StageLinearAugmented, s.StageAfter(StageLinear))
	s.Linear.Epochs, s.LinearAugmented, s.Finetune.Epochs = 0, nil, 0
	require.Equal(t, StageTest, s.StageAfter(StageSelect))
	s.Ablation = new(defaultAblation(Dataset{}))
	require.Equal(t, StageAblation, s.StageAfter(StageSelect))
	require.Equal(t, StageDone, s.StageAfter(StageReport))
	require.Equal(t, StageDone, s.StageAfter(StageDone))
}
