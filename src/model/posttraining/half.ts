import { float16ToFloat32, float32ToFloat16 } from '../bundle/halfFloat.js';

/** Smaller scales would lose digits in half precision. */
const smallestNormal = 2 ** -14;
const largest = 65504;

/**
 * A scale as FP16 can hold it, at least 2⁻¹⁴: then engines that compute in FP16 and in FP32 hold the
 * same one.
 */
export function halfScale(scale: number): number {
  const bounded = Math.min(largest, Math.max(smallestNormal, scale));
  return float16ToFloat32(float32ToFloat16(Float32Array.of(bounded)))[0]!;
}
