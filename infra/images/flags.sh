# The flags of release binaries, to be sourced at the top of the repository: static, and reproducible in any folder.
#
# With an explicit target, the flags do not apply to build scripts and macros, which cannot be static.
CARGO_BUILD_TARGET=$(rustc -vV | sed -n 's/^host: //p')
# Otherwise paths of the builder would be in messages and logs. A later mapping overrides an earlier one.
RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=$PWD=lapidary \
--remap-path-prefix=${CARGO_TARGET_DIR:-$PWD/target}=lapidary/target"
CFLAGS="-ffile-prefix-map=$PWD=lapidary -ffile-prefix-map=${CARGO_TARGET_DIR:-$PWD/target}=lapidary/target"
# Every registry, since the name of the folder depends on the server of the crates.
for crates in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
  RUSTFLAGS+=" --remap-path-prefix=$crates=crates"
  CFLAGS+=" -ffile-prefix-map=$crates=crates"
done
unset crates
export CARGO_BUILD_TARGET RUSTFLAGS CFLAGS
