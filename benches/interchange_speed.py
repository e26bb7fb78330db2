"""Times imported ONNX graphs here and in ONNX Runtime, in turn, on one thread each, in single precision.

    pip install torch onnx onnxruntime safetensors silero-vad
    cargo build --release --workspace --example onnx_speed --example onnx
    python benches/interchange_speed.py [--only silero] [--rounds 5] [--seconds 0.5] [--cpu]

The graphs are Silero VAD's as it is published, an LSTM, a GRU and an RNN of several sizes that PyTorch exports, and models that
are written here. Both sides read one file. Ours is called from Rust (`examples/onnx_speed.rs` of sumun-nn), by the graph's names
and in its layouts; ONNX Runtime through its C interface, with arrays made beforehand (`peers/onnx_c.py`). A case goes from one
side to the other in each round; its best time is over all rounds, its median that of the rounds' medians. With `--cpu` times are
those of the processor and not of the clock, for a machine that others use. Exits with 1 where
ONNX Runtime is faster, or where outputs differ by more than 1e-5.
"""

import argparse
import importlib.util
import json
import logging
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import onnxruntime
from safetensors.numpy import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "peers"))
import onnx_c  # noqa: E402

EXAMPLES = HERE.parent / "target" / "release" / "examples"
TOLERANCE = 1e-5
# A timing of ONNX Runtime takes at least so long, as one of ours does: of the clock, and of the processor's time.
SHORTEST, SHORTEST_OF_CPU = 20e-6, 0.5
random = np.random.default_rng(11)


def numbers(*shape):
    return (0.5 * random.standard_normal(shape)).astype(np.float32)


class Case:
    """A graph, its arrays, and what goes from a call to the next."""

    def __init__(self, name, model, inputs, carry=None, known=None, stream=False):
        self.name, self.model, self.inputs = name, pathlib.Path(model), inputs
        self.carry, self.known, self.stream = carry or {}, known or {}, stream


def silero():
    data = pathlib.Path(importlib.util.find_spec("silero_vad").origin).parent / "data"
    state = {"state": np.zeros((2, 1, 128), np.float32)}
    rate = {"sr": np.array(16000, np.int64)}
    for name, known in [("silero_vad.onnx", {"sr": 16000}), ("silero_vad_openvino_16k.onnx", {})]:
        inputs = {"input": 0.2 * numbers(1, 576), **state, **(rate if known else {})}
        title = f"Silero VAD, a step of 32 ms ({name})"
        yield Case(title, data / name, inputs, carry={"stateN": "state"}, known=known)
    zeros = np.zeros((1, 1, 128), np.float32)
    inputs = {"input": 0.2 * numbers(31, 576), "h": zeros, "c": zeros}
    yield Case("Silero VAD, a second (silero_vad_16k_sequence.onnx)", data / "silero_vad_16k_sequence.onnx", inputs)


def exported(folder):
    """Modules of PyTorch as its exporter writes them."""
    import torch
    from torch import nn

    class Whole(nn.Module):
        def __init__(self, cell, features, hidden, **options):
            super().__init__()
            self.memory = getattr(nn, cell)(features, hidden, batch_first=True, **options)
            self.head = nn.Linear(hidden * (2 if options.get("bidirectional") else 1), 4)

        def forward(self, x):
            return self.head(self.memory(x)[0])

    class Step(nn.Module):
        def __init__(self, cell, features, hidden):
            super().__init__()
            self.memory = getattr(nn, cell)(features, hidden, batch_first=True)
            self.head = nn.Linear(hidden, 4)

        def forward(self, x, *states):
            y, after = self.memory(x, states if len(states) > 1 else states[0])
            return self.head(y), *(after if isinstance(after, tuple) else (after,))

    def write(module, given, path, **options):
        torch.onnx.export(module.eval(), given, path, dynamo=False, **options)

    torch.manual_seed(1)
    sizes = [("LSTM", 16, 32, {}), ("LSTM", 64, 128, {}), ("LSTM", 128, 256, {}), ("GRU", 16, 32, {}), ("GRU", 64, 128, {}),
             ("GRU", 128, 256, {}), ("RNN", 64, 128, {}), ("LSTM", 64, 64, {"num_layers": 2, "bidirectional": True})]  # fmt: skip
    for cell, features, hidden, options in sizes:
        described = f"{cell} {features} → {hidden}" + (", 2 layers, 2 directions" if options else "")
        path = folder / f"{cell}_{features}_{hidden}_{len(options)}.onnx"
        axes = {"x": {0: "n", 1: "t"}, "y": {0: "n", 1: "t"}}
        given = (torch.zeros(2, 5, features),)
        write(Whole(cell, features, hidden, **options), given, path, input_names=["x"], output_names=["y"], dynamic_axes=axes)
        for batch in (1, 32):
            yield Case(f"{described}, {batch} × 100 steps", path, {"x": numbers(batch, 100, features)})
        if options or cell == "RNN":
            continue
        states = ["h", "c"][: 2 if cell == "LSTM" else 1]
        path = folder / f"step_{cell}_{hidden}.onnx"
        zeros = {name: np.zeros((1, 1, hidden), np.float32) for name in states}
        after = [f"{name}_n" for name in states]
        given = (torch.zeros(1, 1, features), *(torch.zeros(1, 1, hidden) for _ in states))
        write(Step(cell, features, hidden), given, path, input_names=["x", *states], output_names=["y", *after])
        carry = dict(zip(after, states))
        yield Case(f"{described}, a step", path, {"x": numbers(1, 1, features), **zeros}, carry=carry)


def own(folder):
    """Models of PyTorch's exporter, read here and written as graphs again: what a model of ours is as ONNX."""
    for name, features, kind in [("LSTM_64_128_0", 64, "LSTM 64 → 128"), ("GRU_128_256_0", 128, "GRU 128 → 256"),
                                 ("LSTM_64_64_2", 64, "LSTM 64 → 64, 2 layers, 2 directions")]:  # fmt: skip
        path = folder / f"own_{name}.onnx"
        subprocess.run([EXAMPLES / "onnx", "write", folder / f"{name}.onnx", path], check=True, stderr=subprocess.DEVNULL)
        for batch in (1, 32):
            yield Case(f"written here: {kind}, {batch} × 100 steps", path, {"x": numbers(batch, 100, features)})


def streams(folder):
    """A stream here, beside the graph of a step with its states there."""
    for cell, features, hidden in [("LSTM", 16, 32), ("LSTM", 64, 128), ("GRU", 64, 128)]:
        yield Case(
            f"{cell} {features} → {hidden}, a step of a stream", folder / f"{cell}_{features}_{hidden}_0.onnx",
            {"x": numbers(1, 64, features)}, stream=True,
        )  # fmt: skip


class Ours:
    def __init__(self):
        environment = os.environ | {"RAYON_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [EXAMPLES / "onnx_speed"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def time(self, case, seconds, cpu, folder):
        save_file({name: np.ascontiguousarray(value) for name, value in case.inputs.items()
                   if name not in case.known}, folder / "speed.safetensors")  # fmt: skip
        request = {"model": str(case.model), "inputs": str(folder / "speed.safetensors"), "carry": case.carry,
                   "known": case.known, "stream": case.stream, "seconds": seconds, "cpu": cpu}  # fmt: skip
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the example ended while it timed {case.name}")
        answer = json.loads(line)
        return answer["best_us"], answer["median_us"]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Theirs:
    """ONNX Runtime on the same file."""

    def __init__(self, case):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(case.model), options, providers=["CPUExecutionProvider"])
        names = [one.name for one in session.get_outputs()]
        inputs = case.inputs
        if case.stream:
            inputs = {name: value[:, :1] for name, value in inputs.items()}
        inputs = {one.name: np.ascontiguousarray(inputs[one.name]) for one in session.get_inputs()}
        self.expected = dict(zip(names, session.run(None, inputs)))
        outputs = {name: np.empty_like(value) for name, value in self.expected.items()}
        c = onnx_c.Session(case.model)
        there = c.caller(inputs, outputs)
        if not case.carry:
            self.run = there
            return
        # States go to and fro between two sets of arrays.
        back_in = inputs | {to: outputs[name] for name, to in case.carry.items()}
        back_out = outputs | {name: inputs[to] for name, to in case.carry.items()}
        back = c.caller(back_in, back_out)
        turn = [there, back]

        def run():
            turn[0]()
            turn.reverse()

        self.run = run

    def time(self, seconds, cpu):
        run, now = self.run, time.process_time if cpu else time.perf_counter
        run()
        once = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            run()
            once = min(once, max(time.perf_counter() - start, 1e-9))
        repeats = int((SHORTEST_OF_CPU if cpu else SHORTEST) / once) + 1
        times, end = [], time.perf_counter() + seconds
        while len(times) < 5 or time.perf_counter() < end:
            start = now()
            for _ in range(repeats):
                run()
            times.append((now() - start) * 1e6 / repeats)
        return min(times), statistics.median(times)


def difference(case, expected, folder):
    """The largest difference of outputs, relative above 1, by the example that applies graphs; none of a case that needs to be told numbers."""
    if case.known or case.stream:
        return 0.0
    save_file({name: np.ascontiguousarray(value) for name, value in case.inputs.items()}, folder / "in.safetensors")
    command = [EXAMPLES / "onnx", "apply", case.model, folder / "in.safetensors", folder / "out.safetensors"]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    got = load_file(folder / "out.safetensors")
    off = lambda name, value: np.abs(got[name] - value) / np.maximum(1.0, np.abs(value))
    return max(float(off(name, value).max()) for name, value in expected.items())


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return re.search(r"model name\s*:\s*(.*)", file.read()).group(1)


def main():
    parser = argparse.ArgumentParser(description="time imported ONNX graphs here and in ONNX Runtime")
    parser.add_argument("--only", help="a part of the names of cases")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="for each case, side and round")
    parser.add_argument("--cpu", action="store_true", help="time the processor, not the clock")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        cases = []
        for package, made in [("silero_vad", silero), ("torch", lambda: exported(folder)), ("torch", lambda: own(folder)),
                              ("torch", lambda: streams(folder))]:  # fmt: skip
            if importlib.util.find_spec(package) is None:
                print(f"{package} is not installed: its cases are left out", file=sys.stderr)
                continue
            cases += list(made())
        if given.only:
            cases = [case for case in cases if given.only.lower() in case.name.lower()]
        rounds = {case.name: [] for case in cases}
        ours = Ours()
        theirs = {case.name: Theirs(case) for case in cases}
        for case in cases:
            worst = difference(case, theirs[case.name].expected, folder)
            if not worst <= TOLERANCE:
                print(f"{case.name}: outputs differ by {worst:.1e}", file=sys.stderr)
                failed += 1
        for turn in range(given.rounds):
            for case in cases:
                rounds[case.name].append((ours.time(case, given.seconds, given.cpu, folder), theirs[case.name].time(given.seconds, given.cpu)))
            print(f"round {turn + 1} of {given.rounds}", file=sys.stderr)
        ours.end()
    print(f"{processor()}, 1 thread, float32, onnxruntime {onnxruntime.__version__}, "
          f"{given.rounds} rounds of {given.seconds} s{' of the processor' if given.cpu else ''}; calling C from Python {onnx_c.empty_call_us():.2f} µs\n")  # fmt: skip
    print("| graph | sumun best / median µs | ONNX Runtime best / median µs | best | median |\n|---|---|---|---|---|")
    for case in cases:
        best = [min(one[side][0] for one in rounds[case.name]) for side in (0, 1)]
        median = [statistics.median(one[side][1] for one in rounds[case.name]) for side in (0, 1)]
        ratios = [there / here for here, there in (best, median)]
        failed += ratios[0] < 1.0
        print(f"| {case.name} | {best[0]:.4g} / {median[0]:.4g} | {best[1]:.4g} / {median[1]:.4g} "
              f"| {ratios[0]:.2f}× | {ratios[1]:.2f}× |")  # fmt: skip
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
