#!/bin/sh
# Builds the fuzz targets (preset "fuzz": clang, libFuzzer, ASan, UBSan) and runs each for some seconds, two at a time.
# New inputs are kept in build/fuzz/found/; the path of an input that fails is printed. Add it to
# tests/fuzz/corpus/TARGET/ together with the fix.
#
#   tests/fuzz/run.sh [--seed N] [SECONDS [TARGET...]]      default: 20 seconds, all targets
#
# With a seed the same inputs are tried in the same order, so that the suite judges a change and not luck; without one
# each run looks elsewhere.
set -eu
cd "$(dirname "$0")/../.."
seed=0
if [ "${1-}" = --seed ]; then
  seed=$2
  shift 2
fi
seconds=${1:-20}
[ $# -gt 0 ] && shift
build=${EDGETIDE_FUZZ_BUILD:-build/fuzz}
[ $# -gt 0 ] || set -- json number influx csv graphite statsd keyvalue cbor senml regex nmea0183 dsmr sparkplug topic time_text record_log checkpoint snapshot journal control http http_source broker mqtt_device postgres

cmake --preset fuzz -B "$build" >/dev/null
cmake --build "$build" --target fuzzers -j 2

# libpq asks for as much memory as a message of its server claims to need; it takes a refusal, our own code does not.
export ASAN_OPTIONS="max_allocation_size_mb=1024:allocator_may_return_null=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
mkdir -p "$build/found" "$build/broken"
failures="$build/broken/failed"
rm -f "$failures"

fuzz() {
  mkdir -p "$build/found/$1"
  log="$build/found/$1.log"
  if "$build/tests/fuzz/$1_fuzz" -seed="$seed" -max_total_time="$seconds" -max_len=4096 -rss_limit_mb=1024 -timeout=10 \
      -artifact_prefix="$build/broken/$1-" "$build/found/$1" "tests/fuzz/corpus/$1" >"$log" 2>&1; then
    echo "fuzz $1: $(tail -n 1 "$log")"
  else
    echo "fuzz $1: BROKEN, see $log"
    grep -a -e 'broken promise' -e 'ERROR:' -e 'runtime error' -e 'Test unit written to' "$log" || tail -n 5 "$log"
    echo "$1" >>"$failures"
  fi
}

while [ $# -gt 0 ]; do
  fuzz "$1" &
  shift
  if [ $# -gt 0 ]; then
    fuzz "$1" &
    shift
  fi
  wait
done
[ ! -e "$failures" ]
