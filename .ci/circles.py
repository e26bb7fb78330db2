"""Fails where files of a crate use one another in a circle, and prints the circle.

    python3 .ci/circles.py          # fails with each circle, and the shortest way round it
    python3 .ci/circles.py --all    # and every arrow among its files

An arrow goes from a file to the file that defines what it names: in a `use`, or in a path that begins with `crate`,
`self`, `super`, a module or an imported name. A module that passes a name on (`pub use`) is no station on the way, and
neither that line nor `mod` is an arrow; a parent that uses what its children define is one. Tests are left out. Methods
are not followed, as names alone do not say whose they are.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Tiles, rows and steps of the kernels are parts of one another: circles of up to so many files are allowed there.
BODIES, MOST_IN_BODIES = "crates/sumun-kernels/src/bodies/", 4

TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<comment>/\*)
    |(?P<raw>(?:b|c)?r(?P<hashes>\#*)"(?:.|\n)*?"(?P=hashes))
    |(?P<string>(?:b|c)?"(?:\\(?:.|\n)|[^"\\])*")
    |(?P<char>b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^'\\\n])')
    |(?P<lifetime>'\w+)
    |(?P<word>(?:r\#)?[^\W\d]\w*)
    |(?P<number>\d[\w]*)
    |(?P<path>::)
    |(?P<other>.)""",
    re.VERBOSE,
)
ITEMS = {"fn", "struct", "enum", "union", "trait", "type", "const", "static"}
OPEN, CLOSE = {"{": "}", "(": ")", "[": "]"}, {"}", ")", "]"}


def tokens(text):
    """What a file consists of, without comments, texts and numbers: (token, line)."""
    found, at, line = [], 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        kind, end = match.lastgroup, match.end()
        if kind == "hashes":
            kind = "raw"
        if kind == "comment":
            depth = 1
            while depth:
                mark = re.compile(r"/\*|\*/").search(text, end)
                depth, end = depth + (1 if mark.group() == "/*" else -1), mark.end()
        if kind in ("word", "path", "other"):
            found.append((match.group().removeprefix("r#"), line))
        line += text.count("\n", at, end)
        at = end
    return found


class Module:
    """A module: its file, what it defines and imports, and the paths in its code."""

    def __init__(self, file, folder, parent):
        self.file, self.folder, self.parent = file, folder, parent
        self.children, self.defined, self.imports, self.globs, self.paths = {}, set(), {}, [], []

    def root(self):
        return self.parent.root() if self.parent else self


class Reader:
    """Reads a file's tokens into its module, and the files of its child modules."""

    def __init__(self, module):
        self.tokens = tokens(module.file.read_text(encoding="utf-8"))
        self.read(module, 0, len(self.tokens))

    def word(self, at):
        return self.tokens[at][0] if at < len(self.tokens) else ""

    def closing(self, at):
        """Where the bracket at `at` closes."""
        depth = 0
        while True:
            depth += (self.word(at) in OPEN) - (self.word(at) in CLOSE)
            if depth == 0:
                return at
            at += 1

    def item_end(self, at):
        """Behind the item, statement or field at `at`."""
        field = self.word(at + 1) == ":"
        in_use = False
        while at < len(self.tokens):
            word = self.word(at)
            in_use |= word == "use"
            if word == "#" and self.word(at + 1) == "[":
                at = self.closing(at + 1)
            elif word in OPEN:
                at = self.closing(at)
                if word == "{" and not in_use:
                    return at + 1
            elif word == ";" or field and word == "," or word in CLOSE:
                return at + (word not in CLOSE)
            at += 1
        return at

    def read(self, module, at, end):
        """Reads tokens `at..end` as the body of `module`."""
        depth, public, place = 0, False, None
        while at < end:
            word, line = self.tokens[at]
            if word == "#" and self.word(at + 1) == "[":
                close = self.closing(at + 1)
                inside = [token for token, _ in self.tokens[at + 2 : close]]
                if inside[:1] == ["cfg"] and "test" in inside and "not" not in inside:
                    at = self.item_end(close + 1)
                    continue
                if inside[:1] == ["path"]:
                    raise SystemExit(f"{module.file}:{line}: `#[path]` is not read here")
                at = close + 1
                continue
            if word == "pub":
                public, at = True, at + 1
                if self.word(at) == "(":
                    at = self.closing(at) + 1
                continue
            if word == "use" and self.word(at + 1) != "<":
                stop = at
                while self.word(stop) != ";":
                    stop += 1
                self.tree(module, at + 1, [], public)
                at, public = stop + 1, False
                continue
            if word == "mod" and self.word(at + 2) in ("{", ";"):
                name = self.word(at + 1)
                if self.word(at + 2) == "{":
                    close = self.closing(at + 2)
                    child = Module(module.file, module.folder / name, module)
                    module.children[name] = child
                    self.read(child, at + 3, close)
                    at = close + 1
                else:
                    module.children[name] = read_file(module.folder / f"{name}.rs", module.folder / name, module)
                    at += 3
                public = False
                continue
            if word == "macro_rules" and self.word(at + 1) == "!":
                module.defined.add(self.word(at + 2))
                at += 3
                continue
            if depth == 0 and word in ITEMS and re.match(r"\w", self.word(at + 1)):
                name = self.word(at + 1)
                if name not in ITEMS and name not in ("unsafe", "async", "extern"):
                    module.defined.add(name)
                public, at = False, at + 1
                continue
            depth += (word in OPEN) - (word in CLOSE)
            if re.match(r"[^\W\d]", word) and self.word(at - 1) not in (".", "::"):
                path = [word]
                while self.word(at + 1) == "::" and re.match(r"[^\W\d]", self.word(at + 2)):
                    at += 2
                    path.append(self.word(at))
                module.paths.append((path, line))
            public = False
            at += 1

    def tree(self, module, at, prefix, public):
        """Reads one branch of a `use`; returns where it ends."""
        path, line = list(prefix), self.tokens[at][1]
        while True:
            word = self.word(at)
            if word == "{":
                at += 1
                while self.word(at) != "}":
                    at = self.tree(module, at, path, public)
                    at += self.word(at) == ","
                return at + 1
            if word == "*":
                module.globs.append((path, line, public))
                return at + 1
            if word == "::":
                at += 1
                continue
            if word in (",", "}", ";", "as"):
                if path[-1] == "self":
                    path.pop()
                name = path[-1]
                if word == "as":
                    name, at = self.word(at + 1), at + 2
                # A trait whose name is not needed is imported for its methods.
                module.imports.setdefault(name if name != "_" else f"_{len(module.imports)}", []).append((path, line, public))
                return at
            path.append(word)
            at += 1


def read_file(file, folder, parent):
    """The module of a file, or of the `mod.rs` of a folder."""
    module = Module(file if file.is_file() else folder / "mod.rs", folder, parent)
    Reader(module)
    return module


def lookup(module, path, seen=frozenset()):
    """What a path in a module names: a file that defines it, a module, or None for what other crates define."""
    first, rest = path[0], path[1:]
    if first in ("crate", "$crate"):
        found = module.root()
    elif first == "self":
        found = module
    elif first == "super":
        found = module.parent
    else:
        found = member(module, first, bool(rest), seen)
    while rest and isinstance(found, Module):
        found = found.parent if rest[0] == "super" else member(found, rest[0], len(rest) > 1, seen)
        rest = rest[1:]
    return found


def member(module, name, more, seen):
    """What a name is in a module; of a module and an item of one name, the module where the path goes on."""
    if (module, name, more) in seen:
        return None
    seen = seen | {(module, name, more)}
    child = module.children.get(name)
    if child and more:
        return child
    if name in module.defined:
        return module.file
    found = [lookup(module, path, seen) for path, _, _ in module.imports.get(name, []) if path[0] not in ("std", "core")]
    for path, _, _ in module.globs:
        target = lookup(module, path, seen)
        if isinstance(target, Module) and target is not module:
            found.append(member(target, name, more, seen))
    found = [one for one in found if one]
    found.sort(key=lambda one: isinstance(one, Module) != more)
    return found[0] if found else child


def arrows(module, found):
    """Adds what the code of a module and of its children names: (from, to) → where and what."""

    def add(path, line):
        target = lookup(module, path)
        if isinstance(target, pathlib.Path) and target != module.file:
            found.setdefault((module.file, target), (line, "::".join(path)))

    used = {path[0] for path, _ in module.paths}
    for name, imported in module.imports.items():
        for path, line, public in imported:
            if not public or name in used:
                add(path, line)
    for path, line in module.paths:
        add(path, line)
    for child in module.children.values():
        arrows(child, found)


def circles(graph):
    """The sets of files that reach one another (Tarjan), each with more than one file."""
    number, low, stack, held, found = {}, {}, [], set(), []
    for start in sorted(graph):
        if start in number:
            continue
        work = [(start, iter(sorted(graph[start])))]
        number[start] = low[start] = len(number)
        stack.append(start), held.add(start)
        while work:
            node, targets = work[-1]
            target = next(targets, None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    files = set()
                    while node not in files:
                        files.add(stack.pop())
                    held -= files
                    if len(files) > 1:
                        found.append(files)
            elif target not in number:
                number[target] = low[target] = len(number)
                stack.append(target), held.add(target)
                work.append((target, iter(sorted(graph[target]))))
            elif target in held:
                low[node] = min(low[node], number[target])
    return found


def shortest(graph, files):
    """A shortest circle within a set of files that reach one another."""
    best = None
    for start in sorted(files):
        queue, before = [start], {start: None}
        for node in queue:
            for target in sorted(graph[node] & files):
                if target == start:
                    way = [start]
                    while node:
                        way.append(node)
                        node = before[node]
                    if best is None or len(way) < len(best):
                        best = way[::-1]
                    break
                if target not in before:
                    before[target] = node
                    queue.append(target)
            else:
                continue
            break
    return best


def main():
    failed, count = False, 0
    for source in sorted(ROOT.glob("crates/*/src")):
        found = {}
        for file in ("lib.rs", "main.rs"):
            if (source / file).is_file():
                arrows(read_file(source / file, source, None), found)
        graph = {}
        for origin, target in found:
            graph.setdefault(origin, set()).add(target)
            graph.setdefault(target, set())
        count += len(graph)
        for files in circles(graph):
            names = sorted(str(file.relative_to(ROOT)) for file in files)
            if len(names) <= MOST_IN_BODIES and all(name.startswith(BODIES) for name in names):
                continue
            failed = True
            print(f"{len(names)} files use one another in a circle: {', '.join(names)}; the shortest:")
            way = shortest(graph, files)
            for origin, target in zip(way, way[1:]):
                line, path = found[origin, target]
                print(f"  {origin.relative_to(ROOT)}:{line} uses `{path}` of {target.relative_to(ROOT)}")
            if "--all" in sys.argv:
                for origin in sorted(files):
                    for target in sorted(graph[origin] & files):
                        line, path = found[origin, target]
                        print(f"    {origin.relative_to(source)}:{line} -> {target.relative_to(source)} `{path}`")
    if failed:
        sys.exit("give what they share a file of its own, or turn an arrow")
    print(f"{count} files, no circle")


if __name__ == "__main__":
    main()
