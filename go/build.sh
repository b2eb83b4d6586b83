#!/bin/sh
# Makes what the Go module links: the static library in lib/<goos>_<goarch>/ and the header in include/.
#
#   ./build.sh         for tests: the release profile
#   ./build.sh dist    for packing: fat LTO, one codegen unit, no debug symbols
set -eu
here=$(cd "$(dirname "$0")" && pwd)
profile=${1:-release}
cd "$here/.."
cargo rustc --quiet --package checkrein-c --profile "$profile" --crate-type staticlib
platform=$(go env GOOS)_$(go env GOARCH)
library=$here/lib/$platform/libcheckrein.a
mkdir -p "$(dirname "$library")" "$here/include"
cp "${CARGO_TARGET_DIR:-target}/$profile/libcheckrein_c.a" "$library"
if [ "$profile" = dist ]; then
	# Cargo strips programs, not archives; most of what goes is the standard library's.
	strip -S "$library"
fi
cp bindings-c/include/checkrein.h "$here/include/checkrein.h"
ls -l "$library" | awk '{printf "%s: %.1f MB\n", $NF, $5 / 1e6}'
