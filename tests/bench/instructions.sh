#!/usr/bin/env bash
# Instructions per reading and per emitted row of the pipeline, and per message of the decoders, counted by callgrind: the difference of two runs.
# Usage: tests/bench/instructions.sh [BUILD_DIR [SENSORS...]]; fails above its bounds, which stand here. A million sensors take minutes.
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
bound() {  # FIGURE BOUND OF
  [ "$1" -le "$2" ] || { echo "$1 instructions: more than the bound of $2 for $3" >&2; exit 1; }
}

echo "count, min, max, avg (percentiles: count, p50, p99); instructions per reading:"
echo "sensors  tumbling  looked up by name  sliding, overlap 1  10   100  session  percentiles"
for sensors in "$@"; do
  known=$(per_reading tumbling 1 "$sensors" 0)
  found=$(per_reading tumbling 1 "$sensors" 1)
  one=$(per_reading sliding 1 "$sensors" 0)
  ten=$(per_reading sliding 10 "$sensors" 0)
  hundred=$(per_reading sliding 100 "$sensors" 0)
  session=$(per_reading session 1 "$sensors" 0)
  percentiles=$(per_reading percentiles 1 "$sensors" 0)
  printf '%7d  %8d  %17d  %18d  %3d  %3d  %7d  %11d\n' "$sensors" "$known" "$found" "$one" "$ten" "$hundred" \
    "$session" "$percentiles"
  bound "$known" 134 "a known series"
  bound "$found" 242 "a series found by its names"
  bound "$one" 183 "sliding windows"
  bound "$hundred" $((one + 2)) "sliding windows with an overlap of 100"
  bound "$session" 216 "sessions"
  bound "$percentiles" 223 "p50 and p99"
done
decoding() {  # CASE
  valgrind --tool=callgrind --callgrind-out-file="$scratch/out" \
    "$build/tests/bench/decoder_instructions" "$@" 2>&1 | sed -n 's/.*Collected : //p'
}
while read -r case most; do
  message=$((($(decoding "$case" 1100) - $(decoding "$case" 100)) / 1000))
  echo "$message per message of the case $case"
  bound "$message" "$most" "a message of the case $case"
done <<END
json 5060
json_listed 4020
json_parsed 8700
number 930
influx 4282
csv 6460
END
rows=$((($(count tumbling 1 1000 110 0 1) - $(count tumbling 1 1000 110 0 0)) / (1000 * 11)))
echo "$rows per row of a tumbling window that is emitted at a tick"
bound "$rows" 1125 "an emitted row"
