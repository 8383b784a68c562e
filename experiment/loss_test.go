package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// register adds a loss for the length of a test.
func register(t *testing.T, l Loss) {
	t.Helper()
	before := losses
	t.Cleanup(func() { losses = before })
	RegisterLoss(l)
}

func TestRegisteredLossHasParameters(t *testing.T) {
	register(t, Loss{Name: "vicreg", Title: "VICReg", Views: 2, Parameters: []Parameter{{"mu", 25, 0, 100}, {"nu", 1, 0, 10}}})
	s := parse(t, "name: a\nmethod: {name: vicreg, parameters: {nu: 2}}")
	require.NoError(t, s.Validate())
	require.Equal(t, map[string]float64{"mu": 25, "nu": 2}, s.Method.Parameters, "over the defaults")

	text, err := s.YAML()
	require.NoError(t, err)
	require.Equal(t, s, parse(t, string(text)))
	for range 10 {
		again, err := s.YAML()
		require.NoError(t, err)
		require.Equal(t, string(text), string(again), "in one order")
	}

	changed := s
	require.NoError(t, Set(&changed, "method.parameters.mu=30"))
	require.Equal(t, 25., s.Method.Parameters["mu"], "a copy of the spec is not changed")
	require.NotEqual(t, s.Digest(), changed.Digest())
	require.ErrorContains(t, Set(&changed, "method.parameters.mu=many"), "method.parameters.mu: must be a finite number, not many")
	require.NoError(t, Set(&changed, "method.name=simclr"))
	require.NotNil(t, changed.Method.Parameters, "what was set stays, to be refused")
	require.ErrorContains(t, changed.Validate(), "method.parameters.mu: 30 is no parameter of simclr: remove it")
	require.NoError(t, Set(&s, "method.name=barlow_twins"))

	for want, document := range map[string]string{
		"method.parameters.mu: 101 is out of range: must be 0 to 100": "{mu: 101}",
		"method.parameters.xi: 1 is no parameter of vicreg":           "{xi: 1}",
	} {
		s := parse(t, "name: a\nmethod: {name: vicreg, parameters: "+document+"}")
		require.ErrorContains(t, s.Validate(), want)
	}
	for _, document := range []string{"[1]", "{mu: a}", "5"} {
		_, err := Parse([]byte("name: a\nmethod: {name: vicreg, parameters: " + document + "}"))
		require.ErrorContains(t, err, "method.parameters", document)
	}
	s = parse(t, "name: a\nmethod: {name: vicreg}")
	s.Method.Parameters = nil
	require.ErrorContains(t, s.Validate(), "method.parameters.mu: \"\" is missing: the default is 25")
	require.Panics(t, func() { RegisterLoss(Loss{Name: SimCLR}) })
}

func TestOtherLossesLeaveSpecsAlone(t *testing.T) {
	s := Default()
	s.Name = "a"
	text, err := s.YAML()
	require.NoError(t, err)
	require.NotContains(t, string(text), "parameters")
	_, known := LossOf("byol")
	require.False(t, known)
}
