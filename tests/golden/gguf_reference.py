"""Reads GGUF, written from its description to be read beside the core's own reader and writer.

[GGUF]  github.com/ggml-org/ggml, docs/gguf.md; the types' numbers are ggml.h's enum ggml_type
[Q8_0]  ggml-quants.c: blocks of 32 values along the fastest dimension, an F16 scale d and 32 int8, value = d * q
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import bpe_reference
import reference

SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY = 8, 9
Q8_BLOCK = np.dtype([("d", "<f2"), ("q", "i1", 32)])
TYPES = {0: ("F32", "<f4", 1), 1: ("F16", "<f2", 1), 8: ("Q8_0", Q8_BLOCK, 32)}  # name, stored as, values a block


@dataclass
class Tensor:
    type: str
    stored: np.ndarray  # as it lies in the file; of Q8_0 the blocks, [.., n / 32]
    values: np.ndarray  # float64, slowest dimension first


@dataclass
class Gguf:
    version: int
    types: dict  # {key: type number, or (ARRAY, item's)}
    keys: dict  # {key: value}
    tensors: dict  # {name: Tensor}, in the file's order


class Cursor:
    def __init__(self, content):
        self.content, self.at = content, 0

    def take(self, format):
        (value,) = struct.unpack_from(format, self.content, self.at)
        self.at += struct.calcsize(format)
        return value

    def string(self):
        n = self.take("<Q")
        self.at += n
        return self.content[self.at - n : self.at].decode()

    def value(self, type):
        """(type, value)"""
        if type == STRING:
            return type, self.string()
        if type != ARRAY:
            return type, self.take(SCALARS[type])
        item, n = self.take("<I"), self.take("<Q")
        return (ARRAY, item), [self.value(item)[1] for _ in range(n)]


def read_gguf(path):
    content = Path(path).read_bytes()
    cursor = Cursor(content)
    assert content[:4] == b"GGUF"
    cursor.at = 4
    version, n_tensor, n_key = cursor.take("<I"), cursor.take("<Q"), cursor.take("<Q")
    types, keys, infos, tensors = {}, {}, [], {}
    for _ in range(n_key):
        key = cursor.string()
        assert key not in keys
        types[key], keys[key] = cursor.value(cursor.take("<I"))
    for _ in range(n_tensor):
        name, n_dim = cursor.string(), cursor.take("<I")
        shape = [cursor.take("<Q") for _ in range(n_dim)][::-1]
        infos.append((name, shape, cursor.take("<I"), cursor.take("<Q")))

    alignment = keys.get("general.alignment", 32)
    begin = -(-cursor.at // alignment) * alignment
    end = 0
    for name, shape, type, offset in infos:
        assert offset == end, f"{name} does not follow the tensor before it"
        kind, dtype, n_value = TYPES[type]
        assert shape[-1] % n_value == 0
        stored_shape = [*shape[:-1], shape[-1] // n_value]
        count = int(np.prod(stored_shape))
        stored = np.frombuffer(content, dtype, count, begin + offset).reshape(stored_shape)
        values = stored.astype(np.float64) if n_value == 1 else dequantized(stored).reshape(shape)
        assert name not in tensors
        tensors[name] = Tensor(kind, stored, values)
        end = -(-(offset + stored.nbytes) // alignment) * alignment
    assert begin + end == len(content), "the last tensor's padding ends the file"
    return Gguf(version, types, keys, tensors)


def dequantized(blocks):
    """[Q8_0] the float32 product of scale and value."""
    return (blocks["d"].astype(np.float32)[..., None] * blocks["q"].astype(np.float32)).astype(np.float64)


def quantized(values):
    """[Q8_0] as ggml quantises: d = max|x| / 127, q = round(x / d) by the reciprocal in float32, halves away from 0."""
    x = np.asarray(values, np.float32).reshape(*values.shape[:-1], -1, 32)
    d = np.abs(x).max(axis=-1) / np.float32(127)
    inverse = np.divide(np.float32(1), d, out=np.zeros_like(d), where=d != 0)
    scaled = x * inverse[..., None]
    blocks = np.zeros(d.shape, Q8_BLOCK)
    blocks["d"] = d.astype("<f2")
    blocks["q"] = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))
    return blocks


def read_tokenizer(path):
    """The byte-level BPE inside: token types 1 (normal) and 3 (control)."""
    keys = read_gguf(path).keys
    assert keys["tokenizer.ggml.model"] == "gpt2" and set(keys["tokenizer.ggml.token_type"]) <= {1, 3}
    vocab = {token: id for id, token in enumerate(keys["tokenizer.ggml.tokens"])}
    return bpe_reference.Bpe(vocab, [tuple(merge.split(" ")) for merge in keys["tokenizer.ggml.merges"]])


def read_model(path):
    """A GPT-2 in a GGUF as reference.Model: all matrices there are [out, in]."""
    gguf = read_gguf(path)
    key = {name.removeprefix("gpt2."): value for name, value in gguf.keys.items() if name.startswith("gpt2.")}
    tensor = {name: t.values for name, t in gguf.tensors.items()}
    d_model = key["embedding_length"]

    def block(layer):
        b = f"blk.{layer}."
        W_Q, W_K, W_V = np.split(tensor[b + "attn_qkv.weight"].T, 3, axis=1)
        b_Q, b_K, b_V = np.split(tensor[b + "attn_qkv.bias"], 3)
        return {
            "ln_1": (tensor[b + "attn_norm.weight"], tensor[b + "attn_norm.bias"]),
            "W_Q": W_Q, "W_K": W_K, "W_V": W_V, "b_Q": b_Q, "b_K": b_K, "b_V": b_V,
            "W_O": tensor[b + "attn_output.weight"].T, "b_O": tensor[b + "attn_output.bias"],
            "ln_2": (tensor[b + "ffn_norm.weight"], tensor[b + "ffn_norm.bias"]),
            "W_in": tensor[b + "ffn_up.weight"].T, "b_in": tensor[b + "ffn_up.bias"],
            "W_out": tensor[b + "ffn_down.weight"].T, "b_out": tensor[b + "ffn_down.bias"],
        }  # fmt: skip

    W_E = tensor["token_embd.weight"]
    config = reference.Config(
        n_layer=key["block_count"],
        n_head=key["attention.head_count"],
        n_ctx=key["context_length"],
        d_model=d_model,
        d_mlp=key["feed_forward_length"],
        d_vocab=len(W_E),
        activation="gelu_new",
        epsilon=key["attention.layer_norm_epsilon"],
        scale_by_width=True,
        scale_by_depth=False,
    )
    return reference.Model(
        config=config,
        W_E=W_E,
        W_pos=tensor["position_embd.weight"],
        blocks=[block(layer) for layer in range(config.n_layer)],
        ln_f=(tensor["output_norm.weight"], tensor["output_norm.bias"]),
        W_U=tensor.get("output.weight", W_E).T,
        rounds=gguf.tensors["blk.0.ffn_up.weight"].type == "Q8_0",
    )
