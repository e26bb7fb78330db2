"""ONNX Runtime on the speed grid's forward and step cases, one operator with random weights. See serve.py.

The times of a step include the call from Python.
"""

import os
import tempfile

import numpy as np
import onnx
import onnxruntime
import serve
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

given = serve.arguments()
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
random = np.random.default_rng(0)


def in_8_bits(model):
    """The model with weights of 8 bits, as the library's own tool makes it: an LSTM becomes a DynamicQuantizeLSTM."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        quantize_dynamic(model, path, per_channel=True, weight_type=QuantType.QInt8)
        quantized = onnx.load(path)
    if not any(node.op_type.startswith("DynamicQuantize") for node in quantized.graph.node):
        raise SystemExit("the tool left the weights as they were")
    return quantized


def work(case):
    steps, batch = case.get("steps", 1), case.get("batch", 1)
    gates, hidden, inputs, operator = GATES[case["cell"]], case["hidden"], case["input"], case["cell"].upper()

    def weights(name, *shape):
        return numpy_helper.from_array(random.uniform(-(hidden**-0.5), hidden**-0.5, shape).astype("f"), name)

    states = ["initial_h"] + (["initial_c"] if operator == "LSTM" else [])
    answers = ["Y", "Y_h"] + (["Y_c"] if operator == "LSTM" else [])
    more = {"linear_before_reset": 1} if operator == "GRU" else {}
    node = helper.make_node(operator, ["X", "W", "R", "B", "", *states], answers, hidden_size=hidden, **more)
    takes = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [steps, batch, inputs])]
    takes += [helper.make_tensor_value_info(state, TensorProto.FLOAT, [1, batch, hidden]) for state in states]
    gives = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in answers]
    held = [
        weights("W", 1, gates * hidden, inputs),
        weights("R", 1, gates * hidden, hidden),
        weights("B", 1, 2 * gates * hidden),
    ]
    model = helper.make_model(
        helper.make_graph([node], "case", takes, gives, held),
        opset_imports=[helper.make_opsetid("", 14)],
        ir_version=8,
    )
    if given.precision == "int8":
        model = in_8_bits(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = given.threads, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {"X": random.standard_normal((steps, batch, inputs)).astype("f")}
    feed |= {state: np.zeros((1, batch, hidden), "f") for state in states}

    def run():
        answer = session.run(answers[1:], feed)
        if case["kind"] == "step":
            feed.update(zip(states, answer))

    return run


def ways(case):
    """None of training; with 8 bits the tool knows LSTM alone."""
    if case["kind"] == "train" or (given.precision == "int8" and case["cell"] != "lstm"):
        return []
    return [lambda: work(case)]


serve.serve(f"onnxruntime {onnxruntime.__version__}", given, ways)
