// Package checkpoint writes named tensors in two public formats: safetensors for training states, which are read back, and
// PyTorch's .pt for finished models, which others load with torch.load. Both writers are deterministic: the same tensors
// give the same bytes, so a checkpoint's digest says whether two trainings agree.
package checkpoint
