"""A forward or step case as an ONNX model of one operator with random weights, and what it is fed."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
random = np.random.default_rng(0)


def model(case):
    """The model, whose outputs are `Y` and the states after it, and the names of the states that it is given."""
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
    graph = helper.make_graph([node], "case", takes, gives, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8), states


def feed(case, states):
    """Random rows, and states of zeros."""
    steps, batch = case.get("steps", 1), case.get("batch", 1)
    rows = {"X": random.standard_normal((steps, batch, case["input"])).astype("f")}
    return rows | {state: np.zeros((1, batch, case["hidden"]), "f") for state in states}
