// Package emulator runs PTX on this machine's processor: the very text that is shipped, instruction by instruction, where package
// host runs what a C++ compiler makes of the sources. It is for tests.
//
// It is as strict as a GPU or stricter, as the point is to find what one would trip over. It is an error
//
//   - to read or write outside of an array, of shared memory or of a thread's frame, or at an address that is no multiple of the
//     access's size;
//   - to read shared memory that the block has not written, or that a copy which nobody has waited for will write;
//   - to touch memory that another thread has touched in the same launch, if one of the two writes and nothing orders them: no
//     barrier of their block, and no atomic operations on both sides;
//   - if threads that have to execute an instruction together can't meet;
//   - to divide an integer by zero;
//   - to execute an instruction that it does not have: the error names it and its line.
//
// Threads of a warp that are at the same instruction execute it together, those that are furthest behind first. Blocks run one
// after another. What a cp.async copies arrives when its thread has waited for it, not before.
//
// Where PTX leaves results to the device, it does this: mma.sync adds exact products, half of k at a time, and rounds towards zero
// after each half, as tensor cores do more or less; it drops the bits of a factor that TF32 has not; ex2.approx is exact before it
// is rounded; rcp.approx.ftz.f64 leaves zeros in the lower half.
package emulator
