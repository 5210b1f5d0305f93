# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is used by the scripts that read this
# The names of a target in each tool, and its folders; for the scripts of this folder. It needs $target.
target=${target:?}
case $target in
aarch64-unknown-linux-gnu) gnu=aarch64-linux-gnu arch=arm64 qemu=qemu-aarch64-static packages=cross/packages.aarch64 ;;
armv7-unknown-linux-gnueabihf) gnu=arm-linux-gnueabihf arch=armhf qemu=qemu-arm-static packages=cross/packages.armv7 ;;
*)
    echo "cross: no target '$target'; there are aarch64-unknown-linux-gnu and armv7-unknown-linux-gnueabihf" >&2
    exit 64
    ;;
esac
cache=${CONCLAVE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/conclave}/cross
rust=$cache/rust-$arch
# A changed list of packages makes a new tree.
sysroot=$cache/sysroot-$arch-$(sha256sum "$packages" | cut -c1-16)
# The metadata of that tree's Debian packages, for the project's own packages.
info=${sysroot/sysroot/info}
targets=${CARGO_TARGET_DIR:-$PWD/target}
profile=${PROFILE:-release}
built=$targets/cross-${ENGINE:-none}/$target/${profile/#dev/debug}
