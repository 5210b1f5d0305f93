SUMMARY = "Everything that the screen of a meeting room runs"
DESCRIPTION = "${SUMMARY}"
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
