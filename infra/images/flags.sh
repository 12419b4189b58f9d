# How release binaries are built, to be sourced at the top of the repository: static, and to the same bytes wherever
# that is.
#
# With a target named, flags reach no build script and no macro, which cannot be static.
CARGO_BUILD_TARGET=$(rustc -vV | sed -n 's/^host: //p')
# Paths of whoever builds would be in messages and in logs. A later mapping wins over an earlier one.
RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=$PWD=lapidary \
--remap-path-prefix=${CARGO_TARGET_DIR:-$PWD/target}=lapidary/target"
CFLAGS="-ffile-prefix-map=$PWD=lapidary -ffile-prefix-map=${CARGO_TARGET_DIR:-$PWD/target}=lapidary/target"
# Each registry, since the folder is called after whichever serves the crates.
for crates in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
  RUSTFLAGS+=" --remap-path-prefix=$crates=crates"
  CFLAGS+=" -ffile-prefix-map=$crates=crates"
done
unset crates
export CARGO_BUILD_TARGET RUSTFLAGS CFLAGS
