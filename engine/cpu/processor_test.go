package cpu_test

import (
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine"
	"twinview/engine/cpu"
)

// TestBFloat16 trains where the CPU supports it, and is refused elsewhere in words that help.
func TestBFloat16(t *testing.T) {
	compile := cpu.Compiler(cpu.Options{Precision: cpu.BFloat16})
	if cpu.Supports(cpu.BFloat16) {
		got, outputs := run(t, networks["SimCLR"], compile, 1)
		want, wantOutputs := run(t, networks["SimCLR"], cpu.Compile, 1)
		for i, n := range outputs {
			if n.IsScalar() {
				require.InEpsilon(t, want.Values(wantOutputs[i])[0], got.Values(n)[0], 0.05, "%s", n.Name())
			}
		}
		return
	}
	n, err := networks["SimCLR"]()
	require.NoError(t, err)
	_, err = compile(n.Graph, outputsOf(n), nil)
	require.ErrorIs(t, err, engine.ErrUnsupported)
	require.ErrorContains(t, err, "train in float32")
	_, err = cpu.Compile(n.Graph, outputsOf(n), engine.Kernels{"precision": "bfloat16"}) // as a run on another CPU recorded
	require.ErrorIs(t, err, engine.ErrUnsupported)
}

// TestOlderProcessors runs tests again where oneDNN takes this CPU for an older one.
func TestOlderProcessors(t *testing.T) {
	if testing.Short() || runtime.GOARCH != "amd64" {
		t.Skip("runs other tests again, on x86")
	}
	for _, instructions := range []string{"SSE41", "AVX2", "AVX512_CORE"} {
		t.Run(instructions, func(t *testing.T) {
			again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^(TestBFloat16|TestWholeNetwork)$")
			again.Env = append(os.Environ(), "ONEDNN_MAX_CPU_ISA="+instructions)
			out, err := again.CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
}
