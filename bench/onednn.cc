#include "onednn.h"

#ifdef _OPENMP
#include <omp.h>
#endif
#include <sys/mman.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <dnnl.hpp>
#include <string>

namespace {

using dnnl::memory;
using tag = dnnl::memory::format_tag;

thread_local std::string failure;

const dnnl::engine &cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream &stream() {
  static dnnl::stream stream(cpu());
  return stream;
}

memory::data_type type_of(bench_type type) {
  return type == BENCH_BFLOAT16 ? memory::data_type::bf16 : memory::data_type::f32;
}

// The two major versions differ in how a primitive is described.
#if DNNL_VERSION_MAJOR >= 3
#define BENCH_DESCRIBE(kind, ...) kind::primitive_desc(cpu(), __VA_ARGS__)
#define BENCH_DESCRIBE_BACKWARD(kind, hint, ...) kind::primitive_desc(cpu(), __VA_ARGS__, hint)
#else
#define BENCH_DESCRIBE(kind, ...) kind::primitive_desc(kind::desc(__VA_ARGS__), cpu())
#define BENCH_DESCRIBE_BACKWARD(kind, hint, ...) kind::primitive_desc(kind::desc(__VA_ARGS__), cpu(), hint)
#endif

// Memory that convolutions share, since they run one after another: it grows to the largest tensor, in large pages as
// the engine's arena.
class buffer {
 public:
  // Normal numbers of both signs: the time of a multiplication depends on denormals, the clock on bits that flip.
  void *inputs(size_t bytes, bench_type type) {
    if (!reserve(bytes)) return data_;
    uint32_t state = 1;
    for (size_t i = 0; i < size_ / 4; i++) {
      state = state * 1664525 + 1013904223;
      const float value = static_cast<float>(static_cast<int32_t>(state)) / 2147483648.0f;
      uint32_t bits;
      memcpy(&bits, &value, 4);
      // Two bfloat16s are the upper halves of two float32s.
      if (type == BENCH_BFLOAT16) bits = (bits & 0xffff0000u) | (bits >> 16);
      memcpy(static_cast<char *>(data_) + 4 * i, &bits, 4);
    }
    return data_;
  }

  void *output(size_t bytes) {
    if (reserve(bytes)) memset(data_, 0, size_);
    return data_;
  }

 private:
  // Returns whether the memory is new.
  bool reserve(size_t bytes) {
    if (bytes <= size_) return false;
    constexpr size_t kLargePage = size_t{2} << 20;
    free(data_);
    size_ = (bytes + kLargePage - 1) / kLargePage * kLargePage;
    if (posix_memalign(&data_, kLargePage, size_) != 0) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    madvise(data_, size_, MADV_HUGEPAGE);
#endif
    return true;
  }

  void *data_ = nullptr;
  size_t size_ = 0;
};

// Inputs by element type, as random bits of one are infinities of the other.
buffer first_input[2], second_input[2], result;

}  // namespace

struct bench_convolution {
  bench_convolution_variant variant;
  dnnl::primitive primitive;
  memory x, weights, y;

  bench_convolution(const bench_convolution_shape &s, const bench_convolution_variant &v) : variant(v) {
    const auto algorithm = dnnl::algorithm::convolution_direct;
    const auto type = type_of(v.type);
    const auto layout = v.any_layout ? tag::any : tag::nhwc;
    const int64_t height = (s.height + 2 * s.pad - s.kernel) / s.stride + 1;
    const int64_t width = (s.width + 2 * s.pad - s.kernel) / s.stride + 1;
    const memory::dims strides{s.stride, s.stride}, pads{s.pad, s.pad};
    const memory::dims kernel{s.out, s.in, s.kernel, s.kernel};
    const memory::desc x_desc({s.batch, s.in, s.height, s.width}, type, layout);
    const memory::desc y_desc({s.batch, s.out, height, width}, type, layout);
    const memory::desc w_desc(kernel, type, tag::any);

    auto forward = BENCH_DESCRIBE(dnnl::convolution_forward, dnnl::prop_kind::forward_training, algorithm, x_desc,
                                  w_desc, y_desc, strides, pads, pads);
    if (v.direction == BENCH_FORWARD) {
      primitive = dnnl::convolution_forward(forward);
      hold(forward.src_desc(), forward.weights_desc(), forward.dst_desc());
    } else if (v.direction == BENCH_INPUT_GRAD) {
      auto backward = BENCH_DESCRIBE_BACKWARD(dnnl::convolution_backward_data, forward, algorithm, x_desc, w_desc,
                                              y_desc, strides, pads, pads);
      primitive = dnnl::convolution_backward_data(backward);
      hold(backward.diff_src_desc(), backward.weights_desc(), backward.diff_dst_desc());
    } else {
      const memory::desc dw_desc(kernel, type_of(v.weight_grad), tag::any);
      auto backward = BENCH_DESCRIBE_BACKWARD(dnnl::convolution_backward_weights, forward, algorithm, x_desc, dw_desc,
                                              y_desc, strides, pads, pads);
      primitive = dnnl::convolution_backward_weights(backward);
      hold(backward.src_desc(), backward.diff_weights_desc(), backward.diff_dst_desc());
    }
  }

  void hold(const memory::desc &x_desc, const memory::desc &w_desc, const memory::desc &y_desc) {
    x = memory(x_desc, cpu(), nullptr);
    weights = memory(w_desc, cpu(), nullptr);
    y = memory(y_desc, cpu(), nullptr);
  }

  memory &output() {
    switch (variant.direction) {
      case BENCH_FORWARD: return y;
      case BENCH_INPUT_GRAD: return x;
      default: return weights;
    }
  }

  // The buffers may have grown since the last run.
  void place() {
    memory &out = output();
    buffer *input = first_input;
    for (memory *m : {&x, &weights, &y}) {
      const size_t bytes = m->get_desc().get_size();
      if (m == &out) {
        m->set_data_handle(result.output(bytes));
        continue;
      }
      m->set_data_handle(input[variant.type].inputs(bytes, variant.type));
      input = second_input;
    }
  }

  double run() {
    place();
    const auto start = std::chrono::steady_clock::now();
    switch (variant.direction) {
      case BENCH_FORWARD:
        primitive.execute(stream(), {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, y}});
        break;
      case BENCH_INPUT_GRAD:
        primitive.execute(stream(), {{DNNL_ARG_DIFF_SRC, x}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DIFF_DST, y}});
        break;
      case BENCH_WEIGHT_GRAD:
        primitive.execute(stream(), {{DNNL_ARG_SRC, x}, {DNNL_ARG_DIFF_WEIGHTS, weights}, {DNNL_ARG_DIFF_DST, y}});
        break;
    }
    stream().wait();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
};

extern "C" const char *bench_convolution_new(bench_convolution_shape shape, bench_convolution_variant variant,
                                             bench_convolution **made) {
  try {
    *made = new bench_convolution(shape, variant);
    return nullptr;
  } catch (const std::exception &e) {
    failure = std::string("oneDNN: ") + e.what();
    return failure.c_str();
  }
}

extern "C" void bench_convolution_free(bench_convolution *convolution) { delete convolution; }

extern "C" const char *bench_convolution_run(bench_convolution *convolution, double *seconds) {
  try {
    *seconds = convolution->run();
    return nullptr;
  } catch (const std::exception &e) {
    failure = std::string("oneDNN: ") + e.what();
    return failure.c_str();
  }
}

extern "C" void bench_set_threads(int threads) {
#ifdef _OPENMP
  omp_set_num_threads(threads);
#else
  (void)threads;
#endif
}

extern "C" const char *bench_onednn_version(void) {
  static const std::string version = [] {
    const dnnl_version_t *v = dnnl_version();
    return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
  }();
  return version.c_str();
}
