#!/usr/bin/env bash
# Compiles the addon for x86-64 and arm64 against the headers of TensorRT 10 and of 11, each into its own folder:
# build/check/<processor>-<major>. Where it runs on this machine, the addon for 10 is what the tests load.
# Needs cmake, g++ and g++-aarch64-linux-gnu, npm ci, and native/fetch_headers.sh once.
#   native/check_compile.sh [TARGET...]     intentd_native when none is named
set -euo pipefail
cd "$(dirname "$0")/.."
targets=("${@:-intentd_native}")
jobs=$(nproc)
# The kernels are for GPUs, whatever processor and TensorRT are beside them: compiled once for all four.
images=$PWD/build/check/images
mkdir -p build/check

for processor in x86_64 aarch64; do
  for major in 10 11; do
    at=build/check/$processor-$major
    cmake -S . -B "$at" -DCMAKE_BUILD_TYPE=Release -DINTENTD_TENSORRT_MAJOR="$major" \
      -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$processor" \
      -DCMAKE_CXX_COMPILER="$processor-linux-gnu-g++" -DINTENTD_ATTENTION_IMAGES="$images" >"$at.log" 2>&1 || { cat "$at.log" >&2; exit 1; }
    cmake --build "$at" --target "${targets[@]}" -j "$jobs" >"$at.log" 2>&1 || { cat "$at.log" >&2; exit 1; }
    echo "compiles: $processor, TensorRT $major"
  done
done
