#!/bin/sh
# Builds build/attention/libattention.so, the launcher with a C ABI, from images that the build or compile_images.sh
# made in build/attention. CUDA_INCLUDE: folders with cuda.h and driver_types.h, as compiler options.
set -eu
here=$(dirname "$0")
plugin=$here/../../plugins/local_global_attention
images=${IMAGES:-build/attention}
cuda=${CUDA_INCLUDE:--isystem /usr/local/cuda/include}
# shellcheck disable=SC2086
g++ -std=c++17 -O2 -fPIC -shared -Wall -Wextra -Werror $cuda -I"$plugin" ${TUNING:+-DINTENTD_TUNING} \
  -DINTENTD_IMAGE_DIR="\"$(cd "$images" && pwd)\"" \
  "$here/abi.cpp" "$plugin/launch.cpp" "$plugin/launch_plan.cpp" "$plugin/driver.cpp" "$plugin/images.cpp" \
  -o build/attention/libattention.so -ldl
