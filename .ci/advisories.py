"""Holds Cargo.lock against the advisories of the Rust Security Advisory Database.

    git clone https://github.com/rustsec/advisory-db
    python3 .ci/advisories.py advisory-db

Fails where a locked version has an advisory that was not withdrawn: a vulnerability, unsound code, or a crate that nobody
keeps any more. The database is a folder `crates/NAME/RUSTSEC-*.md`; it is not downloaded here. The check is `cargo deny check
advisories` for machines without that program.
"""

import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def version(text):
    """A version as a tuple that compares as Cargo does: numbers, then whether it is a release, then the words of a pre-release."""
    parts = re.fullmatch(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([^+]+))?(?:\+.*)?", text.strip())
    if not parts:
        raise ValueError(f"{text!r} is no version")
    major, minor, patch, pre = parts.groups()
    words = [(0, int(word), "") if word.isdigit() else (1, 0, word) for word in (pre or "").split(".") if word]
    return (int(major), int(minor or 0), int(patch or 0), pre is None, words)


def meets(locked, requirement):
    """Whether a version meets all comparisons of a requirement: `>= 1.2, < 2`."""

    def holds(comparison):
        operator, bound = re.fullmatch(r"\s*(>=|<=|>|<|=|\^|~)?\s*(\S+)\s*", comparison).groups()
        found, low = version(locked), version(bound)
        if operator in ("^", "~", None):
            major, minor, patch = low[:3]
            if operator == "~" or major == 0 and minor > 0:
                high = (major, minor + 1, 0, False, [])
            elif major > 0:
                high = (major + 1, 0, 0, False, [])
            else:
                high = (0, 0, patch + 1, False, [])
            return low <= found < high
        return {">=": found >= low, "<=": found <= low, ">": found > low, "<": found < low, "=": found == low}[operator]

    return all(holds(comparison) for comparison in requirement.split(","))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    database = pathlib.Path(sys.argv[1]) / "crates"
    if not database.is_dir():
        sys.exit(f"{database} is no folder; give a copy of https://github.com/rustsec/advisory-db")
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    of_crates = [package for package in locked if "source" in package]
    about, found = 0, []
    for package in of_crates:
        for file in sorted((database / package["name"]).glob("RUSTSEC-*.md")):
            header = re.search(r"```toml\n(.*?)```", file.read_text(), re.DOTALL)
            entry = tomllib.loads(header.group(1))
            about += 1
            versions = entry.get("versions", {})
            safe = versions.get("patched", []) + versions.get("unaffected", [])
            if "withdrawn" in entry["advisory"] or any(meets(package["version"], one) for one in safe):
                continue
            kind = entry["advisory"].get("informational", "vulnerability")
            found.append(f"{package['name']} {package['version']}: {file.stem}, {kind}")
    print("\n".join(found), end="\n" if found else "")
    print(f"{len(of_crates)} packages, {about} advisories about them, {len(found)} about the versions in Cargo.lock")
    sys.exit(1 if found else 0)


main()
