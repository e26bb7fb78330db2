"""Times Sumun and PyTorch on cases of the speed grid in turn, and writes one table with ratios.

    python3 -m venv venv && venv/bin/pip install torch
    venv/bin/python benches/side_by_side.py --only sine_lstm,sentiment_lstm [--threads 1] [--rounds 3] [--seconds 2]

Rounds alternate case by case, so that a machine that slows down slows both. A case's best time is over all rounds, its
median that of the rounds' medians. PyTorch's faster Adam counts. The table goes to standard output and the record to
benches/record/<machine>/<date>.json.
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
import time

HERE = pathlib.Path(__file__).resolve().parent

parser = argparse.ArgumentParser(description="time Sumun and PyTorch in turn")
parser.add_argument("--only", help="names of cases, separated by commas")
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--seconds", type=float, default=2.0, help="for each case, side and round")
arguments = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(arguments.threads)

import torch  # noqa: E402  after the number of threads is set
from torch.nn.utils.rnn import pack_padded_sequence  # noqa: E402

torch.set_num_threads(arguments.threads)
torch.manual_seed(0)


class Network(torch.nn.Module):
    """Embedding where ids come in, a recurrent stack, a linear head on the last state or on every step."""

    def __init__(self, case):
        super().__init__()
        vocabulary, bidirectional = case.get("vocab", 0), case.get("bidirectional", False)
        self.embedding = torch.nn.Embedding(vocabulary, case["input"]) if vocabulary else None
        recurrent = getattr(torch.nn, case["cell"].upper())
        self.recurrent = recurrent(
            case["input"], case["hidden"], case.get("layers", 1), batch_first=True, bidirectional=bidirectional
        )
        self.head = torch.nn.Linear(case["hidden"] * (2 if bidirectional else 1), case.get("classes", 1))
        self.bidirectional, self.every_step = bidirectional, case.get("loss") == "ce_steps"

    def forward(self, x, lengths):
        if self.embedding is not None:
            x = self.embedding(x)
        if lengths is not None:
            x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, state = self.recurrent(x)
        if self.every_step:
            return self.head(output)
        hidden = state[0] if isinstance(state, tuple) else state
        last = torch.cat([hidden[-2], hidden[-1]], 1) if self.bidirectional else hidden[-1]
        return self.head(last)


def work(case, fused):
    """One unit of a case's work, as a function."""
    if case["kind"] != "train":
        recurrent = getattr(torch.nn, case["cell"].upper())
        network = recurrent(case["input"], case["hidden"], case.get("layers", 1), batch_first=True).eval()
        shape = (1, 1) if case["kind"] == "step" else (case["batch"], case["steps"])
        x, state = torch.randn(*shape, case["input"]), [None]

        def run():
            with torch.inference_mode():
                _, after = network(x, state[0])
                if case["kind"] == "step":
                    state[0] = after

        return run
    n, t, classes = case["batch"], case["steps"], case.get("classes", 1)
    vocabulary, loss = case.get("vocab", 0), case["loss"]
    x = torch.randint(0, vocabulary, (n, t)) if vocabulary else torch.randn(n, t, case["input"])
    lengths = torch.tensor(case["lengths"]) if "lengths" in case else None
    network = Network(case)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=fused)
    functions = torch.nn.functional
    if loss.startswith("ce"):
        y = torch.randint(0, classes, (n, t) if loss == "ce_steps" else (n,)).reshape(-1)
    else:
        y = torch.rand(n).round()

    def run():
        optimizer.zero_grad()
        z = network(x, lengths)
        if loss.startswith("ce"):
            value = functions.cross_entropy(z.reshape(-1, classes), y)
        elif loss == "mse":
            value = functions.mse_loss(z.squeeze(-1), y)
        else:
            value = functions.binary_cross_entropy_with_logits(z.squeeze(-1), y)
        value.backward()
        optimizer.step()

    return run


def time_torch(case):
    """Best and median milliseconds of the faster Adam."""
    results = []
    kinds = (False, True) if case["kind"] == "train" else (False,)
    for fused in kinds:
        run, times = work(case, fused), []
        run(), run()
        end = time.perf_counter() + arguments.seconds / len(kinds)
        while time.perf_counter() < end or len(times) < 5:
            start = time.perf_counter()
            run()
            times.append((time.perf_counter() - start) * 1e3)
        results.append((min(times), statistics.median(times)))
    return min(results)


def bench_binary():
    """Builds the Rust side and says where it is."""
    command = ["cargo", "bench", "-p", "sumun", "--bench", "grid", "--no-run", "--message-format", "json"]
    lines = subprocess.run(command, cwd=HERE.parent, check=True, capture_output=True, text=True).stdout.splitlines()
    artifacts = (json.loads(line) for line in lines if line.startswith("{"))
    return [a["executable"] for a in artifacts if a.get("executable") and a["target"]["name"] == "grid"][-1]


def time_sumun(binary, case):
    command = [binary, "--only", case["name"], "--threads", str(arguments.threads), "--seconds", str(arguments.seconds)]
    line = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(line)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read())
    return model.group(1) if model else platform.processor()


cases = json.loads((HERE / "grid.json").read_text())["cases"]
wanted = arguments.only.split(",") if arguments.only else [c["name"] for c in cases if not c.get("slow")]
cases = [case for case in cases if case["name"] in wanted]
binary, rows = bench_binary(), {case["name"]: {"sumun": [], "torch": []} for case in cases}
version = path = ""
for _ in range(arguments.rounds):
    for case in cases:
        ours = time_sumun(binary, case)
        version, path = ours["peer"], ours["path"]
        rows[case["name"]]["sumun"].append((ours["best_ms"], ours["median_ms"]))
        rows[case["name"]]["torch"].append(time_torch(case))

record = {
    "machine": machine(),
    "cores": os.cpu_count(),
    "date": datetime.date.today().isoformat(),
    "threads": arguments.threads,
    "precision": "float32",
    "sumun": f"{version}, {path}",
    "peer": f"torch {torch.__version__}",
    "rounds": arguments.rounds,
    "cases": [],
}
print(f"| case | {version} best / median ms | torch {torch.__version__} best / median ms | best ratio | median ratio |")
print("|---|---|---|---|---|")
for name, sides in rows.items():
    best = {side: min(b for b, _ in times) for side, times in sides.items()}
    median = {side: statistics.median(m for _, m in times) for side, times in sides.items()}
    ratios = best["torch"] / best["sumun"], median["torch"] / median["sumun"]
    record["cases"].append(
        {
            "name": name,
            "sumun_best_ms": best["sumun"],
            "sumun_median_ms": median["sumun"],
            "torch_best_ms": best["torch"],
            "torch_median_ms": median["torch"],
            "best_ratio": ratios[0],
            "median_ratio": ratios[1],
        }
    )
    print(
        f"| {name} | {best['sumun']:.4g} / {median['sumun']:.4g} | {best['torch']:.4g} / {median['torch']:.4g} "
        f"| {ratios[0]:.2f}× | {ratios[1]:.2f}× |"
    )
slug = re.sub(r"[^a-z0-9]+", "-", record["machine"].lower()).strip("-") or "unknown"
folder = HERE / "record" / f"{slug}-{record['cores']}-cores"
folder.mkdir(parents=True, exist_ok=True)
target = folder / f"{record['date']}-{arguments.threads}-thread{'s' if arguments.threads > 1 else ''}.json"
target.write_text(json.dumps(record, indent=1) + "\n")
print(f"\n{target.relative_to(HERE.parent)}")
