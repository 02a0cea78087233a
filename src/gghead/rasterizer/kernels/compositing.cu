// Splats -> pixels. One block a tile, a warp for 8 x 4 of its pixels, a lane for each pixel.
//
// Most of a list lies behind what has already stopped the light: on an untrained head a pixel is full after some ninety of a thousand
// splats. So a list is not sorted as a whole. Its keys are counted into BUCKETS of equal width; as many buckets as fit in shared memory
// are taken from the front, and each batch of splats is put into its exact order only when it is its turn.
#include "splat.cuh"

#define WINDOW 2048 // entries in shared memory
#define BUCKETS 512

struct Sorter {
  u64 keys[WINDOW];
  u32 ends[BUCKETS]; // of the buckets in keys
  u64 low, high;
  u32 sums[THREADS / 32], taken, length;
};

__device__ __forceinline__ u64 smaller(u64 a, u64 b) { return a < b ? a : b; }
__device__ __forceinline__ u64 larger(u64 a, u64 b) { return a > b ? a : b; }

// Smallest and largest key of a list, to sorter.low and sorter.high.
__device__ __forceinline__ void find_range(Sorter& sorter, const u64* list, u32 length) {
  u64 low = ~0ull, high = 0;
  for (u32 i = threadIdx.x; i < length; i += THREADS) low = smaller(low, list[i]), high = larger(high, list[i]);
#pragma unroll
  for (int offset = 16; offset; offset >>= 1) {
    low = smaller(low, __shfl_xor_sync(ALL, low, offset)), high = larger(high, __shfl_xor_sync(ALL, high, offset));
  }
  if (threadIdx.x == 0) sorter.low = ~0ull, sorter.high = 0;
  __syncthreads();
  if ((threadIdx.x & 31) == 0) atomicMin(&sorter.low, low), atomicMax(&sorter.high, high);
  __syncthreads();
}

// Turns the counts of the buckets into their starts; finds how many buckets fit in the window.
__device__ __forceinline__ void scan_buckets(Sorter& sorter) {
  u32 lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  u32 even = sorter.ends[2 * threadIdx.x], odd = sorter.ends[2 * threadIdx.x + 1], sum = even + odd;
#pragma unroll
  for (int offset = 1; offset < 32; offset <<= 1) {
    u32 other = __shfl_up_sync(ALL, sum, offset);
    if (lane >= offset) sum += other;
  }
  if (lane == 31) sorter.sums[warp] = sum;
  if (threadIdx.x == 0) sorter.taken = 0, sorter.length = 0;
  __syncthreads();
  for (int w = 0; w < warp; w++) sum += sorter.sums[w];
  sorter.ends[2 * threadIdx.x] = sum - even - odd, sorter.ends[2 * threadIdx.x + 1] = sum - odd;
  if (sum <= WINDOW) {
    atomicMax(&sorter.taken, 2 * threadIdx.x + 2), atomicMax(&sorter.length, sum);
  } else if (sum - odd <= WINDOW) {
    atomicMax(&sorter.taken, 2 * threadIdx.x + 1), atomicMax(&sorter.length, sum - odd);
  }
  __syncthreads();
}

// Width of a bucket, as a power of two, so that all keys from low to high fall into BUCKETS of them.
__device__ __forceinline__ int bucket_shift(u64 low, u64 high) {
  int bits = 64 - __clzll((long long)(high - low));
  return bits > 9 ? bits - 9 : 0;
}

// Brings the nearest entries whose key is not below low into sorter.keys, ordered by bucket: at least one, at most WINDOW. A bucket that
// is too full is divided again; a key is unique, so that ends. Moves low behind them and returns the shift; sets origin to the
// smallest key of bucket 0.
__device__ __forceinline__ int take_window(Sorter& sorter, const u64* list, u32 length, u64& low, u64 high, u64& origin) {
  u64 top = high;
  int shift;
  while (true) {
    shift = bucket_shift(low, top);
    sorter.ends[threadIdx.x] = 0, sorter.ends[threadIdx.x + THREADS] = 0;
    __syncthreads();
    for (u32 i = threadIdx.x; i < length; i += THREADS) {
      u64 key = list[i];
      if (key >= low && key <= top) atomicAdd(&sorter.ends[(key - low) >> shift], 1u);
    }
    __syncthreads();
    scan_buckets(sorter);
    if (sorter.length > 0) break;
    low += (u64)sorter.taken << shift;
    top = low + (1ull << shift) - 1;
    __syncthreads();
  }
  u32 taken = sorter.taken;
  for (u32 i = threadIdx.x; i < length; i += THREADS) {
    u64 key = list[i];
    if (key >= low && key <= top && (key - low) >> shift < taken) sorter.keys[atomicAdd(&sorter.ends[(key - low) >> shift], 1u)] = key;
  }
  origin = low;
  low = taken == BUCKETS ? top + 1 : low + ((u64)taken << shift);
  __syncthreads();
  return shift;
}

__device__ __forceinline__ u32 bucket_start(const Sorter& sorter, u32 bucket) { return bucket ? sorter.ends[bucket - 1] : 0; }

// Loads the splats at places [base, base + BATCH) of the window in their exact order: the rank of a key is the number of smaller keys in its
// bucket. Buckets that a batch cuts are ranked for both.
__device__ __forceinline__ void stage_batch(const Sorter& sorter, u32 base, u64 origin, int shift, const float4* splats, float4 (*stage)[BATCH],
                                            u32* sorted) {
  u32 stop = min(base + BATCH, sorter.length);
  u32 first = bucket_start(sorter, (sorter.keys[base] - origin) >> shift), last = sorter.ends[(sorter.keys[stop - 1] - origin) >> shift];
  for (u32 i = first + threadIdx.x; i < last; i += THREADS) {
    u64 key = sorter.keys[i];
    u32 bucket = (key - origin) >> shift, begin = bucket_start(sorter, bucket), end = sorter.ends[bucket], rank = begin;
    for (u32 j = begin; j < end; j++) rank += sorter.keys[j] < key;
    if (rank < base || rank >= stop) continue;
    const float4* parts = splats + PARTS * (long long)(u32)key;
#pragma unroll
    for (int part = 0; part < PARTS; part++) stage[part][rank - base] = parts[part];
    if (sorted) sorted[rank - base] = (u32)key;
  }
}

// The state of a pixel on its way back. A pixel that is full moves so far away that nothing reaches it.
struct Pixel {
  float x, y, transmittance, sums[CHANNELS];
  u32 last;
};

#define FAR_AWAY 1e30f

// (6) Blends the splats of a batch that reach a warp's pixels.
__device__ __forceinline__ void blend(float4 (*stage)[BATCH], u32 staged, u32 position, float left, float top, Pixel& pixel) {
  u32 lane = threadIdx.x & 31;
  for (u32 chunk = 0; chunk < staged; chunk += 32) {
    if (__all_sync(ALL, pixel.x == FAR_AWAY)) return;
    u32 own = chunk + lane;
    bool reaching = false;
    if (own < staged) {
      Splat splat = geometry_of(stage[0][own], stage[1][own]);
      reaching = meets(splat, reach_of(splat), left, left + 7, top, top + 3);
    }
    u32 candidates = __ballot_sync(ALL, reaching);
    while (candidates) {
      u32 j = chunk + __ffs(candidates) - 1;
      candidates &= candidates - 1;
      float4 first = stage[0][j], second = stage[1][j];
      float dx = pixel.x - first.x, dy = pixel.y - first.y, u = first.z * dx + first.w * dy, v = second.x * dy;
      float exponent = second.y - u * u - v * v;
      if (!(exponent >= FLOOR_LEVEL)) continue;
      float alpha = fminf(power_of_two(exponent), (float)(MAX_ALPHA)), next = pixel.transmittance - alpha * pixel.transmittance;
      if (next < (float)(MIN_TRANSMITTANCE)) {
        pixel.x = FAR_AWAY;
        continue;
      }
      float weight = alpha * pixel.transmittance;
      float4 third = stage[2][j];
      pixel.sums[0] += weight * second.z, pixel.sums[1] += weight * second.w, pixel.sums[2] += weight * third.x;
      pixel.sums[3] += weight * third.y;
#pragma unroll
      for (int f = 0; f < FEATURES; f++) pixel.sums[4 + f] += weight * ((const float*)&stage[(10 + f) / 4][j])[(10 + f) % 4];
      pixel.transmittance = next;
      pixel.last = position + j + 1;
    }
  }
}

struct Pictures {
  float *rgb, *alpha, *depth, *features, *transmittances;
  u32* lasts;
};

__device__ __forceinline__ void write_pixel(const Pictures& out, long long p, const float* background, const Pixel& pixel, bool overflowed) {
  // Lists that had no room show as NaN; outside of a captured graph the host then draws again with more.
  float poison = overflowed ? __int_as_float(0x7fc00000) : 0.f, alpha = 1.f - pixel.transmittance + poison;
#pragma unroll
  for (int i = 0; i < 3; i++) out.rgb[3 * p + i] = pixel.sums[i] + pixel.transmittance * background[i] + poison;
  out.alpha[p] = alpha;
  out.depth[p] = alpha > 0.f ? pixel.sums[3] / alpha : poison;
#pragma unroll
  for (int f = 0; f < FEATURES; f++) out.features[p * FEATURES + f] = pixel.sums[4 + f] + poison;
  if (out.lasts) out.transmittances[p] = pixel.transmittance, out.lasts[p] = pixel.last;
}

// sorted gets the rows of the splats in the order of drawing, as far as they were looked at; null where no gradients are wanted.
extern "C" __global__ void __launch_bounds__(THREADS) composite(const float4* __restrict__ splats, const u64* __restrict__ entries,
                                                               const u64* __restrict__ starts, const u32* __restrict__ counts, u64 capacity,
                                                               u32* __restrict__ sorted, const float* __restrict__ backgrounds,
                                                               int background_stride, float* rgb, float* alpha, float* depth, float* features,
                                                               float* transmittances, u32* lasts, int width, int height) {
  Pictures out = {rgb, alpha, depth, features, transmittances, lasts};
  Size size = size_of(width, height);
  __shared__ Sorter sorter;
  __shared__ float4 stage[PARTS][BATCH];
  long long tile = blockIdx.x;
  int tiles = size.tiles_x * size.tiles_y, picture = tile / tiles, local = tile % tiles, warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  int left = local % size.tiles_x * TILE + ((warp & 1) << 3), top = local / size.tiles_x * TILE + ((warp >> 1) << 2);
  int column = left + (lane & 7), line = top + (lane >> 3);
  bool inside = column < size.width && line < size.height;
  Pixel pixel = {inside ? column + .5f : FAR_AWAY, line + .5f, 1.f, {}, 0};
  u32 length = counts[tile], done = 0;
  u64 start = starts[tile];
  bool overflowed = start + length > capacity;
  if (overflowed) length = 0;
  const u64* list = entries + start;

  if (length) {
    find_range(sorter, list, length);
    u64 low = sorter.low, high = sorter.high, origin;
    while (done < length) {
      int shift = take_window(sorter, list, length, low, high, origin);
      u32 window = sorter.length;
      for (u32 base = 0; base < window; base += BATCH) {
        stage_batch(sorter, base, origin, shift, splats, stage, sorted ? sorted + start + done + base : nullptr);
        __syncthreads();
        blend(stage, min(BATCH, window - base), done + base, left + .5f, top + .5f, pixel);
        if (__syncthreads_count(pixel.x == FAR_AWAY) == THREADS) done = length, base = window;
      }
      if (done < length) done += window;
    }
  }
  if (inside) write_pixel(out, ((long long)picture * size.height + line) * size.width + column, backgrounds + (long long)picture * background_stride, pixel, overflowed);
}
