#!/usr/bin/env bash
# Compiles functions once more, elsewhere, and holds them against those of build.sh: the same bytes, or a failure.
# usage: infra/images/again.sh OUT FUNCTION…, after build.sh OUT
#
# The sources lie in another folder, crates are unpacked into another one, and nothing that was compiled is taken
# over. Compilers, linker, crates and the number of processors are the same.
set -euo pipefail
out=$(realpath "${1:?usage: infra/images/again.sh OUT FUNCTION…}")
shift
cd "$(dirname "$0")/../.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
source=$place/a/place/of/another/depth
mkdir -p "$source" "$place/cargo/registry"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --target-directory "$source"
# What was downloaded is what is slow to have again, and is held against the checksums of the lock file.
for kept in config.toml registry/cache registry/index; do
  [ ! -e "${CARGO_HOME:-$HOME/.cargo}/$kept" ] || cp -r "${CARGO_HOME:-$HOME/.cargo}/$kept" "$place/cargo/$kept"
done
env -u CARGO_TARGET_DIR CARGO_HOME="$place/cargo" CARGO_INCREMENTAL=0 "$source/infra/images/compile.sh" "${@/#/--bin=}"
for function in "$@"; do
  mkdir -p "$place/out/$function/root"
  strip -o "$place/out/$function/root/function" "$source"/target/*/release/"$function"
done
env -u CARGO_TARGET_DIR CARGO_HOME="$place/cargo" CARGO_INCREMENTAL=0 PATH="$PWD/target/tools/bin:$PATH" \
  "$source/infra/images/sbom.py" "$place/out"
for function in "$@"; do
  for file in function sbom.cdx.json; do
    cmp "$place/out/$function/root/$file" "$out/$function/root/$file"
  done
  printf '%-12s %s bytes, the same in two places\n' "$function" "$(stat -c %s "$out/$function/root/function")"
done
