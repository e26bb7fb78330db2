"""Holds ONNX graphs, read and written here, against PyTorch and ONNX Runtime.

    pip install torch onnx onnxruntime onnxscript safetensors
    python benches/interchange_onnx.py            # exits with 1 where a difference is over 1e-5

Each module is exported with torch.onnx.export (both exporters where onnxscript is installed), run by `examples/onnx.rs` of
sumun-nn, and compared with ONNX Runtime on the same file, for other numbers of sequences and steps than it was exported with.
Then the model is written as a graph again: onnx.checker must pass it in full, and ONNX Runtime must agree.
"""

import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.numpy import load_file, save_file
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parent.parent
RUN = os.environ.get("SUMUN_ONNX_EXAMPLE")
TOLERANCE = 1e-5

# torch.export writes these step by step, for the one number of steps that it was given: no recurrent node is left.
UNROLLED = ["plain"]


class Classifier(nn.Module):
    """ids [N, T] to probabilities [N, 3]"""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.memory = nn.LSTM(8, 6, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        y, _ = self.memory(self.embedding(x))
        return torch.softmax(self.head(y[:, -1]), -1)


class Final(nn.Module):
    """numbers [N, T, 4] and a state to a row of the last states, and the states"""

    def __init__(self):
        super().__init__()
        self.memory = nn.GRU(4, 6, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(12, 3)

    def forward(self, x, h0):
        _, h = self.memory(x, h0)
        return self.head(torch.cat([h[-2], h[-1]], -1)), h


class Step(nn.Module):
    """one step with its state"""

    def __init__(self):
        super().__init__()
        self.memory = nn.LSTM(4, 6, batch_first=True)
        self.head = nn.Linear(6, 2)

    def forward(self, x, h, c):
        y, (h, c) = self.memory(x, (h, c))
        return torch.relu(self.head(y)), h, c


class Plain(nn.Module):
    """[T, N, 4], normalised and averaged"""

    def __init__(self):
        super().__init__()
        self.memory = nn.RNN(4, 6, 2, nonlinearity="relu")
        self.norm = nn.LayerNorm(6)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        y, h = self.memory(x)
        return self.dropout(self.norm(y)).mean(0), h


class Convolved(nn.Module):
    """a convolution in front, one head on the last state and on every step"""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv1d(4, 8, 3, padding=1)
        self.norm = nn.BatchNorm1d(8)
        self.memory = nn.LSTM(8, 6, batch_first=True)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        z = torch.relu(self.norm(self.convolution(x.transpose(1, 2)))).transpose(1, 2)
        y, (h, _) = self.memory(z)
        return self.head(h.squeeze(0)), torch.sigmoid(self.head(y))


class Policy(nn.Module):
    """a policy as sb3-contrib's: features, a state of its own for each of two heads"""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(5, 8), nn.Tanh())
        self.memory = nn.LSTM(8, 6)
        self.actor = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 2))
        self.critic = nn.Linear(6, 1)

    def forward(self, x, h, c):
        z = self.features(x).unsqueeze(0)
        y, (h, c) = self.memory(z, (h, c))
        y = y.squeeze(0)
        return self.actor(y), self.critic(y), h, c


def cases():
    """name, module, inputs as exported, inputs to compare with, names, axes that may differ"""
    normal = torch.randn
    ids = lambda *shape: torch.randint(0, 20, shape)
    yield "classifier", Classifier(), [ids(2, 5)], [ids(3, 9)], ["x"], {"x": {0: "n", 1: "t"}}
    yield (
        "final", Final(), [normal(3, 5, 4), normal(4, 3, 6)], [normal(2, 7, 4), normal(4, 2, 6)], ["x", "h0"],
        {"x": {0: "n", 1: "t"}, "h0": {1: "n"}},
    )
    one = lambda: [normal(1, 1, 4), normal(1, 1, 6), normal(1, 1, 6)]
    yield "step", Step(), one(), one(), ["x", "h", "c"], None
    yield "plain", Plain(), [normal(7, 2, 4)], [normal(4, 3, 4)], ["x"], {"x": {0: "t", 1: "n"}}
    yield "convolved", Convolved(), [normal(2, 9, 4)], [normal(3, 6, 4)], ["x"], {"x": {0: "n", 1: "t"}}
    batch = lambda n: [normal(n, 5), normal(1, n, 6), normal(1, n, 6)]
    yield (
        "policy", Policy(), batch(2), batch(3), ["x", "h", "c"], {"x": {0: "n"}, "h": {1: "n"}, "c": {1: "n"}},
    )


def export(module, given, path, names, axes, dynamo):
    if not dynamo:
        torch.onnx.export(module, tuple(given), path, input_names=names, dynamic_axes=axes, dynamo=False)
        return
    shapes = None
    if axes:
        shapes = tuple({axis: torch.export.Dim.AUTO for axis in axes.get(name, {})} for name in names)
    torch.onnx.export(
        module, tuple(given), path, input_names=names, dynamo=True, dynamic_shapes=shapes, verbose=False, external_data=False
    )


def example(*arguments):
    command = [RUN] if RUN else ["cargo", "run", "-q", "-p", "sumun-nn", "--features", "interchange", "--example", "onnx", "--"]
    done = subprocess.run([*command, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])


def largest(got, want):
    if got.shape != want.shape:
        return np.inf
    return float(np.max(np.abs(got.astype(np.float64) - want))) if want.size else 0.0


def compare(path, inputs, folder):
    """The largest difference between ONNX Runtime and this library on the same file."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    inputs = {one.name: inputs[one.name] for one in session.get_inputs()}
    want = dict(zip(names, session.run(None, inputs)))
    save_file({name: np.ascontiguousarray(value) for name, value in inputs.items()}, folder / "in.safetensors")
    example("apply", path, folder / "in.safetensors", folder / "out.safetensors")
    got = load_file(folder / "out.safetensors")
    return max(largest(got[name], want[name]) for name in names)


def again(path, folder, options):
    """Writes the model of a graph as a graph; what the checker and ONNX Runtime say of it."""
    written = folder / "again.onnx"
    example("write", path, written, *options)
    onnx.checker.check_model(onnx.load(written), full_check=True)
    session = onnxruntime.InferenceSession(str(written), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(1)
    inputs = {}
    for one in session.get_inputs():
        shape = [axis if isinstance(axis, int) else {"batch": 3}.get(axis, 6) for axis in one.shape]
        if one.name == "lengths":
            inputs[one.name] = np.array([6, 1, 4], np.int32)
        elif "int64" in one.type:
            inputs[one.name] = random.integers(0, 20, shape)
        else:
            inputs[one.name] = random.standard_normal(shape).astype(np.float32)
    if "lengths" in options:
        return padded(session, inputs, path, folder)
    return compare(written, inputs, folder)


def padded(session, inputs, path, folder):
    """The largest difference between a padded batch with lengths and each of its sequences alone, in ONNX Runtime."""
    plain = folder / "plain.onnx"
    example("write", path, plain)
    alone = onnxruntime.InferenceSession(str(plain), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    got = dict(zip(names, session.run(None, inputs)))
    lengths = inputs.pop("lengths")
    worst = 0.0
    for n, length in enumerate(lengths):
        one = {name: value[n : n + 1, :length] for name, value in inputs.items()}
        for name, want in zip(names, alone.run(None, one)):
            row = got[name][n : n + 1]
            if want.ndim == 3:
                worst = max(worst, float(np.abs(row[:, length:]).max(initial=0.0)))
                row = row[:, :length]
            worst = max(worst, largest(row, want))
    return worst


def main():
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.manual_seed(0)
    try:
        import onnxscript  # noqa: F401

        exporters = [False, True]
    except ImportError:
        exporters = [False]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, module, given, other, names, axes in cases():
            module.eval()
            for dynamo in exporters:
                if dynamo and name in UNROLLED:
                    continue
                title = f"{name}, {'torch.export' if dynamo else 'TorchScript'}"
                path = folder / "model.onnx"
                try:
                    export(module, given, str(path), names, axes, dynamo)
                    inputs = {key: value.numpy() for key, value in zip(names, other)}
                    figures = [("read", compare(path, inputs, folder))]
                    for options in [[], ["states"]] + ([["lengths"]] if name in ("classifier", "final", "convolved") else []):
                        figures.append((" ".join(["written", *options]), again(path, folder, options)))
                except Exception as error:  # noqa: BLE001
                    print(f"{title}: {type(error).__name__}: {str(error)[:300]}")
                    failed += 1
                    continue
                shown = ", ".join(f"{what} {figure:.1e}" for what, figure in figures)
                print(f"{title}: {shown}")
                failed += any(not figure <= TOLERANCE for _, figure in figures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
