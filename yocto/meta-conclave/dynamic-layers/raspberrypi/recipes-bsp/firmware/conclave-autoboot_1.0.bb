SUMMARY = "Which slot a Raspberry Pi starts"
DESCRIPTION = "autoboot.txt of the first partition, as an image leaves the factory: slot A, and slot B for one start that is asked for."
HOMEPAGE = "https://example.org/conclave"
SECTION = "bsp"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/COPYING.MIT;md5=3da9cfbcb788c80a0384361b4de20420"

SRC_URI = "file://autoboot.txt"
S = "${UNPACKDIR}"

COMPATIBLE_MACHINE = "^rpi$"
INHIBIT_DEFAULT_DEPS = "1"
PACKAGE_ARCH = "${MACHINE_ARCH}"

inherit deploy nopackages

do_configure[noexec] = "1"
do_compile[noexec] = "1"
do_install[noexec] = "1"

do_deploy() {
    install -D -m 0644 ${S}/autoboot.txt ${DEPLOYDIR}/autoboot.txt
}
addtask deploy after do_unpack before do_build
