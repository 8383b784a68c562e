package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// monitor makes epochs with the given accuracies, negative where one was not monitored.
func monitor(accuracies ...float64) []experiment.PretrainEpoch {
	var epochs []experiment.PretrainEpoch
	for i, a := range accuracies {
		e := experiment.PretrainEpoch{Epoch: i + 1, Checkpoint: artifact("p%d", i+1)}
		if a >= 0 {
			e.KNN = &a
		}
		epochs = append(epochs, e)
	}
	return epochs
}

func TestSuperseded(t *testing.T) {
	for _, test := range []struct {
		name     string
		epochs   []experiment.PretrainEpoch
		keepLast int
		want     []string
	}{
		{"nothing yet", nil, 1, nil},
		{"the newest is kept whatever the spec says", monitor(0.1), 0, nil},
		{"the best is kept", monitor(0.2, 0.1), 1, nil},
		{"a new best replaces the old one", monitor(0.2, 0.1, 0.3), 1, []string{"p1", "p2"}},
		{"of equals the earliest is best", monitor(0.2, 0.1, 0.2), 1, []string{"p2"}},
		{"before the first measurement nothing can be best", monitor(-1, -1), 1, []string{"p1"}},
		{"the newest ones are kept though a new best came", monitor(0.2, 0.1, 0.3), 3, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, a := range superseded(test.epochs, test.keepLast) {
				got = append(got, a.Key)
			}
			require.Equal(t, test.want, got)
		})
	}
}
