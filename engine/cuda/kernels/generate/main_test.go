package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The compiler's process was 18537 and 2032615; the 9 before Parameter is that name's length.
func TestPTXDoesNotNameTheCompilersProcess(t *testing.T) {
	for text, want := range map[string]string{
		"_Z5adamwPKN51_GLOBAL__N__00000000_12_optimizer_cu_00000000_185379ParameterE": "_Z5adamwPKN47_GLOBAL__N__00000000_12_optimizer_cu_00000000_09ParameterE",
		"N51_GLOBAL__N__00000000_10_augment_cu_00000000_20326154StepE":                "N45_GLOBAL__N__00000000_10_augment_cu_00000000_04StepE",
		// There is none.
		"_cu_0000000045_GLOBAL__N__00000000_12_batchnorm_cu_000000004sums": "_cu_0000000045_GLOBAL__N__00000000_12_batchnorm_cu_000000004sums",
	} {
		require.Equal(t, want, withoutProcess(text))
	}
}

func TestPTXIsForOlderDrivers(t *testing.T) {
	require.Equal(t, ".version 7.8\n.target sm_80\n\tmov.u32 \t%r1, 0;\n",
		forDrivers(".version 9.0\n.target sm_80\n\t.pragma \"used_bytes_mask 15\";\n\tmov.u32 \t%r1, 0;\n"))
}
