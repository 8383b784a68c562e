package emulator_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/emulator"
	"twinview/engine/cuda/kernels/host"
)

// head is a module's beginning: a kernel of two arrays whose addresses are in %in and %out, the thread's number in %t and 8
// times it in %at. Registers of each type are %r0, %rd0, %f0, %fd0, %h0 and %p0 and so on.
const head = `.version 7.8
.target sm_80
.address_size 64
.global .align 4 .b8 words[8] = {110, 111, 0, 1, 2, 3, 4, 5};
.extern .func __assertfail (.param .b64 a, .param .b64 b, .param .b32 c, .param .b64 d, .param .b64 e) ;
.shared .align 16 .b8 common[1024];
.extern .shared .align 16 .b8 asked[];
`

const entry = `
.visible .entry kernel(.param .u64 param_in, .param .u64 param_out)
.maxntid 256, 1, 1
{
	.reg .pred %p<10>; .reg .b16 %h<20>; .reg .b32 %r<40>; .reg .b64 %rd<20>; .reg .f32 %f<40>; .reg .f64 %fd<10>;
	.reg .b64 %in; .reg .b64 %out; .reg .b32 %t; .reg .b64 %at;
	.local .align 8 .b8 frame[16];
	ld.param.u64 %in, [param_in];
	ld.param.u64 %out, [param_out];
	mov.u32 %t, %tid.x;
	mul.wide.u32 %at, %t, 8;
	add.s64 %in, %in, %at;
	add.s64 %out, %out, %at;
`

// launch runs statements in a number of threads. Each has 8 bytes of the input and of the output at %in and %out.
func launch(t *testing.T, statements string, threads int, in ...uint64) ([]uint64, error) {
	t.Helper()
	shape := kernels.Launch{Grid: [3]int{1, 1, 1}, Block: [3]int{threads, 1, 1}}
	return launchModule(t, head+entry+statements+"\nret;\n}\n", shape, in...)
}

func launchModule(t *testing.T, ptx string, launch kernels.Launch, in ...uint64) ([]uint64, error) {
	t.Helper()
	device := emulator.New(map[string]kernels.Module{"test": kernels.NewModule("test", ptx)})
	from, to := memory(t, device, 8*max(len(in), 1)), memory(t, device, 8*launch.Block[0]*launch.Grid[0])
	for i, v := range in {
		from.Int64s()[i] = int64(v)
	}
	if err := device.Launch("kernel", launch, from, to); err != nil {
		return nil, err
	}
	require.NoError(t, to.Check())
	var out []uint64
	for _, v := range to.Int64s() {
		out = append(out, uint64(v))
	}
	return out, nil
}

func memory(t *testing.T, device *emulator.Device, size int) *host.Memory {
	t.Helper()
	m, err := device.NewMemory(size)
	require.NoError(t, err)
	t.Cleanup(m.Free)
	return m
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		statements string
		threads    int
		want       string
	}{
		"a load in front of an array": {"ld.global.u32 %r0, [%in+-4];", 1, "4 bytes at 0x"},
		"a store behind an array":     {"st.global.u32 [%out+8], %r0;", 1, "at byte 8 of an array of 8"},
		"a load across the end":       {"ld.global.v4.u32 {%r0, %r1, %r2, %r3}, [%in];", 1, "at byte 0 of an array of 8"},
		"a load of nothing":           {"mov.u64 %rd0, 0; ld.global.u8 %h0, [%rd0];", 1, "at 0x0: in no array"},
		"a crooked address":           {"ld.global.u32 %r0, [%in+2];", 1, "is no multiple of 4"},
		"a crooked vector":            {"st.shared.v2.u32 [common+4], {%t, %t};", 1, "is no multiple of 8"},
		"a store behind shared memory": {"st.shared.u32 [asked], %t;", 1,
			"4 bytes at 0 of shared memory, which has 0"},
		"shared memory that nobody wrote": {"mov.u32 %r1, common; ld.shared.u32 %r0, [%r1+8];", 1,
			"byte 8 of shared memory is read and was never written"},
		"a frame's end": {"mov.u64 %rd0, frame; st.local.u64 [%rd0+16], %rd1;", 1,
			"8 bytes at 16 of the thread's frame"},
		"a race of a write and a read": {
			`shl.b32 %r0, %t, 2; mov.u32 %r1, common; add.s32 %r0, %r0, %r1; st.shared.u32 [%r0], %t; ld.shared.u32 %r2, [common+4];`, 2,
			"a race: byte 4 of shared memory was written by thread 1"},
		"a race of a read and a write": {
			`setp.ne.u32 %p0, %t, 0; @!%p0 st.shared.u32 [common], %t; bar.sync 0; ld.shared.u32 %r2, [common];
			 @%p0 st.shared.u32 [common], %t;`, 2, "a race: byte 0 of shared memory was read by thread 0"},
		"a race of writes": {"st.shared.u32 [common], %t;", 2, "a race: byte 0 of shared memory was written by thread 0, too"},
		"a shuffle that half of the warp comes to": {
			`setp.lt.u32 %p0, %t, 16; @%p0 bra $other; shfl.sync.bfly.b32 %r0, %t, 1, 31, -1; $other:`, 32,
			"11111111111111110000000000000000 of the warp wait for ever"},
		"a shuffle of others": {"shfl.sync.bfly.b32 %r0, %t, 1, 31, 1;", 2, "the thread is not among those"},
		"a shuffle from one that is not there": {"shfl.sync.idx.b32 %r0, %t, 9, 31, -1;", 8,
			"the value of lane 9 is read, which takes no part"},
		"two barriers of a warp": {
			`setp.lt.u32 %p0, %t, 16; @%p0 bra $other; bar.sync 0; bra.uni $end; $other: bar.sync 0; $end:`, 32,
			"threads of a warp wait at different barriers"},
		"another barrier":    {"bar.sync 1;", 32, "another than 0"},
		"a division by zero": {"mov.u32 %r1, 0; div.s32 %r0, %t, %r1;", 1, "an integer is divided by zero"},
		"an instruction": {"bmsk.clamp.b32 %r0, %t, %t;", 1,
			"bmsk.clamp.b32 %r0, %t, %t: the emulator has no instruction bmsk.clamp.b32"},
		"a form":             {"ld.global.tex.u32 %r0, [%in];", 1, "has no instruction ld.global.tex.u32"},
		"a register":         {"mov.u32 %r40, 1;", 1, `"%r40" is no register to write to`},
		"a failed assertion": {call, 1, `the assertion "no" of no:7 failed`},
		"too many threads":   {"", 257, "a block of [257 1 1]: the kernel was compiled for at most 256 threads"},
		"part of a warp": {"mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 " + fragments, 31,
			"only threads 01111111111111111111111111111111"},
		"a copy that is read": {copyToShared + "ld.shared.u32 %r0, [common];", 1,
			"byte 0 of shared memory is read while a cp.async of thread 0"},
		"a copy not committed": {copyToShared + "cp.async.wait_group 0; ld.shared.u32 %r0, [common];", 1, "is on its way"},
		"a copy of a later group": {copyToShared + "cp.async.commit_group; cp.async.wait_group 1; ld.shared.u32 %r0, [common];", 1,
			"is on its way"},
		"a copy for others without a barrier": {
			`setp.ne.u32 %p0, %t, 0; @!%p0 cp.async.ca.shared.global [common], [%in], 8; cp.async.wait_all; ld.shared.u32 %r0, [common];`, 2,
			"a race: byte 0 of shared memory was written by thread 0"},
		"a copy over what is read": {
			`setp.ne.u32 %p0, %t, 0; @!%p0 st.shared.u32 [common], %t; bar.sync 0;
			 @%p0 ld.shared.u32 %r0, [common];
			 @!%p0 cp.async.ca.shared.global [common], [%in], 4;`, 2, "race: byte 0 of shared memory was"},
		"a copy of too much":      {"cp.async.ca.shared.global [common], [%in], 8, 16;", 1, "16 bytes are to be read"},
		"a crooked copy":          {"cp.async.cg.shared.global [common], [%in+4], 16;", 1, "is no multiple of 16"},
		"a copy from anywhere":    {"cp.async.cg.shared.global [common], [%in], 16;", 1, "16 bytes at 0x"},
		"a label that is nowhere": {"bra $nowhere;", 1, "there is no such label"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := launch(t, c.statements, c.threads)
			require.ErrorContains(t, err, c.want)
		})
	}
}

const (
	copyToShared = "cp.async.ca.shared.global.L2::128B [common], [%in], 8;\n"
	fragments    = "{%f0, %f1, %f2, %f3}, {%r0, %r1, %r2, %r3}, {%r4, %r5}, {%f0, %f1, %f2, %f3};"
	call         = `mov.u64 %rd0, words; cvta.global.u64 %rd1, %rd0;
	{
	.param .b64 param0; st.param.b64 [param0+0], %rd1;
	.param .b64 param1; st.param.b64 [param1+0], %rd1;
	.param .b32 param2; st.param.b32 [param2+0], 7;
	.param .b64 param3; st.param.b64 [param3+0], %rd1;
	.param .b64 param4; st.param.b64 [param4+0], 1;
	call.uni
	__assertfail,
	(
	param0, param1, param2, param3, param4
	);
	}`
)

// An error says where in the file it was and who did it.
func TestErrorsSayWhere(t *testing.T) {
	_, err := launch(t, "setp.eq.u32 %p0, %t, 5;\n@%p0 st.global.u32 [%out+2], %t;", 8)
	require.ErrorContains(t, err,
		"run kernel, line 22 of test.ptx: @%p0 st.global.u32 [%out+2], %t: block [0 0 0], thread [5 0 0]: the address")
}

func TestLaunchesThatDoNotFit(t *testing.T) {
	device := emulator.New(map[string]kernels.Module{"test": kernels.NewModule("test", head+entry+"ret;\n}\n")})
	one := kernels.Launch{Grid: [3]int{1, 1, 1}, Block: [3]int{1, 1, 1}}
	in := memory(t, device, 8)
	require.NoError(t, device.Launch("kernel", one, in, (*host.Memory)(nil)))
	require.NoError(t, device.Launch("kernel", one, in, int64(0)))
	require.ErrorContains(t, device.Launch("kernels", one, in, in), `no kernel is called "kernels"`)
	require.ErrorContains(t, device.Launch("kernel", one, in), "1 arguments, want 2")
	require.ErrorContains(t, device.Launch("kernel", one, in, int32(0)), "argument 1: a int32 for a .u64 of 8 bytes")
	require.ErrorContains(t, device.Launch("kernel", one, in, 1.0), "argument 1: a float64")
	freed, err := device.NewMemory(8)
	require.NoError(t, err)
	freed.Free()
	require.ErrorContains(t, device.Launch("kernel", one, in, freed), "was freed")
	for _, launch := range []kernels.Launch{
		{Grid: [3]int{1, 65536, 1}, Block: one.Block},
		{Grid: [3]int{0, 1, 1}, Block: one.Block},
		{Grid: one.Grid, Block: [3]int{1, 1, 65}},
		{Grid: one.Grid, Block: [3]int{0, 1, 1}},
	} {
		require.ErrorContains(t, device.Launch("kernel", launch, in, in), "want")
	}
}

func TestSharedMemoryHasAnEnd(t *testing.T) {
	ptx := head + entry + "ld.global.u32 %r0, [%in]; mov.u32 %r1, asked; add.s32 %r1, %r1, %r0; st.shared.u32 [%r1], %t; ret;\n}\n"
	one := kernels.Launch{Grid: [3]int{1, 1, 1}, Block: [3]int{1, 1, 1}, Shared: 100 << 10}
	_, err := launchModule(t, ptx, one, 100<<10-4)
	require.NoError(t, err)
	_, err = launchModule(t, ptx, one, 100<<10)
	require.ErrorContains(t, err, "4 bytes at 102400 of shared memory, which has 102400")
	one.Shared = 163<<10 + 1
	_, err = launchModule(t, ptx, one, 0)
	require.ErrorContains(t, err, "of shared memory")
}

func TestModulesThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		".version 7.8\n.surface x;":                          `line 2: ".surface" is no declaration`,
		".visible .entry kernel(\n)\n{\n.reg .b33 %r;\n ret": "has no end",
		".visible .entry kernel(\n)\n.cluster\n{":            ".cluster is no directive",
	} {
		device := emulator.New(map[string]kernels.Module{"test": {Name: "test", PTX: text, Kernels: []string{"kernel"}}})
		err := device.Launch("kernel", kernels.Launch{})
		require.ErrorContains(t, err, want)
		require.True(t, strings.HasPrefix(err.Error(), "read test.ptx: line "), err)
	}
}
