# Sourced by what runs several measurements on a machine with a GPU: runs every step, also after one that failed, whose
# status is in $failed. What a step prints is in $out/STEP.txt, and its end on the terminal.
failed=0
step() {
  local name=$1
  shift
  printf '== %s (%s s)\n' "$name" "$SECONDS"
  "$@" >"$out/$name.txt" 2>&1
  local status=$?
  tail -n 40 "$out/$name.txt"
  [ $status -eq 0 ] || { printf 'FAILED %s with %s\n' "$name" "$status"; failed=1; }
}
# Whether a step is among those that were asked for.
wanted() { [[ $steps == *" $1 "* ]]; }
machine() {
  date -u
  nvidia-smi --query-gpu=name,driver_version,power.draw,temperature.gpu,clocks.sm --format=csv
  "$node" --version
  git rev-parse HEAD 2>/dev/null || true
}
