"""The most memory that each training case of the speed grid takes, beside what it must keep.

    cargo build --release && python3 benches/memory.py [--only sine_lstm,big_gru] [--slow] [--threads 1]

Linux only: the high-water mark of a process that runs nothing but the case. Kept must be the batch, every layer's input,
gates, states and their gradients, the head's outputs and their gradient, and of each parameter its value, gradient and
both of Adam's moments. The program itself is what it takes with the smallest case. Prints a Markdown table; megabytes are
2^20 bytes.
"""

import argparse
import json
import pathlib
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
GRID = HERE.parent / "crates" / "sumun" / "src" / "bench" / "grid.json"
GATES = {"rnn": 1, "gru": 4, "lstm": 4}  # A GRU keeps both halves of n.


def kept(case):
    """Numbers that a training step must keep."""
    hidden, layers = case["hidden"], case.get("layers", 1)
    directions = 2 if case.get("bidirectional") else 1
    gates, vocabulary, outputs = GATES[case["cell"]], case.get("vocab", 0), case.get("classes", 1)
    blocks = 3 if case["cell"] == "gru" else gates
    rows = sum(case.get("lengths", [])) or case["batch"] * case["steps"]
    answers = rows if case["loss"] == "ce_steps" else case["batch"]
    width = directions * hidden
    parameters = vocabulary * case["input"] + (width + 1) * outputs
    total = rows * case["input"]
    for layer in range(layers):
        features = case["input"] if layer == 0 else width
        parameters += directions * blocks * hidden * (features + hidden + 2)
        cells = 1 if case["cell"] == "lstm" else 0
        total += rows * width * (gates + cells + 1)
        # The gradient of a layer's input, where it has one.
        total += rows * features if layer or vocabulary else 0
    return total + 2 * answers * outputs + 4 * parameters


def high_water(binary, case, threads):
    """The most bytes of a process that trains the case for a second."""
    command = [binary, "bench", "--grid", str(GRID), "--only", case, "--seconds", "1", "--slow"]
    process = subprocess.Popen(
        command + ["--threads", str(threads)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    most = 0
    while process.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        except OSError:
            break
        found = [line.split() for line in status.splitlines() if line.startswith("VmHWM")]
        most = max([most] + [int(fields[1]) * 1024 for fields in found])
        time.sleep(0.005)
    if process.wait():
        raise SystemExit(f"{' '.join(command)} failed")
    return most


def main():
    parser = argparse.ArgumentParser(description="memory of the training cases")
    parser.add_argument("--only", help="names of cases, separated by commas")
    parser.add_argument("--slow", action="store_true", help="the slow cases too")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sumun", default=str(HERE.parent / "target" / "release" / "sumun"))
    given = parser.parse_args()
    cases = json.loads(GRID.read_text(encoding="utf-8"))["cases"]
    only = given.only.split(",") if given.only else None
    program = high_water(given.sumun, "step_gru_16", given.threads)
    print("| case | must be kept, MB | at most, MB | ratio | ratio without the program |\n|---|---|---|---|---|")
    for case in cases:
        wanted = case["name"] in only if only else given.slow or not case.get("slow")
        if case["kind"] == "train" and wanted:
            must, most = 4 * kept(case), high_water(given.sumun, case["name"], given.threads)
            sizes = f"{must / 2**20:.1f} | {most / 2**20:.1f}"
            # What the program itself takes moves by more than the smallest cases keep.
            without = f"{(most - program) / must:.2f}" if must >= 4 * 2**20 else "–"
            ratios = f"{most / must:.2f} | {without}"
            print(f"| {case['name']} | {sizes} | {ratios} |", flush=True)


main()
