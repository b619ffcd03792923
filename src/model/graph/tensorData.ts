import type onnxProto from 'onnx-proto';
import { float16ToFloat32, float32ToFloat16 } from '../bundle/halfFloat.js';

/** ONNX's numbers of the element types that these graphs use. */
export const elementTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float16: 10 } as const;
export type ElementType = keyof typeof elementTypes;

/** The floating-point types that a graph can compute in. */
export type FloatType = 'float32' | 'float16';

/** A tensor of a graph: element type, shape, and its bytes row-major in little-endian order. */
export interface TensorData {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Floating-point values, rounded to halves where the graph computes in them. */
export function floats(type: FloatType, data: Float32Array, shape: readonly number[]): TensorData {
  return { type, shape, bytes: bytesOf(type === 'float16' ? float32ToFloat16(data) : data) };
}

export function floatScalar(type: FloatType, value: number): TensorData {
  return floats(type, Float32Array.of(value), []);
}

/** The number as a graph that computes in that type holds it. */
export function roundedTo(type: FloatType, value: number): number {
  return type === 'float16' ? float16ToFloat32(float32ToFloat16(Float32Array.of(value)))[0]! : value;
}

export function int8s(data: Int8Array, shape: readonly number[]): TensorData {
  return { type: 'int8', shape, bytes: bytesOf(data) };
}

export function uint8s(data: Uint8Array, shape: readonly number[]): TensorData {
  return { type: 'uint8', shape, bytes: data };
}

export function int32s(data: Int32Array, shape: readonly number[] = [data.length]): TensorData {
  return { type: 'int32', shape, bytes: bytesOf(data) };
}

/** A vector of 64-bit integers, ONNX's type for shapes, axes and bounds. */
export function int64s(...values: number[]): TensorData {
  return { type: 'int64', shape: [values.length], bytes: bytesOf(BigInt64Array.from(values, BigInt)) };
}

export function tensorProto(name: string, data: TensorData): onnxProto.onnx.ITensorProto {
  return { name, dataType: elementTypes[data.type], dims: [...data.shape], rawData: data.bytes };
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
