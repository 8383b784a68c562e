// The optimisers, on all parameters in one call. Each rule and its sources are written down in package train, whose plain
// loops these follow. A step is bound by memory: every array is read and written once, but for the norms of LARS.
#include <cmath>
#include <initializer_list>
#include <vector>

#include "bridge.h"
#include "lanes.h"
#include "loops.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace twinview {
namespace {

TV_CLONES void sgd(int64_t n, float rate, float decay, const float *grad, float *value) {
  for (int64_t i = 0; i < n; i++) value[i] -= rate * (grad[i] + decay * value[i]);
}

// LARS differs from SGD by the ratio alone.
TV_CLONES void sgd_momentum(int64_t n, float rate, float decay, float ratio, float momentum, const float *grad,
                            float *value, float *buffer) {
  for (int64_t i = 0; i < n; i++) {
    buffer[i] = momentum * buffer[i] + ratio * (grad[i] + decay * value[i]);
    value[i] -= rate * buffer[i];
  }
}

TV_CLONES void sgd_nesterov(int64_t n, float rate, float decay, float ratio, float momentum, const float *grad,
                            float *value, float *buffer) {
  for (int64_t i = 0; i < n; i++) {
    const float direction = ratio * (grad[i] + decay * value[i]);
    buffer[i] = momentum * buffer[i] + direction;
    value[i] -= rate * (direction + momentum * buffer[i]);
  }
}

struct adam_step {
  float keep, size, correction, weight1, beta2, weight2, epsilon;
};

// piece is the number of elements that are moved at a time: what the next loop needs of them is still in the first-level
// cache.
constexpr int64_t kPiece = 1024;

TV_CLONES void adam_means(int64_t n, const adam_step &s, const float *grad, float *mean, float *square) {
  for (int64_t i = 0; i < n; i++) {
    const float g = grad[i];
    mean[i] += s.weight1 * (g - mean[i]);
    square[i] = s.beta2 * square[i] + s.weight2 * g * g;
  }
}

// GCC makes no vectors of std::sqrt, which has to set errno.
void roots(int64_t n, const float *x, float *root) {
  int64_t i = 0;
#ifdef __SSE2__
  for (; i + 4 <= n; i += 4) _mm_storeu_ps(root + i, _mm_sqrt_ps(_mm_loadu_ps(x + i)));
#endif
  for (; i < n; i++) root[i] = std::sqrt(x[i]);
}

TV_CLONES void adam_values(int64_t n, const adam_step &s, const float *mean, const float *root, float *value) {
  for (int64_t i = 0; i < n; i++)
    value[i] = s.keep * value[i] - s.size * mean[i] / (root[i] * s.correction + s.epsilon);
}

void adamw(int64_t n, const adam_step &s, const float *grad, float *value, float *mean, float *square) {
  float root[kPiece];
  adam_means(n, s, grad, mean, square);
  roots(n, square, root);
  adam_values(n, s, mean, root, value);
}

struct squares {
  double weights, updates;
};

TV_CLONES squares lars_squares(int64_t n, float decay, const float *grad, const float *value) {
  double weights[kLanes] = {}, updates[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int j = 0; j < kLanes; j++) {
      const float v = value[i + j];
      const double u = grad[i + j] + decay * v;
      weights[j] += double(v) * double(v);
      updates[j] += u * u;
    }
  for (int j = 0; i + j < n; j++) {
    const float v = value[i + j];
    const double u = grad[i + j] + decay * v;
    weights[j] += double(v) * double(v);
    updates[j] += u * u;
  }
  return {add_lanes(weights), add_lanes(updates)};
}

// x − x is 0 for every number, and NaN for NaN and the infinities.
TV_CLONES bool all_finite(int64_t n, const float *x) {
  float lane[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int j = 0; j < kLanes; j++) lane[j] += x[i + j] - x[i + j];
  for (int j = 0; i + j < n; j++) lane[j] += x[i + j] - x[i + j];
  return add_lanes(lane) == 0;
}

// chunk is a part of one parameter: what a thread takes at a time.
struct chunk {
  int64_t parameter, first, last;
};

}  // namespace
}  // namespace twinview

using namespace twinview;

struct tv_optimizer {
  std::vector<tv_parameter> parameters;
  std::vector<chunk> chunks;
  std::vector<squares> norms;  // of each chunk, for LARS
  std::vector<float> ratios;   // of each parameter, for LARS

  tv_optimizer(const tv_parameter *p, int64_t n) : parameters(p, p + n), ratios(n) {
    for (int64_t i = 0; i < n; i++)
      for (int64_t first = 0; first < p[i].length; first += kBlockElements)
        chunks.push_back({i, first, std::min(p[i].length, first + kBlockElements)});
    norms.resize(chunks.size());
  }

  // move calls update(parameter's index, first element, number of elements) until all elements are done, and tells
  // whether all values and buffers are finite then.
  template <typename Update>
  bool move(Update update) const {
    bool finite = true;
#pragma omp parallel for schedule(static) reduction(&& : finite)
    for (size_t c = 0; c < chunks.size(); c++) {
      const tv_parameter &p = parameters[chunks[c].parameter];
      for (int64_t first = chunks[c].first; first < chunks[c].last; first += kPiece) {
        const int64_t n = std::min(kPiece, chunks[c].last - first);
        update(chunks[c].parameter, first, n);
        for (const float *written : {p.value, p.buffers[0], p.buffers[1]})
          if (written) finite = all_finite(n, written + first) && finite;
      }
    }
    return finite;
  }

  // SGD with momentum, at the ratios of LARS.
  bool move_with_momentum(float rate, float decay, float momentum, bool nesterov) const {
    const auto rule = nesterov ? sgd_nesterov : sgd_momentum;
    return move([=](int64_t i, int64_t first, int64_t n) {
      const tv_parameter &p = parameters[i];
      rule(n, rate, p.excluded ? 0 : decay, ratios[i], momentum, p.grad + first, p.value + first, p.buffers[0] + first);
    });
  }

  // The sums of chunks are added in their order, whatever thread made them.
  void measure_ratios(float decay, double trust, float excluded_rate) {
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < chunks.size(); c++) {
      const tv_parameter &p = parameters[chunks[c].parameter];
      if (p.excluded) continue;
      const int64_t first = chunks[c].first;
      norms[c] = lars_squares(chunks[c].last - first, decay, p.grad + first, p.value + first);
    }
    auto next = norms.cbegin();
    for (size_t i = 0, c = 0; i < parameters.size(); i++) {
      squares sum{0, 0};
      for (; c < chunks.size() && chunks[c].parameter == int64_t(i); c++, next++) {
        sum.weights += next->weights;
        sum.updates += next->updates;
      }
      if (parameters[i].excluded)
        ratios[i] = excluded_rate;
      else
        ratios[i] = sum.weights == 0 || sum.updates == 0 ? 1.0f : float(trust * std::sqrt(sum.weights / sum.updates));
    }
  }
};

extern "C" tv_optimizer *tv_optimizer_new(const tv_parameter *parameters, int64_t n) {
  return new tv_optimizer(parameters, n);
}

extern "C" void tv_optimizer_free(tv_optimizer *o) { delete o; }

extern "C" int tv_sgd(tv_optimizer *o, double rate, double decay, double momentum, int nesterov) {
  if (momentum != 0) {
    std::fill(o->ratios.begin(), o->ratios.end(), 1.0f);
    return o->move_with_momentum(float(rate), float(decay), float(momentum), nesterov);
  }
  return o->move([=](int64_t i, int64_t first, int64_t n) {
    const tv_parameter &p = o->parameters[i];
    sgd(n, float(rate), p.excluded ? 0 : float(decay), p.grad + first, p.value + first);
  });
}

extern "C" int tv_lars(tv_optimizer *o, double rate, double decay, double momentum, int nesterov, double trust,
                       double excluded_rate) {
  o->measure_ratios(float(decay), trust, float(excluded_rate));
  return o->move_with_momentum(float(rate), float(decay), float(momentum), nesterov);
}

extern "C" int tv_adamw(tv_optimizer *o, double rate, double decay, double beta1, double beta2, double epsilon,
                        int64_t step) {
  adam_step decayed;
  decayed.keep = float(1 - rate * decay);
  decayed.size = float(rate / (1 - std::pow(beta1, double(step))));
  decayed.correction = float(1 / std::sqrt(1 - std::pow(beta2, double(step))));
  decayed.weight1 = float(1 - beta1);
  decayed.beta2 = float(beta2);
  decayed.weight2 = float(1 - beta2);
  decayed.epsilon = float(epsilon);
  adam_step kept = decayed;
  kept.keep = 1;
  return o->move([=](int64_t i, int64_t first, int64_t n) {
    const tv_parameter &p = o->parameters[i];
    adamw(n, p.excluded ? kept : decayed, p.grad + first, p.value + first, p.buffers[0] + first, p.buffers[1] + first);
  });
}
