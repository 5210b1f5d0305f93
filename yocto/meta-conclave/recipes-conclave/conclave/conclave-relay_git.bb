SUMMARY = "Rooms, chat, voice and video on a LAN: the server"
DESCRIPTION = "The relay of Conclave keeps accounts, rooms and chat, and passes on sealed sound and pictures that it cannot open."
SECTION = "net"
# A copy of SQLite is built in.
LICENSE = "(MIT | Apache-2.0) & blessing"
LIC_FILES_CHKSUM = "\
    file://LICENSE-MIT;md5=be6220f5c05aaa9a2b5c5dabc025bbe4 \
    file://LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
"

require conclave-rust.inc

inherit features_check systemd useradd

REQUIRED_DISTRO_FEATURES:class-target = "systemd"

# As in relay/package/conclave-relay.sysusers, for a root that cannot be written; by number, as an update must find its
# files again.
USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system --gid 982 conclave-relay"
USERADD_PARAM:${PN} = "\
    --system --uid 982 --gid conclave-relay --no-create-home --home-dir ${localstatedir}/lib/conclave-relay --shell /sbin/nologin \
    --comment 'Conclave relay' conclave-relay \
"
SYSTEMD_SERVICE:${PN} = "conclave-relay.service"

do_install:append() {
    install -D -m 0644 ${S}/relay/relay.example.toml ${D}${sysconfdir}/conclave/relay.toml
    install -D -m 0644 ${S}/relay/package/conclave-relay.service ${D}${systemd_system_unitdir}/conclave-relay.service
    install -D -m 0644 ${S}/relay/package/conclave-relay.sysusers ${D}${nonarch_libdir}/sysusers.d/conclave-relay.conf
    install -D -m 0644 ${S}/relay/package/conclave-relay.tmpfiles ${D}${nonarch_libdir}/tmpfiles.d/conclave-relay.conf
}

FILES:${PN} += "${nonarch_libdir}/sysusers.d ${nonarch_libdir}/tmpfiles.d"
CONFFILES:${PN} = "${sysconfdir}/conclave/relay.toml"
