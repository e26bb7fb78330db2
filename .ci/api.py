"""Lists the public API of every published crate and holds it against docs/api, so that a change shows in review.

    python3 .ci/api.py            # fails where the API is not what docs/api says, with the difference
    python3 .ci/api.py --write    # writes it: commit that with the change

What is public, and under which names, rustdoc decides: its pages are read, from each crate's first one on. Their form
belongs to the compiler, so with another one than the lists were written with the script says so and passes.
"""

import argparse
import difflib
import html.parser
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LISTS = ROOT / "docs" / "api"
VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}


def output(*command):
    """Standard output of a command; what it says on standard error is the user's to read."""
    try:
        return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    except subprocess.CalledProcessError as error:
        sys.exit(f"`{' '.join(command)}` ended with {error.returncode}")


class Page(html.parser.HTMLParser):
    """A page of rustdoc: links to the items of a module, re-exports, the declaration, methods, and implemented traits."""

    def __init__(self, path):
        super().__init__()
        self.open, self.text, self.lines, self.links, self.source = [], None, [], [], None
        self.feed(path.read_text(encoding="utf-8"))

    def within(self, name):
        """Whether an open element has that id or class."""
        return any(name == id or name in classes for _, id, classes in self.open)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        classes = (attributes.get("class") or "").split()
        if tag == "a" and self.within("item-table") and not self.within("reexports"):
            if "mod" in classes or self.open[-1][0] == "dt":
                self.links.append(attributes["href"])
        if tag == "a" and "src" in classes and not self.source:
            self.source = attributes["href"]
        if tag not in VOID:
            self.open.append((tag, attributes.get("id"), classes))
        if self.starts(tag, attributes.get("id") or "", classes):
            self.text = (len(self.open), [])

    def starts(self, tag, id, classes):
        """Whether an element's text is a line of the list."""
        if tag == "pre":
            return "item-decl" in classes
        if tag == "dt":
            return id.startswith("reexport.")
        if "code-header" in classes:
            inherent, of_trait = self.within("implementations-list"), self.within("trait-implementations-list")
            return tag == "h3" and (inherent or of_trait) or tag == "h4" and inherent
        return False

    def handle_endtag(self, tag):
        while self.open:
            depth, (name, *_) = len(self.open), self.open[-1]
            if self.text and self.text[0] == depth:
                self.lines += written(name, "".join(self.text[1]))
                self.text = None
            self.open.pop()
            if name == tag:
                break

    def handle_data(self, data):
        # "Show 12 fields" is for people who look at the page.
        if self.text and not any(tag == "summary" for tag, *_ in self.open[self.text[0]:]):
            self.text[1].append(data)


def written(tag, text):
    """The lines of a declaration as it stands, or the one of a header."""
    if tag == "pre":
        lines = [line.rstrip() for line in text.replace("]pub ", "]\npub ").split("\n")]
        return [f"    {line}" for line in lines if line and not line.strip().startswith("// ")]
    line = re.sub(r"\s+", " ", text).strip().replace("( ", "(").replace(", )", ")")
    if line.startswith("impl") and "StructuralPartialEq" in line:
        return []
    return [("        " if tag == "h4" else "    ") + line]


def listed(pages, crate):
    """The text of a crate's list: every public item by its path, with its declaration and what belongs to it. What comes
    from another crate is listed there; here it is named."""
    blocks, again, modules = [], [], [(pages / crate, crate)]
    while modules:
        folder, name = modules.pop()
        module = Page(folder / "index.html")
        if module.lines:
            blocks.append("\n".join([name, *module.lines]))
        for link in module.links:
            if link.endswith("/index.html"):
                inner = link.removesuffix("/index.html")
                modules.append((folder / inner, f"{name}::{inner}"))
            elif re.fullmatch(r"\w+\.\w+\.html", link):
                kind, item, _ = link.split(".")
                page = Page(folder / link)
                # Of another crate's item there may be no source here, or only that of what it implements.
                if f"/src/{crate}/" in (page.source or ""):
                    blocks.append("\n".join([f"{name}::{item} ({kind})", *page.lines]))
                else:
                    again.append(f"{name}::{item} ({kind}), of another crate")
    return "\n\n".join(sorted(blocks) + ["\n".join(sorted(again))]).strip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the lists")
    given = parser.parse_args()
    compiler = " ".join(output("rustc", "-V").split()[:2])
    metadata = json.loads(output("cargo", "metadata", "--no-deps", "--format-version", "1"))
    crates = [
        package["name"].replace("-", "_")
        for package in metadata["packages"]
        if package["publish"] != [] and any("lib" in target["kind"] for target in package["targets"])
    ]
    names = [flag for crate in crates for flag in ("--package", crate.replace("_", "-"))]
    output("cargo", "doc", "--quiet", "--no-deps", "--lib", *names)
    pages = pathlib.Path(metadata["target_directory"]) / "doc"
    changed = False
    for crate in crates:
        package = crate.replace("_", "-")
        path = LISTS / f"{package}.txt"
        text = f"The public API of {package}, as {compiler} documents it.\n\n{listed(pages, crate)}"
        if text.count("\n\n") < 5:
            sys.exit(f"{pages / crate} lists hardly an item: rustdoc writes other pages than this script reads")
        if given.write:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            continue
        known = path.read_text(encoding="utf-8") if path.exists() else ""
        if known and f"as {compiler} documents" not in known.split("\n", 1)[0]:
            print(f"{path.relative_to(ROOT)} was written with another compiler than {compiler}; not compared")
            continue
        lines = difflib.unified_diff(known.splitlines(), text.splitlines(), "docs/api", "the sources", n=1, lineterm="")
        if difference := list(lines):
            changed = True
            print(f"{path.relative_to(ROOT)} differs:", *difference, sep="\n")
    if changed:
        sys.exit("the public API is not what docs/api says: if it should change, run `python3 .ci/api.py --write` and commit that too")


if __name__ == "__main__":
    main()
