#!/usr/bin/env bash
# Compiles all binaries that ship, or some of them, to the same bytes either way: cargo unifies the features of crates
# over all packages that are named below, not over the binaries that are built.
# usage: infra/images/compile.sh [--bin NAME]…
set -euo pipefail
cd "$(dirname "$0")/../.."
# Before the flags, which name the folders into which crates are extracted.
cargo fetch --quiet --locked
. infra/images/flags.sh
packages=()
for manifest in functions/*/Cargo.toml infra/local/Cargo.toml infra/rollout/Cargo.toml; do
  # By its full package id: there is another crate called `console`.
  packages+=(--package "$(cargo pkgid --manifest-path "$manifest")")
done
cargo build --release --locked "${packages[@]}" "$@"
