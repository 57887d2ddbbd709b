#!/bin/bash
# Builds and tests the Debian package of one architecture:
#
#   cross/build.sh amd64|arm64|armhf       into build/package/ARCH/
#   --no-tests                             without the unit tests
#   --no-install                           uses the installed packages
#
# For a foreign architecture it makes a sysroot of Debian libraries (cross/sysroot.sh), cross-compiles, and runs the unit
# tests under qemu-user.
set -euo pipefail
cd "$(dirname "$0")/.."

install=1
tests=1
arch=
for argument in "$@"; do
  case $argument in
    amd64 | arm64 | armhf) arch=$argument ;;
    --no-tests) tests= ;;
    --no-install) install= ;;
    *) arch=; break ;;
  esac
done
[ -n "$arch" ] || { echo "usage: cross/build.sh amd64|arm64|armhf [--no-tests] [--no-install]" >&2; exit 64; }

native=
[ "$arch" = "$(dpkg --print-architecture)" ] && native=1
[ -z "$install" ] || tests/install.sh build package $([ -n "$native" ] || echo "cross-$arch")

out=$PWD/build/package/$arch
if [ -z "$native" ]; then
  export EDGETIDE_SYSROOT=$PWD/build/sysroot/$arch
  cross/sysroot.sh "$arch" "$EDGETIDE_SYSROOT"
fi

# A copy of the tree with debian/ at the top, as Debian's tools need it. Timestamps are kept for incremental builds.
rm -rf "$out/source"
mkdir -p "$out/source"
tar -c --exclude=./build --exclude=./.git . | tar -x -C "$out/source"
cp -r cross/debian "$out/source/debian"

# debhelper sets another HOME for the build; the compiler cache stays where it is.
export CCACHE_DIR=${CCACHE_DIR:-$(ccache -k cache_dir)}
export CCACHE_BASEDIR=$out/source CCACHE_NOHASHDIR=1
export DEB_BUILD_OPTIONS="parallel=$(nproc) crossbuildcanrunhostbinaries $([ -n "$tests" ] || echo nocheck)"
cd "$out/source"
# -d: the packages that Build-Depends: names are in the sysroot, not on this machine.
dpkg-buildpackage --build=binary --host-arch "$arch" --no-sign $([ -n "$native" ] || echo -d)
cd ..
lintian --allow-root --fail-on error,warning ./*.changes

# Unpacks a foreign package and runs its program end to end against servers of this machine; then installs and starts it
# in a tree of its architecture, where that is possible.
wrapped() {  # PROGRAM NAME: writes a script that runs the program under the emulator
  mkdir -p "$(dirname "$2")"
  printf '#!/bin/sh\nexec %s -L %s %s "$@"\n' "$emulator" "$EDGETIDE_SYSROOT" "$1" >"$2"
  chmod +x "$2"
}
if [ -z "$native" ] && [ -n "$tests" ]; then
  emulator=$(sed -n 's/^set(emulator \(.*\))/\1/p' "source/cross/toolchain-$arch.cmake")
  rm -rf unpacked emulated
  dpkg-deb -x edgetide_*.deb unpacked
  wrapped "$out/unpacked/usr/bin/edgetide" emulated/edgetide
  wrapped "$out/objects/tests/tools/edgetide_simulate" emulated/tests/tools/edgetide_simulate
  for script in service quarantine; do "source/tests/e2e/$script.py" "$out/emulated"; done
  source/tests/system/foreign_tree.py edgetide_*.deb || [ $? -eq 77 ]
fi
ls -l "$out"/*.deb
