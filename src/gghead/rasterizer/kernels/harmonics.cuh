// Spherical harmonics: the basis of gghead.geometry.spherical_harmonics with its derivatives.
#pragma once

#include "splat.cuh"

struct Basis {
  float value[COEFFICIENTS];
  float dx[COEFFICIENTS], dy[COEFFICIENTS], dz[COEFFICIENTS]; // x, y, z taken as independent
};

#define SET(k, v, gx, gy, gz) basis.value[k] = (v), basis.dx[k] = (gx), basis.dy[k] = (gy), basis.dz[k] = (gz)

__device__ __forceinline__ void evaluate_basis(float x, float y, float z, Basis& basis) {
  SET(0, .28209479177387814f, 0.f, 0.f, 0.f);
#if COEFFICIENTS > 1
  const float c1 = .4886025119029199f;
  SET(1, -c1 * y, 0.f, -c1, 0.f);
  SET(2, c1 * z, 0.f, 0.f, c1);
  SET(3, -c1 * x, -c1, 0.f, 0.f);
#endif
#if COEFFICIENTS > 4
  const float c20 = 1.0925484305920792f, c22 = .31539156525252005f, c24 = .5462742152960396f;
  SET(4, c20 * x * y, c20 * y, c20 * x, 0.f);
  SET(5, -c20 * y * z, 0.f, -c20 * z, -c20 * y);
  SET(6, c22 * (2.f * z * z - x * x - y * y), -2.f * c22 * x, -2.f * c22 * y, 4.f * c22 * z);
  SET(7, -c20 * x * z, -c20 * z, 0.f, -c20 * x);
  SET(8, c24 * (x * x - y * y), 2.f * c24 * x, -2.f * c24 * y, 0.f);
#endif
#if COEFFICIENTS > 9
  const float c30 = -.5900435899266435f, c31 = 2.890611442640554f, c32 = -.4570457994644658f, c33 = .3731763325901154f,
              c35 = 1.445305721320277f, xx = x * x, yy = y * y, zz = z * z;
  SET(9, c30 * y * (3.f * xx - yy), c30 * 6.f * x * y, c30 * 3.f * (xx - yy), 0.f);
  SET(10, c31 * x * y * z, c31 * y * z, c31 * x * z, c31 * x * y);
  SET(11, c32 * y * (4.f * zz - xx - yy), -2.f * c32 * x * y, c32 * (4.f * zz - xx - 3.f * yy), 8.f * c32 * y * z);
  SET(12, c33 * z * (2.f * zz - 3.f * xx - 3.f * yy), -6.f * c33 * x * z, -6.f * c33 * y * z,
      c33 * (6.f * zz - 3.f * xx - 3.f * yy));
  SET(13, c32 * x * (4.f * zz - xx - yy), c32 * (4.f * zz - 3.f * xx - yy), -2.f * c32 * x * y, 8.f * c32 * x * z);
  SET(14, c35 * z * (xx - yy), 2.f * c35 * x * z, -2.f * c35 * y * z, c35 * (xx - yy));
  SET(15, c30 * x * (xx - 3.f * yy), c30 * 3.f * (xx - yy), -6.f * c30 * x * y, 0.f);
#endif
}

// Unit vector from the camera at -R^T t to a mean, and the inverse of the distance.
struct Direction {
  float x, y, z, inverse;
};

__device__ __forceinline__ Direction direction_of(const float* mean, const Camera& camera) {
  float d[3];
#pragma unroll
  for (int j = 0; j < 3; j++)
    d[j] = mean[j] + camera.r[0][j] * camera.t[0] + camera.r[1][j] * camera.t[1] + camera.r[2][j] * camera.t[2];
  float inverse = 1.f / sqrtf(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
  return {d[0] * inverse, d[1] * inverse, d[2] * inverse, inverse};
}
