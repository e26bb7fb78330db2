"""ONNX Runtime on the speed grid's forward and step cases, one operator with random weights. See serve.py.

The times of a step include the call from Python.
"""

import os
import tempfile

import onnx
import onnx_case
import onnxruntime
import serve
from onnxruntime.quantization import QuantType, quantize_dynamic

given = serve.arguments()


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
    model, states = onnx_case.model(case)
    if given.precision == "int8":
        model = in_8_bits(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = given.threads, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = onnx_case.feed(case, states)
    answers = [output.name for output in session.get_outputs()][1:]

    def run():
        answer = session.run(answers, feed)
        if case["kind"] == "step":
            feed.update(zip(states, answer))

    return run


def ways(case):
    """None of training; with 8 bits the tool knows LSTM alone, and the operators have no bf16."""
    if case["kind"] == "train" or given.precision == "bf16" or (given.precision == "int8" and case["cell"] != "lstm"):
        return []
    return [lambda: work(case)]


serve.serve(f"onnxruntime {onnxruntime.__version__}", given, ways)
