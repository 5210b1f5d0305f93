#!/usr/bin/env python3
"""commands.py TOOLS   Checks that every command that a script, unit or udev rule of the images calls is in the images; silent if it is.

TOOLS is the folder that `busybox` prints. A command is there if busybox has it, or a package that a recipe of the layer depends on.
"""

import json
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYER = ROOT / "yocto/meta-conclave"
# The commands of a package beside busybox's, as far as they are called. util-linux-mount comes with systemd.
PACKAGES = {
    "conclave-kiosk": ["conclave-endpoint", "network", "wifi-fallback"],
    "conclave-slots": ["health", "rauc-backend"],
    "dosfstools": ["mkfs.vfat"],
    "iw": ["iw"],
    "rauc": ["rauc"],
    "systemd": ["mount", "networkctl", "systemctl", "systemd-mount", "systemd-umount", "umount"],
    "tar": ["tar"],
    "wpa-supplicant": ["wpa_supplicant"],
    "wpa-supplicant-cli": ["wpa_cli"],
}
# The shell's own.
BUILTINS = set(
    ": . [ break cd command continue echo eval exec exit export false local printf read return set shift test trap true umask unset wait".split()
)


def shell_calls(name, text):
    """The commands that a script calls by name, without its functions and the shell's own."""
    done = subprocess.run(["shfmt", "-ln", "posix", "--to-json"], input=text, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name}: {done.stderr.strip()}")
    calls, functions = [], set()

    def walk(node):
        if isinstance(node, list):
            for part in node:
                walk(part)
        elif isinstance(node, dict):
            if node.get("Type") == "FuncDecl":
                functions.add(node["Name"]["Value"])
            if node.get("Type") == "CallExpr":
                words = [literal(word) for word in node.get("Args") or []]
                # `exec CMD` and `env CMD` call CMD.
                while len(words) > 1 and words[0] in ("exec", "command", "env"):
                    words = words[1:]
                if words and words[0]:
                    calls.append(words[0])
            for part in node.values():
                walk(part)

    walk(json.loads(done.stdout))
    return [call for call in calls if call not in functions and call not in BUILTINS]


def literal(word):
    """A word without any expansion; others cannot be checked."""
    parts = word["Parts"]
    return parts[0]["Value"] if len(parts) == 1 and parts[0]["Type"] == "Lit" else None


def unit_calls(name, text):
    """The programs of Exec lines, and the commands of a shell that one of them starts."""
    for line in re.findall(r"^Exec\w+=[-+@!:]*(.+)$", text, re.M):
        words = shlex.split(line)
        yield words[0]
        if pathlib.Path(words[0]).name == "sh" and words[1] == "-c":
            yield from shell_calls(name, words[2].replace("%%", "%").replace("$$", "$"))


def rule_calls(text):
    for line in re.findall(r'(?:RUN|PROGRAM)\+?="([^"]+)"', text):
        yield shlex.split(line)[0]


def installed():
    """The files of the repository that the layer's recipes install into the kiosk's images; the relay is in none of them."""
    for recipe in sorted(LAYER.rglob("*.bb")):
        text = recipe.read_text()
        for path in re.findall(r"\$\{S\}/(endpoint/package/[\w@./-]+)", text):
            yield ROOT / path
        if "conclave-rauc-hook" in text:
            yield ROOT / "endpoint/package/conclave-rauc-hook"
    yield from sorted(path for path in LAYER.rglob("files/*") if path.is_file())


def depended_on():
    names = set()
    for recipe in LAYER.rglob("*.bb"):
        for value in re.findall(r'^R(?:DEPENDS|RECOMMENDS):\S+ = "([^"]*)"', recipe.read_text(), re.M):
            names.update(value.replace("\\", " ").split())
        for value in re.findall(r'^RDEPENDS:\S+:append:\w+ = "([^"]*)"', recipe.read_text(), re.M):
            names.update(value.split())
    return names


def main():
    tools = pathlib.Path(sys.argv[1])
    there = {path.name for path in tools.iterdir()}
    named = depended_on()
    for package, commands in PACKAGES.items():
        if package in named:
            there.update(commands)
    found, missing = 0, []
    for path in dict.fromkeys(installed()):
        text = path.read_text(errors="replace")
        if text.startswith("#!"):
            calls = shell_calls(path.name, text)
        elif path.suffix in (".service", ".mount", ".conf"):
            calls = unit_calls(path.name, text)
        elif path.suffix in (".udev", ".rules"):
            calls = rule_calls(text)
        else:
            continue
        for call in calls:
            found += 1
            if pathlib.Path(call).name not in there:
                missing.append(
                    f"{path.relative_to(ROOT)} calls {call}, which neither busybox nor a package that a recipe depends on has"
                )
    if found < 50:
        missing.append(f"only {found} calls were found")
    if missing:
        sys.exit("\n".join(missing))


if len(sys.argv) != 2:
    sys.exit(__doc__)
main()
