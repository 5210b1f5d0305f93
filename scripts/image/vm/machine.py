"""An arm64 machine with UEFI, emulated by QEMU: its screen, its touch panel, its serial line and its power."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

FIRMWARE = Path("/usr/share/qemu-efi-aarch64/QEMU_EFI.fd")
WIDTH, HEIGHT = 1280, 800


class Failed(Exception):
    """A failed check, in words for the person who runs it."""


def until(what, seconds, found, every=0.5):
    """Asks until the answer is true, and returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(every)
    raise Failed(f"{what}: not within {seconds} s")


class Machine:
    """Runs while it is a context; leaving it cuts the power."""

    def __init__(self, folder, disk, *more):
        self.folder, self.disk, self.more = Path(folder), disk, more
        self.process = None

    def __enter__(self):
        # Unix sockets have short names.
        self.qmp_path, self.commands_path = self.folder / "qmp", self.folder / "commands"
        self.serial = self.folder / "serial.log"
        for path in (self.qmp_path, self.commands_path, self.serial):
            path.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                *"qemu-system-aarch64 -M virt -cpu cortex-a72 -smp 1 -m 1024".split(),
                # Its clock counts instructions, and follows the real one only while it idles: a host that is busy, or
                # stopped for a while, must not look to the guest's watchdogs like a program that hangs.
                *"-accel tcg,tb-size=256 -icount shift=1,sleep=on".split(),
                *"-nodefaults -no-user-config -display none -bios".split(),
                FIRMWARE,
                *["-serial", f"file:{self.serial}", "-qmp", f"unix:{self.qmp_path},server=on,wait=off"],
                # What the guest has flushed survives a power cut; what QEMU holds back is lost.
                *["-drive", f"if=none,id=disk,format=raw,file={self.disk},cache=writeback"],
                *"-device virtio-blk-pci,drive=disk,bootindex=1".split(),
                *f"-device virtio-gpu-pci,xres={WIDTH},yres={HEIGHT}".split(),
                *"-device virtio-tablet-pci -device virtio-rng-pci".split(),
                *"-netdev user,id=net -device virtio-net-pci,netdev=net,romfile=".split(),
                *"-device qemu-xhci -device virtio-serial-pci".split(),
                *["-chardev", f"socket,id=commands,path={self.commands_path},server=on,wait=off"],
                *"-device virtserialport,chardev=commands,name=conclave.check".split(),
                *self.more,
            ],
            stderr=open(self.folder / "qemu.log", "w"),
            stdin=subprocess.DEVNULL,
        )
        self.started = time.monotonic()
        until("QEMU's control socket", 20, lambda: self.qmp_path.exists() or self.alive())
        self.qmp_socket = connect(self.qmp_path)
        self.qmp_lines = self.qmp_socket.makefile("r")
        self.qmp_lines.readline()
        self.qmp("qmp_capabilities")
        self.command_socket = None
        return self

    def __exit__(self, *_):
        self.cut()

    def alive(self):
        if self.process.poll() is not None:
            raise Failed(f"QEMU ended with {self.process.returncode}: {(self.folder / 'qemu.log').read_text().strip()}")
        return False

    def age(self):
        return time.monotonic() - self.started

    def cut(self):
        """Cuts the power."""
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            for each in (self.qmp_lines, self.qmp_socket, self.command_socket):
                if each:
                    each.close()

    def qmp(self, name, **arguments):
        self.qmp_socket.sendall((json.dumps({"execute": name, "arguments": arguments}) + "\n").encode())
        for line in self.qmp_lines:
            answer = json.loads(line)
            if "error" in answer:
                raise Failed(f"QEMU refuses {name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise Failed("QEMU is gone")

    def picture(self):
        """The screen's pixels, three bytes each."""
        path = self.folder / "screen.ppm"
        self.qmp("screendump", filename=str(path), format="ppm")
        return path.read_bytes().split(b"\n", 3)[3]

    def screenshot(self, path):
        self.qmp("screendump", filename=str(Path(path).absolute()), format="png")

    def settled(self, seconds, still=True):
        """Waits for the kiosk's page: mostly not black, with many colors, and no longer changing."""
        before = None

        def there():
            nonlocal before
            self.alive()
            now = self.picture()
            last, before = before, now
            pixels = [now[at : at + 3] for at in range(0, len(now), 3 * 97)]
            return (now == last or not still) and pixels.count(b"\0\0\0") * 2 < len(pixels) and len(set(pixels)) > 8

        until("the kiosk's page on the screen", seconds, there, every=2)

    def shows_pattern(self, seconds):
        """Waits until more of the dark page is bright than signs and buttons: the other endpoint's test picture."""

        def bright():
            self.alive()
            now = self.picture()
            pixels = [max(now[at : at + 3]) > 100 for at in range(0, len(now), 3 * 97)]
            return sum(pixels) * 7 > len(pixels)

        until("the other one's picture on the screen", seconds, bright, every=2)

    def tap(self, x, y):
        """Touches the screen there, in parts of its width and height."""
        position = [
            {"type": "abs", "data": {"axis": axis, "value": int(part * 32767)}} for axis, part in (("x", x), ("y", y))
        ]
        for down in (True, False):
            button = {"type": "btn", "data": {"button": "left", "down": down}}
            self.qmp("input-send-event", events=[*position, button])
            time.sleep(0.3)

    def plug_in(self, stick):
        """Puts a USB stick in."""
        self.qmp(
            "blockdev-add", driver="raw", **{"node-name": "stick", "file": {"driver": "file", "filename": str(stick)}}
        )
        self.qmp("device_add", driver="usb-storage", id="stick", drive="stick")

    def run(self, command, seconds=120):
        """Lets the observer (disk.observe) run a command, and returns its exit code and output."""
        if self.command_socket is None:
            self.command_socket = connect(self.commands_path)
        self.command_socket.settimeout(seconds)
        mark = f"done-{time.monotonic_ns()}"
        self.command_socket.sendall(f"{mark} {command}\n".encode())
        said = b""
        try:
            while mark.encode() not in said or not said.endswith(b"\n"):
                part = self.command_socket.recv(65536)
                if not part:
                    raise Failed(f"the machine ended while it ran: {command}")
                said += part
        except TimeoutError:
            raise Failed(f"no answer within {seconds} s: {command}") from None
        text, _, code = said.decode(errors="replace").rpartition(mark)
        return int(code), text


def connect(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    return connection
