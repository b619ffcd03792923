"""The ONNX files of `intentd model compile` with the steps between the projections and the attention moved."""
from onnx import helper, load_from_string


def _without(graph, dropped):
    kept = [node for node in graph.node if not any(node is one for one in dropped)]
    del graph.node[:]
    graph.node.extend(kept)


def standard_without_qkv_steps(onnx):
    """Standard operators: query, key and value stay FP16 between the products and the attention."""
    model = load_from_string(onnx)
    steps = [node for node in model.graph.node if node.op_type == 'QuantizeLinear' and node.input[1].endswith('activation.qkv')]
    rename, dropped = {}, list(steps)
    for quantize in steps:
        for node in model.graph.node:
            if node.op_type == 'DequantizeLinear' and node.input[0] == quantize.output[0]:
                rename[node.output[0]] = quantize.input[0]
                dropped.append(node)
    for node in model.graph.node:
        node.input[:] = [rename.get(name, name) for name in node.input]
    _without(model.graph, dropped)
    return model.SerializeToString()


def plugin_fp16_inside(onnx):
    """The plugin takes and gives FP16; its output is quantized after it."""
    model = load_from_string(onnx)
    made_by = {node.output[0]: node for node in model.graph.node}
    dropped, added = [], {}
    for node in model.graph.node:
        if node.op_type != 'LocalGlobalAttention':
            continue
        for i, name in enumerate(node.input[:-1]):
            dropped.append(made_by[name])
            node.input[i] = made_by[name].input[0]
        kept = [attribute for attribute in node.attribute if attribute.name not in ('inputScale', 'outputScale')]
        del node.attribute[:]
        node.attribute.extend(kept)
        after = next(one for one in model.graph.node if node.output[0] in one.input)
        stored = node.output[0] + '.stored'
        added[node.output[0]] = helper.make_node('QuantizeLinear', [node.output[0], *after.input[1:]], [stored], name=stored)
        after.input[0] = stored
    _without(model.graph, dropped)
    for output, quantize in added.items():
        at = next(i for i, node in enumerate(model.graph.node) if output in node.output)
        model.graph.node.insert(at + 1, quantize)
    return model.SerializeToString()
