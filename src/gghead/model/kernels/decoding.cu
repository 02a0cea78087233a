// UV maps -> Gaussians at the texels, and back: bilinear samples, the mixing of positions, the activations of decoder.py.
//
// Compile-time settings, given by cuda_decoder.py: CHANNELS of the maps, COEFFICIENTS of the spherical harmonics, and the
// numbers POSITION_RANGE, MAX_LOG_SCALE, LOG_SCALE_OFFSET, OVERSHOOT, COLOR_FACTOR.
//
// Maps lie channels last, [heads, side, side, CHANNELS], a pixel's `pitch` numbers after the one before it. Blocks along x cover points, along y heads.

typedef unsigned int u32;

#define THREADS 256
#define PI 3.14159265358979f
#define MIXED 12  // numbers of the mixing: 3 x 3 weights, 3 biases
#define FULL 0xffffffffu

struct Taps {
  int first, right, down;
  float weights[4];
};

// Where a point's four texels are; beyond the border texels' centres the border's value holds.
__device__ __forceinline__ Taps taps_of(float2 uv, int side, int pitch) {
  const float limit = (float)(side - 1);
  const float x = fminf(fmaxf(((uv.x + 1.f) * side - 1.f) * .5f, 0.f), limit);
  const float y = fminf(fmaxf(((uv.y + 1.f) * side - 1.f) * .5f, 0.f), limit);
  const int column = min((int)x, side - 1), row = min((int)y, side - 1);
  const float a = x - column, b = y - row;
  return {(row * side + column) * pitch,
          column + 1 < side ? pitch : 0,
          row + 1 < side ? side * pitch : 0,
          {(1.f - a) * (1.f - b), a * (1.f - b), (1.f - a) * b, a * b}};
}

__device__ __forceinline__ void sample(const float* map, const Taps& taps, float* raw) {
  const float* corner = map + taps.first;
#pragma unroll
  for (int c = 0; c < CHANNELS; c++)
    raw[c] = taps.weights[0] * corner[c] + taps.weights[1] * corner[taps.right + c] +
             taps.weights[2] * corner[taps.down + c] + taps.weights[3] * corner[taps.down + taps.right + c];
}

// The mixed positions, weight [3, 3] times raw plus bias.
__device__ __forceinline__ void mix(const float* mixing, const float* raw, float* mixed) {
#pragma unroll
  for (int i = 0; i < 3; i++)
    mixed[i] = mixing[3 * i] * raw[0] + mixing[3 * i + 1] * raw[1] + mixing[3 * i + 2] * raw[2] + mixing[9 + i];
}

__device__ __forceinline__ float sigmoid(float x) { return 1.f / (1.f + expf(-x)); }
__device__ __forceinline__ float softplus(float x) { return fmaxf(x, 0.f) + log1pf(expf(-fabsf(x))); }
__device__ __forceinline__ float overshot(float x) { return x * (1.f + 2.f * OVERSHOOT) - OVERSHOOT; }

extern "C" __global__ void __launch_bounds__(THREADS)
    decode(const float* maps, const float2* uvs, const float* surface, const float* mixing, float* positions,
           float* raw_scales, float* means, float* quats, float* scales, float* opacities, float* sh, int count,
           int side, int pitch) {
  const int point = blockIdx.x * THREADS + threadIdx.x;
  if (point >= count) return;
  const size_t row = (size_t)blockIdx.y * count + point;
  float raw[CHANNELS], mixed[3];
  sample(maps + (size_t)blockIdx.y * side * side * pitch, taps_of(uvs[point], side, pitch), raw);
  mix(mixing, raw, mixed);
  float half[3], square = 0.f;
#pragma unroll
  for (int i = 0; i < 3; i++) {
    positions[3 * row + i] = mixed[i];
    means[3 * row + i] = surface[3 * point + i] + POSITION_RANGE * tanhf(mixed[i]);
    raw_scales[3 * row + i] = raw[3 + i];
    scales[3 * row + i] = expf(MAX_LOG_SCALE - softplus(MAX_LOG_SCALE - LOG_SCALE_OFFSET - raw[3 + i]));
    half[i] = PI * tanhf(raw[6 + i]);
    square += half[i] * half[i];
  }
  const float angle = sqrtf(fmaxf(square, 1e-24f)), ratio = sinf(angle) / angle;
  ((float4*)quats)[row] = make_float4(cosf(angle), half[0] * ratio, half[1] * ratio, half[2] * ratio);
#pragma unroll
  for (int i = 0; i < 3 * COEFFICIENTS; i++)
    sh[row * 3 * COEFFICIENTS + i] = overshot(tanhf(raw[9 + i])) * COLOR_FACTOR;
  opacities[row] = overshot(sigmoid(raw[CHANNELS - 1]));
}

__device__ __forceinline__ float number(const float* from, size_t index) { return from ? from[index] : 0.f; }

// Gradients w.r.t. the raw channels, grad_raw [heads, count, CHANNELS], and sums over a block's points of those w.r.t. the
// mixing, sums [heads, blocks, MIXED]. Upstream gradients may be missing.
extern "C" __global__ void __launch_bounds__(THREADS)
    decode_backward(const float* maps, const float2* uvs, const float* mixing, const float* grad_positions,
                    const float* grad_raw_scales, const float* grad_means, const float* grad_quats,
                    const float* grad_scales, const float* grad_opacities, const float* grad_sh, float* grad_raw,
                    float* sums, int count, int side, int pitch) {
  __shared__ float shared[THREADS / 32][MIXED];
  const int point = blockIdx.x * THREADS + threadIdx.x;
  float grad_mixing[MIXED] = {};
  if (point < count) {
    const size_t row = (size_t)blockIdx.y * count + point;
    float raw[CHANNELS], mixed[3], half[3], grad_mixed[3], square = 0.f;
    sample(maps + (size_t)blockIdx.y * side * side * pitch, taps_of(uvs[point], side, pitch), raw);
    mix(mixing, raw, mixed);
    float* to = grad_raw + row * CHANNELS;
#pragma unroll
    for (int i = 0; i < 3; i++) {
      const float bent = tanhf(mixed[i]);
      grad_mixed[i] = number(grad_positions, 3 * row + i) +
                    number(grad_means, 3 * row + i) * POSITION_RANGE * (1.f - bent * bent);
      const float below = MAX_LOG_SCALE - LOG_SCALE_OFFSET - raw[3 + i], scale = expf(MAX_LOG_SCALE - softplus(below));
      to[3 + i] = number(grad_raw_scales, 3 * row + i) + number(grad_scales, 3 * row + i) * scale * sigmoid(below);
      half[i] = PI * tanhf(raw[6 + i]);
      square += half[i] * half[i];
    }
#pragma unroll
    for (int j = 0; j < 3; j++) {
      to[j] = mixing[j] * grad_mixed[0] + mixing[3 + j] * grad_mixed[1] + mixing[6 + j] * grad_mixed[2];
      grad_mixing[9 + j] = grad_mixed[j];
#pragma unroll
      for (int i = 0; i < 3; i++) grad_mixing[3 * i + j] = grad_mixed[i] * raw[j];
    }
    if (grad_quats) {
      const float4 grad_quat = ((const float4*)grad_quats)[row];
      const float angle = sqrtf(fmaxf(square, 1e-24f)), cosine = cosf(angle), ratio = sinf(angle) / angle;
      // d ratio / d angle / angle, near zero by its series
      const float slope = square < 1e-4f ? square / 30.f - 1.f / 3.f : (cosine - ratio) / square;
      const float along = half[0] * grad_quat.y + half[1] * grad_quat.z + half[2] * grad_quat.w;
      const float common = along * slope - grad_quat.x * ratio;
      const float grad_vector[3] = {grad_quat.y, grad_quat.z, grad_quat.w};
#pragma unroll
      for (int i = 0; i < 3; i++) {
        const float bent = half[i] / PI;
        to[6 + i] = PI * (1.f - bent * bent) * (ratio * grad_vector[i] + half[i] * common);
      }
    } else {
      to[6] = to[7] = to[8] = 0.f;
    }
#pragma unroll
    for (int i = 0; i < 3 * COEFFICIENTS; i++) {
      const float bent = tanhf(raw[9 + i]);
      to[9 + i] = number(grad_sh, row * 3 * COEFFICIENTS + i) * COLOR_FACTOR * (1.f + 2.f * OVERSHOOT) * (1.f - bent * bent);
    }
    const float open = sigmoid(raw[CHANNELS - 1]);
    to[CHANNELS - 1] = number(grad_opacities, row) * (1.f + 2.f * OVERSHOOT) * open * (1.f - open);
  }
#pragma unroll
  for (int i = 0; i < MIXED; i++) {
    for (int step = 16; step; step /= 2) grad_mixing[i] += __shfl_down_sync(FULL, grad_mixing[i], step);
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32][i] = grad_mixing[i];
  }
  __syncthreads();
  if (threadIdx.x < MIXED) {
    float sum = 0.f;
    for (int warp = 0; warp < THREADS / 32; warp++) sum += shared[warp][threadIdx.x];
    sums[((size_t)blockIdx.y * gridDim.x + blockIdx.x) * MIXED + threadIdx.x] = sum;
  }
}

// Gradients w.r.t. the maps: each texel gathers from the points that sampled it, in a fixed order. The points of texel t are
// points[starts[t]] to points[starts[t + 1] - 1], with their weights. Blocks along x cover texels and channels.
extern "C" __global__ void __launch_bounds__(THREADS)
    gather(const float* grad_raw, const int* starts, const int* points, const float* weights, float* grad_maps,
           int count, int texels) {
  const int index = blockIdx.x * THREADS + threadIdx.x, texel = index / CHANNELS, channel = index % CHANNELS;
  if (texel >= texels) return;
  const float* from = grad_raw + (size_t)blockIdx.y * count * CHANNELS + channel;
  float sum = 0.f;
  for (int i = starts[texel]; i < starts[texel + 1]; i++) sum += weights[i] * from[(size_t)points[i] * CHANNELS];
  grad_maps[(size_t)blockIdx.y * texels * CHANNELS + index] = sum;
}
