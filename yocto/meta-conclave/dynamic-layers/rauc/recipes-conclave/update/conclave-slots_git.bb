SUMMARY = "Two slots, of which an update stays if the kiosk works in it"
DESCRIPTION = "RAUC's link to the firmware of a Raspberry Pi, and the check of the kiosk's health that decides."
SECTION = "base"
LICENSE = "GPL-3.0-only"
LIC_FILES_CHKSUM = "file://endpoint/LICENSE;md5=1ebbd3e34237af26da5dc08a4e440464"

require recipes-conclave/conclave/conclave-source.inc

SRC_URI += "file://boot-firmware.mount"

COMPATIBLE_MACHINE = "^rpi$"
PACKAGE_ARCH = "${MACHINE_ARCH}"

inherit features_check systemd

REQUIRED_DISTRO_FEATURES = "rauc systemd"
SYSTEMD_SERVICE:${PN} = "boot-firmware.mount conclave-health.service"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}/boot/firmware
    install -D -m 0644 ${UNPACKDIR}/boot-firmware.mount ${D}${systemd_system_unitdir}/boot-firmware.mount
    install -D -m 0644 ${S}/endpoint/package/conclave-health.service ${D}${systemd_system_unitdir}/conclave-health.service
    install -D -m 0644 ${S}/endpoint/package/conclave-emergency.conf \
        ${D}${systemd_system_unitdir}/emergency.service.d/10-conclave.conf
    install -D -m 0644 ${S}/endpoint/package/conclave-provision-slots.conf \
        ${D}${systemd_system_unitdir}/conclave-provision.service.d/10-slots.conf
    install -D -m 0755 ${S}/endpoint/package/conclave-health ${D}${nonarch_libdir}/conclave/health
    install -D -m 0755 ${S}/endpoint/package/conclave-rauc-backend ${D}${nonarch_libdir}/conclave/rauc-backend
}

FILES:${PN} += "/boot/firmware ${nonarch_libdir}/conclave ${systemd_system_unitdir}"
# A boot partition is formatted by an update: mkfs.vfat, tar.
RDEPENDS:${PN} = "conclave-kiosk conclave-system dosfstools rauc rauc-service tar"
