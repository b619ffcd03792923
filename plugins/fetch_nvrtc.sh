#!/usr/bin/env bash
# Fetches the compiler that makes the plugins' device code into native/.headers/nvrtc-12.6: CUDA 12.6's NVRTC, from
# NVIDIA's Python wheel. JetPack 6 refuses code of a later compiler. A CUDA toolkit of 12.x serves as well, and then
# this is not needed. Needs python3 with pip.
set -euo pipefail
cd "$(dirname "$0")/.."
place=$PWD/native/.headers/nvrtc-12.6
[ -f "$place/include/nvrtc.h" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: -d "$work" \
  nvidia-cuda-nvrtc-cu12==12.6.85
python3 -m zipfile -e "$work"/*.whl "$work/wheel"
mkdir -p "$place.partial"
cp -r "$work"/wheel/nvidia/cuda_nvrtc/{include,lib} "$place.partial"
mv -T "$place.partial" "$place"
echo 'native/.headers/nvrtc-12.6'
