// Lists of the tiles: room for each, then the splats that meet it, in no order; compositing.cu sorts as far as it has to.
#include "splat.cuh"

// Gives each tile a stretch of the entries, in no particular order of tiles. The last block tells the host how long all lists are
// together and what is wrong with the cameras.
extern "C" __global__ void __launch_bounds__(THREADS) allocate(const u32* __restrict__ counts, u64* __restrict__ starts, u64* total, u32* blocks_done,
                                                              const u32* status, volatile u64* report, long long tiles) {
  __shared__ u32 warp_sums[THREADS / 32];
  __shared__ u64 base;
  long long tile = (long long)blockIdx.x * THREADS + threadIdx.x;
  u32 own = tile < tiles ? counts[tile] : 0, lane = threadIdx.x & 31, warp = threadIdx.x >> 5, sum = own;
#pragma unroll
  for (int offset = 1; offset < 32; offset <<= 1) {
    u32 other = __shfl_up_sync(ALL, sum, offset);
    if (lane >= offset) sum += other;
  }
  if (lane == 31) warp_sums[warp] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    u64 all = 0;
    for (int w = 0; w < THREADS / 32; w++) all += warp_sums[w];
    base = atomicAdd(total, all);
  }
  __syncthreads();
  u64 start = base + sum - own;
  for (int w = 0; w < warp; w++) start += warp_sums[w];
  if (tile < tiles) starts[tile] = start;
  if (threadIdx.x == 0 && report) {
    __threadfence();
    if (atomicAdd(blocks_done, 1u) == gridDim.x - 1) {
      report[0] = atomicAdd(total, 0ull);
      report[1] = *status;
      __threadfence_system();
    }
  }
}

// An entry is the bits of a splat's camera z, which order like the positive number they are, then its row: sorted by both, the order is
// that of (z, row), whatever the order of writing.
extern "C" __global__ void __launch_bounds__(THREADS) fill(const float4* __restrict__ splats, const u64* __restrict__ starts, u32* __restrict__ filled,
                                                          u64* __restrict__ entries, u64 capacity, int count, int blocks, int width, int height) {
  Size size = size_of(width, height);
  int picture = blockIdx.x / blocks, n = blockIdx.x % blocks * THREADS + threadIdx.x;
  if (n >= count) return;
  long long row = (long long)picture * count + n;
  const float4* parts = splats + PARTS * row;
  float4 second = parts[1];
  if (second.x == 0.f) return;
  float4 first = parts[0];
  float z = parts[2].y;
  Splat splat = {first.x, first.y, first.z, first.w, second.x, second.y};
  long long first_tile = (long long)picture * size.tiles_x * size.tiles_y;
  u64 entry = (u64)__float_as_uint(z) << 32 | (u32)row;
  for_each_tile(splat, size, [&](int tile) {
    u64 slot = starts[first_tile + tile] + atomicAdd(filled + first_tile + tile, 1u);
    if (slot < capacity) entries[slot] = entry;
  });
}
