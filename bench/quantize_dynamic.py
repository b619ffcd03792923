#!/usr/bin/env python3
"""ONNX Runtime's own dynamic INT8 of an FP32 model, as its documentation has it: what bench/cpu-engine.mjs
compares with.

    quantize_dynamic.py FP32.onnx INT8.onnx
"""
import sys

import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

source, target = sys.argv[1:]
quantize_dynamic(source, target, weight_type=QuantType.QInt8)
print(f"{target}: dynamic INT8 by onnxruntime {onnxruntime.__version__}")
