"""Reads a safetensors file with the published library and writes it again: FROM TO."""

import sys

from safetensors import safe_open
from safetensors.numpy import save_file

source, target = sys.argv[1:]
with safe_open(source, "np") as file:
    save_file({name: file.get_tensor(name) for name in file.keys()}, target, file.metadata())
