// The filter [1, 3, 3, 1] / 8 along both axes, at the same size, halving or doubling it. Beyond the border is zero.
//
// A thread takes N channels of two columns (of one, where the size is halved) and walks down ROWS rows: it sums along the
// row, while the next one is on its way from memory, and keeps the last sums to sum along the column. Blocks along x cover
// columns and channels, along y rows, along z pictures.
#include "activation.cuh"

#define ROWS 16
#define OUTER .125f
#define INNER .375f

template <int N>
__device__ __forceinline__ void move(const float* from, float* to) {
#pragma unroll
  for (int i = 0; i < N; i++) to[i] = from[i];
}

// The channels that a thread works on, and its first column.
template <int N>
__device__ __forceinline__ void place(int channels, int columns, int& column, int& channel) {
  const int groups = channels / N, index = blockIdx.x * THREADS + threadIdx.x;
  column = index / groups * columns, channel = index % groups * N;
}

// What is beside the filter at the same size, nothing or an activation before it or the slopes of one behind it.
enum Beside { ALONE, ACTIVATED, SLOPED };

// Every STEP-th row and column of the filtered picture, padded by so many zeros.
//
// ACTIVATED: of leaky ReLU(in + bias), whose signs go to `signs`, a bit for each value of in.
// SLOPED: times the slopes that `signs` tells, a bit for each value of out; and sums [blocks, channels] over a block's
// pixels, where wanted.
template <int N, int COLUMNS, int STEP, Beside BESIDE>
__device__ __forceinline__ void reduce(const Value* __restrict__ in, const float* __restrict__ bias,
                                       unsigned char* __restrict__ signs, Value* __restrict__ out,
                                       float* __restrict__ sums, int height, int width, int channels, int padding,
                                       float gain) {
  constexpr int TAPS = (COLUMNS - 1) * STEP + 4;
  const int out_height = (height + 2 * padding - 4) / STEP + 1, out_width = (width + 2 * padding - 4) / STEP + 1;
  const int groups = channels / N;
  int x, channel;
  place<N>(channels, COLUMNS, x, channel);
  float total[N] = {};
  if (x < out_width) {
    in += (size_t)blockIdx.z * height * width * channels + channel;
    out += (size_t)blockIdx.z * out_height * out_width * channels + channel;
    if (BESIDE != ALONE)
      signs += (size_t)blockIdx.z * (BESIDE == ACTIVATED ? height * width : out_height * out_width) * groups + channel / N;
    const int first = blockIdx.y * ROWS, last = min(first + ROWS, out_height);
    const int top = first * STEP - padding, left = x * STEP - padding, end = (last - 1) * STEP - padding + 4;
    float offset[N];
    bool inside[TAPS];
#pragma unroll
    for (int tap = 0; tap < TAPS; tap++) inside[tap] = left + tap >= 0 && left + tap < width;
#pragma unroll
    for (int i = 0; i < N; i++) offset[i] = BESIDE == ACTIVATED ? bias[channel + i] : 0.f;

    Fetched<N> next[TAPS];
    auto fetch = [&](int row, int tap) {
      next[tap].fetch(in + ((ptrdiff_t)row * width + left + tap) * channels,
                      row >= 0 && row < height && row < end && inside[tap]);
    };
    // Sums along a row for each column, from what was fetched; each tap then fetches its pixel of the row below.
    auto along_row = [&](int row, float (*to)[N]) {
#pragma unroll
      for (int tap = 0; tap < TAPS; tap++) {
        float values[N];
        next[tap].expand(values);
        fetch(row + 1, tap);
        const bool there = row >= 0 && row < height && inside[tap];
        if (BESIDE == ACTIVATED) {
          u32 bits = 0;
#pragma unroll
          for (int i = 0; i < N; i++) values[i] = activated(values[i] + offset[i], i, bits);
          // The thread of output (y, x) tells the signs of input (y, x), as long as there is one.
          if (there && tap >= padding && tap < padding + COLUMNS && row >= first && row < last)
            signs[((size_t)row * width + left + tap) * groups] = bits;
        }
#pragma unroll
        for (int column = 0; column < COLUMNS; column++) {
          const int place = tap - column * STEP;
          if (place < 0 || place > 3) continue;
          float weight = place == 0 || place == 3 ? OUTER : INNER;
          if (BESIDE == ACTIVATED && !there) weight = 0.f;  // a bias beyond the border
#pragma unroll
          for (int i = 0; i < N; i++) to[column][i] = (place ? to[column][i] : 0.f) + weight * values[i];
        }
      }
    };
    float a[COLUMNS][N], b[COLUMNS][N], c[COLUMNS][N], d[COLUMNS][N];
    int row = top;
#pragma unroll
    for (int tap = 0; tap < TAPS; tap++) fetch(row, tap);
    along_row(row++, a), along_row(row++, b);
    if (STEP == 1) along_row(row++, c);
    for (int y = first; y < last; y++) {
      if (STEP == 2) along_row(row++, c);
      along_row(row++, d);
#pragma unroll
      for (int column = 0; column < COLUMNS; column++) {
        if (column == 0 || x + column < out_width) {
          const size_t pixel = (size_t)y * out_width + x + column;
          const u32 bits = BESIDE == SLOPED ? signs[pixel * groups] : 0;
          float result[N];
#pragma unroll
          for (int i = 0; i < N; i++) {
            result[i] = gain * (OUTER * (a[column][i] + d[column][i]) + INNER * (b[column][i] + c[column][i]));
            if (BESIDE == SLOPED) result[i] *= slope_of(bits, i), total[i] += result[i];
          }
          store<N>(out + pixel * channels, result);
        }
        if (STEP == 1) move<N>(b[column], a[column]), move<N>(c[column], b[column]), move<N>(d[column], c[column]);
        else move<N>(c[column], a[column]), move<N>(d[column], b[column]);
      }
    }
  }
  if (BESIDE == SLOPED && N == VECTOR && sums) {
    __shared__ float shared[THREADS * VECTOR];
    const size_t block = ((size_t)blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    sum_lanes(total, place_of(channels), channels, shared, sums + block * channels);
  }
}

// Sums along a row for the even and the odd column above column x.
template <int N>
__device__ __forceinline__ void spread_row(const Value* __restrict__ in, int y, int x, int height, int width, int channels,
                                           float* even, float* odd) {
  const bool there = y >= 0 && y < height;
  const Value* at = in + ((ptrdiff_t)y * width + x) * channels;
  Fetched<N> left, middle, right;
  left.fetch(at - channels, there && x > 0);
  middle.fetch(at, there);
  right.fetch(at + channels, there && x + 1 < width);
  float values[N], outer[N];
  middle.expand(values);
  left.expand(outer);
#pragma unroll
  for (int i = 0; i < N; i++) even[i] = INNER * values[i] + OUTER * outer[i];
  right.expand(outer);
#pragma unroll
  for (int i = 0; i < N; i++) odd[i] = INNER * values[i] + OUTER * outer[i];
}

// Zeros between the pixels, then the filter: the transpose of halving; and plus `other`, if that is given.
template <int N>
__device__ __forceinline__ void enlarge(const Value* __restrict__ in, const Value* __restrict__ other,
                                        Value* __restrict__ out, int height, int width, int channels, float gain) {
  int x, channel;
  place<N>(channels, 1, x, channel);
  if (x >= width) return;
  in += (size_t)blockIdx.z * height * width * channels + channel;
  const size_t base = (size_t)blockIdx.z * 4 * height * width * channels + channel;
  const int first = blockIdx.y * ROWS, last = min(first + ROWS, height);
  float even[3][N], odd[3][N];
  spread_row<N>(in, first - 1, x, height, width, channels, even[0], odd[0]);
  spread_row<N>(in, first, x, height, width, channels, even[1], odd[1]);
  for (int y = first; y < last; y++) {
    Fetched<N> beside[2][2];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const size_t at = base + (((size_t)2 * y + i / 2) * 2 * width + 2 * x + i % 2) * channels;
      beside[i / 2][i % 2].fetch(other + at, other);
    }
    spread_row<N>(in, y + 1, x, height, width, channels, even[2], odd[2]);
#pragma unroll
    for (int below = 0; below < 2; below++) {
      float left[N], right[N];
      beside[below][0].expand(left), beside[below][1].expand(right);
#pragma unroll
      for (int i = 0; i < N; i++) {
        left[i] += gain * (INNER * even[1][i] + OUTER * even[2 * below][i]);
        right[i] += gain * (INNER * odd[1][i] + OUTER * odd[2 * below][i]);
      }
      Value* to = out + base + (((size_t)2 * y + below) * 2 * width + 2 * x) * channels;
      store<N>(to, left), store<N>(to + channels, right);
    }
    move<N>(even[1], even[0]), move<N>(even[2], even[1]), move<N>(odd[1], odd[0]), move<N>(odd[2], odd[1]);
  }
}

#define FILTER(SUFFIX, N)                                                                                              \
  extern "C" __global__ void __launch_bounds__(THREADS, 2)                                                             \
      smooth##SUFFIX(const Value* in, Value* out, int height, int width, int channels, int padding, float gain) {      \
    reduce<N, 2, 1, ALONE>(in, 0, 0, out, 0, height, width, channels, padding, gain);                                     \
  }                                                                                                                    \
  extern "C" __global__ void __launch_bounds__(THREADS, 2)                                                             \
      halve##SUFFIX(const Value* in, Value* out, int height, int width, int channels, int padding, float gain) {       \
    reduce<N, 1, 2, ALONE>(in, 0, 0, out, 0, height, width, channels, padding, gain);                                     \
  }                                                                                                                    \
  extern "C" __global__ void __launch_bounds__(THREADS, 2)                                                             \
      enlarge##SUFFIX(const Value* in, const Value* other, Value* out, int height, int width, int channels,            \
                      float gain) {                                                                                    \
    enlarge<N>(in, other, out, height, width, channels, gain);                                                         \
  }

FILTER(_8, 8)
FILTER(_1, 1)

// The filter at the same size of leaky ReLU(in + bias), padded by 2; signs [pictures, height, width, channels / 8].
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    activate_and_smooth(const Value* in, const float* bias, unsigned char* signs, Value* out, int height, int width,
                        int channels) {
  reduce<VECTOR, 2, 1, ACTIVATED>(in, bias, signs, out, 0, height, width, channels, 2, 1.f);
}

// Gradient of the above by `in` of height and width one less than those of the gradient, and its sums [blocks, channels]
// over a block's pixels, where wanted.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    activate_and_smooth_backward(const Value* gradient, unsigned char* signs, Value* out, float* sums, int height,
                                 int width, int channels) {
  reduce<VECTOR, 2, 1, SLOPED>(gradient, 0, signs, out, sums, height, width, channels, 1, 1.f);
}
