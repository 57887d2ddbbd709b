#!/usr/bin/env bash
# Instructions per reading and per emitted row of the pipeline, counted by callgrind: the difference of two runs.
# Usage: tests/bench/instructions.sh [BUILD_DIR [SENSORS...]]; fails above its bounds. A million sensors take minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
shift || true
[ $# -gt 0 ] || set -- 200 10000
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

count() {  # KIND OVERLAP SENSORS TURNS LOOKUP TICKS
  valgrind --tool=callgrind --callgrind-out-file="$scratch/out" \
    "$build/tests/bench/pipeline_instructions" "$@" 2>&1 | sed -n 's/.*Collected : //p'
}
per_reading() {  # KIND OVERLAP SENSORS LOOKUP
  local turns=$(($3 > 100000 ? 2 : 20))
  echo $((($(count "$1" "$2" "$3" $((1 + turns)) "$4" 0) - $(count "$1" "$2" "$3" 1 "$4" 0)) / ($3 * turns)))
}
fail() { echo "$1" >&2; exit 1; }

echo "count, min, max, avg (percentiles: count, p50, p99); instructions per reading:"
echo "sensors  tumbling  looked up by name  sliding, overlap 1  10   100  session  percentiles"
for sensors in "$@"; do
  known=$(per_reading tumbling 1 "$sensors" 0)
  found=$(per_reading tumbling 1 "$sensors" 1)
  one=$(per_reading sliding 1 "$sensors" 0)
  ten=$(per_reading sliding 10 "$sensors" 0)
  hundred=$(per_reading sliding 100 "$sensors" 0)
  printf '%7d  %8d  %17d  %18d  %3d  %3d  %7d  %11d\n' "$sensors" "$known" "$found" "$one" "$ten" "$hundred" \
    "$(per_reading session 1 "$sensors" 0)" "$(per_reading percentiles 1 "$sensors" 0)"
  [ "$known" -le 150 ] || fail "more than the bound of 150 for a known series"
  [ "$found" -le 250 ] || fail "more than the bound of 250 for a series found by its names"
  [ $((hundred * 10)) -le $((one * 13)) ] || fail "overlap 100 costs more than 1.3 times overlap 1"
done
rows=$((($(count tumbling 1 1000 110 0 1) - $(count tumbling 1 1000 110 0 0)) / (1000 * 11)))
echo "$rows per row of a tumbling window that leaves at a tick"
