#!/usr/bin/env bash
# Compiles functions again in another folder, and fails unless the bytes are those of build.sh.
# usage: infra/images/again.sh OUT FUNCTION…, after build.sh OUT
#
# The sources are in another folder, crates are extracted into another one, and no compiled artefact is reused.
# Compilers, linker, crates and the number of processors are the same.
set -euo pipefail
out=$(realpath "${1:?usage: infra/images/again.sh OUT FUNCTION…}")
shift
cd "$(dirname "$0")/../.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
source=$place/a/place/of/another/depth
mkdir -p "$source" "$place/cargo/registry"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --target-directory "$source"
# Downloads are reused because they are slow to repeat; cargo checks them against the lock file.
for kept in config.toml registry/cache registry/index; do
  [ ! -e "${CARGO_HOME:-$HOME/.cargo}/$kept" ] || cp -r "${CARGO_HOME:-$HOME/.cargo}/$kept" "$place/cargo/$kept"
done
env -u CARGO_TARGET_DIR CARGO_HOME="$place/cargo" CARGO_INCREMENTAL=0 "$source/infra/images/compile.sh" "${@/#/--bin=}"
for function in "$@"; do
  mkdir -p "$place/out/$function/root"
  strip -o "$place/out/$function/root/function" "$source"/target/*/image/"$function"
done
env -u CARGO_TARGET_DIR CARGO_HOME="$place/cargo" CARGO_INCREMENTAL=0 PATH="$PWD/target/tools/bin:$PATH" \
  "$source/infra/images/sbom.py" "$place/out"
for function in "$@"; do
  for file in function sbom.cdx.json; do
    cmp "$place/out/$function/root/$file" "$out/$function/root/$file"
  done
  printf '%-12s %s bytes, identical in two folders\n' "$function" "$(stat -c %s "$out/$function/root/function")"
done
