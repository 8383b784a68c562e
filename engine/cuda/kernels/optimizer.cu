// The optimisers, on all parameters in one launch. Each rule and its sources are written down in package train.
//
//   sgd         (parameters, chunks, step, decay, momentum, nesterov, broken)
//   lars_norms  (parameters, chunks, decay, norms)
//   lars        (parameters, chunks, step, decay, momentum, nesterov, trust, excluded_rate, norms, broken)
//   adamw       (parameters, chunks, step, decay, beta1, beta2, epsilon, broken)
//
// grid Optimizer: a block takes a chunk of one parameter. The tables of parameters and chunks are optimizer.go's. step points to
// what differs from step to step, so that a captured step can be replayed. decay, momentum, trust, excluded_rate, the betas and
// epsilon are double, nesterov an int. broken points to an int32 that becomes 1 if a value or a buffer is not finite after the step,
// and is left alone if all are.
//
// lars needs what lars_norms, launched before it, left in norms [chunks, 2] of float64: the squares of the weights and of the
// updates, chunk by chunk.
//
// A step is bound by memory: every array is read and written once, but for the norms of LARS.
#include "elements.h"
#include "reduce.h"

namespace {

struct Parameter {
  float *value;
  const float *grad;
  float *first, *second;  // the rule's buffers, NULL where it keeps fewer
  int64_t length;
  int32_t first_chunk, chunks;  // which of the chunks are this parameter's
  int32_t excluded;             // from weight decay and from LARS's trust ratio
  int32_t reserved;
};

struct Chunk {
  int64_t first;
  int32_t parameter, length;
};

struct Step {
  double rate;
  int64_t number;  // from 1
};

constexpr int kThreads = 256;

// x − x is 0 for every number, and NaN for NaN and the infinities.
__device__ __forceinline__ bool finite(float x) { return x - x == 0; }

// move calls update(grad, value, first, second) for the elements of this block's chunk, four at a time where they lie so.
// Buffers that there are not are 0, and stay so.
template <int W, typename Update>
__device__ __forceinline__ void move_elements(const Parameter &p, int64_t first, int64_t last, Update update, bool *broken) {
  for (int64_t i = first + threadIdx.x * W; i + W <= last; i += kThreads * W) {
    float grad[W], value[W], one[W] = {}, two[W] = {};
    load_pack(p.grad + i, grad);
    load_pack(p.value + i, value);
    if (p.first) load_pack(p.first + i, one);
    if (p.second) load_pack(p.second + i, two);
#pragma unroll
    for (int j = 0; j < W; j++) {
      update(grad[j], value[j], one[j], two[j]);
      if (!finite(value[j]) || !finite(one[j]) || !finite(two[j])) *broken = true;
    }
    store_pack(p.value + i, value);
    if (p.first) store_pack(p.first + i, one);
    if (p.second) store_pack(p.second + i, two);
  }
}

template <typename Update>
__device__ __forceinline__ void move(const Parameter &p, const Chunk &chunk, Update update, int *broken) {
  bool here = false;
  const int64_t last = chunk.first + chunk.length;
  int64_t whole = chunk.first;
  if (aligned(p.value) && aligned(p.grad) && aligned(p.first) && aligned(p.second)) {  // chunks begin at whole accesses
    whole += chunk.length / 4 * 4;
    move_elements<4>(p, chunk.first, whole, update, &here);
  }
  move_elements<1>(p, whole, last, update, &here);
  if (here) atomicOr(broken, 1);
}

// SGD with momentum, or without where there is no buffer. LARS differs from it by the ratio alone.
__device__ __forceinline__ void momentum_step(const Parameter &p, const Chunk &chunk, float rate, float decay, float ratio,
                                              float momentum, bool nesterov, int *broken) {
  const bool plain = p.first == nullptr;
  move(p, chunk, [=](float grad, float &value, float &buffer, float &) {
    const float direction = ratio * fmaf(decay, value, grad);
    if (plain) {
      value -= rate * direction;
      return;
    }
    buffer = fmaf(momentum, buffer, direction);
    value -= rate * (nesterov ? fmaf(momentum, buffer, direction) : buffer);
  }, broken);
}

__device__ __forceinline__ float decay_of(const Parameter &p, double decay) { return p.excluded ? 0.0f : float(decay); }

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    sgd(const Parameter *parameters, const Chunk *chunks, const Step *step, double decay, double momentum, int nesterov,
        int *broken) {
  const Chunk chunk = chunks[blockIdx.x];
  const Parameter p = parameters[chunk.parameter];
  momentum_step(p, chunk, float(step->rate), decay_of(p, decay), 1.0f, float(momentum), nesterov != 0, broken);
}
EXPORT(sgd)

extern "C" __global__ void __launch_bounds__(kThreads)
    lars_norms(const Parameter *parameters, const Chunk *chunks, double decay, double *norms) {
  const Chunk chunk = chunks[blockIdx.x];
  const Parameter p = parameters[chunk.parameter];
  double weights = 0, updates = 0;
  for (int64_t i = chunk.first + threadIdx.x; i < chunk.first + chunk.length; i += kThreads) {
    const float value = p.value[i];
    const double update = fmaf(decay_of(p, decay), value, p.grad[i]);
    weights += double(value) * double(value);
    updates += update * update;
  }
  weights = block_sum(weights);
  updates = block_sum(updates);
  if (threadIdx.x > 0) return;
  norms[2 * blockIdx.x] = weights;
  norms[2 * blockIdx.x + 1] = updates;
}
EXPORT(lars_norms)

// Every block adds up the norms of its parameter's chunks, in the same order.
extern "C" __global__ void __launch_bounds__(kThreads)
    lars(const Parameter *parameters, const Chunk *chunks, const Step *step, double decay, double momentum, int nesterov,
         double trust, double excluded_rate, const double *norms, int *broken) {
  const Chunk chunk = chunks[blockIdx.x];
  const Parameter p = parameters[chunk.parameter];
  double weights = 0, updates = 0;
  for (int c = threadIdx.x; c < p.chunks; c += kThreads) {
    weights += norms[2 * (p.first_chunk + c)];
    updates += norms[2 * (p.first_chunk + c) + 1];
  }
  weights = block_sum(weights);
  updates = block_sum(updates);
  double ratio = weights == 0 || updates == 0 ? 1.0 : trust * sqrt(weights / updates);
  if (p.excluded) ratio = excluded_rate;
  momentum_step(p, chunk, float(step->rate), decay_of(p, decay), float(ratio), float(momentum), nesterov != 0, broken);
}
EXPORT(lars)

extern "C" __global__ void __launch_bounds__(kThreads)
    adamw(const Parameter *parameters, const Chunk *chunks, const Step *step, double decay, double beta1, double beta2,
          double epsilon, int *broken) {
  __shared__ float of_step[2];
  const Chunk chunk = chunks[blockIdx.x];
  const Parameter p = parameters[chunk.parameter];
  if (threadIdx.x == 0) {
    of_step[0] = float(step->rate / (1 - pow(beta1, double(step->number))));
    of_step[1] = float(1 / sqrt(1 - pow(beta2, double(step->number))));
  }
  __syncthreads();
  const float size = of_step[0], correction = of_step[1], keep = p.excluded ? 1.0f : float(1 - step->rate * decay);
  const float weight1 = float(1 - beta1), weight2 = float(1 - beta2), keep2 = float(beta2), floor = float(epsilon);
  move(p, chunk, [=](float grad, float &value, float &mean, float &square) {
    mean += weight1 * (grad - mean);
    square = fmaf(keep2, square, weight2 * grad * grad);
    value = keep * value - size * mean / (sqrtf(square) * correction + floor);
  }, broken);
}
EXPORT(adamw)
