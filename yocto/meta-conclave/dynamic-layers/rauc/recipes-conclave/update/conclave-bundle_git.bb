SUMMARY = "An update of the kiosk's image"
DESCRIPTION = "A signed bundle of root and firmware for RAUC."
SECTION = "base"
LICENSE = "MIT"

require recipes-conclave/conclave/conclave-source.inc

inherit bundle

COMPATIBLE_MACHINE = "^rpi$"

# A bundle takes its hook from the top of what is unpacked.
do_unpack[postfuncs] += "take_hook"
take_hook[doc] = "Puts the hook where the class looks for it"
take_hook() {
    cp ${UNPACKDIR}/${BP}/endpoint/package/conclave-rauc-hook ${UNPACKDIR}/conclave-rauc-hook
}

RAUC_BUNDLE_COMPATIBLE = "conclave-${MACHINE}"
RAUC_BUNDLE_VERSION = "${PV}"
RAUC_BUNDLE_FORMAT = "verity"
RAUC_BUNDLE_HOOKS[file] = "conclave-rauc-hook"
RAUC_BUNDLE_SLOTS = "rootfs firmware"

RAUC_SLOT_rootfs = "conclave-kiosk-image"
RAUC_SLOT_rootfs[fstype] = "ext4"

RAUC_SLOT_firmware = "conclave-firmware"
RAUC_SLOT_firmware[type] = "file"
RAUC_SLOT_firmware[file] = "conclave-firmware-${MACHINE}.tar"
RAUC_SLOT_firmware[rename] = "firmware.tar"
RAUC_SLOT_firmware[hooks] = "post-install"

RAUC_KEY_FILE = "${CONCLAVE_KEYS}/update.key.pem"
RAUC_CERT_FILE = "${CONCLAVE_KEYS}/update.cert.pem"
