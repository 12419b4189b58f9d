# How release binaries are built, to be sourced: static, and without the paths of whoever builds.
#
# With a target named, flags reach no build script and no macro, which cannot be static.
CARGO_BUILD_TARGET=$(rustc -vV | sed -n 's/^host: //p')
# Paths of this machine would be in messages and in logs.
RUSTFLAGS="-C target-feature=+crt-static \
--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates \
--remap-path-prefix=$PWD=lapidary"
export CARGO_BUILD_TARGET RUSTFLAGS
