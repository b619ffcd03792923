#!/usr/bin/env bash
# On a machine with an NVIDIA GPU, in one go: the addon (built if it is not there), `intentd bench energy` for the shipped
# model and for BERT-base's shape, and a minute of load whose attributed energy is held against NVML's counter.
#
#   bench/energy/onGpu.sh OUT_FOLDER [STEP...]     SECONDS_EACH=60 for more than 20 s an engine
#
# Steps: energy (one utterance at a time), energy-16 (sixteen in a batch), attribution; all of them if none is named.
# Needs node (or NODE), node_modules, dist/ (or npm), TensorRT where the loader looks (docs/native.md). Runs every step,
# also after one that failed, and exits with 1 then. What it prints and every log is in OUT_FOLDER.
set -uo pipefail
out=$(realpath -m "${1:?names the folder to write to}") || exit 2
shift
steps=" ${*:-energy energy-16 attribution} "
cd "$(dirname "$0")/../.."
mkdir -p "$out"
node=${NODE:-node}
seconds=${SECONDS_EACH:-20}
. bench/gpuSteps.sh

step machine machine
[ -f dist/main.js ] || step build npm run build
[ -f "${INTENTD_NATIVE:-build/Release/intentd_native.node}" ] || step addon npm run build:native
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
energy() {
  local name=$1 batch=$2
  shift 2
  for bundle in builtin "$work/bert-base"; do
    local file=$name-$(basename "$bundle")
    step "$file" "$node" dist/main.js bench energy "$bundle" --seconds "$seconds" --batch "$batch" \
      --set engine.kind=tensorrt --set telemetry.meter=nvml \
      --svg "$out/$file.svg" --save "$out/$file.json"
  done
}
if wanted energy || wanted energy-16; then step bert-base-bundle "$node" bench/energy/bertBase.mjs "$work/bert-base"; fi
if wanted energy; then energy energy 1; fi
if wanted energy-16; then energy energy-16 16; fi
if wanted attribution; then step attribution "$node" bench/energy/attribution.mjs "$out" builtin 60; fi
step machine-after machine
exit $failed
