import onnxProto from 'onnx-proto';

type Node = onnxProto.onnx.INodeProto;
type Tensor = onnxProto.onnx.ITensorProto;

/** A written model, for tests that look inside. */
export class ReadGraph {
  readonly model: onnxProto.onnx.ModelProto;

  constructor(bytes: Uint8Array) {
    this.model = onnxProto.onnx.ModelProto.decode(bytes);
  }

  nodes(operator: string): Node[] {
    return (this.model.graph?.node ?? []).filter((node) => node.opType === operator);
  }

  /** The node that makes a value. */
  maker(value: string | undefined): Node | undefined {
    return this.model.graph?.node?.find((node) => node.output?.includes(value ?? ''));
  }

  initializer(name: string): Tensor {
    const found = this.model.graph?.initializer?.find((tensor) => tensor.name === name);
    if (!found) throw new Error(`no initializer ${name}`);
    return found;
  }

  hasInitializer(name: string): boolean {
    return this.model.graph?.initializer?.some((tensor) => tensor.name === name) ?? false;
  }

  int8s(name: string): { data: Int8Array; shape: number[] } {
    const { rawData, dims } = this.initializer(name);
    return { data: Int8Array.from(rawData!), shape: dims!.map(Number) };
  }
}

/** A node's attributes as plain values. */
export function attributesOf(node: Node): Record<string, number | string> {
  const { AttributeType } = onnxProto.onnx.AttributeProto;
  return Object.fromEntries(
    (node.attribute ?? []).map(({ name, type, i, f, s }) => {
      if (type === AttributeType.INT) return [name, Number(i)];
      if (type === AttributeType.FLOAT) return [name, f!];
      return [name, new TextDecoder().decode(s)];
    }),
  ) as Record<string, number | string>;
}
