// Gradients of pixels -> gradients of splats. Pixels of warps and lanes as in compositing.cu, but a block is only half
// a tile, and its warps do not wait for each other; lists are walked from the far end.
//
// A lane makes two numbers for its pixel and a splat: e = dL/d(-q/2) and the weight w. What a splat wants are sums over
// pixels: of e times 1, x, y, x^2, xy, y^2 and of w times the gradients of the channels. For GROUP splats and 32 pixels
// those are two small matrix products, done by the tensor cores; summing with shuffles, 19 for each splat, took longer
// than all the rest.
//
// TF32 keeps 11 bits of a factor. The monomials of a pixel's place in its warp need fewer, so they are exact; every
// other factor is split into a leading and a trailing part, and only the product of two trailing parts (2^-22) is
// dropped.
#include "splat.cuh"

#define GROUP 16
#define BACK_WARPS 4 // warps of a block
#define PITCH 36     // floats between rows of a group: 4 more than lanes, so that a fragment's loads hit 32 banks
#define COLUMN_BLOCKS ((CHANNELS + 7) / 8)

struct Fragment {
  u32 a[4];
};

// d += a b, a [16, 8], b [8, 8]. A lane of group lane / 4 and place lane % 4 has of a: rows group, group + 8 at columns
// place, place + 4; of b: rows place, place + 4 at column group; of d: rows group, group + 8 at columns 2 place, 2
// place + 1.
__device__ __forceinline__ void multiply(float (&d)[4], const Fragment& a, u32 b0, u32 b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a.a[0]), "r"(a.a[1]), "r"(a.a[2]), "r"(a.a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ float leading(float value) { return __uint_as_float(__float_as_uint(value) & 0xffffe000u); }

// Fragments of columns 8 STEP to 8 STEP + 7 of a collected matrix. The address is that of the lane's first number: row
// group, column place.
template <int STEP>
__device__ __forceinline__ void split(u32 address, Fragment& high, Fragment& low) {
  float values[4] = {load1<32 * STEP>(address), load1<32 * STEP + 32 * PITCH>(address), load1<32 * STEP + 16>(address),
                     load1<32 * STEP + 16 + 32 * PITCH>(address)};
#pragma unroll
  for (int i = 0; i < 4; i++) {
    float head = leading(values[i]);
    high.a[i] = __float_as_uint(head), low.a[i] = __float_as_uint(values[i] - head);
  }
}

// Column `column` of the monomials 1, x, y, x^2, xy, y^2 of a pixel, measured from the middle of its warp's 8 x 4.
__device__ __forceinline__ float monomial(int pixel, int column) {
  float x = (pixel & 7) - 3.5f, y = (pixel >> 3) - 1.5f;
  float first = column == 0                                 ? 1.f
                : column == 1 || column == 3 || column == 4 ? x
                : column == 2 || column == 5                ? y
                                                            : 0.f;
  float second = column == 3 ? x : column == 4 || column == 5 ? y : 1.f;
  return first * second;
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

// (9) Moves moments from the middle of the warp's pixels to the splat's centre, which lies at (x, y) from there. Lane
// place 0 has the moments 1, x; place 1: y, xx; place 2: xy, yy.
__device__ __forceinline__ void shift_moments(float& first, float& second, float x, float y) {
  int lane = threadIdx.x & 31, place = lane & 3, origin = lane & ~3;
  float s = __shfl_sync(ALL, first, origin), sx = __shfl_sync(ALL, second, origin),
        sy = __shfl_sync(ALL, first, origin + 1);
  if (place == 0) second -= x * s;
  if (place == 1) first -= y * s, second += x * (x * s - 2.f * sx);
  if (place == 2) first += x * y * s - x * sy - y * sx, second += y * (y * s - 2.f * sy);
}

// What a lane knows of its pixel in the backward pass (7).
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

__device__ __forceinline__ Back read_pixel(bool inside, int column, int line, long long p, const Gradients& in,
                                           const Drawn& drawn, int picture, const Background& background) {
  Back pixel = {column + .5f, line + .5f, 1.f, 0.f, {}, 0};
  if (!inside) return pixel;
  pixel.transmittance = drawn.transmittances[p], pixel.last = drawn.lasts[p];
  float grad_alpha = in.alpha ? in.alpha[p] : 0.f, alpha = drawn.alpha[p];
  if (in.rgb) {
#pragma unroll
    for (int i = 0; i < 3; i++)
      pixel.gradients[i] = in.rgb[3 * p + i], grad_alpha -= pixel.gradients[i] * behind(background, picture, i);
  }
  if (in.depth && alpha > 0.f) {
    pixel.gradients[3] = in.depth[p] / alpha;
    grad_alpha -= pixel.gradients[3] * drawn.depth[p];
  }
#pragma unroll
  for (int f = 0; f < FEATURES; f++)
    if (in.features) pixel.gradients[4 + f] = in.features[p * FEATURES + f];
  pixel.behind = -grad_alpha * pixel.transmittance;
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
  float2 centres[GROUP];
  u32 rows[GROUP];
};

#define W_OFFSET (4 * GROUP * PITCH) // bytes from e to w

template <int STEP>
__device__ __forceinline__ void multiply_step(u32 address, const Factors& factors, float (&moments)[4],
                                              float (&channels)[COLUMN_BLOCKS][4]) {
  Fragment high, low;
  split<STEP>(address, high, low);
  multiply(moments, high, factors.monomials[STEP][0], factors.monomials[STEP][1]);
  multiply(moments, low, factors.monomials[STEP][0], factors.monomials[STEP][1]);
  split<STEP>(address + W_OFFSET, high, low);
#pragma unroll
  for (int block = 0; block < COLUMN_BLOCKS; block++) {
    multiply(channels[block], high, factors.high[block][STEP][0], factors.high[block][STEP][1]);
    multiply(channels[block], high, factors.low[block][STEP][0], factors.low[block][STEP][1]);
    multiply(channels[block], low, factors.high[block][STEP][0], factors.high[block][STEP][1]);
  }
}

// Adds the first `filled` rows of a group to the gradient rows.
__device__ __forceinline__ void flush(const Collected& group, int filled, const Factors& factors, float middle_x,
                                      float middle_y, Sum* gradients, float scale) {
  int lane = threadIdx.x & 31, place = lane & 3;
  u32 address = shared_address(group.e) + 4 * (PITCH * (lane >> 2) + place);
  float moments[4] = {}, channels[COLUMN_BLOCKS][4] = {};
  __syncwarp();
  multiply_step<0>(address, factors, moments, channels);
  multiply_step<1>(address, factors, moments, channels);
  multiply_step<2>(address, factors, moments, channels);
  multiply_step<3>(address, factors, moments, channels);
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int row = (lane >> 2) + 8 * half;
    float2 centre = group.centres[row];
    shift_moments(moments[2 * half], moments[2 * half + 1], centre.x - middle_x, centre.y - middle_y);
    if (row >= filled) continue;
    Sum* target = gradients + ROW * (long long)group.rows[row] + 2 * place;
    if (place < 3) add_pair(target, moments[2 * half], moments[2 * half + 1], scale);
#pragma unroll
    for (int block = 0; block < COLUMN_BLOCKS; block++)
      if (8 * block + 2 * place < CHANNELS)
        add_pair(target + 6 + 8 * block, channels[block][2 * half], channels[block][2 * half + 1], scale);
  }
  __syncwarp();
}

// (8) Steps a pixel back over a splat whose parts lie at an address, and says e and w. Without branches: a lane where
// the splat was not drawn has alpha 0, which changes nothing.
__device__ __forceinline__ void unblend(u32 address, float4 second, float exponent, bool active, Back& pixel, float& e,
                                        float& w) {
  float4 third = load4<2 * PART>(address);
  float raw = power_of_two(exponent), alpha = active ? fminf(raw, (float)(MAX_ALPHA)) : 0.f,
        inverse = reciprocal(1.f - alpha);
  float value = second.z * pixel.gradients[0] + second.w * pixel.gradients[1] + third.x * pixel.gradients[2] +
                third.y * pixel.gradients[3];
#if FEATURES > 0
  value += third.z * pixel.gradients[4];
#endif
#if FEATURES > 1
  value += third.w * pixel.gradients[5];
#endif
#if FEATURES > 2
  float4 fourth = load4<3 * PART>(address);
  float more[8] = {fourth.x, fourth.y, fourth.z, fourth.w};
#if FEATURES > 6
  float4 fifth = load4<4 * PART>(address);
  more[4] = fifth.x, more[5] = fifth.y;
#endif
#pragma unroll
  for (int f = 2; f < FEATURES; f++) value += more[f - 2] * pixel.gradients[4 + f];
#endif
  pixel.transmittance *= inverse;
  w = alpha * pixel.transmittance;
  e = raw <= (float)(MAX_ALPHA) ? alpha * (pixel.transmittance * value - pixel.behind * inverse) : 0.f;
  pixel.behind += w * value;
}

// Walks a warp's pixels back through a list, as far as any of them was drawn.
__device__ __forceinline__ void unblend_list(const float4* __restrict__ splats, const u32* __restrict__ list,
                                             u32 length, Chunk& chunk, Collected& group, int left, int top,
                                             const Factors& factors, Sum* gradients, float scale, Back& pixel) {
  u32 lane = threadIdx.x & 31, address = shared_address(&chunk), start = shared_address(group.e) + 4 * lane,
      slot = start, filled = 0;
  u32 next = lane < length ? list[length - 1 - lane] : 0;
  for (u32 stop = length; stop > 0; stop -= min(stop, 32)) {
    // Lane 0 has the farthest splat; a splat's place is its index in the list plus one.
    u32 row = next;
    bool has_next = lane + 32 < stop;
    if (has_next) next = list[stop - 33 - lane];
    u32 found = gather(address, splats, lane < stop, row, stop - lane, left + .5f, top + .5f);
    if (has_next) ask_for(splats, next);
    for (u32 j = 0; j < found; j++) {
      u32 splat = address + 16 * j;
      float4 first = load4<0>(splat), second = load4<PART>(splat);
      u32 place = __float_as_uint(load1<PLACES>(address + 4 * j));
      float dx = pixel.x - first.x, dy = pixel.y - first.y, u = first.z * dx + first.w * dy, v = second.x * dy;
      float exponent = second.y - u * u - v * v, e, w;
      bool active = exponent >= FLOOR_LEVEL && place <= pixel.last;
      if (!__any_sync(ALL, active)) continue;
      unblend(splat, second, exponent, active, pixel, e, w);
      store1<0>(slot, e), store1<W_OFFSET>(slot, w);
      if (lane == 0) group.centres[filled] = make_float2(first.x, first.y), group.rows[filled] = chunk.rows[j];
      slot += 4 * PITCH;
      if (++filled == GROUP) {
        flush(group, GROUP, factors, left + 4.f, top + 2.f, gradients, scale);
        filled = 0, slot = start;
      }
    }
  }
  if (filled) flush(group, filled, factors, left + 4.f, top + 2.f, gradients, scale);
}

// rows [P * N, ROW] must be zero. factor [1] is read only where DETERMINISTIC.
extern "C" __global__ void __launch_bounds__(32 * BACK_WARPS, 6)
    composite_backward(const float4* __restrict__ splats, const u32* __restrict__ sorted,
                       const u64* __restrict__ starts, const u32* __restrict__ order,
                       const float* __restrict__ backgrounds, float red, float green, float blue,
                       const float* __restrict__ alpha, const float* __restrict__ depth,
                       const float* __restrict__ transmittances, const u32* __restrict__ lasts,
                       const float* __restrict__ d_rgb, const float* __restrict__ d_alpha,
                       const float* __restrict__ d_depth, const float* __restrict__ d_features, Sum* gradients,
                       const float* factor, int width, int height) {
  __shared__ Chunk chunks[BACK_WARPS];
  __shared__ Collected groups[BACK_WARPS];
  Size size = size_of(width, height);
  u32 tile = order[blockIdx.x / 2];
  int tiles = size.tiles_x * size.tiles_y, picture = tile / tiles, local = tile % tiles, lane = threadIdx.x & 31;
  int warp = (blockIdx.x & 1) * BACK_WARPS + (threadIdx.x >> 5);
  int left = local % size.tiles_x * TILE + ((warp & 1) << 3), top = local / size.tiles_x * TILE + ((warp >> 1) << 2);
  int column = left + (lane & 7), line = top + (lane >> 3);
  Back pixel =
      read_pixel(column < size.width && line < size.height, column, line,
                 ((long long)picture * size.height + line) * size.width + column, {d_rgb, d_alpha, d_depth, d_features},
                 {alpha, depth, transmittances, lasts}, picture, {backgrounds, {red, green, blue}});
  u32 length = __reduce_max_sync(ALL, pixel.last);
  if (length == 0) return;
  Factors factors;
  gather_factors(pixel, factors);
#if DETERMINISTIC
  float scale = *factor;
#else
  float scale = 1.f;
#endif
  unblend_list(splats, sorted + starts[tile], length, chunks[threadIdx.x >> 5], groups[threadIdx.x >> 5], left, top,
               factors, gradients, scale, pixel);
}
