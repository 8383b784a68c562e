package emulator_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/emulator"
)

func TestShuffles(t *testing.T) {
	for _, c := range []struct {
		shuffle string
		from    func(lane int) (int, bool)
	}{
		{"bfly.b32 %r9|%p9, %t, 5, 31, -1;", func(lane int) (int, bool) { return lane ^ 5, true }},
		{"idx.b32 %r9|%p9, %t, 3, 31, -1;", func(int) (int, bool) { return 3, true }},
		{"down.b32 %r9|%p9, %t, 3, 31, -1;", func(lane int) (int, bool) { return lane + 3, lane+3 < 32 }},
		{"up.b32 %r9|%p9, %t, 3, 0, -1;", func(lane int) (int, bool) { return lane - 3, lane >= 3 }},
		// In segments of 8: the mask of segments is in bits 8 to 12.
		{"idx.b32 %r9|%p9, %t, 3, 6175, -1;", func(lane int) (int, bool) { return lane/8*8 + 3, true }},
		{"down.b32 %r9|%p9, %t, 3, 6175, -1;", func(lane int) (int, bool) { return lane + 3, lane%8 < 5 }},
		{"up.b32 %r9|%p9, %t, 3, 6144, -1;", func(lane int) (int, bool) { return lane - 3, lane%8 >= 3 }},
	} {
		out, err := launch(t, "shfl.sync."+c.shuffle+
			"selp.u32 %r8, 100, 0, %p9; add.s32 %r9, %r9, %r8; cvt.u64.u32 %rd9, %r9; st.global.u64 [%out], %rd9;", 64)
		require.NoError(t, err, c.shuffle)
		for thread, got := range out {
			want, ok := c.from(thread % 32)
			if want += thread / 32 * 32; ok {
				want += 100
			} else {
				want = thread
			}
			require.EqualValues(t, want, got, "%s thread %d", c.shuffle, thread)
		}
	}
}

// Lanes that part, each going through a loop as often as its number is, meet again for a shuffle.
func TestLanesMeetAgain(t *testing.T) {
	out, err := launch(t, `
	mov.u32 %r0, 0; mov.u32 %r1, 0;
$loop:
	setp.ge.u32 %p0, %r0, %t;
	@%p0 bra $end;
	add.s32 %r1, %r1, 2;
	add.s32 %r0, %r0, 1;
	bra.uni $loop;
$end:
	shfl.sync.bfly.b32 %r9, %r1, 1, 31, -1;
	cvt.u64.u32 %rd9, %r9; st.global.u64 [%out], %rd9;`, 32)
	require.NoError(t, err)
	for lane, got := range out {
		require.EqualValues(t, 2*(lane^1), got)
	}
}

// A function is called from two places, by some of the lanes each, with numbers of their own.
func TestCalls(t *testing.T) {
	const function = `
.func (.param .b64 result) thrice(.param .b64 value)
{
	.reg .b64 %rd<2>;
	ld.param.u64 %rd0, [value];
	mul.lo.s64 %rd1, %rd0, 3;
	st.param.b64 [result+0], %rd1;
	ret;
}
`
	called := func(value, result string) string {
		return "{ .param .b64 param0; st.param.b64 [param0+0], " + value + "; .param .b64 retval0;\n" +
			"call.uni (retval0), thrice, ( param0 ); ld.param.b64 " + result + ", [retval0+0]; }\n"
	}
	ptx := head + function + entry + `
	cvt.u64.u32 %rd0, %t;
	and.b32 %r0, %t, 1; setp.eq.s32 %p0, %r0, 1;
	@%p0 bra $odd;
	` + called("%rd0", "%rd9") + `bra.uni $end;
$odd:
	add.s64 %rd0, %rd0, 1000;
	` + called("%rd0", "%rd9") + `
$end:
	st.global.u64 [%out], %rd9;
	ret;
}
`
	out, err := launchModule(t, ptx, kernels.Launch{Grid: [3]int{1, 1, 1}, Block: [3]int{32, 1, 1}})
	require.NoError(t, err)
	for lane, got := range out {
		require.EqualValues(t, 3*(lane+lane%2*1000), got)
	}
}

// Threads that have ended don't count at a barrier, and what was written before one may be read behind it.
func TestBarriers(t *testing.T) {
	out, err := launch(t, `
	setp.ge.u32 %p0, %t, 40;
	@%p0 ret;
	shl.b32 %r0, %t, 2; mov.u32 %r1, common; add.s32 %r0, %r0, %r1;
	st.shared.u32 [%r0], %t;
	setp.lt.u32 %p1, %t, 39;
	bar.red.and.pred %p2, 0, %p1;
	setp.lt.u32 %p1, %t, 40;
	bar.red.and.pred %p3, 0, %p1;
	sub.s32 %r2, %r1, %r0; ld.shared.u32 %r3, [%r1+156];
	selp.u32 %r4, 1000, 0, %p2; selp.u32 %r5, 100, 0, %p3;
	add.s32 %r3, %r3, %r4; add.s32 %r3, %r3, %r5;
	cvt.u64.u32 %rd9, %r3; st.global.u64 [%out], %rd9;`, 96)
	require.NoError(t, err)
	for thread, got := range out[:40] {
		require.EqualValues(t, 139, got, thread)
	}
	require.EqualValues(t, -1, int64(out[40]), "nobody has written there")
}

// Threads draw numbers in the order in which they run.
func TestReverse(t *testing.T) {
	ptx := head + entry + `
	ld.param.u64 %rd0, [param_in]; atom.global.add.s32 %r0, [%rd0], 1;
	mov.u32 %r1, %ctaid.x; mad.lo.s32 %r1, %r1, 70, %t;
	ld.param.u64 %out, [param_out]; mul.wide.u32 %rd1, %r1, 4; add.s64 %out, %out, %rd1;
	st.global.u32 [%out], %r0; ret;
}
`
	device := emulator.New(map[string]kernels.Module{"test": kernels.NewModule("test", ptx)})
	for _, reversed := range []bool{false, true} {
		next, out := memory(t, device, 4), memory(t, device, 4*3*70)
		next.Int32s()[0] = 0
		require.NoError(t, device.Reverse(reversed))
		require.NoError(t, device.Launch("kernel", kernels.Launch{Grid: [3]int{3, 1, 1}, Block: [3]int{70, 1, 1}}, next, out))
		for i, got := range out.Int32s() {
			if reversed {
				i = 3*70 - 1 - i
			}
			require.EqualValues(t, i, got)
		}
	}
}

// What other threads and blocks of a launch touch in global memory must have an order: by a barrier, in another launch, or both
// atomically.
func TestRacesInGlobalMemory(t *testing.T) {
	const (
		here   = "ld.param.u64 %rd0, [param_in];"
		first  = "setp.eq.u32 %p0, %t, 0; mov.u32 %r9, %ctaid.x; setp.eq.u32 %p1, %r9, 0;"
		read   = "ld.global.u32 %r0, [%rd0];"
		write  = "st.global.u32 [%rd0], %t;"
		add    = "atom.global.add.s32 %r0, [%rd0], 1;"
		either = "a race: byte 0 of an array of 8 was "
	)
	for statements, want := range map[string]string{
		write:                                  either + "written by thread 0 of block 0",
		read + write:                           either + "read by thread",
		"@%p0 " + write:                        either + "written by thread 0 of block 0",
		"@%p0 " + write + "bar.sync 0;" + read: either + "written by thread 0 of block 0",
		add + read:                             either + "written",
		add + add:                              "",
		read + read:                            "",
		"@!%p1 bra $end; @%p0 " + write + "bar.sync 0;" + read + "$end:":                        "",
		"@!%p1 bra $end;" + read + "bar.sync 0; @%p0 " + write + "bar.sync 0;" + read + "$end:": "",
		"@!%p1 bra $end; @%p0 " + write + read + "$end:":                                        either + "written by thread 0 of block 0",
		"@!%p1 bra $end;" + read + "@%p0 " + write + "$end:":                                    either + "read by thread",
	} {
		ptx := head + entry + here + first + statements + "ret;\n}\n"
		_, err := launchModule(t, ptx, kernels.Launch{Grid: [3]int{2, 1, 1}, Block: [3]int{40, 1, 1}}, 0)
		if want == "" {
			require.NoError(t, err, statements)
			continue
		}
		require.ErrorContains(t, err, want, statements)
	}
}

// Launches come after each other.
func TestLaunchesDoNotRace(t *testing.T) {
	ptx := head + entry + "st.global.u32 [%out], %t; ret;\n}\n"
	device := emulator.New(map[string]kernels.Module{"test": kernels.NewModule("test", ptx)})
	out := memory(t, device, 8*32)
	for _, arguments := range [][]any{{out, out}, {out, out}} {
		require.NoError(t, device.Launch("kernel", kernels.Launch{Grid: [3]int{1, 1, 1}, Block: [3]int{32, 1, 1}}, arguments...))
	}
}

// A copy shows when its thread has waited for it, with zeros behind what was read.
func TestAsyncCopies(t *testing.T) {
	out, err := launch(t, `
	cp.async.ca.shared.global [common], [%in], 8;
	cp.async.commit_group;
	mov.u32 %r0, 4;
	cp.async.ca.shared.global [common+8], [%in+8], 8, %r0;
	cp.async.commit_group;
	mov.u64 %rd0, 0;
	cp.async.ca.shared.global [common+16], [%rd0], 8, 0;
	cp.async.wait_group 1;
	ld.shared.u64 %rd1, [common];
	cp.async.wait_all;
	ld.shared.u64 %rd2, [common+8];
	ld.shared.u64 %rd3, [common+16];
	add.s64 %rd9, %rd1, %rd2; add.s64 %rd9, %rd9, %rd3; st.global.u64 [%out], %rd9;`, 1, 5, 7<<32|6)
	require.NoError(t, err)
	require.EqualValues(t, 11, out[0])
}
