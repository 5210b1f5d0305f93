"""The image as a file: its boot partition by mtools, its slots by debugfs, its data as fsck sees it. Nothing is mounted."""

import hashlib
import json
import subprocess
from pathlib import Path

from machine import Failed

# The machine's own root shell on a port of QEMU's; put into a copy of the image, never into the image.
OBSERVER = """[Unit]
Description=Runs what the check asks for
DefaultDependencies=no
After=dev-virtio\\x2dports-conclave.check.device
BindsTo=dev-virtio\\x2dports-conclave.check.device
# Until the check connects, reads return the end of the file.
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sh -c 'exec 3<>/dev/virtio-ports/conclave.check; while read -r mark line <&3; do \
sh -c "$line" >&3 2>&1 </dev/null; echo "$mark $?" >&3; done'
Restart=always
RestartSec=1
"""
# Started by its device, when that appears.
RULE = 'SUBSYSTEM=="virtio-ports", ATTR{name}=="conclave.check", TAG+="systemd", ENV{SYSTEMD_WANTS}+="conclave-check.service"\n'


def output(*command, codes=(0,), text=""):
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode not in codes:
        raise Failed(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout.strip()}")
    return done.stdout


class Disk:
    """A copy of the image that may be changed."""

    def __init__(self, image, folder):
        self.folder, self.path = Path(folder), Path(folder) / "disk.img"
        output("cp", "--sparse=always", image, self.path)
        table = json.loads(output("sfdisk", "--json", self.path))["partitiontable"]
        self.parts = {part["name"]: (part["start"] * 512, part["size"] * 512) for part in table["partitions"]}

    def part(self, name):
        return f"{self.path}?offset={self.parts[name][0]}"

    def provision(self, text):
        """The file that an administrator copies to the boot partition."""
        path = self.folder / "conclave.toml"
        path.write_text(text)
        output("mcopy", "-o", "-i", f"{self.path}@@{self.parts['conclave-boot'][0]}", path, "::/conclave.toml")

    def observe(self, part=None):
        """A root shell for the check in a slot, or in the file of one."""
        service, rule = self.folder / "conclave-check.service", self.folder / "90-conclave-check.rules"
        service.write_text(OBSERVER)
        rule.write_text(RULE)
        write(
            part or self.part("conclave-root-a"),
            {service: f"/usr/lib/systemd/system/{service.name}", rule: f"/usr/lib/udev/rules.d/{rule.name}"},
        )

    def put_freezer(self):
        """A program that stops one thread of another, for the check."""
        program = self.folder / "freeze"
        output("aarch64-linux-gnu-gcc", "-Os", "-static", "-o", program, Path(__file__).with_name("freeze.c"))
        write(self.part("conclave-root-a"), {program: "/usr/bin/freeze"})

    def data(self):
        """Checks the data as after a power cut: the journal is replayed, then no error is accepted."""
        start, size = self.parts["conclave-data"]
        copy = self.folder / "data.ext4"
        copy.unlink(missing_ok=True)
        span = f"bs=1M skip={start >> 20} count={size >> 20} conv=sparse status=none".split()
        output("dd", f"if={self.path}", f"of={copy}", *span)
        output("e2fsck", "-p", "-E", "journal_only", copy, codes=(0, 1))
        said = output("e2fsck", "-f", "-n", copy)
        tree = self.folder / "data"
        output("rm", "-rf", tree)
        tree.mkdir()
        output("debugfs", "-R", f"rdump / {tree}", copy)
        return tree, said.strip().splitlines()[-1]

    def kept(self, tree):
        """Checksums of the files that a kiosk must never lose: its identity and its known relays."""
        files = [
            file for file in sorted((tree / "conclave-kiosk").rglob("*")) if file.is_file() and "cache" not in str(file)
        ]
        return {str(file.relative_to(tree)): hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in files}


class Stick:
    """A USB stick with one FAT partition, as sold, and a conclave.toml in it."""

    def __init__(self, folder, text):
        self.path, self.copy = Path(folder) / "stick.img", Path(folder) / "conclave.toml"
        output("truncate", "-s", "32M", self.path)
        output("sfdisk", "-q", self.path, text="start=2048, type=c\n")
        output("mkfs.vfat", "--offset", "2048", self.path, str(31 << 10))
        self.copy.write_text(text)
        output("mcopy", "-o", "-i", f"{self.path}@@1M", self.copy, "::/conclave.toml")

    def document(self):
        return output("mtype", "-i", f"{self.path}@@1M", "::/conclave.toml")


def write(part, files):
    """Writes files into an ext4 that is not mounted; existing ones are replaced."""
    commands = ""
    for source, target in files.items():
        commands += (
            f"rm {target}\nwrite {source} {target}\nset_inode_field {target} uid 0\nset_inode_field {target} gid 0\n"
        )
        if Path(source).stat().st_mode & 0o111:
            commands += f"set_inode_field {target} mode 0100755\n"
    said = output("debugfs", "-w", "-f", "/dev/stdin", part, text=commands)
    for source, target in files.items():
        if "Inode:" not in output("debugfs", "-R", f"stat {target}", part):
            raise Failed(f"{source} is not in {part}: {said}")
