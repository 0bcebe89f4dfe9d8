"""GPT-2 as ONNX graphs for onnxruntime-web, the protobuf written by hand: no package is needed for that much of it.

lm_KIND.onnx     input_ids, position_ids [1, n], past_k0.. [1, head, past, d_head] -> logits [1, d_vocab] of the last
                 position, present_k0..
logits.onnx      input_ids, position_ids [1, n] -> logits [n, d_vocab] of every position
lens_KIND.onnx   input_ids, position_ids [1, n] -> ids, probs [row * n, 10], entropy [row * n, 1]: all rows of the residual
                 stream stacked, through ln_f and the unembedding at once, the fastest of the forms tried

KIND is f32 (com.microsoft's fused attention and GELU), or i8: weights int8 by column and DynamicQuantizeMatMul, which
is what transformers.js runs for its dtype q8.

Field numbers: onnx.proto of ONNX 1.14 (IR 8, opset 17).
"""

import struct

import numpy as np

MICROSOFT = "com.microsoft"
TYPES = {"float32": 1, "int8": 3, "int64": 7}  # TensorProto.DataType
ACTIVATIONS = {"gelu_new": "FastGelu", "gelu": "Gelu"}  # com.microsoft's: the tanh form, and the exact one
TOP = 10


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n % (1 << 64))


def piece(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def attribute(name, value):
    if isinstance(value, float):
        return piece(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1)
    if isinstance(value, int):
        return piece(1, name) + number(3, value) + number(20, 2)
    return piece(1, name) + b"".join(number(8, i) for i in value) + number(20, 7)


def value_info(name, dtype, shape):
    dims = b"".join(piece(1, piece(2, d) if isinstance(d, str) else number(1, d)) for d in shape)
    return piece(1, name) + piece(2, piece(1, number(1, TYPES[dtype]) + piece(2, dims)))


class Graph:
    """`stored` {name: (dtype, shape, offset)} lie in the file `data` beside the graph."""

    def __init__(self, data, stored):
        self.data, self.stored = data, stored
        self.nodes, self.tensors, self.inputs, self.outputs = [], {}, [], []

    def weight(self, name):
        dtype, shape, offset = self.stored[name]
        n_byte = int(np.prod(shape)) * np.dtype(dtype).itemsize
        tensor = b"".join(number(1, d) for d in shape) + number(2, TYPES[dtype]) + piece(8, name)
        for key, value in (("location", self.data), ("offset", str(offset)), ("length", str(n_byte))):
            tensor += piece(13, piece(1, key) + piece(2, value))
        self.tensors[name] = tensor + number(14, 1)
        return name

    def constant(self, name, values):
        values = np.array(values, np.int64)
        shape = b"".join(number(1, d) for d in values.shape)
        self.tensors[name] = shape + number(2, TYPES["int64"]) + piece(8, name) + piece(9, values.tobytes())
        return name

    def node(self, kind, inputs, outputs=None, domain="", **attributes):
        outputs = outputs or [f"t{len(self.nodes)}"]
        node = b"".join(piece(1, name) for name in inputs) + b"".join(piece(2, name) for name in outputs)
        node += piece(3, f"{kind}_{len(self.nodes)}") + piece(4, kind) + piece(7, domain)
        node += b"".join(piece(5, attribute(*item)) for item in attributes.items())
        self.nodes.append(node)
        return outputs[0]

    def add_input(self, *info):
        self.inputs.append(value_info(*info))

    def add_output(self, *info):
        self.outputs.append(value_info(*info))

    def write(self, path):
        graph = piece(2, "gpt2") + b"".join(piece(1, node) for node in self.nodes)
        graph += b"".join(piece(5, tensor) for tensor in self.tensors.values())
        graph += b"".join(piece(11, info) for info in self.inputs) + b"".join(piece(12, info) for info in self.outputs)
        opsets = piece(8, piece(1, "") + number(2, 17)) + piece(8, piece(1, MICROSOFT) + number(2, 1))
        path.write_bytes(number(1, 8) + piece(7, graph) + opsets)


class Gpt2:
    """The parts of one graph."""

    def __init__(self, graph, config, is_i8):
        self.graph, self.config, self.is_i8 = graph, config, is_i8

    def linear(self, x, name):
        g, matrix, bias = self.graph, name + ".weight", name + ".bias"
        if self.is_i8:
            inputs = [x, g.weight(matrix), g.weight(matrix + ".scale"), "", g.weight(bias)]
            return g.node("DynamicQuantizeMatMul", inputs, domain=MICROSOFT)
        return g.node("Add", [g.node("MatMul", [x, g.weight(matrix)]), g.weight(bias)])

    def unembed(self, x):
        g = self.graph
        if self.is_i8:
            inputs = [x, g.weight("W_U"), g.weight("W_U.scale"), "", ""]
            return g.node("DynamicQuantizeMatMul", inputs, domain=MICROSOFT)
        return g.node("Gemm", [x, g.weight("lm_head.weight" if "lm_head.weight" in g.stored else "wte.weight")], transB=1)

    def embed(self):
        g = self.graph
        embedded = g.node("Gather", [g.weight("wte.weight"), "input_ids"])
        if self.is_i8:
            scale = g.node("Gather", [g.weight("wte.weight.scale"), "input_ids"])
            embedded = g.node("Mul", [g.node("Cast", [embedded], to=TYPES["float32"]), scale])
        return g.node("Add", [embedded, g.node("Gather", [g.weight("wpe.weight"), "position_ids"])])

    def layer_norm(self, x, name):
        inputs = [x, self.graph.weight(name + ".weight"), self.graph.weight(name + ".bias")]
        return self.graph.node("LayerNormalization", inputs, axis=-1, epsilon=self.config["layer_norm_epsilon"])

    def residual_stream(self, past):
        """Before block 0 and after each; `past` with the keys and values of earlier positions."""
        g = self.graph
        for name in ("input_ids", "position_ids"):
            g.add_input(name, "int64", [1, "n"])
        x = self.embed()
        rows = [x]
        g.constant("qkv", [self.config["n_embd"]] * 3)
        for i in range(self.config["n_layer"]):
            h = f"h.{i}."
            qkv = [f"q{i}", f"k{i}", f"v{i}"]
            g.node("Split", [self.linear(self.layer_norm(x, h + "ln_1"), h + "attn.c_attn"), "qkv"], qkv, axis=-1)
            inputs = qkv + ["", "", "", f"past_k{i}", f"past_v{i}"] * past
            outputs = [f"z{i}"] + [f"present_k{i}", f"present_v{i}"] * past
            heads = {"num_heads": self.config["n_head"], "unidirectional": 1}
            if self.config.get("scale_attn_by_inverse_layer_idx"):
                heads["scale"] = (self.config["n_embd"] // self.config["n_head"]) ** -0.5 / (i + 1)
            z = g.node("MultiHeadAttention", inputs, outputs, MICROSOFT, **heads)
            x = g.node("Add", [x, self.linear(z, h + "attn.c_proj")])
            hidden = self.linear(self.layer_norm(x, h + "ln_2"), h + "mlp.c_fc")
            hidden = g.node(ACTIVATIONS[self.config["activation_function"]], [hidden], domain=MICROSOFT)
            x = g.node("Add", [x, self.linear(hidden, h + "mlp.c_proj")])
            rows.append(x)
        return rows


def write_lm(path, graph, config, is_i8):
    gpt2 = Gpt2(graph, config, is_i8)
    n_head, d_head = config["n_head"], config["n_embd"] // config["n_head"]
    last = graph.node("Gather", [gpt2.residual_stream(past=True)[-1], graph.constant("last", -1)], axis=1)
    graph.node("Identity", [gpt2.unembed(gpt2.layer_norm(last, "ln_f"))], ["logits"])
    graph.add_output("logits", "float32", [1, config["vocab_size"]])
    for name in (f"{kv}{i}" for i in range(config["n_layer"]) for kv in "kv"):
        graph.add_input("past_" + name, "float32", [1, n_head, "past", d_head])
        graph.add_output("present_" + name, "float32", [1, n_head, "present", d_head])
    graph.write(path)


def write_lens(path, graph, config, is_i8):
    gpt2, g = Gpt2(graph, config, is_i8), graph
    rows = gpt2.layer_norm(g.node("Concat", gpt2.residual_stream(past=False), axis=0), "ln_f")
    flat = g.node("Reshape", [rows, g.constant("flat", [-1, config["n_embd"]])])
    z = gpt2.unembed(flat)
    p = g.node("Softmax", [z], axis=-1)
    g.node("TopK", [p, g.constant("top", [TOP])], ["probs", "ids"], axis=-1)
    # H = log Z - sum p z, where log Z = max z - log(max p).
    axis, begin, end = g.constant("axis", [-1]), g.constant("begin", [0]), g.constant("end", [1])
    log_z = g.node(
        "Sub",
        [
            g.node("ReduceMax", [z], axes=[-1], keepdims=1),
            g.node("Log", [g.node("Slice", ["probs", begin, end, axis])]),
        ],
    )
    mean = g.node("ReduceSum", [g.node("Mul", [p, z]), axis], keepdims=1)
    g.node("Sub", [log_z, mean], ["entropy"])
    g.add_output("ids", "int64", ["m", TOP])
    g.add_output("probs", "float32", ["m", TOP])
    g.add_output("entropy", "float32", ["m", 1])
    g.write(path)


def write_logits(path, data, config, weights, offsets):
    stored = {name: ("float32", values.shape, offsets[name]) for name, values in weights.items()}
    graph = Graph(data, stored)
    gpt2 = Gpt2(graph, config, is_i8=False)
    rows = gpt2.layer_norm(gpt2.residual_stream(past=False)[-1], "ln_f")
    flat = graph.node("Reshape", [rows, graph.constant("flat", [-1, config["n_embd"]])])
    graph.node("Identity", [gpt2.unembed(flat)], ["logits"])
    graph.add_output("logits", "float32", ["n", config["vocab_size"]])
    graph.write(path)


def write_f32(out, config, weights, offsets):
    """The weights stay where they are, in gpt2/model.safetensors."""
    stored = {name: ("float32", values.shape, offsets[name]) for name, values in weights.items()}
    write_lm(out / "lm_f32.onnx", Graph("model.safetensors", stored), config, is_i8=False)
    write_lens(out / "lens_f32.onnx", Graph("model.safetensors", stored), config, is_i8=False)


def quantized(matrix):
    """[n_in, n_out] -> int8 and a scale for each column, symmetric."""
    scale = np.abs(matrix).max(axis=0) / 127
    return np.rint(matrix / scale).astype(np.int8), scale.astype(np.float32)


def write_i8(out, config, weights):
    stored = {}
    with open(out / "i8.bin", "wb") as file:

        def store(name, values):
            file.write(b"\0" * (-file.tell() % 64))
            stored[name] = (values.dtype.name, values.shape, file.tell())
            file.write(values.tobytes())

        for name, values in weights.items():
            if values.ndim == 1 or name == "wpe.weight":
                store(name, values)
                continue
            matrix, scale = quantized(values.T if name == "wte.weight" else values)
            if name == "wte.weight":  # a token's row is read too, with the scale of its column in W_U
                store("W_U", matrix)
                store("W_U.scale", scale)
                matrix, scale = matrix.T, scale[:, None]
            store(name, matrix)
            store(name + ".scale", scale)
    write_lm(out / "lm_i8.onnx", Graph("i8.bin", stored), config, is_i8=True)
    write_lens(out / "lens_i8.onnx", Graph("i8.bin", stored), config, is_i8=True)
