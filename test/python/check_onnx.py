#!/usr/bin/env python3
"""Checks ONNX files with the onnx package's checker, shapes inferred strictly; exits 1 at the first fault.

    check_onnx.py FILE.onnx ...

Operators outside ONNX's own sets have no schema in the checker: it checks everything around them.
"""
import sys

import onnx

for path in sys.argv[1:]:
    try:
        onnx.checker.check_model(path, full_check=True)
        model = onnx.load(path)
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except Exception as error:
        sys.exit(f"{path}: {error}")
    sets = ", ".join(f"{entry.domain or 'ai.onnx'} {entry.version}" for entry in model.opset_import)
    shapes = {
        output.name: [dim.dim_param or dim.dim_value for dim in output.type.tensor_type.shape.dim]
        for output in inferred.graph.output
    }
    print(f"{path}: {len(model.graph.node)} nodes, {sets}, IR {model.ir_version}, {shapes}")
