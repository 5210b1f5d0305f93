#!/bin/bash
# kernel-build.sh CONFIG OUT: builds the test kernel (User-Mode Linux) from Debian's linux-source-6.12 into the new
# folder OUT. Called by `kernel`, which caches the result. It installs nothing: the sources and the missing build tools
# are unpacked from their packages into OUT.tmp (1.5 GB while building, 15 MB remain).
set -euo pipefail
config=$1 out=$2
version=6.12
work=$out.tmp
symbols=$(sed 's/#.*//' "$config")
build_tools="flex bison m4 libfl2 bc kmod busybox-static"
PATH=$PATH:/sbin:/usr/sbin

rm -rf "$work"
mkdir -p "$work"/{debs,tools,build,result,apt/{lists/partial,cache/archives/partial}}

fetch_packages() {
    cd "$work/debs"
    local apt=(apt-get -qq -o APT::Sandbox::User=root) from_release=() from_backports=() loopback_version mirror codename
    if apt-cache show linux-source-$version >/dev/null 2>&1; then
        from_release+=("linux-source-$version")
    else
        from_backports+=("linux-source-$version")
    fi
    # Older ones do not compile with this kernel.
    loopback_version=$(apt-cache show --no-all-versions v4l2loopback-dkms | sed -n 's/^Version: //p')
    if dpkg --compare-versions "$loopback_version" ge 0.13; then
        from_release+=(v4l2loopback-dkms)
    else
        from_backports+=(v4l2loopback-dkms)
    fi
    # shellcheck disable=SC2086
    "${apt[@]}" download $build_tools "${from_release[@]}"
    [ ${#from_backports[@]} -gt 0 ] || return 0

    # Read the backports with a private configuration, leaving the machine's own alone.
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/$')
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $codename-backports main" >"$work/apt/sources.list"
    : >"$work/apt/status"
    apt+=(-o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::lists="$work/apt/lists" -o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt/cache")
    "${apt[@]}" -o Debug::NoLocking=1 update
    "${apt[@]}" download "${from_backports[@]}"
}

unpack() {
    cd "$work"
    local deb
    for deb in debs/*.deb; do
        case $deb in
        */linux-source-*) ;;
        *) dpkg-deb -x "$deb" tools ;;
        esac
    done
    # The parts that this configuration can not reach are most of the tree.
    dpkg-deb --fsys-tarfile debs/linux-source-*.deb | tar xO ./usr/src/linux-source-$version.tar.xz | xz -dc |
        tar x --exclude='*/Documentation/*/*' --exclude='*/tools/testing/*' --exclude='*/drivers/gpu/drm/amd/*.[ch]' \
            --exclude='*/drivers/net/*/*.[ch]' --exclude='*/sound/soc/*.[ch]' --exclude='*/arch/[a-tv-w]*/*.[chS]' --exclude='*.dts*'
}

amend() {
    cd "$work/linux-source-$version/arch/um"
    # snd-aloop and vivid count in ticks: give them Debian's, not User-Mode Linux's 100 Hz.
    sed -i '/^config HZ$/,/default/s/default 100/default 250/' Kconfig
    grep -q 'default 250' Kconfig
    # CPU time is counted in ticks, too, unless the scheduler has a clock: with one, /proc/PID/schedstat is exact.
    cat >>kernel/time.c <<'END'

unsigned long long notrace sched_clock(void)
{
	static long long start;

	if (time_travel_mode != TT_MODE_OFF)
		return time_travel_time;
	if (!start)
		start = os_nsecs();
	return os_nsecs() - start;
}
END
    # A processor with more registers than this kernel has room for (AMX) takes them back only whole: its rest stays as
    # it was.
    cd "$work/linux-source-$version/arch/x86/um/os-Linux"
    sed -i -e 's/^static int have_xstate_support;/&\nstatic unsigned long host_xstate[2048] __attribute__((aligned(64)));/' \
        -e '/^int \(save\|restore\)_fp_registers/,/^}/{
            s/iov_base = fp_regs/iov_base = host_xstate/
            s/FP_SIZE \* sizeof(unsigned long)/sizeof(host_xstate)/
        }' \
        -e '/^int save_fp_registers/,/^}/s/^\t\treturn 0;/\t\tmemcpy(fp_regs, host_xstate, FP_SIZE * sizeof(unsigned long));\n&/' \
        -e '/^int restore_fp_registers/,/^}/s/^\tif (have_xstate_support) {/&\n\t\tmemcpy(host_xstate, fp_regs, FP_SIZE * sizeof(unsigned long));/' \
        -e 's/^#include <stdlib.h>/&\n#include <string.h>/' registers.c
    [ "$(grep -c 'memcpy(' registers.c)" = 2 ]
}

compile() {
    cd "$work"
    export PATH=$work/tools/usr/bin:$work/tools/bin:$PATH BISON_PKGDATADIR=$work/tools/usr/share/bison M4=$work/tools/usr/bin/m4
    local mk=(make -s -C "$work/linux-source-$version" ARCH=um O="$work/build") symbol loopback
    "${mk[@]}" allnoconfig
    for symbol in $symbols; do
        case $symbol in
        *=*) echo "CONFIG_$symbol" ;;
        *) echo "CONFIG_$symbol=y" ;;
        esac
    done >>build/.config
    "${mk[@]}" olddefconfig
    for symbol in $symbols; do
        grep -q "^CONFIG_${symbol%=*}=" build/.config || {
            echo "error: this kernel has no $symbol"
            return 1
        }
    done
    "${mk[@]}" -j"$(nproc)" linux modules
    "${mk[@]}" modules_install INSTALL_MOD_PATH="$work/result" INSTALL_MOD_STRIP=1 DEPMOD=true
    loopback=$(echo "$work"/tools/usr/src/v4l2loopback-*)
    "${mk[@]}" M="$loopback" modules
    strip -g "$loopback/v4l2loopback.ko"
    install -D -t "$(echo result/lib/modules/*)/extra" "$loopback/v4l2loopback.ko"
    # One program under two names: kmod looks at the name it is called by.
    (exec -a depmod tools/bin/kmod -b "$work/result" "$(ls result/lib/modules)")
    strip -g -o result/linux build/linux
    cp build/.config result/config
    cp tools/bin/busybox result/busybox
}

{
    fetch_packages
    unpack
    amend
    compile
} >"$work/build.log" 2>&1 </dev/null

rm -rf "$out"
mv "$work/result" "$out"
rm -rf "$work"
