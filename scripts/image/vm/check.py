#!/usr/bin/python3
"""check.py IMAGE FOLDER PROGRAMS STEP...   Boots a copy of the kiosk's image, and tests it.

IMAGE is scripts/image/build's, FOLDER is for what is written and stays to be looked at, PROGRAMS has this machine's own
conclave-relay and conclave-endpoint. Steps: idle, refused, stick, call, cuts[=N], watchdog, rollback.
"""

import random
import re
import shutil
import sys
import time
from pathlib import Path

from disk import Disk, Stick, output, write
from host import RELAY, Peer, Relay
from machine import Failed, Machine, until

# Emulated, on a busy machine.
BOOT_S = 600
ROOM = "lobby"


def ok(text):
    print(f"ok: {text}", flush=True)


def expect(what, so):
    if not so:
        raise Failed(f"not so: {what}")
    ok(what)


class Check:
    def __init__(self, image, folder, programs):
        self.image, self.folder, self.programs = image, Path(folder), programs
        self.folder.mkdir(parents=True, exist_ok=True)

    def document(self, relay, room=ROOM):
        return (
            f'[relay]\naddress = "{RELAY}"\nfingerprint = "{relay.fingerprint}"\n\n'
            f'[account]\nname = "kiosk"\nemail = "kiosk@example.org"\n\n[room]\nname = "{room}"\n'
        )

    def disk(self, name, relay, provisioned=True):
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        disk = Disk(self.image, folder)
        if provisioned:
            disk.provision(self.document(relay))
        return disk

    def up(self, machine, relay, before):
        relay.signed_in(machine, before, BOOT_S)
        return round(machine.age())

    def idle(self, relay):
        """With only a file on the boot partition the image becomes a kiosk."""
        disk = self.disk("idle", relay)
        with Machine(disk.folder, disk.path) as machine:
            seconds = self.up(machine, relay, 0)
            machine.settled(BOOT_S)
            machine.screenshot(self.folder / "idle.png")
        ok(f"the image starts and signs in after {seconds} s; its idle page is {self.folder / 'idle.png'}")
        tree, said = disk.data()
        expect(f"what is kept has no error after the plug was pulled: {said}", disk.kept(tree))

    def refused(self, relay):
        """A file with a mistake is reported on the screen, and changes nothing."""
        disk = self.disk("refused", relay)
        disk.provision(self.document(relay).replace("fingerprint", "fingerprnt"))
        with Machine(disk.folder, disk.path) as machine:
            machine.settled(BOOT_S)
            machine.screenshot(self.folder / "refused.png")
        tree, _ = disk.data()
        expect("nothing of it was applied", not (tree / "conclave-provision" / "applied").exists())
        ok(f"a file with a mistake is refused; the reason must be on {self.folder / 'refused.png'}")

    def stick(self, relay):
        """A stick sets up a kiosk without provisioning, and its secrets are wiped."""
        disk = self.disk("stick", relay, provisioned=False)
        document = self.document(relay) + '\n[screen]\nsettings_pin = "4711"\n\n[secrets]\nwipe = true\n'
        stick = Stick(disk.folder, document)
        with Machine(disk.folder, disk.path) as machine:
            # It searches for relays on the network, and shows a spinner.
            machine.settled(BOOT_S, still=False)
            machine.screenshot(self.folder / "unprovisioned.png")
            before, now = relay.sign_ins(), time.monotonic()
            machine.plug_in(stick.path)
            self.up(machine, relay, before)
            ok(f"a stick makes a kiosk of it: signed in {time.monotonic() - now:.0f} s after it was plugged in")
            until("the stick's secrets to be gone", 60, lambda: machine.alive() or "4711" not in stick.document())
            expect("its secrets are wiped from the stick, and nothing else", 'name = "kiosk"' in stick.document())

    def call(self, relay):
        """A call, during which the power is cut."""
        disk = self.disk("call", relay)
        with Peer(self.programs, disk.folder, ROOM) as peer:
            with Machine(disk.folder, disk.path) as machine:
                before = relay.sign_ins()
                seconds = self.up(machine, relay, before)
                ok(f"it signs in after {seconds} s")
                machine.settled(BOOT_S)
                machine.screenshot(self.folder / "before-call.png")
                self.enter(machine, peer)
                ok("the other one sees the kiosk in the room")
                machine.shows_pattern(BOOT_S)
                ok(f"the kiosk shows the other one's picture: {self.folder / 'call.png'}")
                machine.screenshot(self.folder / "call.png")
            tree, said = disk.data()
            first = disk.kept(tree)
            ok(f"the plug is pulled in the call; what is kept has no error: {said}")
            with Machine(disk.folder, disk.path) as machine:
                before = relay.sign_ins()
                seconds = self.up(machine, relay, before)
                ok(f"it comes up again, and signs in with the same key after {seconds} s")
            tree, _ = disk.data()
            second = disk.kept(tree)
            same = [name for name in first if second.get(name) == first[name]]
            expect(
                f"who it is and which relay it knows is as before: {', '.join(same)}",
                any("identity" in name for name in same),
            )

    def enter(self, machine, peer):
        """Taps the idle page's one large button until the other endpoint sees the kiosk."""
        for _ in range(10):
            machine.tap(0.27, 0.735)
            try:
                return until(
                    "the kiosk in the room", 20, lambda: machine.alive() or peer.ended() or peer.participants()
                )
            except Failed:
                machine.screenshot(self.folder / "not-entered.png")
        raise Failed(f"the kiosk does not enter the room: {self.folder / 'not-entered.png'}")

    def cuts(self, relay, count="10"):
        """The power is cut at a random moment; each time the kiosk starts with the same identity."""
        seed = random.randrange(10**6)
        chance = random.Random(seed)
        disk = self.disk("cuts", relay)
        with Machine(disk.folder, disk.path) as machine:
            boot_s = self.up(machine, relay, relay.sign_ins())
        first = disk.kept(disk.data()[0])
        identity = {name: checksum for name, checksum in first.items() if "identity" in name or "relays" in name}
        expect(f"it has an identity ({boot_s} s to the first sign-in, seed {seed}): {', '.join(identity)}", identity)
        for number in range(1, int(count) + 1):
            moment = chance.uniform(0.5, 1.3 * boot_s)
            with Machine(disk.folder, disk.path) as machine:
                while machine.age() < moment and not machine.alive():
                    time.sleep(0.05)
            tree, said = disk.data()
            with Machine(disk.folder, disk.path) as machine:
                seconds = self.up(machine, relay, relay.sign_ins())
            kept = disk.kept(disk.data()[0])
            same = all(kept.get(name) == checksum for name, checksum in identity.items())
            expect(f"cut {number} after {moment:.1f} s: {said}; up again after {seconds} s as who it was", same)

    def watchdog(self, relay):
        """A kiosk that is killed, or of which a part hangs, is restarted."""
        disk = self.disk("watchdog", relay)
        disk.observe()
        disk.put_freezer()
        # The emulated machine has no camera and no microphone.
        config = disk.folder / "endpoint.toml"
        config.write_text('[devices]\ncamera = "pattern:320x180@5"\nmicrophone = "tone"\nspeaker = "off"\n')
        write(disk.part("conclave-root-a"), {config: "/etc/conclave/endpoint.toml"})
        with Peer(self.programs, disk.folder, ROOM) as peer, Machine(disk.folder, disk.path) as machine:
            self.up(machine, relay, relay.sign_ins())
            for part, thread in (
                ("all of it", None),
                ("screen", "conclave-endpoi"),
                ("engine", "engine"),
                ("media", "camera"),
            ):
                if part == "media":
                    machine.settled(BOOT_S)
                    self.enter(machine, peer)
                before, restarts, now = relay.sign_ins(), self.restarts(machine), time.monotonic()
                if thread:
                    pid = machine.run("systemctl show --value -p MainPID conclave-kiosk.service")[1].strip()
                    code, said = machine.run(
                        f'cd /proc/{pid}/task && for t in *; do if [ "$(cat $t/comm)" = {thread} ]; then systemd-run -q /usr/bin/freeze $t; fi; done'
                    )
                else:
                    code, said = machine.run("systemctl kill --kill-whom=main --signal=KILL conclave-kiosk.service")
                expect(f"{part} {'stands still' if thread else 'is killed'} {said.strip()}", code == 0)
                until("a restart", 300, lambda before=restarts: self.restarts(machine) > before)
                restarted = time.monotonic() - now
                if thread:
                    said = machine.run("journalctl -b -u conclave-kiosk -o cat -n 40")[1]
                    for what, line in (
                        ("it knows which part it is", f'no sign of life.*parts.*"{part}"'),
                        ("systemd's watchdog ends it", "Watchdog timeout"),
                    ):
                        found = re.search(f".*{line}.*", said)
                        expect(f"{what}: {found[0] if found else said}", found)
                self.up(machine, relay, before)
                ok(
                    f"{part}: systemd starts it again after {restarted:.0f} s; signed in again after {time.monotonic() - now:.0f} s"
                )

    def restarts(self, machine):
        return int(machine.run("systemctl show --value -p NRestarts conclave-kiosk.service")[1].strip() or 0)

    def rollback(self, relay):
        """An update whose kiosk does not work is tried, and rolled back."""
        disk = self.disk("rollback", relay)
        disk.observe()
        bundle = self.broken_bundle(disk)
        stick = [
            "-drive",
            f"if=none,id=stick,format=raw,readonly=on,file={bundle}",
            "-device",
            "virtio-blk-pci,drive=stick",
        ]
        with Machine(disk.folder, disk.path, *stick) as machine:
            self.up(machine, relay, relay.sign_ins())
            slot = "sed 's/.*rauc.slot=\\(.\\).*/\\1/' /proc/cmdline"
            expect("it runs slot A", machine.run(slot)[1].strip() == "A")
            code, said = machine.run(
                "mkdir -p /run/stick && mount -o ro /dev/vdb /run/stick && rauc install /run/stick/update.raucb", 1800
            )
            expect(f"the update is installed: {said.strip().splitlines()[-1] if said.strip() else code}", code == 0)
            now = time.monotonic()
            machine.run("systemctl reboot --no-block")
            self.again(machine)
            expect("the next start tries slot B", machine.run(slot)[1].strip() == "B")
            expect(
                "in which the kiosk does not work", machine.run("systemctl is-active conclave-kiosk.service")[0] != 0
            )
            before = relay.sign_ins()
            self.again(machine, 1800)
            expect("then slot A runs again", machine.run(slot)[1].strip() == "A")
            self.up(machine, relay, before)
            ok(f"and the kiosk has signed in, {time.monotonic() - now:.0f} s after the update's restart")
            expect(
                "slot B is noted as bad", machine.run("/usr/lib/conclave/rauc-backend get-state B")[1].strip() == "bad"
            )

    def again(self, machine, seconds=BOOT_S):
        """Waits for another start of the same machine."""

        def boot(seconds=120):
            # Late answers to earlier commands may come first.
            return machine.run("cat /proc/sys/kernel/random/boot_id", seconds)[1].split()[-1]

        before = boot()

        def another():
            try:
                return boot(30) != before
            except (Failed, ValueError, IndexError):
                return machine.alive()

        until("another start", seconds, another, every=3)

    def broken_bundle(self, disk):
        """An update of the same image with a kiosk that ends at once, as a disk with one file."""
        slot, program = disk.folder / "root.ext4", disk.folder / "conclave-endpoint"
        output("cp", "--sparse=always", Path(self.image).parent / "root.ext4", slot)
        program.write_text("#!/bin/sh\necho 'this update is broken' >&2\nexit 1\n")
        program.chmod(0o755)
        write(slot, {program: "/usr/bin/conclave-endpoint"})
        disk.observe(slot)
        tree = disk.folder / "stick"
        tree.mkdir()
        here = Path(__file__).resolve().parent.parent
        output(here / "bundle", slot, tree / "update.raucb")
        stick = disk.folder / "stick.ext4"
        size = (tree / "update.raucb").stat().st_size
        output("mke2fs", "-q", "-t", "ext4", "-d", tree, stick, f"{(size >> 20) + 64}M")
        return stick


def main():
    image, folder, programs, *steps = sys.argv[1:]
    check = Check(image, folder, programs)
    for step in steps:
        name, _, value = step.partition("=")
        if not re.fullmatch("idle|refused|stick|call|cuts|watchdog|rollback", name):
            raise SystemExit(
                f"vm-image: no step '{name}'; there are idle, refused, stick, call, cuts=N, watchdog and rollback"
            )
        shutil.rmtree(check.folder / "host", ignore_errors=True)
        (check.folder / "host").mkdir()
        with Relay(programs, check.folder / "host") as relay:
            getattr(check, name)(relay, *([value] if value else []))
        shutil.rmtree(check.folder / name)
    print(f"vm-image: {' '.join(steps)} passed")


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        raise SystemExit(f"vm-image: {failure}") from None
