// The first layer of a discriminator: colours of a pixel -> features, a 1 x 1 convolution with bias and leaky ReLU.
//
// Each feature is a sum of three products, so that the layer is as fast as its features are written. Pictures lie channels
// last, [pixels, COLORS]; weight [channels, COLORS]; a thread takes 8 channels, as in activation.cu.
#include "activation.cuh"

#define COLORS 3
#define FULL 0xffffffffu

__device__ __forceinline__ void colors_of(const Value* pictures, int pixel, float* colors) {
#pragma unroll
  for (int i = 0; i < COLORS; i++) colors[i] = as_float(pictures[(size_t)pixel * COLORS + i]);
}

// y = leaky ReLU(weight colours + bias) [pixels, channels], and the signs before, a bit each.
extern "C" __global__ void __launch_bounds__(THREADS)
    read_pictures(const Value* __restrict__ pictures, const float* __restrict__ weight, const float* __restrict__ bias,
                  Value* __restrict__ y, unsigned char* __restrict__ signs, int pixels, int channels, int run) {
  const Place at = place_of(channels);
  float factors[VECTOR * COLORS], offset[VECTOR];
  numbers8(bias + at.channel, 0.f, offset);
#pragma unroll
  for (int i = 0; i < VECTOR * COLORS; i++) factors[i] = weight[at.channel * COLORS + i];
  const int end = min((int)(blockIdx.x + 1) * run, pixels);
#pragma unroll 4
  for (int pixel = blockIdx.x * run + at.lane; pixel < end; pixel += at.lanes) {
    const size_t here = (size_t)pixel * channels + at.channel;
    float colors[COLORS], values[VECTOR];
    u32 bits = 0;
    colors_of(pictures, pixel, colors);
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      float before = offset[i];
#pragma unroll
      for (int j = 0; j < COLORS; j++) before += factors[i * COLORS + j] * colors[j];
      values[i] = activated(before, i, bits);
    }
    store8(y + here, values);
    signs[here / VECTOR] = bits;
  }
}

// Gradients of the above, each where wanted: by the pictures, of 256 channels at most; and by weight and bias, sums over a
// block's pixels [blocks, COLORS + 1, channels].
extern "C" __global__ void __launch_bounds__(THREADS)
    read_pictures_backward(const Value* __restrict__ grad_y, const unsigned char* __restrict__ signs,
                           const Value* __restrict__ pictures, const float* __restrict__ weight,
                           Value* __restrict__ grad_pictures, float* __restrict__ sums, int pixels, int channels, int run) {
  __shared__ float shared[THREADS * VECTOR];
  const Place at = place_of(channels);
  const int groups = channels / VECTOR;
  float factors[VECTOR * COLORS], totals[COLORS + 1][VECTOR] = {};
#pragma unroll
  for (int i = 0; i < VECTOR * COLORS; i++) factors[i] = weight[at.channel * COLORS + i];
  Fetched<VECTOR> next;
  u32 next_signs;
  float next_colors[COLORS] = {};
  auto fetch = [&](int start) {
    const int pixel = blockIdx.x * run + start + at.lane;
    const bool there = start < run && pixel < pixels;
    const size_t here = (size_t)pixel * channels + at.channel;
    next.fetch(grad_y + here, there);
    next_signs = there ? signs[here / VECTOR] : 0;
    if (there && sums) colors_of(pictures, pixel, next_colors);
  };
  fetch(0);
  // All lanes of a warp go round as often, since they add up a pixel's gradient together.
  for (int start = 0; start < run; start += at.lanes) {
    float gradient[VECTOR], colors[COLORS], grad_colors[COLORS] = {};
    const u32 bits = next_signs;
    next.expand(gradient);
#pragma unroll
    for (int j = 0; j < COLORS; j++) colors[j] = next_colors[j];
    fetch(start + at.lanes);
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      gradient[i] *= slope_of(bits, i);
#pragma unroll
      for (int j = 0; j < COLORS; j++) {
        grad_colors[j] += gradient[i] * factors[i * COLORS + j];
        totals[j][i] += gradient[i] * colors[j];
      }
      totals[COLORS][i] += gradient[i];
    }
    if (grad_pictures) {
#pragma unroll
      for (int j = 0; j < COLORS; j++) {
        for (int step = groups / 2; step; step /= 2) grad_colors[j] += __shfl_xor_sync(FULL, grad_colors[j], step);
        const int pixel = blockIdx.x * run + start + at.lane;
        if (pixel < pixels && at.channel == 0) grad_pictures[(size_t)pixel * COLORS + j] = as_value(grad_colors[j]);
      }
    }
  }
  if (!sums) return;
#pragma unroll
  for (int j = 0; j <= COLORS; j++)
    sum_lanes(totals[j], at, channels, shared, sums + ((size_t)blockIdx.x * (COLORS + 1) + j) * channels);
}
