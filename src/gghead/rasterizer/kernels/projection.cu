// Gaussians -> splats, one thread for each Gaussian of each picture, and how many splats every tile will list.
#include "harmonics.cuh"
#include "splat.cuh"

// Why a camera can't be drawn; the host reads it after the fact (README.md, "No waiting").
enum Status { VIEWMATS_NOT_FINITE = 1, KS_NOT_FINITE = 2, KS_SKEWED = 4, LAST_ROW_ODD = 8 };

__device__ __noinline__ int check_camera(const float* viewmats, const float* Ks, int picture) {
  const float *view = viewmats + 16ll * picture, *K = Ks + 9ll * picture;
  int status = 0;
  for (int i = 0; i < 16; i++)
    if (!finite(view[i])) status |= VIEWMATS_NOT_FINITE;
  for (int i = 0; i < 9; i++)
    if (!finite(K[i])) status |= KS_NOT_FINITE;
  if (K[1] != 0.f || K[3] != 0.f) status |= KS_SKEWED;
  float off = fabsf(K[6]) + fabsf(K[7]) + fabsf(K[8] - 1.f);
  off += fabsf(view[12]) + fabsf(view[13]) + fabsf(view[14]) + fabsf(view[15] - 1.f);
  if (off > 1e-3f) status |= LAST_ROW_ODD;
  return status;
}

// Writes a splat and returns its geometry; false if it can't be seen.
__device__ __forceinline__ bool make_splat(const float* mean, const float* quat, const float* scale, float opacity,
                                           const float* sh, const float* features, const Camera& camera,
                                           const Size& size, float4* parts, Splat& splat) {
  // Zero times a number is NaN where the number is not finite; one comparison then tells about all.
  float zero = 0.f;
#pragma unroll
  for (int i = 0; i < 3; i++) zero += mean[i] * 0.f + scale[i] * 0.f;
#pragma unroll
  for (int i = 0; i < 4; i++) zero += quat[i] * 0.f;
#pragma unroll
  for (int i = 0; i < 3 * COEFFICIENTS; i++) zero += sh[i] * 0.f;
#pragma unroll
  for (int i = 0; i < FEATURES; i++) zero += features[i] * 0.f;
  if (!(zero == 0.f && largest_of(quat) >= (float)(MIN_QUATERNION) && finite(opacity) && opacity >= (float)(MIN_ALPHA)))
    return false;

  Shape shape;
  if (!shape_of(mean, quat, scale, camera, size, shape)) return false;
  float x = camera.fx * shape.point[0] / shape.point[2] + camera.cx,
        y = camera.fy * shape.point[1] / shape.point[2] + camera.cy;
  if (!(shape.determinant > 0.f && finite(shape.determinant) && finite(x + y))) return false;
  // (5) The conic's Cholesky factor, scaled so that exp(-q/2) = 2^-(...).
  float root = sqrtf(.5f * LOG2_E / shape.yy);
  splat.x = x, splat.y = y, splat.c = root;
  splat.a = root * shape.yy / sqrtf(shape.determinant);
  splat.b = -root * shape.xy / sqrtf(shape.determinant);
  splat.level = log2f(opacity);
  if (!(finite(splat.a) && finite(splat.b) && splat.a > 0.f && splat.c > 0.f)) return false;

  float values[4 * PARTS] = {splat.x, splat.y, splat.a, splat.b, splat.c, splat.level};
  Direction d = direction_of(mean, camera);
  Basis basis;
  evaluate_basis(d.x, d.y, d.z, basis);
#pragma unroll
  for (int i = 0; i < 3; i++) {
    float colour = .5f;
#pragma unroll
    for (int k = 0; k < COEFFICIENTS; k++) colour += sh[3 * k + i] * basis.value[k];
    values[6 + i] = fmaxf(colour, 0.f);
  }
  values[9] = shape.point[2];
#pragma unroll
  for (int i = 0; i < FEATURES; i++) values[10 + i] = features[i];
#pragma unroll
  for (int i = 0; i < PARTS; i++)
    parts[i] = make_float4(values[4 * i], values[4 * i + 1], values[4 * i + 2], values[4 * i + 3]);
  return true;
}

// counts [P, tiles] gets the number of splats that meet each tile. A splat that can't be seen gets a second part of
// zeros. Neighbours in a scene tend to meet the same tiles: a block counts in shared memory, `local_tiles` numbers,
// unless a picture has too many tiles (0).
extern "C" __global__ void __launch_bounds__(THREADS)
    project(const float* __restrict__ means, const float* __restrict__ quats, const float* __restrict__ scales,
            const float* __restrict__ opacities, const float* __restrict__ sh, const float* __restrict__ features,
            const float* __restrict__ viewmats, const float* __restrict__ Ks, float4* __restrict__ splats,
            u32* __restrict__ counts, u32* status, int count, int views, int blocks, int local_tiles, int width,
            int height) {
  extern __shared__ u32 local[];
  Size size = size_of(width, height);
  int picture = blockIdx.x / blocks, block = blockIdx.x % blocks, n = block * THREADS + threadIdx.x;
  for (int i = threadIdx.x; i < local_tiles; i += THREADS) local[i] = 0;
  if (n == 0) {
    int problems = check_camera(viewmats, Ks, picture);
    if (problems) atomicOr(status, problems);
  }
  Splat splat;
  bool seen = false;
  if (n < count) {
    long long g = (long long)(picture / views) * count + n, row = (long long)picture * count + n;
    float mean[3] = {means[3 * g], means[3 * g + 1], means[3 * g + 2]},
          quat[4] = {quats[4 * g], quats[4 * g + 1], quats[4 * g + 2], quats[4 * g + 3]},
          scale[3] = {scales[3 * g], scales[3 * g + 1], scales[3 * g + 2]};
    Camera camera = read_camera(viewmats, Ks, picture);
    seen = Ks[9ll * picture + 1] == 0.f &&
           make_splat(mean, quat, scale, opacities[g], sh + 3ll * COEFFICIENTS * g, features + (long long)FEATURES * g,
                      camera, size, splats + PARTS * row, splat);
    if (!seen) splats[PARTS * row + 1] = make_float4(0.f, 0.f, 0.f, 0.f);
  }
  u32* mine = counts + (long long)picture * size.tiles_x * size.tiles_y;
  if (!local_tiles) {
    if (seen) for_each_tile(splat, size, [&](int tile) { atomicAdd(mine + tile, 1u); });
    return;
  }
  __syncthreads();
  if (seen) for_each_tile(splat, size, [&](int tile) { atomicAdd(local + tile, 1u); });
  __syncthreads();
  for (int i = threadIdx.x; i < local_tiles; i += THREADS) {
    u32 found = local[i];
    if (found) atomicAdd(mine + i, found);
  }
}
