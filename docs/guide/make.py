"""Runs the examples of the guide and writes what they print, and their pictures, into its pages in both languages.

    python3 docs/guide/make.py                # all examples
    python3 docs/guide/make.py 09 11          # those of some chapters

An example is a block of commands with the marker of its output and that output behind it:

    ```sh
    sumun train classify data/reviews/train.csv --test data/reviews/test.csv
    ```
    <!-- output from "test part" lines 4 within 10 -->
    ```text
    …
    ```

What is shown is what the last command prints, standard error included: all of it, or `lines` lines from the first that begins
with the words after `from`. `slow` and `within` are for the tests, which run the examples that are not slow and compare words
exactly and numbers within so many per cent (1 where nothing is said; `words` compares no numbers).

The commands of a chapter run one after the other in one folder, in which `data` is that of the repository. The English page
is what runs; the Korean page has the same blocks.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

GUIDE = pathlib.Path(__file__).resolve().parent
ROOT = GUIDE.parent.parent
BLOCK = re.compile(r"```sh\n(?P<commands>(?:(?!```).*\n)+)```\n(?P<marker><!-- output(?P<options>[^>]*) -->)\n```text\n(?P<output>(?:(?!```).*\n)*)```\n")


def run(command, folder):
    """What a command line prints. Examples of the guide also leave their pictures."""
    if " --example guide -- " in command:
        command = f"{command} {GUIDE / 'pictures'}"
        folder = ROOT
    path = f"{ROOT / 'target' / 'release'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command.replace("cargo run", "cargo run --quiet"), shell=True, cwd=folder, text=True, env=dict(os.environ, PATH=path),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    if done.returncode:
        sys.exit(f"`{command}` ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def excerpt(printed, options):
    """The lines of an output that a marker asks for."""
    lines = [line.rstrip() for line in printed.rstrip("\n").split("\n")]
    start = re.search(r'from "([^"]*)"', options)
    if start:
        places = [k for k, line in enumerate(lines) if line.startswith(start[1])]
        if not places:
            sys.exit(f"no line begins with {start[1]!r}:\n{printed}")
        lines = lines[places[0]:]
    count = re.search(r"lines (\d+)", options)
    if count:
        lines = lines[:int(count[1])]
    return "".join(f"{line}\n" for line in lines)


def chapter(english):
    """Runs the examples of a chapter and writes both pages."""
    page = english.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(ROOT / "data", pathlib.Path(folder) / "data")
        outputs = []
        for block in BLOCK.finditer(page):
            printed = ""
            for command in block["commands"].rstrip("\n").split("\n"):
                printed = run(command, folder)
            outputs.append(excerpt(printed, block["options"]))
    korean = GUIDE / "ko" / english.name
    for path in (english, korean):
        page, left = path.read_text(encoding="utf-8"), iter(outputs)
        written = BLOCK.sub(lambda b: f"```sh\n{b['commands']}```\n{b['marker']}\n```text\n{next(left)}```\n", page)
        if written != page:
            path.write_text(written, encoding="utf-8")
            print(f"written: {path.relative_to(ROOT)}")


def main():
    chosen = sys.argv[1:]
    for english in sorted((GUIDE / "en").glob("[0-9]*.md")):
        if not chosen or any(english.name.startswith(number) for number in chosen):
            chapter(english)


if __name__ == "__main__":
    main()
