// Lists of the tiles: room for each, then the splats that meet it, in no order; compositing.cu sorts as far as it has
// to.
#include "splat.cuh"

// Tiles are drawn by the length of their lists, longest first, lest a long one that starts late keeps the rest of the
// GPU waiting. Two classes for each power of two are order enough.
#define CLASSES 64

__device__ __forceinline__ int class_of(u32 length) {
  if (length < 2) return CLASSES - 1 - length;
  int power = 31 - __clz(length);
  return CLASSES - 1 - min(2 * power + (length >> (power - 1) & 1), CLASSES - 1u);
}

// Gives each tile a stretch of the entries, in no particular order of tiles, and counts the classes. The last block
// tells the host how long all lists are together and what is wrong with the cameras.
extern "C" __global__ void __launch_bounds__(THREADS)
    allocate(const u32* __restrict__ counts, u64* __restrict__ starts, u64* total, u32* blocks_done,
             volatile const u32* status, u32* classes, volatile u64* report, long long tiles) {
  __shared__ u32 local[CLASSES];
  __shared__ u64 base, sums[THREADS / 32];
  long long tile = (long long)blockIdx.x * THREADS + threadIdx.x;
  u32 own = tile < tiles ? counts[tile] : 0, lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  u64 sum = own; // one list has less than 2^32 entries, a block may have more
#pragma unroll
  for (int offset = 1; offset < 32; offset <<= 1) {
    u64 other = __shfl_up_sync(ALL, sum, offset);
    if (lane >= offset) sum += other;
  }
  if (lane == 31) sums[warp] = sum;
  if (threadIdx.x < CLASSES) local[threadIdx.x] = 0;
  __syncthreads();
  if (tile < tiles) atomicAdd(local + class_of(own), 1u);
  if (threadIdx.x == 0) {
    u64 all = 0;
    for (int w = 0; w < THREADS / 32; w++) all += sums[w];
    base = atomicAdd(total, all);
  }
  __syncthreads();
  u64 start = base + sum - own;
  for (int w = 0; w < warp; w++) start += sums[w];
  if (tile < tiles) starts[tile] = start;
  if (threadIdx.x < CLASSES && local[threadIdx.x]) atomicAdd(classes + threadIdx.x, local[threadIdx.x]);
  if (threadIdx.x == 0 && report) {
    __threadfence();
    if (atomicAdd(blocks_done, 1u) == gridDim.x - 1) {
      report[1] = *status;
      __threadfence_system(); // the host takes the first number as the sign that both are there
      report[0] = atomicAdd(total, 0ull);
    }
  }
}

// An entry is the bits of a splat's camera z, which order like the positive number they are, then its row: sorted by
// both, the order is that of (z, row), whatever the order of writing. `classes` [2, CLASSES] holds the size of each
// class, then how much of it is placed.
extern "C" __global__ void __launch_bounds__(THREADS)
    fill(const float4* __restrict__ splats, const u32* __restrict__ counts, const u64* __restrict__ starts,
         u32* __restrict__ filled, u32* classes, u32* __restrict__ order, u64* __restrict__ entries, u64 capacity,
         int count, int blocks, int pictures, int local_tiles, int width, int height) {
  extern __shared__ u32 local[];
  Size size = size_of(width, height);
  long long tiles = (long long)size.tiles_x * size.tiles_y, thread = (long long)blockIdx.x * THREADS + threadIdx.x;
  for (long long tile = thread; tile < pictures * tiles; tile += (long long)gridDim.x * THREADS) {
    int own = class_of(counts[tile]);
    u32 place = 0;
    for (int i = 0; i < own; i++) place += classes[i];
    order[place + atomicAdd(classes + CLASSES + own, 1u)] = tile;
  }

  int picture = blockIdx.x / blocks, n = blockIdx.x % blocks * THREADS + threadIdx.x;
  long long row = (long long)picture * count + n, first_tile = picture * tiles;
  for (int i = threadIdx.x; i < local_tiles; i += THREADS) local[i] = 0;
  Splat splat = {};
  u64 entry = 0;
  bool seen = false;
  if (n < count) {
    const float4* parts = splats + PARTS * row;
    float4 second = parts[1];
    seen = second.x != 0.f;
    if (seen) splat = geometry_of(parts[0], second), entry = (u64)__float_as_uint(parts[2].y) << 32 | (u32)row;
  }
  auto write = [&](int tile, u32 place) {
    u64 slot = starts[first_tile + tile] + place;
    if (slot < capacity) entries[slot] = entry;
  };
  if (!local_tiles) {
    if (seen) for_each_tile(splat, size, [&](int tile) { write(tile, atomicAdd(filled + first_tile + tile, 1u)); });
    return;
  }
  // The block counts what it has for each tile, reserves that much of the tile's list at once, and writes.
  __syncthreads();
  if (seen) for_each_tile(splat, size, [&](int tile) { atomicAdd(local + tile, 1u); });
  __syncthreads();
  for (int i = threadIdx.x; i < local_tiles; i += THREADS) {
    u32 found = local[i];
    if (found) local[i] = atomicAdd(filled + first_tile + i, found);
  }
  __syncthreads();
  if (seen) for_each_tile(splat, size, [&](int tile) { write(tile, atomicAdd(local + tile, 1u)); });
}
