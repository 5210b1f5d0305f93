SUMMARY = "Everything that the screen of a meeting room runs"
DESCRIPTION = "The endpoint as a kiosk, the system around it, and on boards that can have them two slots for updates."
SECTION = "base"
PACKAGE_ARCH = "${MACHINE_ARCH}"

inherit packagegroup

RDEPENDS:${PN} = "\
    ca-certificates \
    conclave-kiosk \
    conclave-system \
    kernel-modules \
    tzdata \
    wireless-regdb-static \
"
# Two systems, of which an update replaces one: by what a Raspberry Pi's firmware can do.
RDEPENDS:${PN}:append:rpi = " conclave-slots"
# What a board's own devices need, above all the firmware of its radio. An image that names its packages, as ours does,
# leaves out packagegroup-base, which would bring it.
RRECOMMENDS:${PN} = "${MACHINE_EXTRA_RRECOMMENDS}"
# Scripts that Roboto does not have, where meta-oe is in the build.
RRECOMMENDS:${PN} += "${@bb.utils.contains('BBFILE_COLLECTIONS', 'openembedded-layer', '${CONCLAVE_FONTS}', '', d)}"
CONCLAVE_FONTS = "source-han-sans-cn-fonts source-han-sans-kr-fonts ttf-dejavu-sans ttf-tlwg"
