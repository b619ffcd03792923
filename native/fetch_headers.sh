#!/usr/bin/env bash
# Fetches the headers that the addon and the plugins compile against into native/.headers, for machines that
# lack them: TensorRT's (Apache-2.0) from the crate trtx-sys, CUDA's and NVTX's from NVIDIA's Python wheels.
#   native/fetch_headers.sh [10|11]...      both majors when none is named
# A Jetson needs none of it: its own packages are found first. Needs cargo, and python3 with pip.
set -euo pipefail
cd "$(dirname "$0")"
headers=$PWD/.headers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fetch_tensorrt MAJOR CRATE_VERSION FOLDER
fetch_tensorrt() {
  [ -f "$headers/tensorrt-$1/NvInfer.h" ] && return
  local at="$work/tensorrt-$1"
  cargo init -q --vcs none --name headers "$at"
  (cd "$at" && cargo add -q "trtx-sys@=$2" && cargo vendor -q vendored >/dev/null)
  place "$at/vendored/trtx-sys/TensorRT-Headers/$3" "tensorrt-$1"
}

# CUDA 12.6 is JetPack 6's; a binary that is made with it runs on later drivers.
fetch_cuda() {
  [ -f "$headers/cuda-12.6/cuda.h" ] && return
  local at="$work/cuda" wheel
  python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: \
    --platform manylinux2014_x86_64 -d "$at" nvidia-cuda-runtime-cu12==12.6.77 nvidia-cuda-nvcc-cu12==12.6.85 \
    nvidia-nvtx-cu12==12.6.77
  mkdir "$at/include"
  for wheel in "$at"/*.whl; do
    python3 -m zipfile -e "$wheel" "$at/${wheel##*/}.d"
    cp -r "$at/${wheel##*/}.d"/nvidia/*/include/. "$at/include"
  done
  place "$at/include" cuda-12.6
}

# place FOLDER NAME: all of it or nothing.
place() {
  [ -d "$1" ] || { echo "what was fetched holds no $1" >&2; exit 1; }
  mkdir -p "$headers"
  rm -rf "${headers:?}/$2"
  cp -r "$1" "$headers/$2.partial"
  mv "$headers/$2.partial" "$headers/$2"
  echo "native/.headers/$2"
}

fetch_cuda
[ $# -gt 0 ] || set -- 10 11
for major in "$@"; do
  case $major in
    10) fetch_tensorrt 10 0.4.0 TRT-Enterprise-10.16 ;;
    11) fetch_tensorrt 11 '0.9.1+rtx1.7' TRT-Enterprise-11.4 ;;
    *) echo "usage: native/fetch_headers.sh [10|11]..." >&2; exit 2 ;;
  esac
done
