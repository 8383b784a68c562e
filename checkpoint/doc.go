// Package checkpoint reads and writes named tensors in two public formats: safetensors, for training states, and PyTorch's
// .pt, in which finished models go out to torch.load and other people's weights come in. Both writers are deterministic: the
// same tensors give the same bytes, so a checkpoint's digest says whether two trainings agree. Both readers take the files of
// strangers: they run nothing that is in them, and take no more memory than the files are worth.
package checkpoint
