"""One safetensors file for each ONNX case of make_onnx.py: what the graph holds beside what ONNX Runtime answered.

    python3 -m venv venv && venv/bin/pip install onnx safetensors
    venv/bin/python make_tensors.py FOLDER   # the folder onnx/ that make_onnx.py wrote; writes into this folder

Tensors: the graph's initializers and inputs under the names of the operator's inputs (X [T,N,I], W, R, B,
sequence_lens as int64, initial_h, initial_c, P) and its outputs (Y [T,D,N,H], Y_h, Y_c). Metadata `case` is a JSON
object: op, every attribute of the node, opset.
"""
import json, os, sys
import numpy as np, onnx
from onnx import helper, numpy_helper
from safetensors.numpy import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))
source = sys.argv[1]
for file in sorted(f for f in os.listdir(source) if f.endswith(".onnx")):
    name = file[: -len(".onnx")]
    model = onnx.load(os.path.join(source, file))
    (node,) = model.graph.node
    tensors = load_file(os.path.join(source, f"{name}.expected.safetensors"))
    tensors.update({i.name: numpy_helper.to_array(i) for i in model.graph.initializer})
    if "sequence_lens" in tensors:
        tensors["sequence_lens"] = tensors["sequence_lens"].astype(np.int64)
    assert set(filter(None, [*node.input, *node.output])) == set(tensors), name
    plain = lambda v: v.decode() if isinstance(v, bytes) else [plain(e) for e in v] if isinstance(v, list) else v
    case = {"op": node.op_type, "opset": model.opset_import[0].version}
    case.update({a.name: plain(helper.get_attribute_value(a)) for a in node.attribute})
    tensors = {k: np.ascontiguousarray(v) for k, v in tensors.items()}
    save_file(tensors, os.path.join(HERE, f"{name}.safetensors"), {"case": json.dumps(case)})
