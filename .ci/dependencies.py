"""Holds what the project depends on against docs/dependencies.md and a list of licences.

    python3 .ci/dependencies.py

Fails where a crate has a licence that is not allowed, where a direct dependency has no reason in docs/dependencies.md (or a
reason is there without the dependency), and where a build has another number of crates than that page says. Reads
Cargo.lock and the manifests of crates that are on this machine already; asks nobody.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "dependencies.md"
TARGET = "x86_64-unknown-linux-gnu"

# Licences that ask for nothing but their own text beside a binary.
ALLOWED = {
    "MIT", "MIT-0", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "0BSD",
    "BSL-1.0", "CC0-1.0", "Unlicense", "Unicode-3.0",
}


def output(*command):
    """Standard output of a command; what it says on standard error is the user's to read."""
    try:
        return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    except subprocess.CalledProcessError as error:
        sys.exit(f"`{' '.join(command)}` ended with {error.returncode}")


def allowed(expression):
    """Whether a licence expression of SPDX can be met by licences of the list; `/` is how `OR` was once written."""
    words = re.findall(r"[()]|[^\s()]+", (expression or "").replace("/", " OR "))

    def either():
        value = both()
        while words and words[0] == "OR":
            words.pop(0)
            value |= both()
        return value

    def both():
        value = one()
        while words and words[0] == "AND":
            words.pop(0)
            value &= one()
        return value

    def one():
        word = words.pop(0) if words else ""
        if word == "(":
            value = either()
            if words:
                words.pop(0)
            return value
        if words and words[0] == "WITH":
            word += f" WITH {words[1]}" if len(words) > 1 else ""
            del words[:2]
        return word in ALLOWED

    return either() and not words


def licences(packages):
    """What is wrong with the licences of all crates that any build of this workspace takes in."""
    return [f"{p['name']} {p['version']} has the licence {p['license']}" for p in packages if not allowed(p["license"])]


def reasons(packages, page):
    """What is wrong with the list of direct dependencies."""
    ours = [p for p in packages if p["source"] is None]
    names = {p["name"] for p in ours}
    direct = {d["name"] for p in ours for d in p["dependencies"]} - names
    listed = re.findall(r"^\| `(?!-p )([^`]+)` \|", page, re.MULTILINE)
    wrong = [f"{name} has no reason" for name in sorted(direct - set(listed))]
    wrong += [f"{name} has a reason, but nothing depends on it" for name in sorted(set(listed) - direct)]
    return wrong + [f"{name} has two reasons" for name in sorted({n for n in listed if listed.count(n) > 1})]


def counts(page):
    """What is wrong with the numbers of crates: each stands behind the command that counts it."""
    wrong = []
    stated = re.findall(r"^\| `-p ([^`]+)` \|[^|]*\| (\d+) \|", page, re.MULTILINE)
    for options, number in stated:
        tree = output("cargo", "tree", "--locked", "-p", *options.split(), "-e", "normal,build", "--prefix", "none",
                      "--target", TARGET, "--format", "{p}")
        found = len({" ".join(line.split()[:2]) for line in tree.splitlines() if line})
        if found != int(number):
            wrong.append(f"`-p {options}` is a build of {found} crates, not {number}")
    return wrong if stated else ["no number of crates is stated"]


def main():
    assert allowed("(MIT OR GPL-3.0) AND Zlib") and not allowed("MIT AND GPL-3.0") and not allowed(None)
    metadata = json.loads(output("cargo", "metadata", "--locked", "--all-features", "--format-version", "1", "--filter-platform",
                                 TARGET))
    page = PAGE.read_text(encoding="utf-8")
    wrong = licences(metadata["packages"]) + reasons(metadata["packages"], page) + counts(page)
    for line in wrong:
        print(f"FAILED {line}: see {PAGE.relative_to(ROOT)}")
    if not wrong:
        print(f"{len(metadata['packages'])} crates: licences allowed, reasons and numbers as the page says")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
