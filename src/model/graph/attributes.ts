import type onnxProto from 'onnx-proto';
import { onnx } from './onnxProto.js';

/** The value of a node's attribute; ONNX tells integers from floats, JavaScript does not. */
export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'graph'; readonly value: onnxProto.onnx.IGraphProto };

export const int = (value: number): Attribute => ({ kind: 'int', value });
export const ints = (...value: number[]): Attribute => ({ kind: 'ints', value });
export const float = (value: number): Attribute => ({ kind: 'float', value });
export const text = (value: string): Attribute => ({ kind: 'text', value });
export const subgraph = (value: onnxProto.onnx.IGraphProto): Attribute => ({ kind: 'graph', value });

export function attributeProto(name: string, attribute: Attribute): onnxProto.onnx.IAttributeProto {
  const { AttributeType } = onnx().AttributeProto;
  switch (attribute.kind) {
    case 'int':
      return { name, type: AttributeType.INT, i: attribute.value };
    case 'ints':
      return { name, type: AttributeType.INTS, ints: [...attribute.value] };
    case 'float':
      return { name, type: AttributeType.FLOAT, f: attribute.value };
    case 'text':
      return { name, type: AttributeType.STRING, s: new TextEncoder().encode(attribute.value) };
    case 'graph':
      return { name, type: AttributeType.GRAPH, g: attribute.value };
  }
}
