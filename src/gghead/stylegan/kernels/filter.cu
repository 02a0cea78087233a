// The filter [1, 3, 3, 1] / 8 along both axes, at the same size, halving or doubling it. Beyond the border is zero.
//
// A thread takes N channels of a column (of two columns, where the size doubles) and walks down ROWS rows: it sums along
// the row, and keeps the last sums to sum along the column. Blocks along x cover columns and channels, along y rows,
// along z pictures.
#include "values.cuh"

#define ROWS 8
#define OUTER .125f
#define INNER .375f

// Sum along row y of in, centred between columns x + 1 and x + 2; in is one picture, at the thread's channels.
template <int N>
__device__ __forceinline__ void along_row(const Value* in, int y, int x, int height, int width, int channels, float* sum) {
#pragma unroll
  for (int i = 0; i < N; i++) sum[i] = 0.f;
  if (y < 0 || y >= height) return;
  const Value* row = in + (size_t)y * width * channels;
#pragma unroll
  for (int tap = 0; tap < 4; tap++) {
    const int column = x + tap;
    if (column < 0 || column >= width) continue;
    float values[N];
    load<N>(row + (size_t)column * channels, values);
    const float weight = tap == 0 || tap == 3 ? OUTER : INNER;
#pragma unroll
    for (int i = 0; i < N; i++) sum[i] += weight * values[i];
  }
}

template <int N>
__device__ __forceinline__ void weigh(const float* a, const float* b, const float* c, const float* d, float gain,
                                      Value* to) {
  float result[N];
#pragma unroll
  for (int i = 0; i < N; i++) result[i] = gain * (OUTER * (a[i] + d[i]) + INNER * (b[i] + c[i]));
  store<N>(to, result);
}

template <int N>
__device__ __forceinline__ void move(const float* from, float* to) {
#pragma unroll
  for (int i = 0; i < N; i++) to[i] = from[i];
}

// What a thread works on; false if there is nothing.
template <int N>
__device__ __forceinline__ bool place(int columns, int channels, int& column, int& channel) {
  const int groups = channels / N, index = blockIdx.x * THREADS + threadIdx.x;
  column = index / groups, channel = index % groups * N;
  return column < columns;
}

// Every STEP-th row and column of the filtered picture, padded by so many zeros.
template <int N, int STEP>
__device__ __forceinline__ void reduce(const Value* in, Value* out, int height, int width, int channels, int padding,
                                       float gain) {
  const int out_height = (height + 2 * padding - 4) / STEP + 1, out_width = (width + 2 * padding - 4) / STEP + 1;
  int x, channel;
  if (!place<N>(out_width, channels, x, channel)) return;
  in += (size_t)blockIdx.z * height * width * channels + channel;
  out += (size_t)blockIdx.z * out_height * out_width * channels + channel;
  const int first = blockIdx.y * ROWS, last = min(first + ROWS, out_height);
  int row = first * STEP - padding;
  const int column = x * STEP - padding;
  float a[N], b[N], c[N], d[N];
  along_row<N>(in, row++, column, height, width, channels, a);
  along_row<N>(in, row++, column, height, width, channels, b);
  if (STEP == 1) along_row<N>(in, row++, column, height, width, channels, c);
  for (int y = first; y < last; y++) {
    if (STEP == 2) along_row<N>(in, row++, column, height, width, channels, c);
    along_row<N>(in, row++, column, height, width, channels, d);
    weigh<N>(a, b, c, d, gain, out + ((size_t)y * out_width + x) * channels);
    if (STEP == 1) move<N>(b, a), move<N>(c, b), move<N>(d, c);
    else move<N>(c, a), move<N>(d, b);
  }
}

// Sums along a row for the even and the odd column above column x.
template <int N>
__device__ __forceinline__ void spread_row(const Value* in, int y, int x, int height, int width, int channels,
                                           float* even, float* odd) {
#pragma unroll
  for (int i = 0; i < N; i++) even[i] = odd[i] = 0.f;
  if (y < 0 || y >= height) return;
  const Value* at = in + ((size_t)y * width + x) * channels;
  float values[N];
  load<N>(at, values);
#pragma unroll
  for (int i = 0; i < N; i++) even[i] = odd[i] = INNER * values[i];
  if (x > 0) {
    load<N>(at - channels, values);
#pragma unroll
    for (int i = 0; i < N; i++) even[i] += OUTER * values[i];
  }
  if (x + 1 < width) {
    load<N>(at + channels, values);
#pragma unroll
    for (int i = 0; i < N; i++) odd[i] += OUTER * values[i];
  }
}

// Zeros between the pixels, then the filter: the transpose of halving.
template <int N>
__device__ __forceinline__ void enlarge(const Value* in, Value* out, int height, int width, int channels, float gain) {
  int x, channel;
  if (!place<N>(width, channels, x, channel)) return;
  in += (size_t)blockIdx.z * height * width * channels + channel;
  out += (size_t)blockIdx.z * 4 * height * width * channels + channel;
  const int first = blockIdx.y * ROWS, last = min(first + ROWS, height);
  float even[3][N], odd[3][N];
  spread_row<N>(in, first - 1, x, height, width, channels, even[0], odd[0]);
  spread_row<N>(in, first, x, height, width, channels, even[1], odd[1]);
  for (int y = first; y < last; y++) {
    spread_row<N>(in, y + 1, x, height, width, channels, even[2], odd[2]);
#pragma unroll
    for (int below = 0; below < 2; below++) {
      Value* to = out + (((size_t)2 * y + below) * 2 * width + 2 * x) * channels;
      float left[N], right[N];
#pragma unroll
      for (int i = 0; i < N; i++) {
        left[i] = gain * (INNER * even[1][i] + OUTER * even[2 * below][i]);
        right[i] = gain * (INNER * odd[1][i] + OUTER * odd[2 * below][i]);
      }
      store<N>(to, left), store<N>(to + channels, right);
    }
    move<N>(even[1], even[0]), move<N>(even[2], even[1]), move<N>(odd[1], odd[0]), move<N>(odd[2], odd[1]);
  }
}

#define FILTER(SUFFIX, N)                                                                                              \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                \
      smooth##SUFFIX(const Value* in, Value* out, int height, int width, int channels, int padding, float gain) {      \
    reduce<N, 1>(in, out, height, width, channels, padding, gain);                                                     \
  }                                                                                                                    \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                \
      halve##SUFFIX(const Value* in, Value* out, int height, int width, int channels, int padding, float gain) {       \
    reduce<N, 2>(in, out, height, width, channels, padding, gain);                                                     \
  }                                                                                                                    \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                \
      enlarge##SUFFIX(const Value* in, Value* out, int height, int width, int channels, int padding, float gain) {     \
    enlarge<N>(in, out, height, width, channels, gain);                                                                \
  }

FILTER(_8, 8)
FILTER(_1, 1)
