#!/usr/bin/env bash
# Compiles all that ships, or some binaries of it: to the same bytes either way, since the parts of a crate that are
# compiled are those that any of the packages named below wants.
# usage: infra/images/compile.sh [--bin NAME]…
set -euo pipefail
cd "$(dirname "$0")/../.."
# Before the flags, which name the folders that crates are unpacked into.
cargo fetch --quiet --locked
. infra/images/flags.sh
packages=()
for manifest in functions/*/Cargo.toml infra/local/Cargo.toml infra/rollout/Cargo.toml; do
  # By its whole name: `console` alone is another crate, too.
  packages+=(--package "$(cargo pkgid --manifest-path "$manifest")")
done
cargo build --release --locked "${packages[@]}" "$@"
