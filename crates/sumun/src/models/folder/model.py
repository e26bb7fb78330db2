

MODEL = network("model.onnx")


def run(**arrays):
    """The outputs of the network by name."""
    return outputs(MODEL, arrays)
