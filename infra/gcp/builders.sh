#!/usr/bin/env bash
# Prints `builder_images`: the images that builds and releases run in, each by the digest that its tag has now. Review
# them and commit them in the project's file in env/: a tag that moves later then changes nothing.
# usage: infra/gcp/builders.sh, on a machine with docker, such as Cloud Shell
set -euo pipefail
cd "$(dirname "$0")/../.."
rust=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
images=(
  _DOCKER=gcr.io/cloud-builders/docker:latest
  _GCLOUD=gcr.io/google.com/cloudsdktool/google-cloud-cli:stable
  _GIT=gcr.io/cloud-builders/git:latest
  # The toolchain is pinned here, by digest, and its version in Cargo.toml: a rust-toolchain file would be a second pin,
  # and would make rustup download what the image already has. Not `slim`: builds need its C compiler and its Python.
  _RUST="docker.io/library/rust:$rust-bookworm"
  _TERRAFORM=docker.io/hashicorp/terraform:1.11
)
echo 'builder_images = {'
for it in "${images[@]}"; do
  name=${it%%=*} image=${it#*=}
  digest=$(docker buildx imagetools inspect "$image" | sed -n 's/^Digest: *//p')
  [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "no digest of $image: '$digest'" >&2; exit 1; }
  printf '  %-10s = "%s@%s" # %s\n' "$name" "${image%:*}" "$digest" "${image##*:}"
done
echo '}'
