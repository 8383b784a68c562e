package emulator_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/emulator"
)

func TestUnexecuted(t *testing.T) {
	ptx := head + entry + `
	setp.gt.u32 %p0, %t, 4;
	@%p0 bra $many;
	mov.u32 %r0, 1;
	ret;
$many:
	mov.u32 %r0, 2;
	ret;
}
`
	device := emulator.New(map[string]kernels.Module{"test": kernels.NewModule("test", ptx)})
	array := memory(t, device, 8)
	unexecuted := func(threads int) string {
		require.NoError(t, device.Launch("kernel", kernels.Launch{Grid: [3]int{1, 1, 1}, Block: [3]int{threads, 1, 1}}, array, array))
		var out bytes.Buffer
		require.NoError(t, device.WriteUnexecuted(&out))
		return out.String()
	}
	require.Equal(t, `kernel: 2 of 12 instructions never executed
test.ptx:27: mov.u32 %r0, 2;
test.ptx:28: ret;
`, unexecuted(5))
	require.Equal(t, "kernel: 0 of 12 instructions never executed\n", unexecuted(6))
}
