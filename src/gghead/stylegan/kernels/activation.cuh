// What the kernels of activations share: who takes which channels, signs, and sums over a block's pixels.
#pragma once
#include "values.cuh"

struct Place {
  int channel, lane, lanes;
};

// A thread takes 8 channels of every (THREADS * 8 / channels)-th pixel; channels are a power of two, THREADS * 8 at most.
__device__ __forceinline__ Place place_of(int channels) {
  const int groups = channels / VECTOR;
  return {(int)(threadIdx.x % groups) * VECTOR, (int)threadIdx.x / groups, THREADS / groups};
}

__device__ __forceinline__ void numbers8(const float* from, float otherwise, float* to) {
#pragma unroll
  for (int i = 0; i < VECTOR; i++) to[i] = from ? from[i] : otherwise;
}

// The leaky ReLU; sets bit i where it is not bent.
__device__ __forceinline__ float activated(float before, int i, u32& signs) {
  if (before > 0.f) signs |= 1u << i;
  return fmaxf(before, SLOPE * before);
}

__device__ __forceinline__ float slope_of(u32 signs, int i) { return signs >> i & 1u ? 1.f : SLOPE; }

// Adds up what the lanes of a block hold for their channels.
__device__ __forceinline__ void sum_lanes(const float* mine, Place at, int channels, float* shared, float* to) {
  __syncthreads();
#pragma unroll
  for (int i = 0; i < VECTOR; i++) shared[at.lane * channels + at.channel + i] = mine[i];
  __syncthreads();
  for (int channel = threadIdx.x; channel < channels; channel += THREADS) {
    float sum = 0.f;
    for (int lane = 0; lane < at.lanes; lane++) sum += shared[lane * channels + channel];
    to[channel] = sum;
  }
}
