// Splats -> pixels. One block a tile, a warp for 8 x 4 of its pixels, a lane for each pixel.
//
// Most of a list lies behind what has already stopped the light: on an untrained head a tile looks at a third of its
// list. So a list is not sorted as a whole. Its keys are counted into COARSE classes of equal width, which tell how
// many classes from the front fit into a window in shared memory; only a window is sorted, and the next one only if
// there is a pixel left that it could show in.
#include "splat.cuh"

#define WINDOW 1024 // entries in shared memory
#define COARSE 512  // classes of a list
#define FINE 1024   // classes of a window

struct Sorter {
  u64 raw[WINDOW], keys[WINDOW]; // of a window, unordered and by class; at last raw holds the rows in order
  u32 ends[FINE];                // of the classes in keys
  u32 coarse[COARSE];            // number of entries up to and including a class
  u64 low, high;
  u32 sums[THREADS / 32], length, next;
};

__device__ __forceinline__ u64 smaller(u64 a, u64 b) { return a < b ? a : b; }
__device__ __forceinline__ u64 larger(u64 a, u64 b) { return a > b ? a : b; }

// Smallest and largest of the block's keys, to sorter.low and sorter.high. Both must have been reset before the last
// barrier.
__device__ __forceinline__ void find_range(Sorter& sorter, u64 low, u64 high) {
#pragma unroll
  for (int offset = 16; offset; offset >>= 1) {
    low = smaller(low, __shfl_xor_sync(ALL, low, offset)), high = larger(high, __shfl_xor_sync(ALL, high, offset));
  }
  if ((threadIdx.x & 31) == 0) atomicMin(&sorter.low, low), atomicMax(&sorter.high, high);
}

// Replaces PER_THREAD * THREADS counts by the sums up to and including each.
template <int PER_THREAD>
__device__ __forceinline__ void scan(Sorter& sorter, u32* counts) {
  u32 lane = threadIdx.x & 31, warp = threadIdx.x >> 5, values[PER_THREAD], own = 0;
#pragma unroll
  for (int i = 0; i < PER_THREAD; i++) own += counts[PER_THREAD * threadIdx.x + i], values[i] = own;
  u32 sum = own;
#pragma unroll
  for (int offset = 1; offset < 32; offset <<= 1) {
    u32 other = __shfl_up_sync(ALL, sum, offset);
    if (lane >= offset) sum += other;
  }
  if (lane == 31) sorter.sums[warp] = sum;
  __syncthreads();
  u32 before = sum - own;
  for (int w = 0; w < warp; w++) before += sorter.sums[w];
#pragma unroll
  for (int i = 0; i < PER_THREAD; i++) counts[PER_THREAD * threadIdx.x + i] = before + values[i];
  __syncthreads();
}

// By how many bits to shift the distance of a key from low, so that all keys up to high fall into 2^power classes.
__device__ __forceinline__ int shift_of(u64 low, u64 high, int power) {
  int bits = 64 - __clzll((long long)(high - low));
  return bits > power ? bits - power : 0;
}

// The part of a list's keys that is counted, [low, high], of which the classes before `next` have been taken.
struct Domain {
  u64 low, high, last; // last: largest key of the whole list
  int shift;
  u32 next;
};

// Counts the keys in [domain.low, domain.high] into classes.
__device__ __forceinline__ void count_domain(Sorter& sorter, const u64* list, u32 length, Domain& domain) {
  domain.shift = shift_of(domain.low, domain.high, 9), domain.next = 0;
  __syncthreads();
  for (u32 i = threadIdx.x; i < COARSE; i += THREADS) sorter.coarse[i] = 0;
  __syncthreads();
  for (u32 i = threadIdx.x; i < length; i += THREADS) {
    u64 key = list[i];
    if (key >= domain.low && key <= domain.high) atomicAdd(&sorter.coarse[(key - domain.low) >> domain.shift], 1u);
  }
  __syncthreads();
  scan<COARSE / THREADS>(sorter, sorter.coarse);
}

__device__ __forceinline__ Domain start_domain(Sorter& sorter, const u64* list, u32 length) {
  u64 low = ~0ull, high = 0;
  if (length <= WINDOW) return {0, ~0ull, ~0ull, 0, 0}; // one window takes all
  for (u32 i = threadIdx.x; i < length; i += THREADS) low = smaller(low, list[i]), high = larger(high, list[i]);
  if (threadIdx.x == 0) sorter.low = ~0ull, sorter.high = 0;
  __syncthreads();
  find_range(sorter, low, high);
  __syncthreads();
  Domain domain = {sorter.low, sorter.high, sorter.high, 0, 0};
  count_domain(sorter, list, length, domain);
  return domain;
}

// The range [low, high] of the nearest keys that were not taken yet: at least one key, at most WINDOW. A class that is
// too full is counted again by itself; keys are unique, so that ends.
__device__ __forceinline__ void choose_window(Sorter& sorter, const u64* list, u32 length, Domain& domain, u64& low,
                                              u64& high) {
  while (true) {
    u32 before = domain.next ? sorter.coarse[domain.next - 1] : 0;
    if (before == sorter.coarse[COARSE - 1]) { // all of this domain is taken
      domain.low = domain.high + 1, domain.high = domain.last;
      count_domain(sorter, list, length, domain);
      continue;
    }
    if (threadIdx.x == 0) sorter.next = domain.next;
    __syncthreads();
    for (u32 i = threadIdx.x; i < COARSE; i += THREADS)
      if (i >= domain.next && sorter.coarse[i] - before <= WINDOW) atomicMax(&sorter.next, i + 1);
    __syncthreads();
    u32 next = sorter.next;
    low = domain.low + ((u64)domain.next << domain.shift);
    if (next > domain.next && sorter.coarse[next - 1] > before) {
      high = next == COARSE ? domain.high : domain.low + ((u64)next << domain.shift) - 1;
      domain.next = next;
      return;
    }
    // Empty classes, then one that is too full.
    domain.low += (u64)next << domain.shift;
    domain.high = smaller(domain.high, domain.low + (1ull << domain.shift) - 1);
    count_domain(sorter, list, length, domain);
  }
}

__device__ __forceinline__ u32* rows_of(Sorter& sorter) { return (u32*)sorter.raw; }

// Brings the next window into order: the rows of its splats, nearest first. Returns how many.
__device__ __forceinline__ u32 sort_window(Sorter& sorter, const u64* list, u32 length, Domain& domain) {
  u64 low = domain.low, high = domain.high, least = ~0ull, greatest = 0;
  if (length > WINDOW) choose_window(sorter, list, length, domain, low, high);
  for (u32 i = threadIdx.x; i < FINE; i += THREADS) sorter.ends[i] = 0;
  if (threadIdx.x == 0) sorter.low = ~0ull, sorter.high = 0, sorter.length = 0;
  __syncthreads();
  for (u32 first = 0; first < length; first += THREADS) {
    u32 i = first + threadIdx.x, lane = threadIdx.x & 31, place = 0;
    u64 key = i < length ? list[i] : 0;
    bool wanted = i < length && key >= low && key <= high;
    u32 others = __ballot_sync(ALL, wanted);
    if (lane == 0 && others) place = atomicAdd(&sorter.length, __popc(others));
    place = __shfl_sync(ALL, place, 0) + __popc(others & ((1u << lane) - 1));
    if (wanted) sorter.raw[place] = key, least = smaller(least, key), greatest = larger(greatest, key);
  }
  find_range(sorter, least, greatest);
  __syncthreads();
  u32 found = sorter.length;
  u64 origin = sorter.low;
  int shift = shift_of(origin, sorter.high, 10);
  for (u32 i = threadIdx.x; i < found; i += THREADS) atomicAdd(&sorter.ends[(sorter.raw[i] - origin) >> shift], 1u);
  __syncthreads();
  scan<FINE / THREADS>(sorter, sorter.ends);
  // Filling a class from its end leaves its start in its place.
  for (u32 i = threadIdx.x; i < found; i += THREADS) {
    u64 key = sorter.raw[i];
    sorter.keys[atomicSub(&sorter.ends[(key - origin) >> shift], 1u) - 1] = key;
  }
  __syncthreads();
  // The rank of a key is the number of smaller ones in its class.
  for (u32 i = threadIdx.x; i < found; i += THREADS) {
    u64 key = sorter.keys[i];
    u32 fine = (key - origin) >> shift, begin = sorter.ends[fine],
        end = fine + 1 < FINE ? sorter.ends[fine + 1] : found, rank = begin;
    for (u32 j = begin; j < end; j++) rank += sorter.keys[j] < key;
    rows_of(sorter)[rank] = (u32)key;
  }
  __syncthreads();
  return found;
}

// The state of a pixel in the backward pass. A pixel that is full moves so far away that nothing reaches it.
struct Pixel {
  float x, y, transmittance, sums[CHANNELS];
  u32 last;
};

#define FAR_AWAY 1e30f

// (6) Blends a splat, whose parts lie at an address, into a pixel. Without branches: lanes that it does not reach add
// nothing. `mark` becomes the address where the pixel shows the splat.
template <bool KEEP>
__device__ __forceinline__ void blend(u32 address, Pixel& pixel, u32& mark) {
  float4 first = load4<0>(address), second = load4<PART>(address), third = load4<2 * PART>(address);
  float dx = pixel.x - first.x, dy = pixel.y - first.y, u = first.z * dx + first.w * dy, v = second.x * dy;
  float exponent = second.y - u * u - v * v, alpha = fminf(power_of_two(exponent), (float)(MAX_ALPHA));
  float weight = exponent >= FLOOR_LEVEL ? alpha * pixel.transmittance : 0.f;
  bool full = pixel.transmittance - weight < (float)(MIN_TRANSMITTANCE);
  weight = full ? 0.f : weight;
  pixel.x = full ? FAR_AWAY : pixel.x;
  pixel.transmittance -= weight;
  if (KEEP) mark = weight > 0.f ? address : mark;
  pixel.sums[0] += weight * second.z, pixel.sums[1] += weight * second.w, pixel.sums[2] += weight * third.x,
      pixel.sums[3] += weight * third.y;
#if FEATURES > 0
  pixel.sums[4] += weight * third.z;
#endif
#if FEATURES > 1
  pixel.sums[5] += weight * third.w;
#endif
#if FEATURES > 2
  float4 fourth = load4<3 * PART>(address);
  float more[8] = {fourth.x, fourth.y, fourth.z, fourth.w};
#if FEATURES > 6
  float4 fifth = load4<4 * PART>(address);
  more[4] = fifth.x, more[5] = fifth.y;
#endif
#pragma unroll
  for (int f = 2; f < FEATURES; f++) pixel.sums[4 + f] += weight * more[f - 2];
#endif
}

// Blends the splats of a window that reach a warp's pixels, until all of them are full.
template <bool KEEP>
__device__ __forceinline__ void blend_window(const u32* rows, u32 window, u32 position, const float4* splats,
                                             const Chunk& chunk, float left, float top, Pixel& pixel) {
  u32 lane = threadIdx.x & 31, address = shared_address(&chunk);
  for (u32 base = 0; base < window; base += 32) {
    if (__all_sync(ALL, pixel.x == FAR_AWAY)) return;
    u32 own = base + lane;
    u32 found = gather(address, splats, own < window, own < window ? rows[own] : 0, position + own + 1, left, top),
        mark = 0;
    if (own + 32 < window) ask_for(splats, rows[own + 32]);
    for (u32 splat = address; splat < address + 16 * found; splat += 16) blend<KEEP>(splat, pixel, mark);
    if (KEEP && mark) pixel.last = __float_as_uint(load1<PLACES>(address + (mark - address) / 4));
  }
}

struct Pictures {
  float *rgb, *alpha, *depth, *features, *transmittances;
  u32* lasts;
};

__device__ __forceinline__ void write_pixel(const Pictures& out, long long p, int picture, const Background& background,
                                            const Pixel& pixel, bool overflowed) {
  // Lists that had no room show as NaN; outside of a captured graph the host then draws again with more.
  float poison = overflowed ? __int_as_float(0x7fc00000) : 0.f, alpha = 1.f - pixel.transmittance + poison;
#pragma unroll
  for (int i = 0; i < 3; i++)
    out.rgb[3 * p + i] = pixel.sums[i] + pixel.transmittance * behind(background, picture, i) + poison;
  out.alpha[p] = alpha;
  out.depth[p] = alpha > 0.f ? pixel.sums[3] / alpha : poison;
#pragma unroll
  for (int f = 0; f < FEATURES; f++) out.features[p * FEATURES + f] = pixel.sums[4 + f] + poison;
  if (out.lasts) out.transmittances[p] = pixel.transmittance, out.lasts[p] = pixel.last;
}

struct Lists {
  const u64 *entries, *starts;
  const u32 *counts, *order;
  u64 capacity;
  u32* sorted;
};

template <bool KEEP>
__device__ __forceinline__ void composite_tile(const float4* __restrict__ splats, const Lists& lists,
                                               const Background& background, const Pictures& out, const Size& size) {
  __shared__ Sorter sorter;
  __shared__ Chunk chunks[THREADS / 32];
  u32 tile = lists.order[blockIdx.x];
  int tiles = size.tiles_x * size.tiles_y, picture = tile / tiles, local = tile % tiles, warp = threadIdx.x >> 5,
      lane = threadIdx.x & 31;
  int left = local % size.tiles_x * TILE + ((warp & 1) << 3), top = local / size.tiles_x * TILE + ((warp >> 1) << 2);
  int column = left + (lane & 7), line = top + (lane >> 3);
  bool inside = column < size.width && line < size.height;
  Pixel pixel = {inside ? column + .5f : FAR_AWAY, line + .5f, 1.f, {}, 0};
  u32 length = lists.counts[tile], done = 0;
  u64 start = lists.starts[tile];
  bool overflowed = start + length > lists.capacity;
  if (overflowed) length = 0;
  const u64* list = lists.entries + start;

  if (length) {
    Domain domain = start_domain(sorter, list, length);
    while (true) {
      u32 window = sort_window(sorter, list, length, domain);
      const u32* rows = rows_of(sorter);
      if (KEEP)
        for (u32 i = threadIdx.x; i < window; i += THREADS) lists.sorted[start + done + i] = rows[i];
      blend_window<KEEP>(rows, window, done, splats, chunks[warp], left + .5f, top + .5f, pixel);
      done += window;
      if (done == length || __syncthreads_count(pixel.x == FAR_AWAY) == THREADS) break;
    }
  }
  if (inside)
    write_pixel(out, ((long long)picture * size.height + line) * size.width + column, picture, background, pixel,
                overflowed);
}

extern "C" __global__ void __launch_bounds__(THREADS, 5)
    composite(const float4* splats, const u64* entries, const u64* starts, const u32* counts, const u32* order,
              u64 capacity, const float* backgrounds, float red, float green, float blue, float* rgb, float* alpha,
              float* depth, float* features, int width, int height) {
  composite_tile<false>(splats, {entries, starts, counts, order, capacity, nullptr}, {backgrounds, {red, green, blue}},
                        {rgb, alpha, depth, features, nullptr, nullptr}, size_of(width, height));
}

// The same for who wants gradients: sorted gets the rows of the splats in the order of drawing, as far as they were
// looked at.
extern "C" __global__ void __launch_bounds__(THREADS, 5)
    composite_and_keep(const float4* splats, const u64* entries, const u64* starts, const u32* counts, const u32* order,
                       u64 capacity, const float* backgrounds, float red, float green, float blue, float* rgb,
                       float* alpha, float* depth, float* features, u32* sorted, float* transmittances, u32* lasts,
                       int width, int height) {
  composite_tile<true>(splats, {entries, starts, counts, order, capacity, sorted}, {backgrounds, {red, green, blue}},
                       {rgb, alpha, depth, features, transmittances, lasts}, size_of(width, height));
}
