SUMMARY = "An update of the kiosk's image"
DESCRIPTION = "A signed bundle of root and firmware for RAUC."
HOMEPAGE = "https://example.org/conclave"
LICENSE = "MIT"

inherit bundle

COMPATIBLE_MACHINE = "^rpi$"

# It lies beside the other scripts of the slots, for every kind of image.
FILESEXTRAPATHS:prepend := "${@os.path.realpath('${CONCLAVE_LAYER}/../..')}/endpoint/package:"
SRC_URI = "file://conclave-rauc-hook"

RAUC_BUNDLE_COMPATIBLE = "conclave-${MACHINE}"
RAUC_BUNDLE_VERSION = "${DISTRO_VERSION}"
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
