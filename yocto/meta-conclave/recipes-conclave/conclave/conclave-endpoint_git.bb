SUMMARY = "Camera, microphone, speaker and touch screen of a meeting room"
SUMMARY:conclave-kiosk = "Turns a board with a touch screen into a meeting room"
DESCRIPTION = "The endpoint of Conclave joins a relay's rooms with what is plugged in, on the bare screen of a board."
SECTION = "multimedia"
# A copy of libjpeg-turbo is built in, and the font Noto Emoji.
LICENSE = "GPL-3.0-only & IJG & BSD-3-Clause & Zlib & OFL-1.1"
LIC_FILES_CHKSUM = "\
    file://endpoint/LICENSE;md5=1ebbd3e34237af26da5dc08a4e440464 \
    file://endpoint/ui/fonts/OFL.txt;md5=cdc5040ed1e8cf5d3516f5285fd7b636 \
"

# clang and bindgen: the crate v4l2-sys-mit makes its bindings while it is built. cmake: the copy of libjpeg-turbo.
DEPENDS = "\
    alsa-lib \
    bindgen-cli-native \
    clang-native \
    cmake-native \
    fontconfig \
    libinput \
    libxkbcommon \
    udev \
    virtual/egl \
    virtual/libgbm \
    virtual/libgles2 \
"

require conclave-rust.inc

SRC_URI += "file://v4l2-bindings.rs"

inherit features_check systemd useradd

REQUIRED_DISTRO_FEATURES = "alsa opengl systemd"

export LIBCLANG_PATH = "${STAGING_LIBDIR_NATIVE}"
# Rust's name of the target is not one that clang can know.
export BINDGEN_EXTRA_CLANG_ARGS = "--target=${TARGET_SYS} --sysroot=${STAGING_DIR_HOST}"

# As in endpoint/package/conclave-kiosk.sysusers, for a root that cannot be written; by number, as an update must find
# its files again.
USERADD_PACKAGES = "conclave-kiosk"
GROUPADD_PARAM:conclave-kiosk = "--system --gid 981 conclave-kiosk; --system render"
USERADD_PARAM:conclave-kiosk = "\
    --system --uid 981 --gid conclave-kiosk --no-create-home --home-dir ${localstatedir}/lib/conclave-kiosk --shell /sbin/nologin \
    --comment 'Conclave kiosk' --groups video,audio,input,render conclave-kiosk \
"

SYSTEMD_PACKAGES = "conclave-kiosk"
# It brings conclave-provision.service along by itself.
SYSTEMD_SERVICE:conclave-kiosk = "conclave-kiosk.service conclave-network.path conclave-network.service"

do_configure:append() {
    for crate in ${CARGO_VENDORING_DIRECTORY}/v4l2-sys-mit-*; do
        cp ${UNPACKDIR}/v4l2-bindings.rs $crate/build.rs
    done
}

do_install:append() {
    install -D -m 0644 ${S}/endpoint/endpoint.example.toml ${D}${sysconfdir}/conclave/endpoint.toml
    install -D -m 0644 ${S}/endpoint/package/conclave-kiosk.service ${D}${systemd_system_unitdir}/conclave-kiosk.service
    install -D -m 0644 ${S}/endpoint/package/conclave-kiosk.sysusers ${D}${nonarch_libdir}/sysusers.d/conclave-kiosk.conf
    install -D -m 0644 ${S}/endpoint/package/conclave-kiosk.tmpfiles ${D}${nonarch_libdir}/tmpfiles.d/conclave-kiosk.conf
    install -D -m 0644 ${S}/endpoint/package/conclave-kiosk.udev ${D}${nonarch_base_libdir}/udev/rules.d/70-conclave-kiosk.rules
    # What a conclave.toml on the boot partition or on a stick says is taken in by these.
    install -D -m 0644 -t ${D}${systemd_system_unitdir} ${S}/endpoint/package/conclave-provision.service ${S}/endpoint/package/conclave-provision@.service
    install -D -m 0644 ${S}/endpoint/package/conclave-provision.udev ${D}${nonarch_base_libdir}/udev/rules.d/70-conclave-provision.rules
    install -D -m 0644 -t ${D}${systemd_system_unitdir} ${S}/endpoint/package/conclave-network.service ${S}/endpoint/package/conclave-network.path
    install -D -m 0755 ${S}/endpoint/package/conclave-network ${D}${nonarch_libdir}/conclave/network
    install -D -m 0755 ${S}/endpoint/package/conclave-wifi-fallback ${D}${nonarch_libdir}/conclave/wifi-fallback
}

PACKAGES =+ "conclave-kiosk"
FILES:conclave-kiosk += "\
    ${nonarch_base_libdir}/udev/rules.d \
    ${nonarch_libdir}/conclave \
    ${nonarch_libdir}/sysusers.d \
    ${nonarch_libdir}/tmpfiles.d \
    ${systemd_system_unitdir} \
"
CONFFILES:${PN} = "${sysconfdir}/conclave/endpoint.toml"

# What is loaded while it runs, so that no scan of the program finds it.
RDEPENDS:${PN} = "\
    alsa-conf \
    fontconfig \
    libegl-mesa \
    libgles2-mesa \
    mesa-megadriver \
    ttf-roboto \
    xkeyboard-config \
"
RDEPENDS:conclave-kiosk = "${PN} udev"
