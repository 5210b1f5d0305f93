#!/usr/bin/env python3
"""update-crates.py [--check]   Writes the crates of Cargo.lock in bitbake's form; --check only checks that the file is current."""

import pathlib
import sys
import tomllib

root = pathlib.Path(__file__).resolve().parents[2]
target = root / "yocto/meta-conclave/recipes-conclave/conclave/conclave-crates.inc"
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def crates(lock):
    """Name, version and checksum of every crate outside of the workspace."""
    found = []
    for package in lock["package"]:
        source = package.get("source")
        if source is None:
            continue
        if source != REGISTRY:
            sys.exit(
                f"update-crates: {package['name']} comes from {source}; bitbake would need a recipe's line of its own for it, so take it from crates.io"
            )
        found.append((package["name"], package["version"], package["checksum"]))
    return sorted(found)


def inc(found):
    lines = [
        "# Written by yocto/scripts/update-crates.py from Cargo.lock; run it again instead of editing.",
        'SRC_URI += "\\',
    ]
    lines += [f"    crate://crates.io/{name}/{version} \\" for name, version, _ in found]
    lines += ['"', ""]
    lines += [f'SRC_URI[{name}-{version}.sha256sum] = "{checksum}"' for name, version, checksum in found]
    return "\n".join(lines) + "\n"


found = crates(tomllib.loads((root / "Cargo.lock").read_text()))
wanted = inc(found)
if sys.argv[1:] == ["--check"]:
    if not target.exists() or target.read_text() != wanted:
        sys.exit(
            f"update-crates: {target.relative_to(root)} is not what Cargo.lock says; run yocto/scripts/update-crates.py and commit it"
        )
    print(f"{len(found)} crates are in step with Cargo.lock")
elif not sys.argv[1:]:
    target.write_text(wanted)
    print(f"{len(found)} crates")
else:
    sys.exit(__doc__)
