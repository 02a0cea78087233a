// What follows a convolution, in one pass over memory, and its backward pass.
//
// A block takes a run of pixels of one picture and all of its channels; a thread takes 8 channels of every
// (THREADS * 8 / channels)-th pixel. Sums over pixels end in one row of `sums` for each block: nothing is added up in an
// order that changes from run to run.
#include "activation.cuh"

// y = leaky ReLU(x norm + bias + strength noise), z = y scale; each is written where wanted.
//
// x, y, z [B, pixels, channels]; norm, scale [B, channels]; noise [B or 1, pixels]; bias [channels]; strength [1].
extern "C" __global__ void __launch_bounds__(THREADS)
    style_activation(const Value* x, const float* norm, const float* bias, const float* noise, const float* strength,
                     const float* scale, Value* y, Value* z, int pixels, int channels, int noise_step, int run) {
  const Place at = place_of(channels);
  const size_t picture = blockIdx.y, base = picture * pixels * channels + at.channel;
  float factor[VECTOR], offset[VECTOR], next[VECTOR];
  numbers8(norm + picture * channels + at.channel, 1.f, factor);
  numbers8(bias + at.channel, 0.f, offset);
  numbers8(scale ? scale + picture * channels + at.channel : 0, 1.f, next);
  const float grain = noise ? *strength : 0.f;
  const int end = min((int)(blockIdx.x + 1) * run, pixels);
  for (int pixel = blockIdx.x * run + at.lane; pixel < end; pixel += at.lanes) {
    float values[VECTOR], scaled[VECTOR];
    load8(x + base + (size_t)pixel * channels, values);
    const float added = noise ? grain * noise[picture * noise_step + pixel] : 0.f;
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      const float before = values[i] * factor[i] + (offset[i] + added);
      values[i] = before > 0.f ? before : SLOPE * before;
      scaled[i] = values[i] * next[i];
    }
    if (y) store8(y + base + (size_t)pixel * channels, values);
    if (z) store8(z + base + (size_t)pixel * channels, scaled);
  }
}

// Gradients of the above: by x, and sums over a block's pixels for norm, scale, bias and strength, sums [B, blocks, 4,
// channels]. grad_y and grad_z may be missing.
extern "C" __global__ void __launch_bounds__(THREADS)
    style_activation_backward(const Value* x, const float* norm, const float* bias, const float* noise,
                              const float* strength, const float* scale, const Value* grad_y, const Value* grad_z,
                              Value* grad_x, float* sums, int pixels, int channels, int noise_step, int run) {
  __shared__ float shared[THREADS * VECTOR];
  const Place at = place_of(channels);
  const size_t picture = blockIdx.y, base = picture * pixels * channels + at.channel;
  float factor[VECTOR], offset[VECTOR], next[VECTOR];
  numbers8(norm + picture * channels + at.channel, 1.f, factor);
  numbers8(bias + at.channel, 0.f, offset);
  numbers8(scale ? scale + picture * channels + at.channel : 0, 1.f, next);
  const float grain = noise ? *strength : 0.f;
  float grad_norm[VECTOR] = {}, grad_scale[VECTOR] = {}, grad_bias[VECTOR] = {}, grad_strength[VECTOR] = {};
  const int end = min((int)(blockIdx.x + 1) * run, pixels);
  for (int pixel = blockIdx.x * run + at.lane; pixel < end; pixel += at.lanes) {
    const size_t here = base + (size_t)pixel * channels;
    float values[VECTOR], first[VECTOR] = {}, second[VECTOR] = {}, gradient[VECTOR];
    load8(x + here, values);
    if (grad_y) load8(grad_y + here, first);
    if (grad_z) load8(grad_z + here, second);
    const float noise_value = noise ? noise[picture * noise_step + pixel] : 0.f;
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      const float before = values[i] * factor[i] + (offset[i] + grain * noise_value);
      const float slope = before > 0.f ? 1.f : SLOPE;
      const float grad_before = (first[i] + second[i] * next[i]) * slope;
      grad_scale[i] += second[i] * before * slope;
      grad_norm[i] += grad_before * values[i];
      grad_bias[i] += grad_before;
      grad_strength[i] += grad_before * noise_value;
      gradient[i] = grad_before * factor[i];
    }
    store8(grad_x + here, gradient);
  }
  sums += (picture * gridDim.x + blockIdx.x) * 4 * channels;
  sum_lanes(grad_norm, at, channels, shared, sums);
  sum_lanes(grad_scale, at, channels, shared, sums + channels);
  sum_lanes(grad_bias, at, channels, shared, sums + 2 * channels);
  sum_lanes(grad_strength, at, channels, shared, sums + 3 * channels);
}

// y = leaky ReLU(x + bias) + residual, if there is one; x, y, residual [pixels, channels] of all pictures, and the signs of
// x + bias, a bit each, signs [pixels, channels / 8].
extern "C" __global__ void __launch_bounds__(THREADS)
    bias_activation(const Value* __restrict__ x, const float* __restrict__ bias, const Value* __restrict__ residual,
                    Value* __restrict__ y, unsigned char* __restrict__ signs, int pixels, int channels, int run) {
  const Place at = place_of(channels);
  float offset[VECTOR];
  numbers8(bias + at.channel, 0.f, offset);
  const int end = min((int)(blockIdx.x + 1) * run, pixels);
  for (int pixel = blockIdx.x * run + at.lane; pixel < end; pixel += at.lanes) {
    const size_t here = (size_t)pixel * channels + at.channel;
    float values[VECTOR], more[VECTOR] = {};
    u32 bits = 0;
    load8(x + here, values);
    if (residual) load8(residual + here, more);
#pragma unroll
    for (int i = 0; i < VECTOR; i++) values[i] = activated(values[i] + offset[i], i, bits) + more[i];
    store8(y + here, values);
    signs[here / VECTOR] = bits;
  }
}

// Gradient of the above by x, from the signs; and its sums over a block's pixels, sums [blocks, channels].
extern "C" __global__ void __launch_bounds__(THREADS)
    bias_activation_backward(const Value* __restrict__ grad_y, const unsigned char* __restrict__ signs,
                             Value* __restrict__ grad_x, float* __restrict__ sums, int pixels, int channels, int run) {
  __shared__ float shared[THREADS * VECTOR];
  const Place at = place_of(channels);
  float grad_bias[VECTOR] = {};
  const int end = min((int)(blockIdx.x + 1) * run, pixels);
#pragma unroll 4
  for (int pixel = blockIdx.x * run + at.lane; pixel < end; pixel += at.lanes) {
    const size_t here = (size_t)pixel * channels + at.channel;
    float gradient[VECTOR];
    const u32 bits = signs[here / VECTOR];
    load8(grad_y + here, gradient);
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      gradient[i] *= slope_of(bits, i);
      grad_bias[i] += gradient[i];
    }
    store8(grad_x + here, gradient);
  }
  if (sums) sum_lanes(grad_bias, at, channels, shared, sums + (size_t)blockIdx.x * channels);
}
