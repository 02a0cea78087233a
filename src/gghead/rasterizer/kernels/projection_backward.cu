// Gradients of splats -> gradients of Gaussians and cameras (README.md, "Gradients of projection"). One thread for each
// Gaussian of each head, which goes through the pictures of its head, so that nobody else adds to the same number.
#include "harmonics.cuh"
#include "splat.cuh"

#if DETERMINISTIC
typedef long long RowNumber;
#else
typedef float RowNumber;
#endif

// Sums of one thread.
struct Totals {
  float mean[3], quat[4], scale[3], opacity, view[3][4];
};

// (11) The conic times an axis b, without the product of b with itself, which is zero: rounding of that would drown the
// rest along a needle.
__device__ __forceinline__ void conic_times_axis(const Shape& shape, const float* scale, int k, float& right,
                                                 float& down) {
  right = (float)BLUR * shape.right[k], down = (float)BLUR * shape.down[k];
#pragma unroll
  for (int j = 0; j < 3; j++) {
    if (j == k) continue;
    float minor = scale[j] * scale[j] * (shape.down[j] * shape.right[k] - shape.right[j] * shape.down[k]);
    right += minor * shape.down[j], down -= minor * shape.right[j];
  }
  right /= shape.determinant, down /= shape.determinant;
}

// (14) From the gradient w.r.t. the rotation matrix to that w.r.t. the quaternion, of any length.
__device__ __forceinline__ void rotation_backward(const float* quat, float inverse_length, const float (&g)[3][3],
                                                  float* d_quat) {
  float w = quat[0] * inverse_length, x = quat[1] * inverse_length, y = quat[2] * inverse_length,
        z = quat[3] * inverse_length;
  float dw = 2.f * (x * (g[2][1] - g[1][2]) + y * (g[0][2] - g[2][0]) + z * (g[1][0] - g[0][1]));
  float dx = 2.f * (y * (g[0][1] + g[1][0]) + z * (g[0][2] + g[2][0]) + w * (g[2][1] - g[1][2]) -
                    2.f * x * (g[1][1] + g[2][2]));
  float dy = 2.f * (x * (g[0][1] + g[1][0]) + z * (g[1][2] + g[2][1]) + w * (g[0][2] - g[2][0]) -
                    2.f * y * (g[0][0] + g[2][2]));
  float dz = 2.f * (x * (g[0][2] + g[2][0]) + y * (g[1][2] + g[2][1]) + w * (g[1][0] - g[0][1]) -
                    2.f * z * (g[0][0] + g[1][1]));
  float along = dw * w + dx * x + dy * y + dz * z;
  d_quat[0] += (dw - along * w) * inverse_length, d_quat[1] += (dx - along * x) * inverse_length;
  d_quat[2] += (dy - along * y) * inverse_length, d_quat[3] += (dz - along * z) * inverse_length;
}

// (10) - (14) for the place and shape of one Gaussian in one picture.
__device__ __forceinline__ void shape_backward(const Camera& camera, const Shape& shape, const float* mean,
                                               const float* quat, const float* scale, const float* row,
                                               Totals& totals) {
  float z = shape.point[2], zoom_x = camera.fx / z, zoom_y = camera.fy / z;
  float a = shape.yy / shape.determinant, b = -shape.xy / shape.determinant, c = shape.xx / shape.determinant;
  float d_u = 0.f, d_v = 0.f, d_z = row[9], d_turn[3][3];
#pragma unroll
  for (int k = 0; k < 3; k++) {
    float right, down;
    conic_times_axis(shape, scale, k, right, down);
    float m_right = row[3] * right + row[4] * down, m_down = row[4] * right + row[5] * down;
    float grad_scale = scale[k] * (right * m_right + down * m_down);
    totals.scale[k] += grad_scale;
    d_z -= grad_scale * scale[k] / z;
    float d_right = scale[k] * scale[k] * (a * m_right + b * m_down),
          d_down = scale[k] * scale[k] * (b * m_right + c * m_down);
#pragma unroll
    for (int j = 0; j < 3; j++) {
      d_turn[j][k] = zoom_x * (camera.r[0][j] - shape.u * camera.r[2][j]) * d_right +
                     zoom_y * (camera.r[1][j] - shape.v * camera.r[2][j]) * d_down;
      d_u -= zoom_x * camera.r[2][j] * shape.turn[j][k] * d_right;
      d_v -= zoom_y * camera.r[2][j] * shape.turn[j][k] * d_down;
      totals.view[0][j] += zoom_x * shape.turn[j][k] * d_right;
      totals.view[1][j] += zoom_y * shape.turn[j][k] * d_down;
      totals.view[2][j] -= (zoom_x * shape.u * d_right + zoom_y * shape.v * d_down) * shape.turn[j][k];
    }
  }
  rotation_backward(quat, shape.inverse_length, d_turn, totals.quat);
  // (10) the centre; a guarded slope passes nothing on from the shape.
  float slope_x = shape.point[0] / z, slope_y = shape.point[1] / z;
  d_u = (a * row[1] + b * row[2]) * camera.fx + (shape.u == slope_x ? d_u : 0.f);
  d_v = (b * row[1] + c * row[2]) * camera.fy + (shape.v == slope_y ? d_v : 0.f);
  float d_point[3] = {d_u / z, d_v / z, d_z - (d_u * slope_x + d_v * slope_y) / z};
#pragma unroll
  for (int i = 0; i < 3; i++) {
#pragma unroll
    for (int j = 0; j < 3; j++)
      totals.mean[j] += camera.r[i][j] * d_point[i], totals.view[i][j] += d_point[i] * mean[j];
    totals.view[i][3] += d_point[i];
  }
}

// (15) The colour: gradients w.r.t. coefficients, mean and camera. `first`: nothing has been written to d_sh yet.
__device__ __forceinline__ void colour_backward(const Camera& camera, const float* mean, const float* sh,
                                                const float* row, bool first, float* d_sh, Totals& totals) {
  Direction d = direction_of(mean, camera);
  Basis basis;
  evaluate_basis(d.x, d.y, d.z, basis);
  float gx = 0.f, gy = 0.f, gz = 0.f;
#pragma unroll
  for (int i = 0; i < 3; i++) {
    float colour = .5f;
#pragma unroll
    for (int k = 0; k < COEFFICIENTS; k++) colour += sh[3 * k + i] * basis.value[k];
    float g = colour > 0.f ? row[6 + i] : 0.f;
#pragma unroll
    for (int k = 0; k < COEFFICIENTS; k++) {
      d_sh[3 * k + i] = g * basis.value[k] + (first ? 0.f : d_sh[3 * k + i]);
      gx += g * sh[3 * k + i] * basis.dx[k], gy += g * sh[3 * k + i] * basis.dy[k],
          gz += g * sh[3 * k + i] * basis.dz[k];
    }
  }
#if COEFFICIENTS > 1
  float along = gx * d.x + gy * d.y + gz * d.z;
  float g[3] = {(gx - along * d.x) * d.inverse, (gy - along * d.y) * d.inverse, (gz - along * d.z) * d.inverse};
#pragma unroll
  for (int j = 0; j < 3; j++) totals.mean[j] += g[j];
#pragma unroll
  for (int i = 0; i < 3; i++) {
#pragma unroll
    for (int j = 0; j < 3; j++) totals.view[i][j] += camera.t[i] * g[j], totals.view[i][3] += camera.r[i][j] * g[j];
  }
#endif
}

// Sums the cameras' gradients of a block, to sums [12].
__device__ __forceinline__ void sum_over_block(const Totals& totals, float* sums) {
  __shared__ float per_warp[THREADS / 32][12];
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
#pragma unroll
  for (int i = 0; i < 12; i++) {
    float value = totals.view[i / 4][i % 4];
#pragma unroll
    for (int offset = 16; offset; offset >>= 1) value += __shfl_xor_sync(ALL, value, offset);
    if (lane == 0) per_warp[warp][i] = value;
  }
  __syncthreads();
  if (threadIdx.x < 12) {
    float value = 0.f;
    for (int w = 0; w < THREADS / 32; w++) value += per_warp[w][threadIdx.x];
    sums[threadIdx.x] = value;
  }
  __syncthreads();
}

struct SceneGradients {
  float *means, *quats, *scales, *opacities, *sh, *features;
};

// per_block [P, blocks, 12] gets the cameras' gradients in pieces, where CAMERAS. factors [1] is read only where
// DETERMINISTIC.
template <bool CAMERAS>
__device__ __forceinline__ void project_back(const float* __restrict__ means, const float* __restrict__ quats,
                                             const float* __restrict__ scales, const float* __restrict__ opacities,
                                             const float* __restrict__ sh, const float* __restrict__ viewmats,
                                             const float* __restrict__ Ks, const RowNumber* __restrict__ rows,
                                             const float* factors, const SceneGradients& out, float* per_block,
                                             int count, int views, int blocks, const Size& size) {
  int head = blockIdx.x / blocks, block = blockIdx.x % blocks, n = block * THREADS + threadIdx.x;
  long long g = (long long)head * count + n;
  float mean[3] = {}, quat[4] = {1.f}, scale[3] = {}, features[FEATURES + 1] = {};
  Totals totals = {};
  bool first = true;
  if (n < count) {
#pragma unroll
    for (int i = 0; i < 3; i++) mean[i] = means[3 * g + i], scale[i] = scales[3 * g + i];
#pragma unroll
    for (int i = 0; i < 4; i++) quat[i] = quats[4 * g + i];
  }
#if DETERMINISTIC
  float unit = 1.f / *factors;
#endif
  for (int view = 0; view < views; view++) {
    int picture = head * views + view;
    if (CAMERAS) {
#pragma unroll
      for (int i = 0; i < 12; i++) totals.view[i / 4][i % 4] = 0.f;
    }
    if (n < count) {
      const RowNumber* numbers = rows + ROW * ((long long)picture * count + n);
      float row[ROW];
      bool touched = false;
#pragma unroll
      for (int i = 0; i < ROW; i++) {
#if DETERMINISTIC
        row[i] = (float)numbers[i] * unit;
#else
        row[i] = numbers[i];
#endif
        touched |= row[i] != 0.f;
      }
      Camera camera = read_camera(viewmats, Ks, picture);
      Shape shape;
      if (touched && shape_of(mean, quat, scale, camera, size, shape)) {
        totals.opacity += row[0] / opacities[g];
#pragma unroll
        for (int f = 0; f < FEATURES; f++) features[f] += row[10 + f];
        shape_backward(camera, shape, mean, quat, scale, row, totals);
        colour_backward(camera, mean, sh + 3ll * COEFFICIENTS * g, row, first, out.sh + 3ll * COEFFICIENTS * g, totals);
        first = false;
      }
    }
    if (CAMERAS) sum_over_block(totals, per_block + 12 * ((long long)picture * blocks + block));
  }
  if (n >= count) return;
#pragma unroll
  for (int i = 0; i < 3; i++) out.means[3 * g + i] = totals.mean[i], out.scales[3 * g + i] = totals.scale[i];
#pragma unroll
  for (int i = 0; i < 4; i++) out.quats[4 * g + i] = totals.quat[i];
  out.opacities[g] = totals.opacity;
#pragma unroll
  for (int f = 0; f < FEATURES; f++) out.features[g * FEATURES + f] = features[f];
  if (first)
    for (int i = 0; i < 3 * COEFFICIENTS; i++) out.sh[3ll * COEFFICIENTS * g + i] = 0.f;
}

#define PROJECT_BACKWARD(NAME, CAMERAS)                                                                                \
  extern "C" __global__ void __launch_bounds__(THREADS, CAMERAS ? 1 : 2)                                               \
      NAME(const float* means, const float* quats, const float* scales, const float* opacities, const float* sh,       \
           const float* viewmats, const float* Ks, const RowNumber* rows, const float* factors, float* d_means,        \
           float* d_quats, float* d_scales, float* d_opacities, float* d_sh, float* d_features, float* per_block,      \
           int count, int views, int blocks, int width, int height) {                                                  \
    project_back<CAMERAS>(means, quats, scales, opacities, sh, viewmats, Ks, rows, factors,                            \
                          {d_means, d_quats, d_scales, d_opacities, d_sh, d_features}, per_block, count, views,        \
                          blocks, size_of(width, height));                                                             \
  }

PROJECT_BACKWARD(project_backward, false)
PROJECT_BACKWARD(project_backward_with_cameras, true)
