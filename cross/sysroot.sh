#!/bin/bash
# Makes a sysroot to compile for another architecture: unpacks its Debian libraries and headers, and runs none of them.
#
#   cross/sysroot.sh arm64|armhf FOLDER
#
# Does nothing if the sysroot already has the same packages. The folder also gets a dpkg database, in which dpkg-shlibdeps
# finds the dependencies of a package. It holds absolute paths: to move it, create it again.
set -euo pipefail
cd "$(dirname "$0")/.."

arch=$1
folder=$(realpath -m "$2")
packages=$(tests/install.sh --print target | paste -sd,)
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | sort -u | head -n 1)

[ "$(cat "$folder/complete" 2>/dev/null)" != "$packages" ] || exit 0
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
printf 'deb %s bookworm main\n' "$mirror" |
  mmdebstrap --quiet --arch="$arch" --variant=extract --skip=cleanup/apt --include="$packages" bookworm "$folder" -

database=$folder/var/lib/dpkg
: >"$database/status"
: >"$database/diversions"
echo "$arch" >"$database/arch"
echo 1 >"$database/info/format"
for deb in "$folder"/var/cache/apt/archives/*.deb; do
  name=$(dpkg-deb -f "$deb" Package)
  [ "$(dpkg-deb -f "$deb" Multi-Arch)" != same ] || name=$name:$arch
  dpkg-deb --ctrl-tarfile "$deb" |
    tar -x -C "$database/info" --transform="s,^\./,$name.," --wildcards ./shlibs ./symbols 2>/dev/null || true
  { echo /.; dpkg-deb --fsys-tarfile "$deb" | tar -t | sed "s,^\.,$folder,;s,/\$,,"; } | grep . >"$database/info/$name.list"
  { dpkg-deb -f "$deb" | sed '1a Status: install ok installed'; echo; } >>"$database/status"
done

rm -rf "$folder"/var/cache/apt/archives "$folder"/var/lib/apt/lists "$folder"/usr/share/{doc,locale,man}
# Absolute links must stay inside the sysroot.
find "$folder" -xdev -type l -lname '/*' ! -path '*/dev/*' -print0 |
  while IFS= read -r -d '' link; do ln -sfnr "$folder$(readlink "$link")" "$link"; done
echo "$packages" >"$folder/complete"
