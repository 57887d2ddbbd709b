#!/bin/bash
# The only list of the Debian packages that Edgetide needs. Installs missing ones, as root or through sudo.
#
#   tests/install.sh build          to compile the daemon, its tests and tools
#   tests/install.sh demo           to run it against a private broker and a private database
#   tests/install.sh tests          to check it: sanitizers, fuzzing, formatting, style
#   tests/install.sh package        to make its Debian package (cross/build.sh)
#   tests/install.sh cross-arm64    to compile for another architecture; also cross-armhf
#   tests/install.sh system         to boot a systemd with the package (tests/system/)
#   tests/install.sh kafka          to run a Kafka broker (tests/e2e/kafka.py)
#   tests/install.sh --print ...    only prints the packages
set -euo pipefail

# What is compiled against, here and in a sysroot.
libraries=(
  libpaho-mqttpp-dev libpaho-mqtt-dev   # MQTT
  libpqxx-dev libsqlite3-dev            # PostgreSQL, SQLite
  libtomlplusplus-dev libsimdjson-dev   # configuration, JSON
  libcbor-dev                           # CBOR, SenML
  libssl-dev                            # TLS of the MQTT listener, hashes of passwords
  libspdlog-dev libsystemd-dev          # log, service manager
  libmicrohttpd-dev zlib1g-dev          # metrics, status page, readings over HTTP
  libcli11-dev                          # command line
  libhowardhinnant-date-dev tzdata      # time zones
  libmuparser-dev libxxhash-dev         # formulas, fingerprints of messages
  libzstd-dev                           # compressed files of a spool source
  libre2-dev                            # regular expressions
  librdkafka-dev                        # Kafka
  libcurl4-openssl-dev                  # rows to servers that speak HTTP
  libgtest-dev libgmock-dev libbenchmark-dev
)
build=(g++ cmake ninja-build ccache pkg-config "${libraries[@]}")
target=(libc6-dev libstdc++-12-dev libgcc-12-dev linux-libc-dev "${libraries[@]}")
package=(debhelper dpkg-dev fakeroot lintian)
emulation=(mmdebstrap qemu-user-static)
cross_arm64=(g++-aarch64-linux-gnu "${emulation[@]}")
cross_armhf=(g++-arm-linux-gnueabihf "${emulation[@]}")
system=(systemd-container mmdebstrap)
kafka=(default-jre-headless maven python3 python3-venv openssl)
demo=(mosquitto sqlite3)
demo_postgres=(postgresql)
tests=(
  mosquitto mosquitto-clients postgresql pgbouncer sqlite3 openssl curl python3
  clang libclang-rt-14-dev clang-format clang-tidy valgrind
)

print_only=
[ "${1:-}" = --print ] && { print_only=1; shift; }
wanted=()
for group in "$@"; do
  case $group in
    build) wanted+=("${build[@]}") ;;
    libraries) wanted+=("${libraries[@]}") ;;
    target) wanted+=("${target[@]}") ;;
    package) wanted+=("${package[@]}") ;;
    cross-arm64) wanted+=("${cross_arm64[@]}") ;;
    cross-armhf) wanted+=("${cross_armhf[@]}") ;;
    system) wanted+=("${system[@]}") ;;
    kafka) wanted+=("${kafka[@]}") ;;
    demo) wanted+=("${demo[@]}") ;;
    demo-postgres) wanted+=("${demo_postgres[@]}") ;;
    tests) wanted+=("${tests[@]}") ;;
    *) echo "install.sh: no such group of packages: $group" >&2; exit 64 ;;
  esac
done
[ -n "$print_only" ] && { printf '%s\n' "${wanted[@]}"; exit 0; }

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "These packages are missing, and there is no sudo: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
"${as_root[@]}" apt-get -q -q update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -q -y -o Dpkg::Use-Pty=0 \
  install --no-install-recommends "${missing[@]}" >/dev/null
