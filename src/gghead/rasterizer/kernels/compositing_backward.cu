// Gradients of pixels -> gradients of splats. Tiles, warps and lanes as in compositing.cu; lists are walked from the far end.
//
// A lane makes two numbers for its pixel and a splat: e = dL/d(-q/2) and the weight w. What a splat wants are sums over pixels: of e times
// 1, x, y, x^2, xy, y^2 and of w times the gradients of the channels. For GROUP splats and 32 pixels those are two small matrix products,
// done by the tensor cores; summing with shuffles, 19 for each splat, took longer than all the rest.
//
// TF32 keeps 11 bits of a factor. The monomials of a pixel's place in its warp need fewer, so they are exact; every other factor is split
// into a leading and a trailing part, and only the product of two trailing parts (2^-22) is dropped.
#include "splat.cuh"

#define GROUP 16
#define BACK_BATCH 128 // splats in shared memory; with the groups of eight warps that stays below 48 KB
#define PITCH 36 // floats between rows of a group: 4 more than lanes, so that a fragment's loads hit 32 banks
#define COLUMN_BLOCKS ((CHANNELS + 7) / 8)

struct Fragment {
  u32 a[4];
};

// d += a b, a [16, 8], b [8, 8]. A lane of group lane / 4 and place lane % 4 has of a: rows group, group + 8 at columns place, place + 4;
// of b: rows place, place + 4 at column group; of d: rows group, group + 8 at columns 2 place, 2 place + 1.
__device__ __forceinline__ void multiply(float (&d)[4], const Fragment& a, u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a.a[0]), "r"(a.a[1]), "r"(a.a[2]), "r"(a.a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ float leading(float value) { return __uint_as_float(__float_as_uint(value) & 0xffffe000u); }

__device__ __forceinline__ void split(const float (*rows)[PITCH], int step, Fragment& high, Fragment& low) {
  int lane = threadIdx.x & 31, group = lane >> 2, place = lane & 3;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    float value = rows[group + ((i & 1) << 3)][8 * step + place + ((i >> 1) << 2)], head = leading(value);
    high.a[i] = __float_as_uint(head), low.a[i] = __float_as_uint(value - head);
  }
}

// Column `column` of the monomials 1, x, y, x^2, xy, y^2 of a pixel, measured from the middle of its warp's 8 x 4.
__device__ __forceinline__ float monomial(int pixel, int column) {
  float x = (pixel & 7) - 3.5f, y = (pixel >> 3) - 1.5f;
  float values[6] = {1.f, x, y, x * x, x * y, y * y}, chosen = 0.f;
#pragma unroll
  for (int i = 0; i < 6; i++)
    if (column == i) chosen = values[i];
  return chosen;
}

#if DETERMINISTIC
typedef u64 Sum;
__device__ __forceinline__ void add_pair(Sum* row, float first, float second, float scale) {
  atomicAdd(row, (u64)__float2ll_rn(first * scale)), atomicAdd(row + 1, (u64)__float2ll_rn(second * scale));
}
#else
typedef float Sum;
__device__ __forceinline__ void add_pair(Sum* row, float first, float second, float) {
#if __CUDA_ARCH__ >= 900
  asm volatile("red.global.add.v2.f32 [%0], {%1, %2};" ::"l"(row), "f"(first), "f"(second) : "memory");
#else
  atomicAdd(row, first), atomicAdd(row + 1, second);
#endif
}
#endif

// (9) Moves moments from the middle of the warp's pixels to the splat's centre, which lies at (x, y) from there. Lane place 0 has the
// moments 1, x; place 1: y, xx; place 2: xy, yy.
__device__ __forceinline__ void shift_moments(float& first, float& second, float x, float y) {
  int lane = threadIdx.x & 31, place = lane & 3, origin = lane & ~3;
  float s = __shfl_sync(ALL, first, origin), sx = __shfl_sync(ALL, second, origin), sy = __shfl_sync(ALL, first, origin + 1);
  if (place == 0) second -= x * s;
  if (place == 1) first -= y * s, second += x * (x * s - 2.f * sx);
  if (place == 2) first += x * y * s - x * sy - y * sx, second += y * (y * s - 2.f * sy);
}

// What a lane knows of its pixel on the way back (7).
struct Back {
  float x, y, transmittance, behind, gradients[CHANNELS];
  u32 last;
};

struct Gradients {
  const float *rgb, *alpha, *depth, *features; // null where nothing depends on them
};

struct Drawn {
  const float *alpha, *depth, *transmittances;
  const u32* lasts;
};

__device__ __forceinline__ Back read_pixel(bool inside, int column, int line, long long p, const Gradients& in, const Drawn& drawn,
                                           const float* background) {
  Back pixel = {column + .5f, line + .5f, 1.f, 0.f, {}, 0};
  if (!inside) return pixel;
  pixel.transmittance = drawn.transmittances[p], pixel.last = drawn.lasts[p];
  float by_alpha = in.alpha ? in.alpha[p] : 0.f, alpha = drawn.alpha[p];
  if (in.rgb) {
#pragma unroll
    for (int i = 0; i < 3; i++) pixel.gradients[i] = in.rgb[3 * p + i], by_alpha -= pixel.gradients[i] * background[i];
  }
  if (in.depth && alpha > 0.f) {
    pixel.gradients[3] = in.depth[p] / alpha;
    by_alpha -= pixel.gradients[3] * drawn.depth[p];
  }
#pragma unroll
  for (int f = 0; f < FEATURES; f++)
    if (in.features) pixel.gradients[4 + f] = in.features[p * FEATURES + f];
  pixel.behind = -by_alpha * pixel.transmittance;
  return pixel;
}

// Right-hand factors of the products, the same for all splats: monomials, and the channels' gradients in two parts.
struct Factors {
  u32 monomials[4][2], high[COLUMN_BLOCKS][4][2], low[COLUMN_BLOCKS][4][2];
};

__device__ __forceinline__ void gather_factors(const Back& pixel, Factors& factors) {
  int lane = threadIdx.x & 31, column = lane >> 2, place = lane & 3;
#pragma unroll
  for (int step = 0; step < 4; step++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int source = 8 * step + 4 * half + place;
      factors.monomials[step][half] = __float_as_uint(monomial(source, column));
#pragma unroll
      for (int block = 0; block < COLUMN_BLOCKS; block++) {
        float chosen = 0.f;
#pragma unroll
        for (int c = 8 * block; c < min(CHANNELS, 8 * block + 8); c++) {
          float value = __shfl_sync(ALL, pixel.gradients[c], source);
          if (c == 8 * block + column) chosen = value;
        }
        factors.high[block][step][half] = __float_as_uint(leading(chosen));
        factors.low[block][step][half] = __float_as_uint(chosen - leading(chosen));
      }
    }
}

// What a warp collects before the tensor cores sum it.
struct Collected {
  float e[GROUP][PITCH], w[GROUP][PITCH];
};

// Adds the first `filled` rows of a group to the gradient rows. Lane i < filled knows the stage place of row i.
__device__ __forceinline__ void flush(const Collected& group, int filled, u32 places, const Factors& factors, float4 (*stage)[BACK_BATCH],
                                      const u32* rows, float middle_x, float middle_y, Sum* gradients, float scale) {
  int lane = threadIdx.x & 31, place = lane & 3;
  float moments[4] = {}, channels[COLUMN_BLOCKS][4] = {};
  Fragment high, low;
  __syncwarp();
#pragma unroll
  for (int step = 0; step < 4; step++) {
    split(group.e, step, high, low);
    multiply(moments, high, factors.monomials[step][0], factors.monomials[step][1]);
    multiply(moments, low, factors.monomials[step][0], factors.monomials[step][1]);
    split(group.w, step, high, low);
#pragma unroll
    for (int block = 0; block < COLUMN_BLOCKS; block++) {
      multiply(channels[block], high, factors.high[block][step][0], factors.high[block][step][1]);
      multiply(channels[block], high, factors.low[block][step][0], factors.low[block][step][1]);
      multiply(channels[block], low, factors.high[block][step][0], factors.high[block][step][1]);
    }
  }
  __syncwarp();
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int row = (lane >> 2) + 8 * half;
    u32 j = __shfl_sync(ALL, places, row);
    bool used = row < filled;
    j = used ? j : 0;
    float4 first = stage[0][j];
    shift_moments(moments[2 * half], moments[2 * half + 1], first.x - middle_x, first.y - middle_y);
    if (!used) continue;
    Sum* target = gradients + ROW * (long long)rows[j];
    if (place < 3) add_pair(target + 2 * place, moments[2 * half], moments[2 * half + 1], scale);
#pragma unroll
    for (int block = 0; block < COLUMN_BLOCKS; block++)
      if (8 * block + 2 * place < CHANNELS) add_pair(target + 6 + 8 * block + 2 * place, channels[block][2 * half], channels[block][2 * half + 1], scale);
  }
}

// (8) One pixel and one splat: steps back over the splat, and says e and w.
__device__ __forceinline__ void unblend(float exponent, const float* channels, Back& pixel, float& e, float& w) {
  float raw = power_of_two(exponent), alpha = fminf(raw, (float)(MAX_ALPHA)), inverse = reciprocal(1.f - alpha), value = 0.f;
  pixel.transmittance *= inverse;
  w = alpha * pixel.transmittance;
#pragma unroll
  for (int c = 0; c < CHANNELS; c++) value += channels[c] * pixel.gradients[c];
  e = raw <= (float)(MAX_ALPHA) ? alpha * (pixel.transmittance * value - pixel.behind * inverse) : 0.f;
  pixel.behind += w * value;
}

// rows [P * N, ROW] must be zero. factor [1] is read only where DETERMINISTIC.
extern "C" __global__ void __launch_bounds__(THREADS) composite_backward(const float4* __restrict__ splats, const u32* __restrict__ sorted,
                                                                        const u64* __restrict__ starts, const float* __restrict__ backgrounds,
                                                                        int background_stride, const float* alpha, const float* depth,
                                                                        const float* transmittances, const u32* lasts, const float* d_rgb,
                                                                        const float* d_alpha, const float* d_depth, const float* d_features,
                                                                        Sum* gradients, const float* factor, int width, int height) {
  Drawn drawn = {alpha, depth, transmittances, lasts};
  Gradients in = {d_rgb, d_alpha, d_depth, d_features};
  Size size = size_of(width, height);
  __shared__ float4 stage[PARTS][BACK_BATCH];
  __shared__ u32 rows[BACK_BATCH];
  __shared__ Collected collected[THREADS / 32];
  __shared__ u32 warp_lasts[THREADS / 32];
  long long tile = blockIdx.x;
  int tiles = size.tiles_x * size.tiles_y, picture = tile / tiles, local = tile % tiles, warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  int left = local % size.tiles_x * TILE + ((warp & 1) << 3), top = local / size.tiles_x * TILE + ((warp >> 1) << 2);
  int column = left + (lane & 7), line = top + (lane >> 3);
  bool inside = column < size.width && line < size.height;
  Back pixel = read_pixel(inside, column, line, ((long long)picture * size.height + line) * size.width + column, in, drawn,
                          backgrounds + (long long)picture * background_stride);
  u32 warp_last = __reduce_max_sync(ALL, pixel.last), block_last = 0;
  if (lane == 0) warp_lasts[warp] = warp_last;
  __syncthreads();
#pragma unroll
  for (int w = 0; w < THREADS / 32; w++) block_last = max(block_last, warp_lasts[w]);
  if (block_last == 0) return;
  Factors factors;
  gather_factors(pixel, factors);
  const u32* list = sorted + starts[tile];
  Collected& group = collected[warp];
#if DETERMINISTIC
  float scale = *factor;
#else
  float scale = 1.f;
#endif

  for (u32 stop = block_last; stop > 0; stop -= min(stop, BACK_BATCH)) {
    u32 staged = min(stop, BACK_BATCH);
    __syncthreads();
    if (threadIdx.x < staged) {
      u32 row = list[stop - 1 - threadIdx.x]; // place 0 is the farthest
      rows[threadIdx.x] = row;
#pragma unroll
      for (int part = 0; part < PARTS; part++) stage[part][threadIdx.x] = splats[PARTS * (long long)row + part];
    }
    __syncthreads();
    int filled = 0;
    u32 places = 0;
    for (u32 chunk = stop > warp_last ? (stop - warp_last) & ~31u : 0; chunk < staged; chunk += 32) {
      u32 own = chunk + lane;
      bool reaching = false;
      if (own < staged && stop - 1 - own < warp_last) {
        Splat splat = geometry_of(stage[0][own], stage[1][own]);
        reaching = meets(splat, reach_of(splat), left + .5f, left + 7.5f, top + .5f, top + 3.5f);
      }
      u32 candidates = __ballot_sync(ALL, reaching);
      while (candidates) {
        u32 j = chunk + __ffs(candidates) - 1;
        candidates &= candidates - 1;
        float4 first = stage[0][j], second = stage[1][j];
        float dx = pixel.x - first.x, dy = pixel.y - first.y, u = first.z * dx + first.w * dy, v = second.x * dy;
        float exponent = second.y - u * u - v * v, e = 0.f, w = 0.f;
        bool active = exponent >= FLOOR_LEVEL && stop - 1 - j < pixel.last;
        if (!__any_sync(ALL, active)) continue;
        if (active) {
          float channels[CHANNELS] = {second.z, second.w};
#pragma unroll
          for (int c = 2; c < CHANNELS; c++) channels[c] = ((const float*)&stage[(6 + c) / 4][j])[(6 + c) % 4];
          unblend(exponent, channels, pixel, e, w);
        }
        group.e[filled][lane] = e, group.w[filled][lane] = w;
        if (lane == filled) places = j;
        if (++filled == GROUP) {
          flush(group, filled, places, factors, stage, rows, left + 4.f, top + 2.f, gradients, scale);
          filled = 0;
        }
      }
    }
    if (filled) flush(group, filled, places, factors, stage, rows, left + 4.f, top + 2.f, gradients, scale);
  }
}
