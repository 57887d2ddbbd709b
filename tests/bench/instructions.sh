#!/usr/bin/env bash
# Instructions per reading and per emitted row of the pipeline, counted by callgrind: the difference of two runs.
# Usage: tests/bench/instructions.sh [BUILD_DIR]; fails above the bound of 200 per reading.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sensors=1000

count() {  # TURNS LOOKUP TICKS
  valgrind --tool=callgrind --callgrind-out-file="$scratch/out" \
    "$build/tests/bench/pipeline_instructions" $sensors "$@" 2>&1 | sed -n 's/.*Collected : //p'
}

short=$(count 10 0 0)
long=$(count 110 0 0)
with_lookup=$(($(count 110 1 0) - $(count 10 1 0)))
with_ticks=$(count 110 0 1)

per_reading=$(((long - short) / (sensors * 100)))
echo "one tumbling window, count min max avg, $sensors sensors:"
echo "  $per_reading instructions per reading of a known series"
echo "  $((with_lookup / (sensors * 100))) with the series looked up by its names"
echo "  $(((with_ticks - long) / (sensors * 11))) per row that leaves at a tick"
if [ "$per_reading" -gt 200 ]; then
  echo "more than the bound of 200" >&2
  exit 1
fi
