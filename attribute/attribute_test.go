package attribute

import (
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
)

func TestSubmittedHasWhatTheSpecSays(t *testing.T) {
	spec := experiment.Default()
	v, ok := Of(Submitted(spec).All())
	require.True(t, ok)
	require.Equal(t, Values{Method: "simclr", Encoder: "resnet18", Dataset: "cifar10", Stage: "prepare"}, v)
	all := Submitted(spec).All()
	paused, ok := all.GetBool(pausedKey)
	require.True(t, ok && !paused, "queries for what is not paused must find it")
}

func TestSinceHasWhatDiffers(t *testing.T) {
	before := Values{Method: "simclr", Stage: "pretrain", Loss: new(2.0)}
	require.Empty(t, before.Since(before))
	require.Empty(t, Values{Method: "simclr", Stage: "pretrain", Loss: new(2.0)}.Since(before))
	now := Values{Method: "simclr", Stage: "select", Loss: new(1.0), BestAccuracy: new(0.5), Paused: true, Diverged: true}
	updates := temporal.NewSearchAttributes(now.Since(before)...)
	require.Equal(t, 5, updates.Size())
	require.False(t, updates.ContainsKey(methodKey))
	v, ok := Of(temporal.NewSearchAttributes(before.All().Copy(), updates.Copy()))
	require.True(t, ok)
	require.Equal(t, now, v)
}

func TestOfTellsThatThereAreNone(t *testing.T) {
	_, ok := Of(temporal.NewSearchAttributes())
	require.False(t, ok)
}

// Lists have them as payloads; another program's of the same names must not break a list.
func TestDecode(t *testing.T) {
	fields := map[string]*commonpb.Payload{}
	for name, value := range map[string]any{Stage: "pretrain", Method: "simclr", BestAccuracy: 0.75, Paused: true, Loss: "much"} {
		payload, err := converter.GetDefaultDataConverter().ToPayload(value)
		require.NoError(t, err)
		fields[name] = payload
	}
	v, ok := Decode(fields)
	require.True(t, ok)
	require.Equal(t, 0.75, *v.BestAccuracy)
	v.BestAccuracy, v.Loss = nil, nil
	require.Equal(t, Values{Method: "simclr", Stage: "pretrain", Paused: true}, v)
	_, ok = Decode(nil)
	require.False(t, ok)
}

func TestKindsNameEachAttribute(t *testing.T) {
	kinds := Kinds()
	require.Len(t, kinds, 8)
	require.Equal(t, enums.INDEXED_VALUE_TYPE_KEYWORD, kinds[Stage])
	require.Equal(t, enums.INDEXED_VALUE_TYPE_DOUBLE, kinds[BestAccuracy])
	require.Equal(t, enums.INDEXED_VALUE_TYPE_BOOL, kinds[Paused])
	// What SQL databases have room for, beside other programs' attributes: https://docs.temporal.io/search-attribute
	count := map[enums.IndexedValueType]int{}
	for _, kind := range kinds {
		count[kind]++
	}
	require.LessOrEqual(t, count[enums.INDEXED_VALUE_TYPE_KEYWORD], 10)
	require.LessOrEqual(t, count[enums.INDEXED_VALUE_TYPE_DOUBLE], 3)
	require.LessOrEqual(t, count[enums.INDEXED_VALUE_TYPE_BOOL], 3)
}
