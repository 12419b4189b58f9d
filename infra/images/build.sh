#!/usr/bin/env bash
# Builds everything that ships, and lays out the contents of each function's image.
# usage: infra/images/build.sh OUT
#
# For each function F, OUT/F/root is the image's file system. OUT/bin holds the tools of a release.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:?usage: infra/images/build.sh OUT}
# The root certificates of the machine that builds: Debian's package in the builder image.
roots=${ROOTS:-/etc/ssl/certs/ca-certificates.crt}
[ -s "$roots" ] || { echo "$roots is missing: install ca-certificates, or set ROOTS" >&2; exit 1; }
if ! command -v cargo-cyclonedx >/dev/null; then
  # Unoptimised: it runs for seconds, and compiles for minutes otherwise.
  CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root target/tools --target-dir target/tools/build cargo-cyclonedx@0.5.9
  PATH=$PWD/target/tools/bin:$PATH
fi

infra/images/compile.sh
built=$(. infra/images/flags.sh && echo "target/$CARGO_BUILD_TARGET/image")

rm -rf "$out"
mkdir -p "$out/bin"
cp "$built/lapidary" "$built/rollout" "$out/bin/"
for manifest in functions/*/Cargo.toml; do
  function=$(basename "${manifest%/Cargo.toml}")
  root=$out/$function/root
  mkdir -p "$root/etc/ssl/certs" "$root/tmp"
  strip -o "$root/function" "$built/$function"
  cp "$roots" "$root/etc/ssl/certs/ca-certificates.crt"
  echo 'function:x:65532:65532::/:/' >"$root/etc/passwd"
done
infra/images/sbom.py "$out"
for root in "$out"/*/root; do
  # The same modes and times on every machine, with any umask.
  find "$root" -type d -exec chmod 0755 {} + -o -type f -exec chmod 0444 {} +
  chmod 0555 "$root/function"
  chmod 1777 "$root/tmp"
  find "$root" -exec touch --no-dereference --date=@0 {} +
done
