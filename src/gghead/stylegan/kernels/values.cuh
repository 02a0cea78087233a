// Values of features in memory, channels last: 32-bit floats, or bfloat16 where HALF is 1. All arithmetic is in floats.
//
// Compile-time settings, given by cuda_layers.py: HALF (0, 1), SLOPE of the leaky ReLU.
#pragma once

typedef unsigned int u32;
typedef unsigned short u16;

#define THREADS 256  // of every block
#define VECTOR 8     // channels that a thread takes at once

#if HALF
typedef u16 Value;

__device__ __forceinline__ float as_float(Value value) { return __uint_as_float((u32)value << 16); }

__device__ __forceinline__ u32 packed(float low, float high) {
  u32 result;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
}

__device__ __forceinline__ Value as_value(float number) { return (Value)packed(number, 0.f); }

__device__ __forceinline__ void load8(const Value* from, float* to) {
  const uint4 bits = *(const uint4*)from;
  const u32 pairs[4] = {bits.x, bits.y, bits.z, bits.w};
#pragma unroll
  for (int i = 0; i < 4; i++) {
    to[2 * i] = __uint_as_float(pairs[i] << 16);
    to[2 * i + 1] = __uint_as_float(pairs[i] & 0xffff0000u);
  }
}

__device__ __forceinline__ void store8(Value* to, const float* from) {
  *(uint4*)to = make_uint4(packed(from[0], from[1]), packed(from[2], from[3]), packed(from[4], from[5]),
                           packed(from[6], from[7]));
}
#else
typedef float Value;

__device__ __forceinline__ float as_float(Value value) { return value; }
__device__ __forceinline__ Value as_value(float number) { return number; }

__device__ __forceinline__ void load8(const Value* from, float* to) {
  const float4 a = ((const float4*)from)[0], b = ((const float4*)from)[1];
  to[0] = a.x, to[1] = a.y, to[2] = a.z, to[3] = a.w, to[4] = b.x, to[5] = b.y, to[6] = b.z, to[7] = b.w;
}

__device__ __forceinline__ void store8(Value* to, const float* from) {
  ((float4*)to)[0] = make_float4(from[0], from[1], from[2], from[3]);
  ((float4*)to)[1] = make_float4(from[4], from[5], from[6], from[7]);
}
#endif

// N channels of a pixel: 8 by wide loads, or one.
template <int N>
__device__ __forceinline__ void load(const Value* from, float* to) {
  if (N == VECTOR) load8(from, to);
  else to[0] = as_float(*from);
}

template <int N>
__device__ __forceinline__ void store(Value* to, const float* from) {
  if (N == VECTOR) store8(to, from);
  else *to = as_value(from[0]);
}
