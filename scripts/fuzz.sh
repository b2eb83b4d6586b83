#!/usr/bin/env bash
# Fuzzes every target for a while: scripts/fuzz.sh [SECONDS]. Needs a nightly toolchain; installs cargo-fuzz if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
for home in core bindings-c; do
	for target in "$home"/fuzz/fuzz_targets/*.rs; do
		name=$(basename "$target" .rs)
		echo "==> $home: $name, $seconds s"
		(cd "$home" && cargo +nightly fuzz run "$name" -- -max_total_time="$seconds" -print_final_stats=1)
	done
done
