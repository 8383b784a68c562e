#include "bridge.h"

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

constexpr auto f32 = memory::data_type::f32;

// The two major versions differ only in how a primitive is described.
#if DNNL_VERSION_MAJOR >= 3
#define TV_DESCRIBE(kind, ...) kind::primitive_desc(cpu(), __VA_ARGS__)
#define TV_DESCRIBE_BACKWARD(kind, hint, ...) kind::primitive_desc(cpu(), __VA_ARGS__, hint)
#else
#define TV_DESCRIBE(kind, ...) kind::primitive_desc(kind::desc(__VA_ARGS__), cpu())
#define TV_DESCRIBE_BACKWARD(kind, hint, ...) kind::primitive_desc(kind::desc(__VA_ARGS__), cpu(), hint)
#endif

}  // namespace

// Activations stay NHWC from end to end. The weights are OIHW outside and in whatever layout oneDNN is fastest with
// inside, and of the activations' type there; reordering them costs a thousandth of a step. The gradient of bfloat16
// activations by the weights is float32 from oneDNN on.
struct tv_convolution {
  tv_direction direction;
  dnnl::primitive primitive;
  memory x, y, outer, inner;
  bool reordered = false;
  dnnl::reorder reorder;

  tv_convolution(tv_direction d, tv_precision precision, const tv_convolution_shape &s) : direction(d) {
    const auto type = precision == TV_BFLOAT16 ? memory::data_type::bf16 : f32;
    const auto algorithm = dnnl::algorithm::convolution_direct;
    const int64_t height = (s.height + 2 * s.pad - s.kernel) / s.stride + 1;
    const int64_t width = (s.width + 2 * s.pad - s.kernel) / s.stride + 1;
    const memory::dims strides{s.stride, s.stride}, pads{s.pad, s.pad};
    const memory::dims kernel{s.out, s.in, s.kernel, s.kernel};
    const memory::desc x_desc({s.batch, s.in, s.height, s.width}, type, tag::nhwc);
    const memory::desc y_desc({s.batch, s.out, height, width}, type, tag::nhwc);
    const memory::desc any(kernel, type, tag::any), any_grad(kernel, f32, tag::any), plain(kernel, f32, tag::oihw);

    const auto kind = d == TV_FORWARD ? dnnl::prop_kind::forward_inference : dnnl::prop_kind::forward_training;
    auto forward =
        TV_DESCRIBE(dnnl::convolution_forward, kind, algorithm, x_desc, any, y_desc, strides, pads, pads);
    memory::desc weights;
    if (d == TV_FORWARD) {
      primitive = dnnl::convolution_forward(forward);
      weights = forward.weights_desc();
    } else if (d == TV_INPUT_GRAD) {
      auto backward = TV_DESCRIBE_BACKWARD(dnnl::convolution_backward_data, forward, algorithm, x_desc, any, y_desc,
                                           strides, pads, pads);
      primitive = dnnl::convolution_backward_data(backward);
      weights = backward.weights_desc();
    } else {
      auto backward = TV_DESCRIBE_BACKWARD(dnnl::convolution_backward_weights, forward, algorithm, x_desc, any_grad, y_desc,
                                           strides, pads, pads);
      primitive = dnnl::convolution_backward_weights(backward);
      weights = backward.diff_weights_desc();
    }

    x = memory(x_desc, cpu(), nullptr);
    y = memory(y_desc, cpu(), nullptr);
    outer = memory(plain, cpu(), nullptr);
    reordered = weights != plain;
    if (!reordered) return;
    inner = memory(weights, cpu());
    reorder = d == TV_WEIGHT_GRAD ? dnnl::reorder(inner, outer) : dnnl::reorder(outer, inner);
  }

  void run(void *x_data, float *weights_data, void *y_data) {
    x.set_data_handle(x_data);
    y.set_data_handle(y_data);
    outer.set_data_handle(weights_data);
    memory &weights = reordered ? inner : outer;
    if (reordered && direction != TV_WEIGHT_GRAD) reorder.execute(stream(), outer, inner);
    switch (direction) {
      case TV_FORWARD:
        primitive.execute(stream(), {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, y}});
        break;
      case TV_INPUT_GRAD:
        primitive.execute(stream(),
                          {{DNNL_ARG_DIFF_SRC, x}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DIFF_DST, y}});
        break;
      case TV_WEIGHT_GRAD:
        primitive.execute(stream(),
                          {{DNNL_ARG_SRC, x}, {DNNL_ARG_DIFF_WEIGHTS, weights}, {DNNL_ARG_DIFF_DST, y}});
        if (reordered) reorder.execute(stream(), inner, outer);
        break;
    }
    stream().wait();
  }
};

extern "C" const char *tv_convolution_new(enum tv_direction direction, enum tv_precision precision,
                                          tv_convolution_shape shape, tv_convolution **made) {
  try {
    *made = new tv_convolution(direction, precision, shape);
    return nullptr;
  } catch (const std::exception &e) {
    failure = std::string("oneDNN: ") + e.what();
    return failure.c_str();
  }
}

extern "C" void tv_convolution_free(tv_convolution *convolution) { delete convolution; }

extern "C" const char *tv_convolution_run(tv_convolution *convolution, void *x, float *weights, void *y) {
  try {
    convolution->run(x, weights, y);
    return nullptr;
  } catch (const std::exception &e) {
    failure = std::string("oneDNN: ") + e.what();
    return failure.c_str();
  }
}

extern "C" const char *tv_onednn_version(void) {
  static const std::string version = [] {
    const dnnl_version_t *v = dnnl_version();
    return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
  }();
  return version.c_str();
}

// oneDNN computes bfloat16 from AVX-512 on, and emulates it there without the instructions: half as fast as float32. It is
// asked, not the CPU: ONEDNN_MAX_CPU_ISA can keep it from using what the CPU has.
extern "C" int tv_has_bfloat16(void) {
#if defined(__x86_64__)
  return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
#else
  return 0;
#endif
}
