#!/usr/bin/env bash
# Compiles everything that ships, or single binaries: to the same bytes, because cargo unifies the features of all the
# packages named below in both cases.
# usage: infra/images/compile.sh [--bin NAME]…
set -euo pipefail
cd "$(dirname "$0")/../.."
# Before the flags, which name the folders that crates are extracted into.
cargo fetch --quiet --locked
. infra/images/flags.sh
packages=()
for manifest in functions/*/Cargo.toml infra/local/Cargo.toml infra/rollout/Cargo.toml; do
  # By the full package id: `console` is also the name of another crate.
  packages+=(--package "$(cargo pkgid --manifest-path "$manifest")")
done
cargo build --profile image --locked "${packages[@]}" "$@"
