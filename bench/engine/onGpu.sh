#!/usr/bin/env bash
# On a machine with an NVIDIA GPU, in one go: the agent from its first boot to TensorRT, what each shape gives, how long an
# answer takes and where, engine faults, and rounds of load, infer and unload.
#
#   bench/engine/onGpu.sh OUT_FOLDER [STEP...]     STATE=FOLDER keeps the state folder, with its engine, for the next time
#
# Steps: end-to-end, shapes, one-at-a-time, hops, rounds, faults, memcheck; all of them if none is named. All but the first
# take the engine that the first built; faults build six more, in 5 to 8 minutes. ROUNDS=10000 and SECONDS_OF_ROUNDS=560 bound
# the rounds. Needs node (or NODE), node_modules, dist/, build/Release/, TensorRT where the loader looks (docs/native.md), and
# compute-sanitizer for memcheck. Runs every step, also after one that failed, and exits with 1 then. What it prints and
# every log is in OUT_FOLDER.
set -uo pipefail
out=$(realpath -m "${1:?names the folder to write to}") || exit 2
shift
steps=" ${*:-end-to-end shapes one-at-a-time hops rounds faults memcheck} "
cd "$(dirname "$0")/../.."
state=${STATE:-$(mktemp -d)}
mkdir -p "$out" "$state"
node=${NODE:-node}
. bench/gpuSteps.sh
try() { ! wanted "$1" || step "$@"; }
engine() {
  local plans=("$state"/engines/*/plan)
  [ -f "${plans[0]}" ] || { echo "No engine in $state: run the step end-to-end first, or name a folder in STATE." >&2; exit 1; }
  printf '%s' "${plans[0]}"
}
step machine machine
STEPS='first start,second start,killed worker' try end-to-end "$node" bench/engine/endToEnd.mjs "$out" builtin "$state"
if [[ $steps != " faults " ]]; then plan=$(engine) || exit 1; fi
try shapes "$node" test/native/gpu/shapes.mjs "$plan"
try one-at-a-time "$node" bench/engine/oneAtATime.mjs "$state"
try hops "$node" bench/engine/hops.mjs "$state"
try rounds "$node" test/native/gpu/check.mjs --plan "$plan" --attention plugin \
  --rounds "${ROUNDS:-10000}" --seconds "${SECONDS_OF_ROUNDS:-560}"
try faults "$node" bench/engine/faultsOnGpu.mjs "$out"
try memcheck compute-sanitizer --tool memcheck --error-exitcode 1 "$node" test/native/gpu/shapes.mjs "$plan" --rounds 1
exit $failed
