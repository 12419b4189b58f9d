# Compiler flags of release binaries: static and reproducible. To be sourced at the top of the repository.
#
# An explicit target keeps the flags from build scripts and macros, which cannot be static.
CARGO_BUILD_TARGET=$(rustc -vV | sed -n 's/^host: //p')
# Otherwise messages and logs would contain paths of the machine that builds. A later mapping overrides an earlier one.
RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=$PWD=lapidary \
--remap-path-prefix=${CARGO_TARGET_DIR:-$PWD/target}=lapidary/target"
CFLAGS="-ffile-prefix-map=$PWD=lapidary -ffile-prefix-map=${CARGO_TARGET_DIR:-$PWD/target}=lapidary/target"
# Every registry, because the folder is named after the server of the crates.
for crates in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
  RUSTFLAGS+=" --remap-path-prefix=$crates=crates"
  CFLAGS+=" -ffile-prefix-map=$crates=crates"
done
unset crates
export CARGO_BUILD_TARGET RUSTFLAGS CFLAGS
