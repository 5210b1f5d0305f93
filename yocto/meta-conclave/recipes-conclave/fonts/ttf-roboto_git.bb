SUMMARY = "Roboto, the font of Conclave's screen"
DESCRIPTION = "The weights of Roboto that the screen is laid out with."
HOMEPAGE = "https://fonts.google.com/specimen/Roboto"
SECTION = "fonts"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=86d3f3a95c324c9479bd8986968f4327"

PV = "2.138+git"
SRC_URI = "git://github.com/googlefonts/roboto-2;protocol=https;nobranch=1"
SRCREV = "38062f4b4a0be4346d07a928408da21602545e9e"

inherit allarch fontcache

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    for weight in Light Regular Medium Bold; do
        install -D -m 0644 ${S}/src/hinted/Roboto-$weight.ttf ${D}${datadir}/fonts/truetype/Roboto-$weight.ttf
    done
}

FILES:${PN} += "${datadir}/fonts/truetype"
