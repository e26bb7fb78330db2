"""Holds models that other people trained and published against what their own packages compute.

    pip install silero-vad g2p-en onnx onnxruntime torch
    python benches/interchange_real.py            # exits with 1 where a difference is over 1e-5

Nothing is installed or fetched: packages that are not there are left out, and said. Sounds are made here. Every model is run
by `sumun apply` (SUMUN names the program; `cargo run` where it does not), with its state carried from call to call.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
RUN = os.environ.get("SUMUN")
TOLERANCE = 1e-5


def sumun(*arguments):
    command = [RUN] if RUN else ["cargo", "run", "-q", "-p", "sumun-cli", "--"]
    done = subprocess.run([*command, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return done.stderr


def apply(model, inputs, folder, *options):
    np.savez(folder / "in.npz", **inputs)
    sumun("apply", model, "--input", folder / "in.npz", "--output", folder / "out.npz", *options)
    return dict(np.load(folder / "out.npz"))


def largest(got, want):
    """The largest difference, relative above 1."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    if got.shape != want.shape:
        return np.inf
    return float((np.abs(got - want) / np.maximum(1.0, np.abs(want))).max(initial=0.0))


def sound(rate, seconds=1.5):
    """Vowels, noise and silence: chirps with overtones in bursts."""
    random = np.random.default_rng(7)
    t = np.arange(int(rate * seconds)) / rate
    pitch = 2 * np.pi * np.cumsum(120 + 40 * np.sin(2 * np.pi * 3 * t)) / rate
    voice = sum(np.sin(k * pitch) / k for k in range(1, 12))
    burst = (np.sin(2 * np.pi * 2 * t) > -0.3) * (t > 0.2)
    return (0.2 * voice * burst + 0.01 * random.standard_normal(t.size)).astype(np.float32)


def frames(audio, size, context):
    """Frames of `size` samples, each behind the last `context` of the one before it, as the package makes them."""
    audio = np.pad(audio, (0, -audio.size % size))
    before = np.zeros(context, np.float32)
    made = []
    for frame in audio.reshape(-1, size):
        made.append(np.concatenate([before, frame]))
        before = frame[-context:]
    return np.stack(made)


def silero(folder):
    """name, largest difference"""
    import onnxruntime

    data = pathlib.Path(importlib.util.find_spec("silero_vad").origin).parent / "data"

    def session(path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    for path in sorted(data.glob("*.onnx")):
        theirs = session(path)
        names = [one.name for one in theirs.get_inputs()]
        outputs = [one.name for one in theirs.get_outputs()]
        if "sequence" in path.name:
            yield path.name, sequence(path, theirs, outputs, folder)
            continue
        rates = [16000] if "16k" in path.name or "sr" not in names else [16000, 8000]
        for rate in rates:
            told = ["--set-input", f"sr={rate}"] if "sr" in names else []
            yield f"{path.name}, {rate} Hz", steps(path, theirs, names, outputs, rate, told, folder)
    yield from weights(data, folder)


def steps(path, theirs, names, outputs, rate, told, folder):
    """One frame after the other, the state carried on both sides by itself. The model is imported once."""
    size, context = (512, 64) if rate == 16000 else (256, 32)
    mine = np.zeros((2, 1, 128), np.float32)
    other = mine.copy()
    worst = 0.0
    for frame in frames(sound(rate, 0.8), size, context):
        given = {"input": frame[None], "state": other}
        if "sr" in names:
            given["sr"] = np.array(rate, np.int64)
        want = dict(zip(outputs, theirs.run(None, given)))
        got = apply(path, {"input": frame[None], "state": mine}, folder, *told)
        worst = max(worst, *(largest(got[name], want[name]) for name in outputs))
        mine, other = got["stateN"], want["stateN"]
    return worst


# The layers of the package's `tinygrad_model.py`, which its safetensors file has weights alone for.
LAYERS = """
[input]
features = 1

@ "pad"
after = 64
mode = "reflect"
@ "conv1d"
name = "stft_conv"
units = 258
kernel = 256
stride = 128
bias = false
@ "slice"
name = "real"
start = 0
features = 129
@ "elementwise"
name = "real_squared"
function = "square"
@ "slice"
name = "imaginary"
from = "stft_conv"
start = 129
features = 129
@ "elementwise"
name = "imaginary_squared"
function = "square"
@ "add"
from = ["real_squared", "imaginary_squared"]
@ "elementwise"
function = "sqrt"
@ "conv1d"
name = "conv1"
units = 128
kernel = 3
padding = "same"
@ "activation"
function = "relu"
@ "pad"
before = 1
after = 1
@ "conv1d"
name = "conv2"
units = 64
kernel = 3
stride = 2
@ "activation"
function = "relu"
@ "pad"
before = 1
after = 1
@ "conv1d"
name = "conv3"
units = 64
kernel = 3
stride = 2
@ "activation"
function = "relu"
@ "conv1d"
name = "conv4"
units = 128
kernel = 3
padding = "same"
@ "activation"
function = "relu"
@ "lstm"
name = "lstm_cell"
units = 128
return_sequences = true
@ "activation"
function = "relu"
@ "conv1d"
name = "final_conv"
units = 1
kernel = 1
@ "activation"
function = "sigmoid"
""".replace("@", "[[layers]]\nkind =")


def weights(data, folder):
    """The file of weights alone with layers as TOML, beside the same layers in PyTorch: the package runs it in tinygrad."""
    path = data / "silero_vad_16k.safetensors"
    if not path.is_file() or importlib.util.find_spec("torch") is None:
        return
    import torch
    from safetensors.torch import load_file
    from torch.nn import functional as F

    w = load_file(path)
    cell = torch.nn.LSTMCell(128, 128)
    cell.load_state_dict({key.split(".")[1]: value for key, value in w.items() if key.startswith("lstm_cell")})
    conv = lambda x, name, **options: F.conv1d(x, w[name + ".weight"], w.get(name + ".bias"), **options)
    (folder / "layers.toml").write_text(LAYERS)
    other, state, worst = None, [], 0.0
    for frame in frames(sound(16000, 0.8), 512, 64):
        with torch.no_grad():
            x = conv(F.pad(torch.from_numpy(frame)[None], (0, 64), "reflect")[None], "stft_conv", stride=128)
            x = (x[:, :129] ** 2 + x[:, 129:] ** 2).sqrt()
            for name, stride in [("conv1", 1), ("conv2", 2), ("conv3", 2), ("conv4", 1)]:
                x = conv(x, name, stride=stride, padding=1).relu()
            other = cell(x[..., 0], other)
            want = conv(other[0][..., None].relu(), "final_conv").sigmoid()
        options = ["--architecture", folder / "layers.toml", "--state-out", folder / "state.npz", *state]
        got = apply(path, {"input": frame[None, :, None]}, folder, *options)
        worst = max(worst, largest(got["output"], want.numpy()))
        state = ["--state", folder / "state.npz"]
    yield path.name, worst


def sequence(path, theirs, outputs, folder):
    """Two blocks of frames, the states carried from the first to the second."""
    mine = {"h": np.zeros((1, 1, 128), np.float32), "c": np.zeros((1, 1, 128), np.float32)}
    other = dict(mine)
    worst = 0.0
    blocks = np.array_split(frames(sound(16000), 512, 64), 2)
    for block in blocks:
        want = dict(zip(outputs, theirs.run(None, {"input": block, **other})))
        got = apply(path, {"input": block, **mine}, folder)
        worst = max(worst, *(largest(got[name], want[name]) for name in outputs))
        mine, other = ({key: one[key + "n"] for key in "hc"} for one in (got, want))
    return worst


def g2p(folder):
    """The encoder and decoder of g2p-en, with the functions of its own source; its module would fetch data when imported."""
    import ast

    home = pathlib.Path(importlib.util.find_spec("g2p_en").origin).parent
    [own] = [node for node in ast.parse((home / "g2p.py").read_text()).body if getattr(node, "name", "") == "G2p"]
    own.body = [one for one in own.body if getattr(one, "name", "") in ("load_variables", "sigmoid", "grucell", "gru", "encode", "predict")]
    names = {"np": np, "os": os, "dirname": str(home)}
    exec(compile(ast.Module([own], []), "g2p.py", "exec"), names)
    package = names["G2p"]()
    package.load_variables()
    for name in package.variables:
        # In double precision, so that the differences are those of single precision here.
        setattr(package, name, package.variables[name].astype(np.float64))
    letters = ["<pad>", "<unk>", "</s>", *"abcdefghijklmnopqrstuvwxyz"]
    package.g2idx = {letter: index for index, letter in enumerate(letters)}
    package.idx2p = {index: index for index in range(len(package.fc_w))}
    worst, wrong = 0.0, 0
    for word in ["activationist", "sluice", "gate", "zyx", "a"]:
        spoken = package.predict(word)
        target = [2, *spoken]
        enc = package.gru(package.encode(word), len(word) + 1, package.enc_w_ih, package.enc_w_hh, package.enc_b_ih, package.enc_b_hh)
        hidden, logits = enc[:, -1], []
        for previous in target:
            hidden = package.grucell(
                package.dec_emb[[previous]], hidden, package.dec_w_ih, package.dec_w_hh, package.dec_b_ih, package.dec_b_hh
            )
            logits.append(hidden @ package.fc_w.T + package.fc_b)
        source = [package.g2idx[letter] for letter in word] + [2]
        inputs = {"source": np.array([source]), "target": np.array([target])}
        got = apply(home / "checkpoint20.npz", inputs, folder)
        # A logit is rounded as the largest of its step is, whatever is left of the sum.
        scale = np.maximum(1.0, np.abs(np.stack(logits, 1)).max(-1, keepdims=True))
        worst = max(
            worst, largest(got["output"] / scale, np.stack(logits, 1) / scale), largest(got["h_n.enc"], enc[None, :, -1]),
            largest(got["h_n.dec"], hidden[None]),
        )
        # What it would say by itself: a step sees only those before it.
        wrong += list(got["output"][0].argmax(-1))[: len(spoken)] != spoken
    yield "encoder, decoder and head of 5 words", worst
    yield "5 words spoken, how many otherwise", float(wrong)


def policy(folder):
    """A policy as sb3-contrib's MlpLstmPolicy: an extractor, an LSTM with its state, heads for actions and for the value."""
    import torch
    from torch import nn

    class Policy(nn.Module):
        def __init__(self):
            super().__init__()
            self.extractor = nn.Flatten()
            self.lstm_actor = nn.LSTM(8, 32)
            self.mlp = nn.ModuleDict({
                "policy": nn.Sequential(nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh()),
                "value": nn.Sequential(nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh()),
            })
            self.action_net, self.value_net = nn.Linear(16, 4), nn.Linear(16, 1)

        def forward(self, obs, h, c):
            y, (h, c) = self.lstm_actor(self.extractor(obs).unsqueeze(0), (h, c))
            y = y.squeeze(0)
            return self.action_net(self.mlp["policy"](y)), self.value_net(self.mlp["value"](y)), h, c

    torch.manual_seed(3)
    module = Policy().eval()
    given = lambda n: (torch.randn(n, 8), torch.randn(1, n, 32), torch.randn(1, n, 32))
    names, outputs = ["obs", "h", "c"], ["logits", "value", "h_n", "c_n"]
    for exporter in [False, True]:
        if exporter and importlib.util.find_spec("onnxscript") is None:
            continue
        path = folder / "policy.onnx"
        if exporter:
            shapes = ({0: torch.export.Dim.AUTO}, {1: torch.export.Dim.AUTO}, {1: torch.export.Dim.AUTO})
            torch.onnx.export(
                module, given(2), path, input_names=names, output_names=outputs, dynamo=True, dynamic_shapes=shapes,
                verbose=False, external_data=False,
            )
        else:
            axes = {"obs": {0: "n"}, "h": {1: "n"}, "c": {1: "n"}}
            torch.onnx.export(
                module, given(2), path, input_names=names, output_names=outputs, dynamic_axes=axes, dynamo=False
            )
        worst, state = 0.0, given(3)[1:]
        mine = state
        for _ in range(3):
            obs = given(3)[0]
            with torch.no_grad():
                *want, h, c = module(obs, *state)
            got = apply(path, dict(zip(names, (one.numpy() for one in (obs, *mine)))), folder)
            want = dict(zip(outputs, (*want, h, c)))
            worst = max(worst, *(largest(got[name], value.numpy()) for name, value in want.items()))
            state, mine = (h, c), (torch.from_numpy(got["h_n"]), torch.from_numpy(got["c_n"]))
        yield ("torch.export" if exporter else "TorchScript"), worst


def quantised(folder):
    """An LSTM whose weights onnxruntime.quantization makes 8 bits wide, beside the same graph with the numbers that they
    stand for; and how far both are from the graph before."""
    import onnx
    import onnxruntime
    from onnx import helper, numpy_helper
    from onnxruntime.quantization import QuantType, quantize_dynamic

    random = np.random.default_rng(5)
    numbers = lambda *shape: (0.4 * random.standard_normal(shape)).astype(np.float32)
    value = lambda name, *shape: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
    constants = {"W": numbers(1, 64, 8), "R": numbers(1, 64, 16), "B": numbers(1, 128)}

    def model(constants):
        node = helper.make_node("LSTM", ["x", "W", "R", "B"], ["y", "h", "c"], name="lstm", hidden_size=16)
        arrays = [numpy_helper.from_array(array, name) for name, array in constants.items()]
        outputs = [value("y", "t", 1, "n", 16), value("h", 1, "n", 16), value("c", 1, "n", 16)]
        graph = helper.make_graph([node], "lstm", [value("x", "t", "n", 8)], outputs, arrays)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    run = lambda one, x: onnxruntime.InferenceSession(one, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    x = numbers(9, 3, 8)
    onnx.save(model(constants), folder / "float.onnx")
    plain = run(str(folder / "float.onnx"), x)
    for kind in [QuantType.QInt8, QuantType.QUInt8]:
        path = folder / "few_bits.onnx"
        quantize_dynamic(folder / "float.onnx", path, weight_type=kind, op_types_to_quantize=["LSTM"])
        graph = onnx.load(path).graph
        [node] = [node for node in graph.node if node.op_type == "DynamicQuantizeLSTM"]
        arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        stood_for = dict(constants)
        for name, matrix, scale, zero in [("W", 1, 8, 9), ("R", 2, 10, 11)]:
            bits, scales, zeros = (arrays[node.input[place]] for place in (matrix, scale, zero))
            numbers_of = (bits.astype(np.float32) - zeros.astype(np.float32)) * scales
            stood_for[name] = np.ascontiguousarray(numbers_of.transpose(0, 2, 1))
        want = run(model(stood_for).SerializeToString(), x)
        got = apply(path, {"x": x}, folder)
        yield f"DynamicQuantizeLSTM, {kind}", max(largest(got[name], one) for name, one in zip("yhc", want))
        rounding = max(largest(one, other) for one, other in zip(run(str(path), x), plain))
        mine = max(largest(got[name], one) for name, one in zip("yhc", plain))
        print(f"  from the graph of floats: {mine:.1e} here, {rounding:.1e} in ONNX Runtime, which rounds x, too")
        if mine > 2 * rounding + TOLERANCE:
            yield "further from the graph of floats than its rounding", mine


def main():
    warnings.filterwarnings("ignore")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for package, check in [("silero_vad", silero), ("g2p_en", g2p), ("torch", policy), ("onnxruntime", quantised)]:
            if importlib.util.find_spec(package) is None:
                print(f"{package}: not installed, left out")
                continue
            for name, difference in check(folder):
                print(f"{package}: {name}: {difference:.1e}", flush=True)
                failed += not difference <= TOLERANCE
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
