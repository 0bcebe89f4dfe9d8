"""Reads a GPT-2's GGUF (F32, F16 or Q8_0) as train.py holds it: Hugging Face names, [in, out], float32."""
import struct

import numpy as np

F32, F16, Q8_0 = 0, 1, 8
SCALARS = "BbHhIif?"  # GGUF's value types 0 to 7; 8 is text, 9 a list, 10 to 12 are Q, q and d
NAMES = {"token_embd": "wte", "position_embd": "wpe", "output_norm": "ln_f", "attn_norm": "ln_1", "attn_qkv": "attn.c_attn",
         "attn_output": "attn.c_proj", "ffn_norm": "ln_2", "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}


def read(path):
    """(metadata, {GGUF's name: array, its last axis the file's first})"""
    with open(path, "rb") as f:
        data = f.read()
    at = 0

    def take(kind):
        nonlocal at
        (value,) = struct.unpack_from("<" + kind, data, at)
        at += struct.calcsize("<" + kind)
        return value

    def text():
        nonlocal at
        n = take("Q")
        at += n
        return data[at - n:at].decode("utf-8")

    def value(kind):
        if kind == 8:
            return text()
        if kind == 9:
            inner, n = take("I"), take("Q")
            return [value(inner) for _ in range(n)]
        return take(SCALARS[kind] if kind < 8 else "Qqd"[kind - 10])

    if data[:4] != b"GGUF":
        raise SystemExit(f"{path} is not a GGUF file")
    at = 8  # after the version
    n_tensor, n_key = take("Q"), take("Q")
    metadata = {}
    for _ in range(n_key):
        key = text()
        metadata[key] = value(take("I"))
    infos = []
    for _ in range(n_tensor):
        name = text()
        shape = [take("Q") for _ in range(take("I"))]
        infos.append((name, shape[::-1], take("I"), take("Q")))
    alignment = metadata.get("general.alignment", 32)
    begin = at + -at % alignment
    tensors = {}
    for name, shape, kind, offset in infos:
        n = int(np.prod(shape))
        if kind == Q8_0:  # blocks of 32: an F16 scale, then 32 signed bytes
            blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("q", "i1", 32)]), n // 32, begin + offset)
            flat = (blocks["scale"].astype(np.float32)[:, None] * blocks["q"]).reshape(-1)
        elif kind in (F32, F16):
            flat = np.frombuffer(data, "<f4" if kind == F32 else "<f2", n, begin + offset).astype(np.float32)
        else:
            raise SystemExit(f"{path}: {name} is of type {kind}; F32, F16 and Q8_0 can be read")
        tensors[name] = flat.reshape(shape)
    return metadata, tensors


def read_gpt2(path):
    """{Hugging Face name: float32 array}; the matrices of the blocks are [in, out], as GPT-2's are there."""
    out = {}
    for name, array in read(path)[1].items():
        *front, stem, suffix = name.split(".")
        if stem not in NAMES:
            continue  # output.weight: the head is tied
        block = f"h.{front[1]}." if front else ""  # front: blk and its number
        out[block + NAMES[stem] + "." + suffix] = array.T.copy() if block and array.ndim == 2 else array
    return out


def read_merges(path):
    return [merge.split(" ") for merge in read(path)[0]["tokenizer.ggml.merges"]]
