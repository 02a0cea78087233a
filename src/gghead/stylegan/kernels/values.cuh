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

#define WORDS 1  // vectors of four words that hold 8 values

__device__ __forceinline__ void expand8(const uint4* bits, float* to) {
  const u32 pairs[4] = {bits->x, bits->y, bits->z, bits->w};
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

#define WORDS 2

__device__ __forceinline__ void expand8(const uint4* bits, float* to) {
#pragma unroll
  for (int i = 0; i < WORDS; i++) {
    to[4 * i] = __uint_as_float(bits[i].x), to[4 * i + 1] = __uint_as_float(bits[i].y);
    to[4 * i + 2] = __uint_as_float(bits[i].z), to[4 * i + 3] = __uint_as_float(bits[i].w);
  }
}

__device__ __forceinline__ void store8(Value* to, const float* from) {
  ((float4*)to)[0] = make_float4(from[0], from[1], from[2], from[3]);
  ((float4*)to)[1] = make_float4(from[4], from[5], from[6], from[7]);
}
#endif

// N channels of a pixel as they lie in memory, so that they can be fetched long before they are used; zeros where there are
// none.
template <int N>
struct Fetched {
  uint4 bits[WORDS];
  __device__ __forceinline__ void fetch(const Value* from, bool there) {
#pragma unroll
    for (int i = 0; i < WORDS; i++) bits[i] = there ? ((const uint4*)from)[i] : make_uint4(0, 0, 0, 0);
  }
  __device__ __forceinline__ void expand(float* to) const { expand8(bits, to); }
};

template <>
struct Fetched<1> {
  Value value;
  __device__ __forceinline__ void fetch(const Value* from, bool there) { value = there ? *from : (Value)0; }
  __device__ __forceinline__ void expand(float* to) const { to[0] = as_float(value); }
};

__device__ __forceinline__ void load8(const Value* from, float* to) {
  Fetched<VECTOR> values;
  values.fetch(from, true);
  values.expand(to);
}

// N channels of a pixel: 8 by wide stores, or one.
template <int N>
__device__ __forceinline__ void store(Value* to, const float* from) {
  if (N == VECTOR) store8(to, from);
  else *to = as_value(from[0]);
}
