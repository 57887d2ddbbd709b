#!/usr/bin/env bash
# Instructions per reading and per emitted row of the pipeline, counted by callgrind: the difference of two runs.
# Usage: tests/bench/instructions.sh [BUILD_DIR]; fails above its bounds.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

count() {  # KIND OVERLAP SENSORS TURNS LOOKUP TICKS
  valgrind --tool=callgrind --callgrind-out-file="$scratch/out" \
    "$build/tests/bench/pipeline_instructions" "$@" 2>&1 | sed -n 's/.*Collected : //p'
}
per_reading() {  # KIND OVERLAP SENSORS LOOKUP
  echo $((($(count "$1" "$2" "$3" 25 "$4" 0) - $(count "$1" "$2" "$3" 5 "$4" 0)) / ($3 * 20)))
}
fail() { echo "$1" >&2; exit 1; }

known=$(per_reading tumbling 1 1000 0)
found=$(per_reading tumbling 1 10000 1)
echo "count, min, max, avg; instructions per reading:"
echo "  $known tumbling, 1000 sensors"
echo "  $found tumbling, 10000 sensors, the series looked up by its names"
one=$(per_reading sliding 1 1000 0)
hundred=$(per_reading sliding 100 1000 0)
echo "  $one sliding, overlap 1; $(per_reading sliding 10 1000 0) overlap 10; $hundred overlap 100"
echo "  $(per_reading session 1 1000 0) session"
echo "  $(per_reading percentiles 1 1000 0) percentiles p50 and p99"
rows=$((($(count tumbling 1 1000 110 0 1) - $(count tumbling 1 1000 110 0 0)) / (1000 * 11)))
echo "  $rows per row of a tumbling window that leaves at a tick"
[ "$known" -le 150 ] || fail "more than the bound of 150 for a known series"
[ "$found" -le 250 ] || fail "more than the bound of 250 for a series found by its names"
[ $((hundred * 10)) -le $((one * 13)) ] || fail "overlap 100 costs more than 1.3 times overlap 1"
