# Twinview. Each target is a short script in scripts/.
.DEFAULT_GOAL := help
.PHONY: help build worker-gpu demo test test-cuda test-torch chaos compose-test fuzz up down result trials clean lint fmt bench bench-peer bench-durability cuda-kernels gpu-check

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile

build: ## build bin/worker and bin/starter
	@scripts/build.sh

demo: ## run one experiment end to end, results in demo/
	@scripts/demo.sh

test: ## run all tests, with the real servers
	@scripts/test.sh

test-cuda: ## run those of the GPU engine, on a stand-in where there is no GPU
	@scripts/test_cuda.sh

worker-gpu: ## build bin/worker-gpu, which trains on NVIDIA's GPUs too
	@scripts/worker_gpu.sh

gpu-check: ## make bin/gpu-check, which tries the GPU engine on any machine with a GPU, and run it where there is one
	@scripts/gpu_check.sh

test-torch: ## run those that need PyTorch, which it installs for that
	@scripts/test_torch.sh

chaos: ## do harm to experiments, ROUNDS=100 SEED=1 STORE=minio, or one ROUND=17 again
	@scripts/chaos.sh

fuzz: ## throw hostile input at everything that reads files, FUZZTIME=60s for each
	@scripts/fuzz.sh

compose-test: ## run docker-compose.yml for real, in a container engine of its own (root, Debian)
	@scripts/compose_test.sh

up: ## start Temporal, MinIO and a worker for daily work
	@scripts/up.sh

down: ## stop them and keep their data
	@scripts/down.sh

result: ## run CONFIG=configs/....yaml on that stack, its figures into docs/results/
	@scripts/result.sh $(CONFIG)

trials: ## what temperature, learning rate, views and their size are worth, a table
	@scripts/trials.sh

clean: ## stop them and remove data, binaries and results
	@scripts/clean.sh

cuda-kernels: ## make PTX of the CUDA kernels whose sources have changed, with a compiler that it installs for that
	@scripts/cuda_kernels.sh

lint: ## gofmt, go vet, staticcheck, depguard, workflowcheck, shellcheck
	@scripts/lint.sh

fmt: ## format the Go code
	@gofmt -w .

bench: ## measure speed and memory here, beside oneDNN's convolutions
	@scripts/bench.sh

bench-peer: ## compare training with PyTorch, which it installs for that
	@scripts/bench_peer.sh

bench-durability: ## compare training through Temporal and MinIO with training alone
	@scripts/bench_durability.sh
