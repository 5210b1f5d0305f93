SUMMARY = "The files of a boot partition, for an update"
DESCRIPTION = "Firmware, kernel and device trees of a Raspberry Pi in one archive, which RAUC unpacks into a slot's boot partition."
HOMEPAGE = "https://example.org/conclave"
SECTION = "bsp"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/COPYING.MIT;md5=3da9cfbcb788c80a0384361b4de20420"

SRC_URI = ""

COMPATIBLE_MACHINE = "^rpi$"
INHIBIT_DEFAULT_DEPS = "1"
PACKAGE_ARCH = "${MACHINE_ARCH}"

inherit deploy nopackages

do_configure[noexec] = "1"
do_install[noexec] = "1"

do_compile[depends] += "virtual/kernel:do_deploy rpi-bootfiles:do_deploy rpi-cmdline:do_deploy rpi-config:do_deploy"
do_compile[cleandirs] = "${B}"
B = "${WORKDIR}/build"

# The same files as in the card's image: FILE, FILE;NAME or FOLDER/*.
python do_compile() {
    import glob, os, tarfile

    source = d.getVar("DEPLOY_DIR_IMAGE")
    files = {}
    for entry in d.getVar("IMAGE_BOOT_FILES").split():
        pattern, _, name = entry.partition(";")
        found = sorted(glob.glob(os.path.join(source, pattern)))
        if not found:
            bb.fatal("%s is not in %s" % (pattern, source))
        for path in found:
            if os.path.isfile(path):
                files[name or os.path.basename(path)] = path

    def plain(info):
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = int(d.getVar("SOURCE_DATE_EPOCH") or 0)
        return info

    with tarfile.open(os.path.join(d.getVar("B"), "firmware.tar"), "w", format=tarfile.USTAR_FORMAT, dereference=True) as archive:
        for name in sorted(files):
            archive.add(files[name], arcname=name, filter=plain)
}

do_deploy() {
    install -D -m 0644 ${B}/firmware.tar ${DEPLOYDIR}/conclave-firmware-${MACHINE}.tar
}
addtask deploy after do_compile before do_build
