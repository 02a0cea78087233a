// What the kernels share: the layout of a splat, and where its ellipse lies. Numbers in brackets are the equations of
// README.md.
//
// Compile-time settings, all given by cuda/kernels.py: COEFFICIENTS of the spherical harmonics (1, 4, 9, 16), FEATURES
// (0 to 8), DETERMINISTIC (0, 1), and the constants of constants.py: NEAR, BLUR, MAX_ALPHA, MIN_ALPHA,
// MIN_TRANSMITTANCE, VIEW_GUARD.
#pragma once

typedef unsigned int u32;
typedef unsigned long long u64;

#define CHANNELS (4 + FEATURES)        // rgb, camera z, features
#define PARTS ((6 + CHANNELS + 3) / 4) // float4s of a splat: x, y, a, b | c, level, red, green | blue, z, features ...
#define ROW ((6 + CHANNELS + 1) / 2 * 2) // numbers of a gradient row: six moments, then the channels
#define TILE 16                          // side of a tile, pixels
#define THREADS 256                      // of every block
#define ALL 0xffffffffu
#define LOG2_E 1.4426950408889634f

struct Size {
  int width, height, tiles_x, tiles_y;
};

__device__ __forceinline__ Size size_of(int width, int height) {
  return {width, height, (width + TILE - 1) / TILE, (height + TILE - 1) / TILE};
}

// (1) A splat's alpha at an offset d from its centre is 2^(level - (a dx + b dy)^2 - (c dy)^2).
struct Splat {
  float x, y, a, b, c, level;
};

__device__ __forceinline__ Splat geometry_of(float4 first, float4 second) {
  return {first.x, first.y, first.z, first.w, second.x, second.y};
}

__device__ __forceinline__ float power_of_two(float exponent) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(exponent));
  return result;
}

__device__ __forceinline__ float reciprocal(float value) {
  float result;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(value));
  return result;
}

// Shared memory by address: the compiler would compute the addresses anew for every splat.
__device__ __forceinline__ u32 shared_address(const void* pointer) { return (u32)__cvta_generic_to_shared(pointer); }

template <int OFFSET>
__device__ __forceinline__ float4 load4(u32 address) {
  float4 value;
  asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4 + %5];"
               : "=f"(value.x), "=f"(value.y), "=f"(value.z), "=f"(value.w)
               : "r"(address), "n"(OFFSET)
               : "memory");
  return value;
}

template <int OFFSET>
__device__ __forceinline__ float load1(u32 address) {
  float value;
  asm volatile("ld.shared.f32 %0, [%1 + %2];" : "=f"(value) : "r"(address), "n"(OFFSET) : "memory");
  return value;
}

template <int OFFSET>
__device__ __forceinline__ void store4(u32 address, float4 value) {
  asm volatile("st.shared.v4.f32 [%0 + %1], {%2, %3, %4, %5};" ::"r"(address), "n"(OFFSET), "f"(value.x), "f"(value.y),
               "f"(value.z), "f"(value.w)
               : "memory");
}

template <int OFFSET>
__device__ __forceinline__ void store1(u32 address, float value) {
  asm volatile("st.shared.f32 [%0 + %1], %2;" ::"r"(address), "n"(OFFSET), "f"(value) : "memory");
}

__device__ __forceinline__ bool finite(float value) { return value - value == 0.f; }

// log2(1 / 255): the exponent at which a splat ends. A thousandth of an octave more keeps rounding from excluding
// tiles.
#define FLOOR_LEVEL (-7.99435343685886f)
#define SLACK 1e-3f

// Where a splat's exponent exceeds FLOOR_LEVEL (2): slopes of the lines on which the form is smallest, and how large it
// may be.
struct Reach {
  float along_x, along_y, limit;
};

// Rounding is spelt out in what follows: two kernels walk over the same tiles and must find the same ones.
__device__ __forceinline__ Reach reach_of(const Splat& s) {
  float bb_cc = __fmaf_rn(s.b, s.b, __fmul_rn(s.c, s.c));
  return {-__fdiv_rn(__fmul_rn(s.a, s.b), bb_cc), -__fdiv_rn(s.b, s.a), __fadd_rn(s.level, SLACK - FLOOR_LEVEL)};
}

// The same with approximate divisions, for a test whose outcome nobody relies on.
__device__ __forceinline__ Reach quick_reach_of(const Splat& s) {
  return {-s.a * s.b * reciprocal(s.b * s.b + s.c * s.c), -s.b * reciprocal(s.a), s.level + (SLACK - FLOOR_LEVEL)};
}

// (3) Whether the ellipse meets the box of pixel centres [left, right] x [top, bottom]: the form, being convex, is
// smallest in the box at its centre, or on one of the two edges that face it.
__device__ __forceinline__ bool meets(const Splat& s, const Reach& reach, float left, float right, float top,
                                      float bottom) {
  float x0 = __fsub_rn(left, s.x), x1 = __fsub_rn(right, s.x), y0 = __fsub_rn(top, s.y), y1 = __fsub_rn(bottom, s.y);
  float edge_x = fminf(fmaxf(0.f, x0), x1), edge_y = fminf(fmaxf(0.f, y0), y1);
  float on_x = fminf(fmaxf(__fmul_rn(reach.along_x, edge_x), y0), y1),
        on_y = fminf(fmaxf(__fmul_rn(reach.along_y, edge_y), x0), x1);
  float u = __fmaf_rn(s.a, edge_x, __fmul_rn(s.b, on_x)), v = __fmul_rn(s.c, on_x);
  float w = __fmaf_rn(s.a, on_y, __fmul_rn(s.b, edge_y)), z = __fmul_rn(s.c, edge_y);
  return fminf(__fmaf_rn(u, u, __fmul_rn(v, v)), __fmaf_rn(w, w, __fmul_rn(z, z))) <= reach.limit;
}

// Tiles [x0, x1) x [y0, y1) around an ellipse.
struct Box {
  int x0, x1, y0, y1;
};

__device__ __forceinline__ int clamped_tile(float pixel, int tiles) {
  // Clamped as a float: a centre may lie farther away than an int can say.
  return (int)fminf(fmaxf(floorf(__fmul_rn(pixel, 1.f / TILE)), 0.f), (float)tiles);
}

// (2) Half width sqrt(limit (b^2 + c^2)) / (a c), half height sqrt(limit) / c.
__device__ __forceinline__ Box box_of(const Splat& s, const Reach& reach, const Size& size) {
  float half_height = __fdiv_rn(__fsqrt_rn(reach.limit), s.c);
  float half_width = __fdiv_rn(__fmul_rn(half_height, __fsqrt_rn(__fmaf_rn(s.b, s.b, __fmul_rn(s.c, s.c)))), s.a);
  return {clamped_tile(__fsub_rn(s.x, half_width), size.tiles_x),
          clamped_tile(__fadd_rn(__fadd_rn(s.x, half_width), TILE), size.tiles_x),
          clamped_tile(__fsub_rn(s.y, half_height), size.tiles_y),
          clamped_tile(__fadd_rn(__fadd_rn(s.y, half_height), TILE), size.tiles_y)};
}

// Calls visit(tile) for every tile of a picture that a splat meets.
template <typename Visit>
__device__ __forceinline__ void for_each_tile(const Splat& s, const Size& size, Visit visit) {
  Reach reach = reach_of(s);
  Box box = box_of(s, reach, size);
  for (int y = box.y0; y < box.y1; y++)
    for (int x = box.x0; x < box.x1; x++) {
      float left = x * TILE + .5f, top = y * TILE + .5f;
      if (meets(s, reach, left, left + (TILE - 1), top, top + (TILE - 1))) visit(y * size.tiles_x + x);
    }
}

// Splats on their way through a warp: the 32 of a chunk that reach its pixels, moved up.
struct Chunk {
  float4 parts[PARTS][32];
  u32 places[32], rows[32];
};

#define PART 512              // bytes from one part of a chunk to the next
#define PLACES (PARTS * PART) // bytes from the parts to the places
#define ROWS (PLACES + 128)   // bytes to the rows

// Loads the splat `row` of every lane that has one, keeps those that reach the pixels from (left, top) to (left + 7,
// top + 3), and says how many. A warp does all this for itself: no other has to wait for it.
__device__ __forceinline__ u32 gather(u32 address, const float4* __restrict__ splats, bool has_one, u32 row, u32 place,
                                      float left, float top) {
  const float4* parts = splats + PARTS * (long long)row;
  float4 first, second;
  bool reaching = false;
  if (has_one) {
    first = parts[0], second = parts[1];
    Splat splat = geometry_of(first, second);
    reaching = meets(splat, quick_reach_of(splat), left, left + 7, top, top + 3);
  }
  u32 hits = __ballot_sync(ALL, reaching), lane = threadIdx.x & 31, slot = __popc(hits & ((1u << lane) - 1));
  __syncwarp(); // all have read the chunk before
  if (reaching) {
    u32 target = address + 16 * slot;
    store4<0>(target, first), store4<PART>(target, second), store4<2 * PART>(target, parts[2]);
#if PARTS > 3
    store4<3 * PART>(target, parts[3]);
#endif
#if PARTS > 4
    store4<4 * PART>(target, parts[4]);
#endif
    store1<PLACES>(address + 4 * slot, __uint_as_float(place)), store1<ROWS>(address + 4 * slot, __uint_as_float(row));
  }
  __syncwarp();
  return __popc(hits);
}

// Asks for a splat that will be gathered next, so that the wait for it overlaps with work on the present ones.
__device__ __forceinline__ void ask_for(const float4* splats, u32 row) {
  asm volatile("prefetch.global.L1 [%0];" ::"l"(splats + PARTS * (long long)row));
}

// The colour behind a picture: its own, or the same for all.
struct Background {
  const float* per_picture;
  float same[3];
};

__device__ __forceinline__ float behind(const Background& background, int picture, int channel) {
  return background.per_picture ? background.per_picture[3ll * picture + channel] : background.same[channel];
}

// A camera: the rows of its rotation, its translation, and its intrinsics.
struct Camera {
  float r[3][3], t[3], fx, fy, cx, cy;
};

__device__ __forceinline__ Camera read_camera(const float* viewmats, const float* Ks, int picture) {
  const float *view = viewmats + 16ll * picture, *K = Ks + 9ll * picture;
  Camera camera;
#pragma unroll
  for (int i = 0; i < 3; i++) {
#pragma unroll
    for (int j = 0; j < 3; j++) camera.r[i][j] = view[4 * i + j];
    camera.t[i] = view[4 * i + 3];
  }
  camera.fx = K[0], camera.fy = K[4], camera.cx = K[2], camera.cy = K[5];
  return camera;
}

// A Gaussian's shape seen by a camera, and what its derivatives need.
struct Shape {
  float point[3];          // in camera space
  float u, v;              // guarded slopes
  float turn[3][3];        // rotation matrix of the quaternion
  float inverse_length;    // of the quaternion
  float right[3], down[3]; // rows of B without the scales: T R(q)
  float xx, xy, yy, determinant;
};

// Largest component of a quaternion by magnitude; with it divided out, squares neither overflow nor vanish.
__device__ __forceinline__ float largest_of(const float* quat) {
  return fmaxf(fmaxf(fabsf(quat[0]), fabsf(quat[1])), fmaxf(fabsf(quat[2]), fabsf(quat[3])));
}

__device__ __forceinline__ void rotation_of(const float* quat, Shape& shape) {
  float inverse = 1.f / largest_of(quat);
  float w = quat[0] * inverse, x = quat[1] * inverse, y = quat[2] * inverse, z = quat[3] * inverse;
  float scale = 1.f / sqrtf(w * w + x * x + y * y + z * z);
  shape.inverse_length = scale * inverse;
  w *= scale, x *= scale, y *= scale, z *= scale;
  shape.turn[0][0] = 1.f - 2.f * (y * y + z * z), shape.turn[0][1] = 2.f * (x * y - w * z),
  shape.turn[0][2] = 2.f * (x * z + w * y);
  shape.turn[1][0] = 2.f * (x * y + w * z), shape.turn[1][1] = 1.f - 2.f * (x * x + z * z),
  shape.turn[1][2] = 2.f * (y * z - w * x);
  shape.turn[2][0] = 2.f * (x * z - w * y), shape.turn[2][1] = 2.f * (y * z + w * x),
  shape.turn[2][2] = 1.f - 2.f * (x * x + y * y);
}

// (4) Point, guarded slopes, B and Sigma = B B^T + BLUR I. The determinant is a sum of squares (Cauchy-Binet) without
// cancellation: minors of B squared, plus BLUR times the trace of B B^T, plus BLUR^2. False if the point is not in
// front of the camera.
__device__ __forceinline__ bool shape_of(const float* mean, const float* quat, const float* scale, const Camera& camera,
                                         const Size& size, Shape& shape) {
#pragma unroll
  for (int i = 0; i < 3; i++)
    shape.point[i] = camera.r[i][0] * mean[0] + camera.r[i][1] * mean[1] + camera.r[i][2] * mean[2] + camera.t[i];
  float z = shape.point[2];
  if (!(z > NEAR)) return false;
  float limit_x = VIEW_GUARD * .5f * size.width / camera.fx, limit_y = VIEW_GUARD * .5f * size.height / camera.fy;
  shape.u = fminf(fmaxf(shape.point[0] / z, -limit_x), limit_x);
  shape.v = fminf(fmaxf(shape.point[1] / z, -limit_y), limit_y);
  rotation_of(quat, shape);
  float zoom_x = camera.fx / z, zoom_y = camera.fy / z, right[3], down[3];
#pragma unroll
  for (int k = 0; k < 3; k++) {
    shape.right[k] = shape.down[k] = 0.f;
#pragma unroll
    for (int j = 0; j < 3; j++) {
      shape.right[k] += zoom_x * (camera.r[0][j] - shape.u * camera.r[2][j]) * shape.turn[j][k];
      shape.down[k] += zoom_y * (camera.r[1][j] - shape.v * camera.r[2][j]) * shape.turn[j][k];
    }
    right[k] = shape.right[k] * scale[k], down[k] = shape.down[k] * scale[k];
  }
  float xx = right[0] * right[0] + right[1] * right[1] + right[2] * right[2];
  float yy = down[0] * down[0] + down[1] * down[1] + down[2] * down[2];
  shape.xy = right[0] * down[0] + right[1] * down[1] + right[2] * down[2];
  float m0 = right[0] * down[1] - right[1] * down[0], m1 = right[0] * down[2] - right[2] * down[0],
        m2 = right[1] * down[2] - right[2] * down[1];
  shape.determinant = m0 * m0 + m1 * m1 + m2 * m2 + (float)BLUR * (xx + yy) + (float)(BLUR * BLUR);
  shape.xx = xx + (float)BLUR, shape.yy = yy + (float)BLUR;
  return true;
}
