package report

import (
	"fmt"
	"strings"
	"time"

	"twinview/experiment"
)

// changeFacts are what people changed while the experiment ran, when training went back, and under how many planned epochs pretraining's were trained
// where that is not plain.
func changeFacts(in Input) [][2]string {
	var all [][2]string
	for _, c := range in.Result.Changes {
		all = append(all, [2]string{"Changed at " + c.At.UTC().Format(time.DateTime) + " UTC", c.String()})
	}
	for _, r := range in.Result.RollBacks {
		all = append(all, [2]string{"Went back at " + r.At.UTC().Format(time.DateTime) + " UTC", r.String()})
	}
	if plans := plansOf(trained(&in.Result)); len(plans) > 1 || len(plans) == 1 && plans[0].Until < plans[0].Epochs {
		text := make([]string, len(plans))
		first := 1
		for i, p := range plans {
			text[i] = fmt.Sprintf("%d to %d as of %d", first, p.Until, p.Epochs)
			first = p.Until + 1
		}
		all = append(all, [2]string{"Epochs of pretraining", strings.Join(text, ", ")})
	}
	return all
}

// plansOf are the planned numbers of epochs in turn; those of versions that did not tell are left out.
func plansOf(epochs []experiment.PretrainEpoch) []experiment.PretrainPlan {
	var plans []experiment.PretrainPlan
	for _, e := range epochs {
		n := len(plans)
		switch {
		case e.Planned == 0:
		case n > 0 && plans[n-1].Epochs == e.Planned:
			plans[n-1].Until = e.Epoch
		default:
			plans = append(plans, experiment.PretrainPlan{Until: e.Epoch, Epochs: e.Planned})
		}
	}
	return plans
}
