"""Times Sumun and its peers on the speed grid in turn, and writes one table with ratios.

    python3 -m venv venv && venv/bin/pip install torch tensorflow-cpu keras onnx onnxruntime openvino
    venv/bin/python benches/side_by_side.py [--only sine_lstm,step_gru_64] [--threads 1] [--rounds 3] [--seconds 2]

Rounds go case by case and, in a case, from one library to the next, so that a machine that slows down slows all. A
case's best time is over all rounds, its median that of the rounds' medians. A peer that is not installed is left out.
The table goes to standard output; that of the whole grid also to docs/performance.md, and its record to
benches/record/<machine>/<date>.json. With `--write` a part of the grid takes its place in that day's record and table.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
GRID = HERE.parent / "crates" / "sumun" / "src" / "bench" / "grid.json"
PEERS = ("torch", "keras", "onnx", "openvino")


class Peer:
    """A peer's process: its library is loaded once, and it is asked case by case."""

    def __init__(self, name, given):
        command = [sys.executable, str(HERE / "peers" / f"{name}_peer.py")]
        command += ["--threads", str(given.threads), "--seconds", str(given.seconds), "--precision", given.precision]
        environment = os.environ | {"OMP_NUM_THREADS": str(given.threads)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        hello = self.process.stdout.readline()
        self.name = json.loads(hello)["peer"] if hello else None

    def time(self, case):
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended while it timed {case['name']}")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def built():
    """Builds the command line and says where it is."""
    command = ["cargo", "build", "--release", "-p", "sumun-cli", "--message-format", "json"]
    lines = subprocess.run(command, cwd=HERE.parent, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    artifacts = (json.loads(line) for line in lines if line.startswith("{"))
    return [a["executable"] for a in artifacts if a.get("executable") and a["target"]["name"] == "sumun"][-1]


def time_sumun(binary, case, given):
    command = [binary, "bench", "--grid", str(GRID), "--only", case["name"], "--json"]
    command += ["--threads", str(given.threads), "--seconds", str(given.seconds), "--precision", given.precision]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = re.search(r"model name\s*:\s*(.*)", file.read())
    except OSError:
        model = None
    return model.group(1) if model else platform.processor()


def summary(case, rounds):
    """A case over all rounds: times of each library that has it, and the fastest peer's best over ours."""
    sides = {}
    for name in rounds[0]:
        answers = [answer[name] for answer in rounds]
        if answers[0] is None:
            continue
        best = min(answers, key=lambda answer: answer["best_ms"])
        sides[name] = {
            "best_ms": best["best_ms"],
            "median_ms": statistics.median(answer["median_ms"] for answer in answers),
        }
        sides[name] |= {key: best[key] for key in ("gflops", "peak_share", "peak_gflops", "floor_ms") if key in best}
    ours, peers = sides["sumun"], {name: side for name, side in sides.items() if name != "sumun"}
    ratios = {
        kind: {name: side[kind] / ours[kind] for name, side in peers.items()} for kind in ("best_ms", "median_ms")
    }
    return {
        "name": case["name"],
        "sides": sides,
        "best_ratios": ratios["best_ms"],
        "median_ratios": ratios["median_ms"],
        "fastest_peer_ratio": min(ratios["best_ms"].values(), default=None),
    }


def table(record):
    """The record as Markdown."""
    names = ["sumun", *record["peers"]]
    titles = [f"{record['versions'][name]} best / median ms" for name in names]
    lines = [
        f"| case | {' | '.join(titles)} | GFLOP/s | of peak | floor ms | fastest peer over ours |",
        "|---" * (len(names) + 5) + "|",
    ]
    for case in record["cases"]:
        cells = [case["name"]]
        for name in names:
            side = case["sides"].get(name)
            cells.append(f"{side['best_ms']:.4g} / {side['median_ms']:.4g}" if side else "–")
        ours, ratio = case["sides"]["sumun"], case["fastest_peer_ratio"]
        cells += [f"{ours['gflops']:.3g}", f"{ours['peak_share']:.0%}", f"{ours['floor_ms']:.3g}"]
        cells.append(f"{ratio:.2f}×" if ratio else "–")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def merged(old, new, grid):
    """The old record with the new one's cases, in the order of the grid. Only the same libraries make one table."""
    if old["versions"] != new["versions"]:
        sys.exit(f"the record of that day is of {old['versions']}, not {new['versions']}: time the whole grid again")
    cases = {case["name"]: case for case in old["cases"] + new["cases"]}
    return old | {"cases": [cases[name] for name in grid if name in cases]}


def write_page(record, text):
    """Puts the table where docs/performance.md has that of so many threads, or at its end."""
    page = HERE.parent / "docs" / "performance.md"
    threads = "1 thread" if record["threads"] == 1 else f"{record['threads']} threads"
    begin, end = f"<!-- table: {threads} -->", f"<!-- end: {threads} -->"
    about = (
        f"{threads.capitalize()} each, on {record['machine']} ({record['cores']} cores), {record['path']}, "
        f"{record['date']}, {record['rounds']} rounds:"
    )
    new, old = f"{begin}\n{about}\n\n{text}\n{end}", page.read_text(encoding="utf-8")
    where = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    changed = where.sub(lambda _: new, old) if where.search(old) else f"{old.rstrip()}\n\n{new}\n"
    page.write_text(changed, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="time Sumun and its peers in turn")
    parser.add_argument("--only", help="names of cases, separated by commas")
    parser.add_argument("--slow", action="store_true", help="the slow cases too")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each case, library and round")
    parser.add_argument("--peers", default=",".join(PEERS), help=f"which of {', '.join(PEERS)}")
    parser.add_argument("--sumun", help="a sumun that is built already")
    parser.add_argument("--write", action="store_true", help="write record and page for a part of the grid too")
    parser.add_argument(
        "--precision",
        choices=("f32", "bf16", "int8"),
        default="f32",
        help="of products; with int8 nothing is trained, and only what is of f32 is written",
    )
    given = parser.parse_args()
    cases = json.loads(GRID.read_text(encoding="utf-8"))["cases"]
    grid = [case["name"] for case in cases]
    if given.only:
        wanted = given.only.split(",")
        if unknown := set(wanted) - set(grid):
            parser.error(f"there is no case {', '.join(sorted(unknown))}")
        cases = [case for case in cases if case["name"] in wanted]
    elif not given.slow:
        cases = [case for case in cases if not case.get("slow")]
    if given.precision == "int8":
        cases = [case for case in cases if case["kind"] != "train"]
    asked = [name for name in given.peers.split(",") if name]
    if unknown := set(asked) - set(PEERS):
        parser.error(f"there is no peer {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")

    binary = given.sumun or built()
    peers = {name: Peer(name, given) for name in asked}
    for name in [name for name, peer in peers.items() if peer.name is None]:
        print(f"{name}: cannot be started here and is left out", file=sys.stderr)
        del peers[name]
    rounds, ours = {case["name"]: [] for case in cases}, {}
    for turn in range(given.rounds):
        for case in cases:
            ours = time_sumun(binary, case, given)
            answers = {"sumun": ours}
            for name, peer in peers.items():
                # Threads of the library before may still be spinning.
                time.sleep(0.3)
                answers[name] = peer.time(case)
            rounds[case["name"]].append(answers)
            print(f"round {turn + 1}: {case['name']}", file=sys.stderr)
    for peer in peers.values():
        peer.end()

    record = {
        "machine": processor(),
        "cores": os.cpu_count(),
        "date": datetime.date.today().isoformat(),
        "threads": given.threads,
        "precision": {"f32": "float32", "bf16": "bfloat16 products", "int8": "int8 weights"}[given.precision],
        "path": ours["path"],
        "versions": {"sumun": ours["peer"]} | {name: peer.name for name, peer in peers.items()},
        "peers": list(peers),
        "rounds": given.rounds,
        "seconds": given.seconds,
        "cases": [summary(case, rounds[case["name"]]) for case in cases],
    }
    slug = re.sub(r"[^a-z0-9]+", "-", record["machine"].lower()).strip("-") or "unknown"
    folder = HERE / "record" / f"{slug}-{record['cores']}-cores"
    threads = f"{given.threads}-thread{'s' if given.threads > 1 else ''}"
    target = folder / f"{record['date']}-{threads}.json"
    print(table(record))
    if given.precision != "f32" or (given.only and not given.write):
        return
    if given.only and target.exists():
        record = merged(json.loads(target.read_text(encoding="utf-8")), record, grid)
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    write_page(record, table(record))
    print(f"\n{target.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
