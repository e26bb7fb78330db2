"""OpenVINO on the speed grid's forward cases, one operator with random weights. See serve.py."""

import onnx_case
import openvino
import serve

given = serve.arguments()
core = openvino.Core()


def work(case):
    model, states = onnx_case.model(case)
    how = {
        "INFERENCE_NUM_THREADS": given.threads,
        "NUM_STREAMS": "1",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": given.precision,
    }
    compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", how)
    request = compiled.create_infer_request()
    for name, value in onnx_case.feed(case, states).items():
        request.set_tensor(name, openvino.Tensor(value))
    return request.infer


def ways(case):
    """None of training, steps and 8 bits."""
    return [lambda: work(case)] if case["kind"] == "forward" and given.precision != "int8" else []


serve.serve(f"openvino {openvino.__version__.split('-')[0]}", given, ways)
