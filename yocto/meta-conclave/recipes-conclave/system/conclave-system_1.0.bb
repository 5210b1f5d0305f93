SUMMARY = "What makes a read-only system the screen of a meeting room"
DESCRIPTION = "The partition of what is kept, the hardware's watchdog, Wi-Fi as conclave.toml says, and a journal in memory."
HOMEPAGE = "https://example.org/conclave"
SECTION = "base"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/COPYING.MIT;md5=3da9cfbcb788c80a0384361b4de20420"

SRC_URI = "\
    file://bind.mount.in \
    file://conclave-data.service \
    file://conclave-wifi-again.service \
    file://conclave-wifi-fallback.service \
    file://conclave-wifi.path \
    file://conclave-wifi.service \
    file://data.mount \
    file://journald.conf \
    file://watchdog.conf \
    file://wifi.rules \
    file://wireless.link \
    file://wireless.network \
"
S = "${UNPACKDIR}"

inherit allarch features_check systemd

REQUIRED_DISTRO_FEATURES = "systemd"

# What is kept over starts and updates; everything else in /var is in memory.
CONCLAVE_KEPT = "conclave-kiosk conclave-provision rauc systemd"

# udev starts conclave-wifi.service.
SYSTEMD_SERVICE:${PN} = "conclave-wifi.path"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    for unit in conclave-wifi.service conclave-wifi.path conclave-wifi-again.service conclave-wifi-fallback.service; do
        install -D -m 0644 ${S}/$unit ${D}${systemd_system_unitdir}/$unit
    done

    # Without these there is no system, so nothing may enable or disable them.
    install -d ${D}/data ${D}${systemd_system_unitdir}/local-fs.target.requires
    install -m 0644 ${S}/data.mount ${S}/conclave-data.service ${D}${systemd_system_unitdir}
    ln -s ../data.mount ../conclave-data.service ${D}${systemd_system_unitdir}/local-fs.target.requires
    folders=
    for name in ${CONCLAVE_KEPT}; do
        install -d ${D}${localstatedir}/lib/$name
        unit=var-lib-$(echo $name | sed 's/-/\\x2d/g').mount
        sed "s/@NAME@/$name/g" ${S}/bind.mount.in > "${D}${systemd_system_unitdir}/$unit"
        ln -s "../$unit" ${D}${systemd_system_unitdir}/local-fs.target.requires
        folders="$folders /data/lib/$name"
    done
    sed -i "s#@FOLDERS@#$folders#" ${D}${systemd_system_unitdir}/conclave-data.service

    install -D -m 0644 ${S}/watchdog.conf ${D}${nonarch_libdir}/systemd/system.conf.d/20-conclave.conf
    install -D -m 0644 ${S}/journald.conf ${D}${nonarch_libdir}/systemd/journald.conf.d/20-conclave.conf
    install -D -m 0644 ${S}/wifi.rules ${D}${nonarch_base_libdir}/udev/rules.d/70-conclave-wifi.rules
    install -D -m 0644 ${S}/wireless.link ${D}${nonarch_libdir}/systemd/network/70-conclave-wireless.link
    install -D -m 0644 ${S}/wireless.network ${D}${nonarch_libdir}/systemd/network/70-conclave-wireless.network
}

FILES:${PN} += "/data ${localstatedir}/lib ${nonarch_base_libdir}/udev ${nonarch_libdir}/systemd"
# The script that conclave-wifi-fallback.service starts is in conclave-kiosk, which the image has as well.
RDEPENDS:${PN} = "iw systemd wpa-supplicant wpa-supplicant-cli"
