#!/usr/bin/env python3
"""facts.py --list | CHECK   One check that yocto/ agrees with the rest of the repository; silent if it does."""

import configparser
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

import jsonschema
import kas
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYER = ROOT / "yocto/meta-conclave"
# The versions of oe-core's wrynose.
RUST = (1, 94, 1)
BOARD = "aarch64-unknown-linux-gnu"


class Wrong(Exception):
    """A failed check, and where."""


def need(holds, message):
    if not holds:
        raise Wrong(message)


def read(path):
    return (ROOT / path).read_text()


def kas_files():
    return sorted((ROOT / "yocto/kas").glob("*.yml"))


def cargo(*arguments):
    return subprocess.run(
        ["cargo", *arguments, "--locked"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


def metadata():
    return json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", BOARD))


def rust_recipes():
    """Recipes of programs, by the crate that each builds."""
    found = {}
    for recipe in sorted((LAYER / "recipes-conclave/conclave").glob("*.bb")):
        if "require conclave-rust.inc" in recipe.read_text():
            found[recipe.name.split("_")[0]] = recipe
    need(found, "no recipe requires conclave-rust.inc")
    return found


def partitions():
    """Number by label on the card; the fourth of an MBR holds all further ones."""
    labels = re.findall(r"^part .*--label (\S+)", read("yocto/meta-conclave/files/wic/conclave-slots.wks"), re.M)
    need(len(labels) == 6, f"conclave-slots.wks has {len(labels)} partitions with a label, not 6")
    return {label: number if number < 4 else number + 1 for number, label in enumerate(labels, 1)}


def kas_files_are_valid():
    schema = json.loads((pathlib.Path(kas.__file__).parent / "schema-kas.json").read_text())
    for path in kas_files():
        jsonschema.validate(yaml.safe_load(path.read_text()), schema)
    need(len(kas_files()) >= 5, "there are fewer than five files in yocto/kas")


def kas_files_include_what_exists():
    for path in kas_files():
        for include in yaml.safe_load(path.read_text())["header"].get("includes", []):
            need((ROOT / include).is_file(), f"{path.name} includes {include}, which is not there")


def layers_are_pinned():
    pinned = 0
    for path in kas_files():
        for name, repository in (yaml.safe_load(path.read_text()).get("repos") or {}).items():
            if "url" not in (repository or {}):
                continue
            commit = str(repository.get("commit", ""))
            need(re.fullmatch(r"[0-9a-f]{40}", commit), f"{path.name}: {name} has no commit of 40 digits")
            pinned += 1
    need(pinned >= 4, f"only {pinned} layers are pinned")


def every_board_has_a_kas_file():
    machines = {yaml.safe_load(path.read_text()).get("machine") for path in kas_files()} - {None}
    wanted = {"raspberrypi3-64", "raspberrypi4-64", "raspberrypi5", "qemuarm64"}
    need(machines == wanted, f"yocto/kas has machines {sorted(machines)}, not {sorted(wanted)}")


def recipes_build_programs_that_exist():
    programs = {
        package["name"]: [t["name"] for t in package["targets"] if "bin" in t["kind"]]
        for package in metadata()["packages"]
        if not package["source"]
    }
    flags = read("yocto/meta-conclave/recipes-conclave/conclave/conclave-rust.inc")
    need(
        "--package ${BPN} --bin ${BPN}" in flags,
        "conclave-rust.inc does not build the program of the recipe's own name",
    )
    for name, recipe in rust_recipes().items():
        need(
            name in programs.get(name, []),
            f"{recipe.name}: the workspace has no package {name} with a program of that name",
        )
        features = re.findall(r"--features[ =](\S+)", recipe.read_text() + flags)
        known = next(p["features"] for p in metadata()["packages"] if p["name"] == name)
        for feature in features:
            need(feature.strip('"') in known, f"{recipe.name}: {name} has no feature {feature}")


def recipes_have_the_version_of_the_workspace():
    version = tomllib.loads(read("Cargo.toml"))["workspace"]["package"]["version"]
    source = read("yocto/meta-conclave/recipes-conclave/conclave/conclave-source.inc")
    need(f'PV = "{version}"' in source, f'conclave-source.inc does not say PV = "{version}"')
    need(
        f'DISTRO_VERSION = "{version}"' in read("yocto/meta-conclave/conf/distro/conclave.conf"),
        f"the distribution's version is not {version}",
    )


def licences_are_those_of_the_files():
    checked = 0
    for recipe in LAYER.rglob("*_git.bb"):
        for path, digest in re.findall(r"file://([^;\s]+);md5=([0-9a-f]{32})", recipe.read_text()):
            if not (ROOT / path).is_file():
                need("github.com" in recipe.read_text(), f"{recipe.name}: {path} is not in the repository")
                continue
            real = hashlib.md5((ROOT / path).read_bytes()).hexdigest()
            need(real == digest, f"{recipe.name}: the md5 of {path} is {real}, look whether its licence changed")
            checked += 1
    need(checked >= 3, f"only {checked} licences were found")
    packages = {p["name"]: p["license"] for p in metadata()["packages"] if not p["source"]}
    for name, recipe in rust_recipes().items():
        said = re.search(r'^LICENSE = "(.*)"', recipe.read_text(), re.M)[1]
        need(
            packages[name].replace(" OR ", " | ") in said, f"{recipe.name} says {said}, but Cargo.toml {packages[name]}"
        )


def no_crate_needs_a_newer_rust():
    for package in metadata()["packages"]:
        version = tuple(int(part) for part in (package["rust_version"] or "0").split("."))
        need(
            version <= RUST,
            f"{package['name']} {package['version']} needs Rust {package['rust_version']}; wrynose has {'.'.join(map(str, RUST))}",
        )


def build_tools_are_those_that_crates_use():
    """A missing tool makes a build fail late; an unneeded one costs an hour of it."""
    tools = [("clang-sys", "clang-native"), ("v4l2-sys-mit", "bindgen-cli-native"), ("cmake", "cmake-native")]
    never = {"skia-bindings", "openssl-sys", "rdkafka-sys"}
    for name, recipe in rust_recipes().items():
        tree = re.findall(
            r"^(\d+)(\S+) v",
            cargo("tree", "-p", name, "-e", "normal,build", "--target", BOARD, "--prefix", "depth"),
            re.M,
        )
        used, above, asking = set(), {}, set()
        for depth, crate in tree:
            above[int(depth)] = crate
            used.add(crate)
            if crate == "bindgen":
                asking.add(above[int(depth) - 1])
        need(not used & never, f"{name} uses {sorted(used & never)}, which its recipe cannot build")
        # The recipe replaces its use of bindgen, which is too old for wrynose's clang; another crate would need the
        # same.
        need(
            asking <= {"v4l2-sys-mit"},
            f"{name}: {sorted(asking)} use bindgen, which the recipe replaces for v4l2-sys-mit alone",
        )
        for crate, tool in tools:
            has = re.search(rf"^\s+{tool} \\$", recipe.read_text(), re.M) is not None
            need(
                (crate in used) == has,
                f"{recipe.name} {'needs' if crate in used else 'does not need'} {tool}: {crate} is {'' if crate in used else 'not '}among its crates",
            )


def users_are_those_of_sysusers():
    pairs = {
        "conclave-relay": "relay/package/conclave-relay.sysusers",
        "conclave-endpoint": "endpoint/package/conclave-kiosk.sysusers",
    }
    for name, path in pairs.items():
        added = re.search(r'USERADD_PARAM:\S+ = "\\\n(.*?)\n"', rust_recipes()[name].read_text(), re.S)[1]
        lines = [line.split(maxsplit=3) for line in read(path).splitlines() if line and not line.startswith("#")]
        users = [line for line in lines if line[0] == "u"]
        need(len(users) == 1, f"{path} has {len(users)} users")
        comment, home = re.fullmatch(r'"(.*)" (\S+)', users[0][3]).groups()
        groups = ",".join(line[2] for line in lines if line[0] == "m")
        wanted = [users[0][1], f"--comment '{comment}'", f"--home-dir {home.replace('/var/', '${localstatedir}/')}"]
        wanted += [f"--groups {groups} "] if groups else []
        for part in wanted:
            need(part in added, f"{name}: the recipe's user has no {part}, but {path} has")


def every_board_has_its_radios_firmware():
    """A machine names it in MACHINE_EXTRA_RRECOMMENDS, which only packagegroup-base or the distribution's own group installs."""
    image = read("yocto/meta-conclave/recipes-conclave/images/conclave-image.inc")
    group = read("yocto/meta-conclave/recipes-conclave/packagegroups/packagegroup-conclave-kiosk.bb")
    need("packagegroup-conclave-kiosk" in image, "the images do not install packagegroup-conclave-kiosk")
    need(
        re.search(r"^RRECOMMENDS:\$\{PN\} \+?= \"[^\"]*\$\{MACHINE_EXTRA_RRECOMMENDS\}", group, re.M),
        "packagegroup-conclave-kiosk does not recommend ${MACHINE_EXTRA_RRECOMMENDS}",
    )
    need("kernel-modules" in group, "packagegroup-conclave-kiosk has no kernel-modules: the radio's driver is one")
    bad = re.findall(
        r"BAD_RECOMMENDATIONS.*firmware",
        "".join(path.read_text() for path in LAYER.rglob("*.*") if path.suffix in (".bb", ".inc", ".conf")),
    )
    need(not bad, f"firmware is left out by {bad}")
    accepted = read("yocto/kas/raspberrypi.yml")
    need(
        'LICENSE_FLAGS_ACCEPTED += "synaptics-killswitch"' in accepted,
        "raspberrypi.yml does not accept the licence of the radio's firmware",
    )


def a_board_without_a_radio_waits_for_none():
    unit = read("yocto/meta-conclave/recipes-conclave/system/files/conclave-wifi.service")
    need(
        "WantedBy=" not in unit, "a target wants conclave-wifi.service, which waits 90 s for a radio that is not there"
    )
    recipe = read("yocto/meta-conclave/recipes-conclave/system/conclave-system_1.0.bb")
    need(
        not re.search(r"^SYSTEMD_SERVICE.*conclave-wifi\.service", recipe, re.M),
        "the recipe enables conclave-wifi.service",
    )
    rule = read("yocto/meta-conclave/recipes-conclave/system/files/wifi.rules")
    need('ENV{SYSTEMD_WANTS}+="conclave-wifi.service"' in rule, "udev does not start conclave-wifi.service")


def slots_have_the_same_numbers_everywhere():
    number = partitions()
    slots = configparser.ConfigParser()
    slots.read_string(read("yocto/meta-conclave/dynamic-layers/rauc/recipes-core/rauc/files/system.conf"))
    a_root = [
        n
        for n, line in enumerate(
            re.findall("^part .*", read("yocto/meta-conclave/files/wic/conclave-slots.wks"), re.M), 1
        )
        if "--source rootfs" in line
    ]
    need(
        a_root == [4] and number["root_a"] == 5,
        "the root that an image is filled with is not that of slot A, the fifth partition",
    )
    for section, label in {
        "rootfs.0": "root_a",
        "rootfs.1": "root_b",
        "firmware.0": "boot_a",
        "firmware.1": "boot_b",
    }.items():
        device = slots[f"slot.{section}"]["device"]
        need(
            device == f"/dev/mmcblk0p{number[label]}",
            f"system.conf: {section} is {device}, but {label} is partition {number[label]}",
        )
    for place, text in {
        "yocto/meta-conclave/conf/distro/conclave.conf": f'"/dev/mmcblk0p{number["root_a"]}"',
        "yocto/meta-conclave/dynamic-layers/rauc/recipes-conclave/update/files/boot-firmware.mount": "What=/dev/disk/by-label/CONCLAVE\n",
        "yocto/meta-conclave/recipes-conclave/system/files/data.mount": "/by-label/conclave-data\n",
        "endpoint/package/conclave-rauc-backend": f"= A ]; then echo {number['boot_a']}; else echo {number['boot_b']}; fi",
        "endpoint/package/conclave-rauc-hook": f"A) partition={number['root_a']} ;;\nB) partition={number['root_b']} ;;",
    }.items():
        need(text in read(place), f"{place} does not say {text.strip()}")


def no_older_update_is_taken():
    """Versions of image and update are the workspace's, and RAUC compares them."""
    conf = read("yocto/meta-conclave/dynamic-layers/rauc/recipes-core/rauc/files/system.conf")
    append = read("yocto/meta-conclave/dynamic-layers/rauc/recipes-core/rauc/rauc-conf.bbappend")
    need(
        "\nmin-bundle-version=@VERSION@\n" in conf and "s/@VERSION@/${DISTRO_VERSION}/" in append,
        "system.conf has no min-bundle-version of the image's own version",
    )
    for place in (
        "yocto/meta-conclave/dynamic-layers/rauc/recipes-core/rauc/files/system.conf",
        "scripts/image/tree/etc/rauc/system.conf",
    ):
        need(
            "\nuse-bundle-signing-time=true\n" in read(place),
            f"{place}: certificates are checked against a clock that a board may not have",
        )


def recipes_install_files_that_exist():
    found = 0
    for recipe in LAYER.rglob("*_git.bb"):
        for path in re.findall(r"\$\{S\}/((?:endpoint|relay)/[\w./-]+)(?=[\s\"])", recipe.read_text()):
            if "conclave-provision.udev" in path:
                continue
            need((ROOT / path).is_file(), f"{recipe.name} installs {path}, which is not there")
            found += 1
    need(found >= 10, f"only {found} installed files were found")


def install_steps_install_what_units_start():
    """Runs each do_install with made-up folders, and checks for the files that must exist afterwards."""
    folders = {
        "sysconfdir": "/etc",
        "localstatedir": "/var",
        "nonarch_libdir": "/usr/lib",
        "nonarch_base_libdir": "/usr/lib",
        "datadir": "/usr/share",
        "systemd_system_unitdir": "/usr/lib/systemd/system",
        "DEPLOYDIR": "/deploy",
    }
    units = folders["systemd_system_unitdir"]
    wanted = {
        "conclave-endpoint": [
            "/etc/conclave/endpoint.toml",
            f"{units}/conclave-kiosk.service",
            "/usr/lib/udev/rules.d/70-conclave-kiosk.rules",
            "/usr/lib/conclave/network",
            "/usr/lib/conclave/wifi-fallback",
            f"{units}/conclave-network.path",
        ],
        "conclave-relay": [
            "/etc/conclave/relay.toml",
            f"{units}/conclave-relay.service",
            "/usr/lib/sysusers.d/conclave-relay.conf",
        ],
        "conclave-slots": [
            "/usr/lib/conclave/health",
            "/usr/lib/conclave/rauc-backend",
            "/boot/firmware",
            f"{units}/emergency.service.d/10-conclave.conf",
        ],
        "conclave-system": [
            "/data",
            "/usr/lib/udev/rules.d/70-conclave-wifi.rules",
            "/var/lib/conclave-provision",
            f"{units}/var-lib-conclave\\x2dkiosk.mount",
            f"{units}/local-fs.target.requires/var-lib-conclave\\x2dkiosk.mount",
            f"{units}/local-fs.target.requires/data.mount",
        ],
    }
    for name, paths in wanted.items():
        recipe = next(LAYER.rglob(f"{name}_*.bb"))
        text = recipe.read_text()
        steps = re.search(r"^do_install(?::append)?\(\) \{\n(.*?)^\}$", text, re.M | re.S)
        need(steps, f"{recipe.name} installs nothing")
        files = str(recipe.parent / "files")
        known = dict(folders, S=files if 'S = "${UNPACKDIR}"' in text else str(ROOT), UNPACKDIR=files, PN=name)
        known.update(re.findall(r'^(CONCLAVE_\w+) = "(.*)"$', text, re.M))
        with tempfile.TemporaryDirectory() as image:
            script = re.sub(
                r"\$\{(\w+)\}", lambda match, known=known | {"D": image}: known.get(match[1], match[0]), steps[1]
            )
            done = subprocess.run(["sh", "-eu"], input=script, text=True, capture_output=True, cwd=image)
            need(done.returncode == 0, f"do_install of {recipe.name} fails: {done.stderr}")
            for path in paths:
                need(pathlib.Path(image + path).exists(), f"do_install of {recipe.name} leaves no {path}")
            for unit in pathlib.Path(image).rglob("*.service"):
                need(
                    not re.search("@[A-Z_]+@", unit.read_text()),
                    f"{unit.name} of {recipe.name} has a place that was not filled in",
                )


def the_layer_has_what_yocto_check_layer_asks():
    readme = (LAYER / "README.md").read_text().lower()
    for word in ("maintainer", "patch", "@"):
        need(word in readme, f"the layer's README.md does not say {word}")
    for name in ("SECURITY.md", "COPYING.MIT"):
        need((LAYER / name).stat().st_size > 0, f"the layer's {name} is empty")
    conf = (LAYER / "conf/layer.conf").read_text()
    for key in ("BBFILE_PATTERN", "BBFILE_PRIORITY", "LAYERVERSION", "LAYERSERIES_COMPAT", "LAYERDEPENDS"):
        need(f"{key}_conclave" in conf, f"layer.conf has no {key}_conclave")
    need(not (LAYER / "conf/machine").exists(), "a layer with a distribution may have no machine")
    for append in LAYER.rglob("*.bbappend"):
        for line in append.read_text().splitlines():
            changes = re.match(r"[A-Za-z_:${}-]+\s*(\S*=|\()", line)
            need(not changes or ":conclave" in line, f"{append.name} changes other distributions, too: {line}")


CHECKS = [
    value
    for name, value in list(globals().items())
    if callable(value) and value.__module__ == __name__ and "_" in name and value not in (kas_files, rust_recipes)
]

if __name__ == "__main__":
    named = {check.__name__: check for check in CHECKS}
    if sys.argv[1:] == ["--list"]:
        print("\n".join(named))
    elif len(sys.argv) == 2 and sys.argv[1] in named:
        try:
            named[sys.argv[1]]()
        except (Wrong, jsonschema.ValidationError) as wrong:
            sys.exit(str(wrong))
    else:
        sys.exit(__doc__)
