#!/bin/bash
# Installs missing packages, builds, and runs every test. The tests start the servers that they need.
#
#   tests/run.sh              the release build: style, unit, store, broker and end-to-end tests
#   tests/run.sh --all        also without each optional part, under ASan/UBSan and TSan, the fuzzers for 10 s each,
#                             instructions per reading
#   tests/run.sh --options, --asan, --tsan, --fuzz, --bench     only that part
#   tests/run.sh --system     the Debian package on a machine with a real systemd; not part of --all, for its time
#   tests/run.sh --kafka      a real Kafka broker, from Maven Central; not part of --all, for what it fetches
#   --no-install              uses the installed packages
set -euo pipefail
cd "$(dirname "$0")/.."

install=1
parts=()
for argument in "$@"; do
  case $argument in
    --all) parts=(release options asan tsan fuzz bench) ;;
    --options | --asan | --tsan | --fuzz | --bench | --system | --kafka) parts+=("${argument#--}") ;;
    --no-install) install= ;;
    *) echo "usage: tests/run.sh [--all | --options | --asan | --tsan | --fuzz | --bench | --system | --kafka] [--no-install]" >&2; exit 64 ;;
  esac
done
[ ${#parts[@]} -gt 0 ] || parts=(release)
[ -z "$install" ] || tests/install.sh build tests

# One line before and after each part, so that a log shows where the time went.
step() {
  local name=$1 began=$SECONDS
  shift
  echo "== $name"
  "$@"
  echo "== $name: passed in $((SECONDS - began)) s"
}

build_and_test() {  # PRESET
  cmake --preset "$1" >/dev/null
  cmake --build --preset "$1"
  # The scripts wait more than they compute, so there are more of them than processors.
  local each=6
  if [ "$1" != release ]; then  # a sanitizer computes more, and looks for what every seed would show
    each=5
    local -x EDGETIDE_SEEDS=${EDGETIDE_SEEDS:-100}
  fi
  local log="build/$1/ctest.log"
  ctest --test-dir "build/$1" --output-on-failure --parallel $((each * $(nproc))) --no-tests=error | tee "$log" ||
    again_alone "$1" "$log"
}

# Up to three tests that failed beside a dozen others may be about the machine: each is run once more, alone. One that
# passes then is named as unsteady, which is a bug of its test. What a sanitizer has reported stays a failure.
again_alone() {  # PRESET LOG
  local failed
  failed=$(sed -n '/^The following tests FAILED:/,$p' "$2" | grep -E '^[[:space:]]+[0-9]+ - ') || return 1
  [ "$(wc -l <<<"$failed")" -le 3 ] || return 1
  ! grep -qvE '\((Failed|Timeout)\)$' <<<"$failed" || return 1  # a crash
  ! grep -qE 'Sanitizer|runtime error:' "$2" || return 1
  ctest --test-dir "build/$1" --output-on-failure --rerun-failed --no-tests=error || return 1
  echo "== $1: UNSTEADY, passed only alone:"
  echo "$failed"
}

real_kafka() {
  [ -z "$install" ] || tests/install.sh kafka
  cmake --preset release >/dev/null
  cmake --build --preset release --target edgetide
  tests/e2e/kafka.py build/release
  tests/e2e/kafka_sink.py build/release
}

unless_skipped() {
  local status=0
  "$@" || status=$?
  [ $status -eq 77 ] || return $status
}

package_and_service() {
  local arch
  arch=$(dpkg --print-architecture)
  [ -z "$install" ] || tests/install.sh package system
  mkdir -p build
  cross/build.sh --no-install --no-tests "$arch" >build/package.log 2>&1 || { tail -n 50 build/package.log; return 1; }
  cmake --preset release >/dev/null
  cmake --build --preset release
  unless_skipped tests/system/service.py "build/package/$arch"/edgetide_*.deb
  unless_skipped tests/system/sandboxed_suite.py build/release "build/package/$arch"/edgetide_*.deb
}

export UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp print_suppressions=0"
export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp halt_on_error=1"
for part in "${parts[@]}"; do
  case $part in
    release | asan | tsan) step "$part" build_and_test "$part" ;;
    options) step "without each optional part" tests/options.py ;;
    system) step "package and service" package_and_service ;;
    kafka) step "a real Kafka broker" real_kafka ;;
    fuzz) step fuzz tests/fuzz/run.sh --seed 1 10 ;;
    bench)
      cmake --preset release >/dev/null
      cmake --build --preset release --target pipeline_instructions decoder_instructions
      step "instructions per reading" tests/bench/instructions.sh build/release
      ;;
  esac
done
echo "All parts passed: ${parts[*]}"
