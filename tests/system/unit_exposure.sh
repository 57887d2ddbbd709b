#!/bin/bash
# Checks that the exposure of the unit is at most 1.5 by `systemd-analyze security`, which needs no running systemd. Exit
# status 77: skipped.
set -euo pipefail
unit=$(realpath "$(dirname "$0")/../../systemd/edgetide.service")

command -v systemd-analyze >/dev/null || { echo "skipped: no systemd-analyze"; exit 77; }
systemd-analyze security --offline=true --threshold=15 --no-pager "$unit" | tail -n 1
