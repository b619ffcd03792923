import type onnxProto from 'onnx-proto';
import { attributeProto, type Attribute } from './attributes.js';
import { onnx } from './onnxProto.js';
import { tensorProto, elementTypes, type ElementType, type TensorData } from './tensorData.js';

type GraphProto = onnxProto.onnx.IGraphProto;

/** The name of a tensor in a graph. */
export type Value = string;

/** A dimension: a size, or the name of one that only a run decides. */
export type Dimension = number | string;

export interface NodeOptions {
  /** The operator set the operator is from; ONNX's own if absent. */
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/** Operator sets by domain, `''` being ONNX's own. */
export type OperatorSets = Readonly<Record<string, number>>;

/** Collects an ONNX graph node by node and writes it as a model. Each node is named after its output. */
export class GraphBuilder {
  private readonly nodes = new Map<string, onnxProto.onnx.INodeProto>();
  private readonly inputs: onnxProto.onnx.IValueInfoProto[] = [];
  private readonly outputs: onnxProto.onnx.IValueInfoProto[] = [];
  private readonly constants = new Map<string, TensorData>();

  constructor(private readonly name: string) {}

  input(name: string, type: ElementType, shape: readonly Dimension[]): Value {
    this.inputs.push(valueInfo(name, type, shape));
    return name;
  }

  /** Names a value that the graph answers with. Branches of an `If` may leave the shape open. */
  output(name: Value, type: ElementType, shape?: readonly Dimension[]): void {
    this.outputs.push(valueInfo(name, type, shape));
  }

  /** An initializer. One name stands for one tensor: naming it again refers to the first. */
  constant(name: string, data: TensorData): Value {
    if (!this.constants.has(name)) this.constants.set(name, data);
    return name;
  }

  /**
   * Adds a node of one output, which is called `name`; `''` among the inputs leaves an optional one out.
   *
   * @throws TypeError if another node is called that.
   */
  node(
    operator: string,
    inputs: readonly Value[],
    name: string,
    { domain = '', attributes = {} }: NodeOptions = {},
  ): Value {
    if (this.nodes.has(name)) throw new TypeError(`the graph has two nodes called ${name}`);
    this.nodes.set(name, {
      opType: operator,
      domain,
      name,
      input: [...inputs],
      output: [name],
      attribute: Object.entries(attributes).map(([key, value]) => attributeProto(key, value)),
    });
    return name;
  }

  /** The graph as it stands, for an attribute of a node around it. */
  toGraph(): GraphProto {
    return {
      name: this.name,
      node: [...this.nodes.values()],
      input: this.inputs,
      output: this.outputs,
      initializer: [...this.constants].map(([name, data]) => tensorProto(name, data)),
    };
  }

  /** The serialized model, IR version 9. */
  toModel(operatorSets: OperatorSets): Uint8Array {
    return onnx()
      .ModelProto.encode({
        irVersion: 9,
        producerName: 'intentd',
        opsetImport: Object.entries(operatorSets).map(([domain, version]) => ({ domain, version })),
        graph: this.toGraph(),
      })
      .finish();
  }
}

function valueInfo(
  name: string,
  type: ElementType,
  shape?: readonly Dimension[],
): onnxProto.onnx.IValueInfoProto {
  const dim = shape?.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return {
    name,
    type: { tensorType: { elemType: elementTypes[type], ...(dim ? { shape: { dim } } : {}) } },
  };
}
