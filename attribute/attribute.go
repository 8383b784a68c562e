// Package attribute holds the search attributes of an experiment: what Temporal knows of it without asking a worker, for lists,
// filters and saved views. Temporal keeps them unencrypted, and takes none that its namespace does not have: Kinds is what an
// administrator registers there.
package attribute

import (
	commonpb "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
)

// Names of the search attributes.
const (
	// Method, Encoder and Dataset are those of the spec: "simclr", "resnet18", "cifar10".
	Method  = "Method"
	Encoder = "Encoder"
	Dataset = "Dataset"
	// Stage is the one that the experiment is in, or was when it ended: one of experiment.Stages.
	Stage = "Stage"
	// Paused says that it waits for people, Diverged that its pretraining has diverged, whether it failed for that or went on.
	Paused   = "Paused"
	Diverged = "Diverged"
	// Loss is the mean over pretraining's newest epoch; absent before there is one.
	Loss = "Loss"
	// BestAccuracy is the highest on the validation split, by whichever protocol; absent before there is one. What the test split
	// says is not here: lists are for choosing.
	BestAccuracy = "BestAccuracy"
)

var (
	methodKey       = temporal.NewSearchAttributeKeyKeyword(Method)
	encoderKey      = temporal.NewSearchAttributeKeyKeyword(Encoder)
	datasetKey      = temporal.NewSearchAttributeKeyKeyword(Dataset)
	stageKey        = temporal.NewSearchAttributeKeyKeyword(Stage)
	pausedKey       = temporal.NewSearchAttributeKeyBool(Paused)
	divergedKey     = temporal.NewSearchAttributeKeyBool(Diverged)
	lossKey         = temporal.NewSearchAttributeKeyFloat64(Loss)
	bestAccuracyKey = temporal.NewSearchAttributeKeyFloat64(BestAccuracy)
)

// Kinds are the types under which the attributes have to be registered, by name.
func Kinds() map[string]enums.IndexedValueType {
	kinds := map[string]enums.IndexedValueType{}
	for _, key := range []temporal.SearchAttributeKey{
		methodKey, encoderKey, datasetKey, stageKey, pausedKey, divergedKey, lossKey, bestAccuracyKey,
	} {
		kinds[key.GetName()] = key.GetValueType()
	}
	return kinds
}

// Values are the attributes of an experiment at one moment.
type Values struct {
	Method, Encoder, Dataset, Stage string
	Paused, Diverged                bool
	// Loss and BestAccuracy are nil before there is one.
	Loss, BestAccuracy *float64
}

// Submitted are those of an experiment that has not begun.
func Submitted(spec experiment.Spec) Values {
	return Values{
		Method: spec.Method.Name, Encoder: spec.Encoder.Architecture, Dataset: spec.Dataset.Name, Stage: experiment.StagePrepare,
	}
}

// All is v as it is given to Temporal at an experiment's beginning.
func (v Values) All() temporal.SearchAttributes {
	return temporal.NewSearchAttributes(append(v.Since(Values{}), pausedKey.ValueSet(v.Paused),
		divergedKey.ValueSet(v.Diverged))...)
}

// Since are the updates that make v of what Temporal has, none where that is v already.
func (v Values) Since(before Values) []temporal.SearchAttributeUpdate {
	var updates []temporal.SearchAttributeUpdate
	keyword := func(key temporal.SearchAttributeKeyKeyword, now, then string) {
		if now != then {
			updates = append(updates, key.ValueSet(now))
		}
	}
	keyword(methodKey, v.Method, before.Method)
	keyword(encoderKey, v.Encoder, before.Encoder)
	keyword(datasetKey, v.Dataset, before.Dataset)
	keyword(stageKey, v.Stage, before.Stage)
	if v.Paused != before.Paused {
		updates = append(updates, pausedKey.ValueSet(v.Paused))
	}
	if v.Diverged != before.Diverged {
		updates = append(updates, divergedKey.ValueSet(v.Diverged))
	}
	number := func(key temporal.SearchAttributeKeyFloat64, now, then *float64) {
		if now != nil && (then == nil || *now != *then) {
			updates = append(updates, key.ValueSet(*now))
		}
	}
	number(lossKey, v.Loss, before.Loss)
	number(bestAccuracyKey, v.BestAccuracy, before.BestAccuracy)
	return updates
}

// Of reads the attributes of an experiment. It returns false where it was submitted without them.
func Of(a temporal.SearchAttributes) (Values, bool) {
	stage, ok := a.GetKeyword(stageKey)
	if !ok {
		return Values{}, false
	}
	v := Values{Stage: stage}
	v.Method, _ = a.GetKeyword(methodKey)
	v.Encoder, _ = a.GetKeyword(encoderKey)
	v.Dataset, _ = a.GetKeyword(datasetKey)
	v.Paused, _ = a.GetBool(pausedKey)
	v.Diverged, _ = a.GetBool(divergedKey)
	if loss, ok := a.GetFloat64(lossKey); ok {
		v.Loss = &loss
	}
	if best, ok := a.GetFloat64(bestAccuracyKey); ok {
		v.BestAccuracy = &best
	}
	return v, true
}

// Decode is Of for attributes as Temporal's lists have them. What is of another type than ours is taken as absent.
func Decode(fields map[string]*commonpb.Payload) (Values, bool) {
	var v Values
	for name, into := range map[string]any{
		Method: &v.Method, Encoder: &v.Encoder, Dataset: &v.Dataset, Stage: &v.Stage, Paused: &v.Paused, Diverged: &v.Diverged,
		Loss: &v.Loss, BestAccuracy: &v.BestAccuracy,
	} {
		if field := fields[name]; field != nil {
			// What can't be read is left as it is.
			_ = converter.GetDefaultDataConverter().FromPayload(field, into)
		}
	}
	return v, v.Stage != ""
}
