#!/bin/bash
# Checks that the package's Build-Depends and the list in tests/install.sh name the same libraries.
set -euo pipefail
cd "$(dirname "$0")/../.."

compiled=$(tests/install.sh --print libraries | sort)
named=$(sed -n '/^Build-Depends:/,/^$/p' cross/debian/control | grep -oE '\b(lib[a-z0-9.+-]+-dev|zlib1g-dev|tzdata)' | sort)
diff <(echo "$compiled") <(echo "$named") && exit 0
echo "Build-Depends of cross/debian/control (>) are not the libraries of tests/install.sh (<)"
exit 1
