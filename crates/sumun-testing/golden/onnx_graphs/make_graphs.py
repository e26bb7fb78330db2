"""Golden ONNX graphs with what ONNX Runtime computes of them: operators around recurrent nodes, cells of single nodes, loops.

    python3 -m venv venv && venv/bin/pip install onnx onnxruntime safetensors
    venv/bin/python make_graphs.py .    # writes ./*.onnx and ./*.expected.safetensors

expected: the graph's inputs by name, and its outputs by name. Compare with |got - want| <= 1e-6 + 1e-5 * |want|.
"""
import os
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as P
from onnx import helper as h
from onnx import numpy_helper as nh
from safetensors.numpy import save_file

OUT = sys.argv[1]
os.makedirs(OUT, exist_ok=True)


class Graph:
    def __init__(self, name, seed, opset=17):
        self.name, self.opset, self.random = name, opset, np.random.default_rng(seed)
        self.nodes, self.constants, self.inputs, self.feeds, self.outputs = [], [], [], {}, []

    def numbers(self, *shape):
        return (self.random.standard_normal(shape) * 0.5).astype(np.float32)

    def constant(self, name, value):
        self.constants.append(nh.from_array(np.asarray(value), name))
        return name

    def weight(self, name, *shape):
        return self.constant(name, self.numbers(*shape))

    def feed(self, name, value, axes=None):
        value = np.asarray(value)
        self.feeds[name] = value
        self.inputs.append(h.make_tensor_value_info(name, nh.from_array(value).data_type, axes or value.shape))
        return name

    def node(self, operator, inputs, outputs, **attributes):
        self.nodes.append(h.make_node(operator, inputs, outputs, name=outputs[0], **attributes))
        return outputs[0]

    def write(self, *outputs):
        values = [h.make_tensor_value_info(name, P.FLOAT, None) for name in outputs]
        graph = h.make_graph(self.nodes, self.name, self.inputs, values, self.constants)
        opsets = [h.make_opsetid("", self.opset), h.make_opsetid("com.microsoft", 1)]
        model = h.make_model(graph, opset_imports=opsets, ir_version=8)
        save(self.name, model, self.feeds, outputs)


def save(name, model, feeds, outputs):
    onnx.save(model, f"{OUT}/{name}.onnx")
    options = ort.SessionOptions()
    # Optimised, products with weights of 8 bits round what they multiply.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    got = dict(zip(outputs, session.run(list(outputs), feeds)))
    tensors = {key: np.ascontiguousarray(value) for key, value in {**feeds, **got}.items()}
    save_file(tensors, f"{OUT}/{name}.expected.safetensors")


def pads():
    for mode, value in [("reflect", None), ("edge", None), ("constant", 0.5)]:
        g = Graph(f"pad_{mode}", 1)
        x = g.feed("x", g.numbers(2, 3, 7), ["n", 3, "t"])
        inputs = [x, g.constant("pads", np.array([0, 0, 2, 0, 0, 3]))]
        if value is not None:
            inputs.append(g.constant("value", np.float32(value)))
        g.node("Pad", inputs, ["padded"], mode=mode)
        g.node("Conv", ["padded", g.weight("w", 4, 3, 3), g.weight("b", 4)], ["y"])
        g.write("y")
    g = Graph("pad_of_one_axis", 2, opset=18)
    x = g.feed("x", g.numbers(2, 6, 3), ["n", "t", 3])
    inputs = [x, g.constant("pads", np.array([-1, 2])), "", g.constant("axes", np.array([1]))]
    g.node("Pad", inputs, ["padded"], mode="constant")
    g.node("MatMul", ["padded", g.weight("w", 3, 2)], ["y"])
    g.write("y")


def convolutions():
    """Padding that no option of a convolution is, and strides behind it."""
    g = Graph("conv_pads", 3)
    x = g.feed("x", g.numbers(2, 3, 9), ["n", 3, "t"])
    g.node("Conv", [x, g.weight("w", 4, 3, 3)], ["a"], pads=[1, 1], strides=[2])
    g.node("Conv", ["a", g.weight("v", 2, 4, 2)], ["y"], pads=[3, 2])
    g.write("y")


def slices():
    g = Graph("slices_of_steps", 4)
    x = g.feed("x", g.numbers(2, 8, 3), ["n", "t", 3])
    ints = lambda name, *values: g.constant(name, np.array(values))
    axis, one, far = ints("axis", 1), ints("one", 1), ints("far", 2**62)
    g.node("Slice", [x, ints("two", 2), far, axis, one], ["a"])
    g.node("Slice", ["a", ints("zero", 0), ints("last", -1), axis, one], ["b"])
    g.node("MatMul", ["b", g.weight("w", 3, 2)], ["y"])
    g.write("y")
    g = Graph("some_steps", 22)
    x = g.feed("x", g.numbers(2, 8, 3), ["n", "t", 3])
    axis, one, far = ints("axis", 1), ints("one", 1), ints("far", 2**62)
    g.node("Slice", [x, ints("zero", 0), far, axis, ints("two", 2)], ["even"])
    g.node("MatMul", ["even", g.weight("w", 3, 2)], ["y"])
    g.node("Slice", ["y", one, ints("last", -1), axis, "two"], ["z"])
    index = lambda name, value: g.constant(name, np.int64(value))
    g.node("Gather", [x, index("third", 3)], ["c"], axis=1)
    g.node("Gather", ["y", index("second_last", -2)], ["d"], axis=1)
    g.node("Tanh", ["c"], ["e"])
    g.write("y", "z", "d", "e")


def functions():
    g = Graph("functions", 5)
    x = g.feed("x", g.numbers(2, 4, 3), ["n", "t", 3])
    g.node("MatMul", [x, g.weight("w", 3, 5)], ["a"])
    g.node("Pow", ["a", g.constant("two", np.float32(2))], ["square"])
    g.node("Sqrt", ["square"], ["root"])
    g.node("Abs", ["a"], ["abs"])
    g.node("Pow", ["abs", g.constant("power", np.float32(1.5))], ["power_of"])
    g.node("Exp", ["a"], ["exp"])
    g.node("Log", ["exp"], ["log"])
    g.node("Add", ["exp", g.constant("one", np.float32(1))], ["more"])
    g.node("Reciprocal", ["more"], ["reciprocal"])
    g.write("root", "abs", "power_of", "log", "reciprocal")


def frames():
    """Frames that a convolution reads as sequences and an LSTM as steps."""
    g = Graph("frames", 6)
    x = g.feed("x", g.numbers(7, 10), ["frames", 10])
    state = [g.feed(name, g.numbers(1, 1, 4)) for name in ("h", "c")]
    g.node("Pad", [x, g.constant("pads", np.array([0, 2, 0, 2]))], ["padded"], mode="reflect")
    g.node("Unsqueeze", ["padded", g.constant("one", np.array([1]))], ["channel"])
    g.node("Conv", ["channel", g.weight("w", 3, 1, 4)], ["a"], strides=[3])
    g.node("Conv", ["a", g.weight("v", 5, 3, 4)], ["b"])
    g.node("Relu", ["b"], ["d"])
    g.node("Transpose", ["d"], ["e"], perm=[0, 2, 1])
    g.node("LSTM", ["e", g.weight("W", 1, 16, 5), g.weight("R", 1, 16, 4), "", "", *state], ["y", "hn", "cn"], hidden_size=4)
    g.node("Squeeze", ["y", "one"], ["rows"])
    g.node("Transpose", ["rows"], ["turned"], perm=[1, 2, 0])
    g.node("Conv", ["turned", g.weight("u", 1, 4, 1)], ["logit"])
    g.node("Sigmoid", ["logit"], ["sigmoid"])
    g.node("Reshape", ["sigmoid", g.constant("flat", np.array([-1]))], ["p"])
    g.write("p", "hn", "cn")


def lstm_nodes(g, node, x, hid, cell):
    """torch.nn.LSTMCell as torch.export writes it."""
    node("Gemm", [hid, g.weight("w_hh", 16, 4), g.weight("b_hh", 16)], ["by_h"], transB=1)
    node("Gemm", [x, g.weight("w_ih", 16, 4), g.weight("b_ih", 16)], ["by_x"], transB=1)
    node("Add", ["by_h", "by_x"], ["gates"])
    node("Split", ["gates"], ["gi", "gf", "gg", "go"], axis=1)
    for name, operator in [("gi", "Sigmoid"), ("gf", "Sigmoid"), ("gg", "Tanh"), ("go", "Sigmoid")]:
        node(operator, [name], [name + "_"])
    node("Mul", ["gf_", cell], ["kept"])
    node("Mul", ["gi_", "gg_"], ["new"])
    node("Add", ["kept", "new"], ["c_out"])
    node("Tanh", ["c_out"], ["shown"])
    node("Mul", ["go_", "shown"], ["h_out"])


def cells():
    g = Graph("lstm_cell", 7)
    x = g.feed("x", g.numbers(3, 5), ["n", 5])
    state = g.feed("state", g.numbers(2, 3, 4), [2, "n", 4])
    g.node("Gemm", [x, g.weight("w", 5, 4)], ["in"])
    for index, name in enumerate(["h", "c"]):
        g.node("Gather", [state, g.constant(f"i{index}", np.int64(index))], [name], axis=0)
    lstm_nodes(g, g.node, "in", "h", "c")
    zero = g.constant("zero", np.array([0]))
    g.node("Unsqueeze", ["h_out", zero], ["hu"])
    g.node("Unsqueeze", ["c_out", zero], ["cu"])
    g.node("Concat", ["hu", "cu"], ["stateN"], axis=0)
    g.node("MatMul", ["h_out", g.weight("head", 4, 2)], ["y"])
    g.write("y", "stateN")
    for form in ["torch", "textbook"]:
        g = Graph(f"gru_cell_{form}", 8)
        x = g.feed("x", g.numbers(3, 5), ["n", 5])
        hid = g.feed("h", g.numbers(3, 4), ["n", 4])
        g.node("Gemm", [x, g.weight("w_ih", 12, 5), g.weight("b_ih", 12)], ["by_x"], transB=1)
        g.node("Gemm", [hid, g.weight("w_hh", 12, 4), g.weight("b_hh", 12)], ["by_h"], transB=1)
        sizes = g.constant("sizes", np.array([4, 4, 4]))
        g.node("Split", ["by_x", sizes], ["xr", "xz", "xn"], axis=1)
        g.node("Split", ["by_h", sizes], ["hr", "hz", "hn"], axis=1)
        g.node("Add", ["xr", "hr"], ["ar"])
        g.node("Sigmoid", ["ar"], ["r"])
        g.node("Add", ["xz", "hz"], ["az"])
        g.node("Sigmoid", ["az"], ["z"])
        g.node("Mul", ["hn", "r"], ["rn"])
        g.node("Add", ["xn", "rn"], ["an"])
        g.node("Tanh", ["an"], ["n"])
        if form == "torch":
            g.node("Sub", [hid, "n"], ["difference"])
            g.node("Mul", ["difference", "z"], ["part"])
            g.node("Add", ["part", "n"], ["h_out"])
        else:
            g.node("Sub", [g.constant("one", np.float32(1)), "z"], ["rest"])
            g.node("Mul", ["rest", "n"], ["new"])
            g.node("Mul", ["z", hid], ["kept"])
            g.node("Add", ["new", "kept"], ["h_out"])
        g.node("MatMul", ["h_out", g.weight("head", 4, 2)], ["y"])
        g.write("y", "h_out")


def value(name, *shape):
    return h.make_tensor_value_info(name, P.FLOAT, shape)


def loops():
    """A Scan of an LSTM and of an RNN, a Loop of an RNN."""
    g = Graph("scan_lstm", 9)
    x = g.feed("x", g.numbers(6, 3, 4), ["t", "n", 4])
    states = [g.feed(name, g.numbers(3, 4), ["n", 4]) for name in ("h0", "c0")]
    body = []
    lstm_nodes(g, lambda operator, i, o, **a: body.append(h.make_node(operator, i, o, **a)), "xt", "hp", "cp")
    body.append(h.make_node("Identity", ["h_out"], ["shown_h"]))
    inner = h.make_graph(
        body, "body", [value("hp", "n", 4), value("cp", "n", 4), value("xt", "n", 4)],
        [value("h_out", "n", 4), value("c_out", "n", 4), value("shown_h", "n", 4)],
    )
    g.node("Scan", [*states, x], ["hn", "cn", "y"], body=inner, num_scan_inputs=1)
    g.write("y", "hn", "cn")

    def rnn(g):
        return [
            h.make_node("MatMul", ["xt", g.weight("w", 3, 4)], ["a"]),
            h.make_node("MatMul", ["hp", g.weight("u", 4, 4)], ["b"]),
            h.make_node("Add", ["a", "b"], ["ab"]),
            h.make_node("Add", ["ab", g.weight("bias", 4)], ["sum"]),
            h.make_node("Relu", ["sum"], ["h_out"]),
            h.make_node("Identity", ["h_out"], ["shown_h"]),
        ]

    g = Graph("scan_rnn_reversed", 10)
    x = g.feed("x", g.numbers(2, 5, 3), ["n", "t", 3])
    h0 = g.feed("h0", g.numbers(2, 4), ["n", 4])
    outputs = [value("h_out", "n", 4), value("shown_h", "n", 4)]
    inner = h.make_graph(rnn(g), "body", [value("hp", "n", 4), value("xt", "n", 3)], outputs)
    g.node(
        "Scan", [h0, x], ["hn", "y"], body=inner, num_scan_inputs=1, scan_input_axes=[1], scan_output_axes=[1],
        scan_input_directions=[1], scan_output_directions=[1],
    )
    g.write("y", "hn")

    g = Graph("loop_rnn", 11)
    x = g.feed("x", g.numbers(5, 2, 3), ["t", "n", 3])
    h0 = g.feed("h0", g.numbers(2, 4), ["n", 4])
    pick = h.make_node("Gather", ["x", "i"], ["xt"], axis=0)
    true = h.make_node("Identity", ["go"], ["on"])
    number = h.make_tensor_value_info("i", P.INT64, [])
    go = h.make_tensor_value_info("go", P.BOOL, [])
    on = h.make_tensor_value_info("on", P.BOOL, [])
    inner = h.make_graph([pick, *rnn(g), true], "body", [number, go, value("hp", "n", 4)], [on, *outputs])
    g.node("Shape", [x], ["shape"])
    g.node("Gather", ["shape", g.constant("zero", np.int64(0))], ["steps"], axis=0)
    g.node("Loop", ["steps", g.constant("yes", np.array(True)), h0], ["hn", "y"], body=inner)
    g.write("y", "hn")


def quantised():
    """Weights of 8 bits between QuantizeLinear and DequantizeLinear, compared with ONNX Runtime on the same file."""
    g = Graph("qdq_weights", 12)
    x = g.feed("x", g.numbers(4, 2, 3), ["t", "n", 3])
    for name, shape in [("W", (1, 16, 3)), ("R", (1, 16, 4))]:
        bits = g.random.integers(-127, 128, shape).astype(np.int8)
        g.constant(name + "8", bits)
        g.constant(name + "_scale", np.float32(0.01))
        g.constant(name + "_zero", np.int8(3))
        g.node("DequantizeLinear", [name + "8", name + "_scale", name + "_zero"], [name])
    g.node("LSTM", [x, "W", "R"], ["y4"], hidden_size=4)
    g.node("Squeeze", ["y4", g.constant("one", np.array([1]))], ["rows"])
    g.constant("head8", g.random.integers(-127, 128, (4, 2)).astype(np.int8))
    g.constant("head_scale", np.array([0.01, 0.02], np.float32))
    g.constant("head_zero", np.array([0, -5], np.int8))
    g.node("DequantizeLinear", ["head8", "head_scale", "head_zero"], ["head"], axis=1)
    g.node("MatMul", ["rows", "head"], ["y"])
    g.write("y")


def branch():
    """A graph for two sample rates, the rate of which is an input."""
    g = Graph("two_rates", 13)
    x = g.feed("x", g.numbers(2, 6, 3), ["n", "t", 3])
    sr = g.feed("sr", np.int64(8000), [])
    made = []
    for name in ["fast", "slow"]:
        nodes = [h.make_node("MatMul", ["x", g.weight(name, 3, 2)], [name + "_y"])]
        made.append(h.make_graph(nodes, name, [], [h.make_tensor_value_info(name + "_y", P.FLOAT, None)]))
    g.node("Equal", [sr, g.constant("rate", np.int64(16000))], ["is_fast"])
    g.node("If", ["is_fast"], ["y"], then_branch=made[0], else_branch=made[1])
    g.write("y")


def approximate():
    """GELU by a tanh: as one node, and as the nodes that exporters make of it for older operators."""
    g = Graph("gelu_tanh", 14, opset=20)
    x = g.feed("x", g.numbers(2, 6, 3) * 4, ["n", "t", 3])
    g.node("MatMul", [x, g.weight("w", 3, 4)], ["a"])
    g.node("Gelu", ["a"], ["y"], approximate="tanh")
    number = lambda name, value: g.constant(name, np.float32(value))
    g.node("Mul", [number("half", 0.5), "a"], ["halved"])
    g.node("Pow", ["a", number("three", 3)], ["cube"])
    g.node("Mul", [number("factor", 0.044715), "cube"], ["scaled"])
    g.node("Add", ["a", "scaled"], ["sum"])
    g.node("Mul", [number("root", np.sqrt(2 / np.pi)), "sum"], ["inner"])
    g.node("Tanh", ["inner"], ["tanh"])
    g.node("Add", [number("one", 1), "tanh"], ["twice"])
    g.node("Mul", ["halved", "twice"], ["z"])
    g.write("y", "z")


def sequences():
    """Parts that are taken out of sequences of arrays."""
    g = Graph("sequences", 15)
    x = g.feed("x", g.numbers(2, 6, 5), ["n", "t", 5])
    index = lambda name, value: g.constant(name, np.array(value))
    g.node("LSTM", [g.node("Transpose", [x], ["turned"], perm=[1, 0, 2]), g.weight("W", 1, 16, 5), g.weight("R", 1, 16, 4)], ["y4"], hidden_size=4)
    g.node("Squeeze", ["y4", index("axis", [1])], ["rows"])
    g.node("SplitToSequence", ["rows"], ["steps"], axis=0, keepdims=0)
    g.node("SequenceAt", ["steps", index("first", 0)], ["a"])
    g.node("SequenceAt", ["steps", index("last", -1)], ["b"])
    g.node("SequenceConstruct", ["a", "b"], ["both"])
    g.node("ConcatFromSequence", ["both"], ["ab"], axis=1)
    g.node("MatMul", ["ab", g.weight("v", 8, 2)], ["head"])
    g.node("SplitToSequence", ["rows", index("sizes", [1, 3])], ["parts"], axis=2)
    g.node("SequenceAt", ["parts", index("second", 1)], ["wide"])
    g.node("SplitToSequence", ["rows", index("three", 3)], ["pieces"], axis=-1)
    g.node("SequenceAt", ["pieces", "last"], ["narrow"])
    g.node("ConcatFromSequence", ["pieces"], ["again"], axis=-1)
    g.write("head", "wide", "narrow", "again")


def policy():
    """sb3-contrib's MlpLstmPolicy as torch.export writes it for any number of environments: a loop over one step, whose state begins
    anew where an episode does."""
    g = Graph("policy", 16, opset=18)
    obs = g.feed("obs", g.numbers(3, 5), ["n", 5])
    h, c = (g.feed(name, g.numbers(1, 3, 6), [1, "n", 6]) for name in "hc")
    starts = g.feed("starts", np.array([0, 1, 0], np.float32), ["n"])
    ints = lambda name, *values: g.constant(name, np.array(values))
    number = lambda name, value: g.constant(name, np.array(value))
    zero, one, rest = ints("zero", 0), ints("one", 1), ints("rest", -1)
    g.node("Shape", [h], ["n"], start=1, end=2)
    g.node("Concat", ["n", rest, ints("width", 5)], ["to"], axis=0)
    g.node("Reshape", [obs, "to"], ["view"], allowzero=1)
    g.node("Transpose", ["view"], ["turned"], perm=[1, 0, 2])
    g.node("Concat", ["n", rest], ["to_starts"], axis=0)
    g.node("Reshape", [starts, "to_starts"], ["view_starts"], allowzero=1)
    g.node("Transpose", ["view_starts"], ["turned_starts"], perm=[1, 0])
    g.node("SplitToSequence", ["turned"], ["steps"], axis=0, keepdims=0)
    g.node("SequenceAt", ["steps", number("first", 0)], ["step"])
    g.node("SplitToSequence", ["turned_starts"], ["step_starts"], axis=0, keepdims=0)
    g.node("SequenceAt", ["step_starts", "first"], ["start"])
    g.node("Unsqueeze", ["step", zero], ["x"])
    g.node("Sub", [number("1.0", np.float32(1)), "start"], ["goes_on"])
    g.node("Reshape", ["goes_on", ints("shape", 1, -1, 1)], ["kept"], allowzero=1)
    for name in (h, c):
        g.node("Mul", ["kept", name], [name + "_kept"])
        g.node("Slice", [name + "_kept", zero, one, zero], [name + "_0"])
    g.node("LSTM", ["x", g.weight("W", 1, 24, 5), g.weight("R", 1, 24, 6), g.weight("B", 1, 48), "", "h_0", "c_0"], ["y4", "hn", "cn"], hidden_size=6)
    g.node("Transpose", ["y4"], ["y_turned"], perm=[0, 2, 1, 3])
    g.node("Reshape", ["y_turned", ints("rows", 1, -1, 6)], ["y3"], allowzero=1)
    g.node("Transpose", ["y3"], ["y_rows"], perm=[1, 0, 2])
    g.node("Reshape", ["y_rows", ints("flat", -1, 6)], ["y"], allowzero=1)
    g.node("Gemm", ["y", g.weight("head", 2, 6)], ["action"], transB=1)
    g.write("action", "hn", "cn")


def attention():
    """One row of all steps by shares of their scores, as PyTorch programs write it."""
    for k, form in enumerate(["product", "batched", "turned", "squeezed"]):
        g = Graph(f"attention_{form}", 17 + k)
        x = g.feed("x", g.numbers(2, 6, 3), ["n", "t", 3])
        axis = lambda name, value: g.constant(name, np.array([value]))
        g.node("Transpose", [x], ["x_turned"], perm=[1, 0, 2])
        g.node("GRU", ["x_turned", g.weight("W", 1, 12, 3), g.weight("R", 1, 12, 4), g.weight("B", 1, 24)], ["y4"], hidden_size=4, linear_before_reset=1)
        g.node("Squeeze", ["y4", axis("one", 1)], ["y3"])
        g.node("Transpose", ["y3"], ["h"], perm=[1, 0, 2])
        if form in ["product", "turned"]:
            g.node("MatMul", ["h", g.weight("w", 4, 5)], ["a"])
            g.node("Add", [g.weight("b", 5), "a"], ["ab"])
            g.node("Tanh", ["ab"], ["u"])
            g.node("MatMul", ["u", g.weight("v", 5, 1)], ["s"])
        else:
            g.node("MatMul", ["h", g.weight("v", 4, 1)], ["sv"])
            g.node("Add", ["sv", g.weight("c", 1)], ["s"])
        if form == "squeezed":
            g.node("Squeeze", ["s", axis("last", -1)], ["flat"])
            g.node("Softmax", ["flat"], ["flat_p"], axis=1)
            g.node("Unsqueeze", ["flat_p", "last"], ["p"])
        else:
            g.node("Softmax", ["s"], ["p"], axis=1)
        if form in ["product", "squeezed"]:
            g.node("Mul", ["h", "p"], ["weighed"])
            g.node("ReduceSum", ["weighed", "one"], ["row"], keepdims=0)
        elif form == "batched":
            g.node("Transpose", ["p"], ["pt"], perm=[0, 2, 1])
            g.node("MatMul", ["pt", "h"], ["row3"])
            g.node("Squeeze", ["row3", "one"], ["row"])
        else:
            g.node("Transpose", ["h"], ["ht"], perm=[0, 2, 1])
            g.node("MatMul", ["ht", "p"], ["row3"])
            g.node("Squeeze", ["row3", axis("last", -1)], ["row"])
        g.node("Gemm", ["row", g.weight("head", 4, 2)], ["y"])
        g.write("y")


for make in [pads, convolutions, slices, functions, frames, cells, loops, quantised, branch, approximate, sequences, policy, attention]:
    make()
print(len([name for name in os.listdir(OUT) if name.endswith(".onnx")]), "graphs")
