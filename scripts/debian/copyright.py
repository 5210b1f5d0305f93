#!/usr/bin/python3
"""copyright.py PROGRAM LICENCE   Prints a Debian copyright file: the copyright holders and licences of a program's parts.

PROGRAM is a crate of the workspace, or - for a package without a program. What is linked into the program is taken from
cargo: each crate with its licence, and the notices that come with it, each text once. Texts that Debian has in
/usr/share/common-licenses are named, not repeated.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

NOTICE = re.compile(r"(?i)^(licen[cs]e|copying|copyright|notice|unlicense)")
# The licence texts that Debian has: how to recognize one, and where it ends if another one follows in the same file.
COMMON = [
    (re.compile(r"Apache License\s+Version 2\.0, January 2004.*?(END OF TERMS AND CONDITIONS|\Z)", re.S), "Apache-2.0"),
    (re.compile(r"GNU (LESSER )?GENERAL PUBLIC LICENSE\s+Version \d.*\Z", re.S), "GPL-3"),
    (re.compile(r"Mozilla Public License,? [Vv]ersion 2\.0.*\Z", re.S), "MPL-2.0"),
    (re.compile(r"(Creative Commons Legal Code\s+)?CC0 1\.0 Universal.*\Z", re.S), "CC0-1.0"),
]
BOILERPLATE = re.compile(r"APPENDIX: How to apply the Apache License.*?limitations under the License\.", re.S)
OWNER = re.compile(r"(?i)^\W*(copyright\b|\(c\)|©).*\d{4}.*$|^\W*copyright (\(c\)|©|the|by)?.*$", re.M)

# The parts of a program beside crates: name, copyright holder, licence, and the file with the licence.
WITHIN = {
    "conclave-endpoint": [("NotoEmoji-Regular.ttf", "2013-2026 Google LLC", "OFL-1.1", "endpoint/ui/fonts/OFL.txt")]
}


def linked(program):
    """The packages of other people that are linked into the program on this machine, by name and version."""
    cargo = os.environ.get("CARGO", "cargo")
    # The tree knows which features this program's build has, the metadata those of all builds together.
    tree = run(
        cargo, "tree", "--locked", "--package", program, "--edges=normal,no-proc-macro", "--prefix=none", "--format={p}"
    )
    names = {tuple(line.split()[:2]) for line in tree.splitlines() if line.strip()}
    data = json.loads(run(cargo, "metadata", "--locked", "--format-version=1"))
    found = [package for package in data["packages"] if (package["name"], "v" + package["version"]) in names]
    others = [package for package in found if package["source"]]
    return sorted(others, key=lambda package: (package["name"], package["version"]))


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def notices(package):
    """The package's own licence texts, without those that Debian has, as pairs of owners and text."""
    folder = Path(package["manifest_path"]).parent
    # C libraries are within their crates, one or two folders deep.
    files = [
        file
        for depth in ("*", "*/*", "*/*/*")
        for file in folder.glob(depth)
        if file.is_file() and NOTICE.match(file.name)
    ]
    for file in sorted(files):
        if file.suffix in (".rs", ".c", ".h", ".py", ".cmake", ".sh", ".toml", ".html", ".hbs"):
            continue
        text = file.read_text(errors="replace").replace("\r", "")
        for pattern, _ in COMMON:
            text = pattern.sub("", text)
        text = BOILERPLATE.sub("", text)
        owners = [" ".join(match.group().split()) for match in OWNER.finditer(text)]
        text = OWNER.sub("", text)
        if len(text.split()) > 20 or owners:
            yield owners, text


def indented(text):
    lines = [line.rstrip().expandtabs() for line in text.strip("\n").splitlines()]
    return "\n".join(f" {line}" if line else " ." for line in lines)


def main():
    program, licence = sys.argv[1:]
    others = linked(program) if program != "-" else []
    print("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/")
    print("Upstream-Name: Conclave\n")
    print(f"Files: *\nCopyright: 2026 The Conclave developers\nLicense: {licence}\n")
    if others:
        print("Files: rust-standard-library\nCopyright: The Rust Project Developers\nLicense: MIT or Apache-2.0\n")
    texts = {}
    for package in others:
        name = f"{package['name']}-{package['version']}"
        owners = []
        for found, text in notices(package):
            owners += [owner for owner in found if owner not in owners]
            if len(text.split()) > 20:
                key = re.sub(r"\W+", " ", text).strip().lower()
                texts.setdefault(key, (text, []))[1].append(name)
        owners = owners or package["authors"] or [f"the authors of {package['name']}"]
        expression = (package["license"] or "see its notice below").replace("/", " OR ")
        expression = re.sub(
            r"\s+", " ", expression.replace("(", "").replace(")", "") if " AND " not in expression else expression
        )
        print(f"Files: {name}\nCopyright: " + "\n ".join(owners))
        print(f"License: {expression}\n")
    for name, owner, expression, text in WITHIN.get(program, []):
        print(f"Files: {name}\nCopyright: {owner}\nLicense: {expression}\n" + indented(Path(text).read_text()) + "\n")
    print("License: " + licence)
    print(
        indented(
            "On Debian systems the texts of the Apache License 2.0, the GPL 3, the MPL 2.0 and CC0 1.0 are in\n"
            "/usr/share/common-licenses (Apache-2.0, GPL-3, MPL-2.0, CC0-1.0)."
        )
    )
    if "MIT" in licence:
        print(" .\n" + indented(Path("LICENSE-MIT").read_text()))
    for number, (text, names) in enumerate(sorted(texts.values(), key=lambda entry: entry[1]), 1):
        print(f"\nLicense: notice-{number}")
        print(indented("This notice comes with " + ", ".join(names) + ":"))
        print(" .\n" + indented(text))


main()
