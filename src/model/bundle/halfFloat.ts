/** IEEE 754 half precision (raw bits) to single precision, exactly. */
export function float16ToFloat32(halves: Uint16Array): Float32Array {
  const result = new Float32Array(halves.length);
  const bits = new Uint32Array(result.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i]!;
    const sign = (half & 0x8000) << 16;
    const exponent = half & 0x7c00;
    const mantissa = half & 0x03ff;
    if (exponent === 0) {
      result[i] = (sign === 0 ? 1 : -1) * mantissa * 2 ** -24;
    } else {
      const wide = exponent === 0x7c00 ? 0x7f800000 : ((exponent >> 10) + 112) << 23;
      bits[i] = sign | wide | (mantissa << 13);
    }
  }
  return result;
}

/** Single precision to half precision (raw bits), to the nearest, ties to even; beyond 65504 infinity. */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const magnitude = bits[i]! & 0x7fffffff;
    result[i] = ((bits[i]! >>> 16) & 0x8000) | magnitudeToHalf(magnitude, values[i]!);
  }
  return result;
}

/** bfloat16 (raw bits) to single precision, exactly. */
export function bfloat16ToFloat32(halves: Uint16Array): Float32Array {
  const result = new Float32Array(halves.length);
  const bits = new Uint32Array(result.buffer);
  for (let i = 0; i < halves.length; i++) {
    bits[i] = halves[i]! << 16;
  }
  return result;
}

function magnitudeToHalf(magnitude: number, value: number): number {
  if (magnitude > 0x7f800000) {
    return 0x7e00;
  }
  if (magnitude >= 0x477ff000) {
    return 0x7c00; // 65520 and above
  }
  if (magnitude >= 0x38800000) {
    const rounded = magnitude + 0x0fff + ((magnitude >>> 13) & 1);
    return (rounded - 0x38000000) >>> 13;
  }
  // Under 2^-14 a half counts steps of 2^-24; 1024 of them are the bits of 2^-14 itself.
  const steps = Math.abs(value) * 2 ** 24;
  const whole = Math.floor(steps);
  const rest = steps - whole;
  return rest > 0.5 || (rest === 0.5 && whole % 2 === 1) ? whole + 1 : whole;
}
