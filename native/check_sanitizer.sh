#!/usr/bin/env bash
# Runs the addon's tests that need no GPU under a sanitizer of g++'s, AddressSanitizer unless another is named.
# Needs what native/check_compile.sh needs, for this machine alone.
#   native/check_sanitizer.sh [address|undefined]
set -euo pipefail
cd "$(dirname "$0")/.."
sanitizer=${1:-address}
declare -A library=([address]=libasan.so [undefined]=libubsan.so)
at=$PWD/build/check/$sanitizer
mkdir -p "$at"

{ cmake -S . -B "$at" -DCMAKE_BUILD_TYPE=Debug -DINTENTD_SANITIZE="$sanitizer" &&
  cmake --build "$at" --target intentd_native intentd_native_standin -j "$(nproc)"; } >"$at.log" 2>&1 ||
  { cat "$at.log" >&2; exit 1; }

# Node.js frees nothing of its own when it ends, so what leaks is looked at by the tests that count rounds.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_stacktrace=1
preload=$(g++ -print-file-name="${library[$sanitizer]}")
INTENTD_NATIVE=$at/Release/intentd_native.node LD_PRELOAD=$preload node node_modules/vitest/vitest.mjs run test/native
