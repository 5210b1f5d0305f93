FILESEXTRAPATHS:prepend:conclave := "${THISDIR}/files:"

# The certificate that updates are checked with: ca.pem in the folder of keys (yocto/scripts/make-keys).
RAUC_KEYRING_FILE:conclave = "${@'ca.pem' if d.getVar('CONCLAVE_KEYS') else 'ca.cert.pem'}"
RAUC_KEYRING_URI:conclave = "${@'file://%s/ca.pem' % d.getVar('CONCLAVE_KEYS') if d.getVar('CONCLAVE_KEYS') else 'file://ca.cert.pem'}"

do_install:append:conclave() {
    sed -i "s/@COMPATIBLE@/conclave-${MACHINE}/; s/@KEYRING@/${RAUC_KEYRING_FILE}/; s/@VERSION@/${DISTRO_VERSION}/" ${D}${nonarch_libdir}/rauc/system.conf
}
PACKAGE_ARCH:conclave = "${MACHINE_ARCH}"
