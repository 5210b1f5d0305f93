"""The kiosk's peers on this machine: a relay, and an endpoint in a room. The guest finds this machine at 10.0.2.2."""

import json
import subprocess
from pathlib import Path

from machine import Failed, until

RELAY = "10.0.2.2:7470"


class Relay:
    def __init__(self, programs, folder):
        self.program = Path(programs) / "conclave-relay"
        self.data, self.log = Path(folder) / "relay", Path(folder) / "relay.log"

    def __enter__(self):
        self.process = subprocess.Popen(
            [
                self.program,
                "serve",
                "--data-dir",
                self.data,
                *"--listen 127.0.0.1:7470 --announce off --web off".split(),
            ],
            stdout=open(self.log, "w"),
            stderr=subprocess.STDOUT,
        )
        until("the relay", 30, lambda: "ready control=" in self.said(), every=0.1)
        said = subprocess.run(
            [self.program, "identity", "--data-dir", self.data], check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        self.fingerprint = said.split()[1]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def said(self):
        return self.log.read_text()

    def sign_ins(self):
        return self.said().count("account: signed in")

    def signed_in(self, machine, before, seconds):
        """Waits for one more sign-in than before: the kiosk's, known by its key."""
        until("the kiosk's sign-in at the relay", seconds, lambda: machine.alive() or self.sign_ins() > before)


class Peer:
    """An endpoint without a screen, in the room that it creates."""

    def __init__(self, programs, folder, room):
        self.program, self.folder, self.room = Path(programs) / "conclave-endpoint", Path(folder), room

    def __enter__(self):
        self.log = self.folder / "peer.json"
        self.process = subprocess.Popen(
            [
                *[self.program, "call", "--data-dir", self.folder / "peer", "--room", self.room, "--create"],
                *"--relay 127.0.0.1:7470 --user peer --email peer@example.org --stats json".split(),
                *"--camera pattern:320x180@5 --microphone tone --speaker off".split(),
            ],
            stdout=open(self.log, "w"),
            stderr=open(self.folder / "peer.log", "w"),
        )
        until("the other one's room", 30, lambda: self.ended() or self.participants() is not None)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ended(self):
        if self.process.poll() is not None:
            raise Failed(f"the other one ended: {(self.folder / 'peer.log').read_text()}")

    def participants(self):
        """The participant whom it saw last, or None before its first second."""
        lines = [line for line in self.log.read_text().splitlines() if line.endswith("}")]
        return json.loads(lines[-1])["participants"] if lines else None
