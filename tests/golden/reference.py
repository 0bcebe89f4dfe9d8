"""GPT-2 and the logit lens in float64, written from the papers to be read beside them.

Nothing here is shared with the C++ core: the tests hold one against the other. Names are TransformerLens', shapes
stand behind the lines, n is the number of positions, every array is float64.

Sources
  [GPT-2]   Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"; pre-norm blocks, tied head
  [ATT]     Vaswani et al. 2017, "Attention Is All You Need", 3.2.1 and 3.2.3: scaled dot products, causal mask
  [LN]      Ba, Kiros, Hinton 2016, "Layer Normalization": biased variance, epsilon inside the root (1e-5)
  [GELU]    Hendrycks, Gimpel 2016, "Gaussian Error Linear Units": x Phi(x), and its tanh approximation
  [LENS]    nostalgebraist 2020, "interpreting GPT: the logit lens"
  [BELROSE] Belrose et al. 2023, "Eliciting Latent Predictions from Transformers with the Tuned Lens": KL, surprisal
  [ST]      github.com/huggingface/safetensors, README "Format"
"""

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# --- the checkpoint -------------------------------------------------------------------------------------------------


def bf16_to_f32(halves):
    """bfloat16 is the upper half of a float32."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


STORED_AS = {
    "F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2"),
    "I64": np.dtype("<i8"), "I32": np.dtype("<i4"), "I16": np.dtype("<i2"), "I8": np.dtype("i1"),
    "U8": np.dtype("u1"), "BOOL": np.dtype("u1"),
}  # fmt: skip


def read_safetensors(path):
    """{name: array} of a safetensors file [ST]: u64 header length, a JSON header, one buffer. The buffer may start at
    any byte, odd ones too. Floats come as float64, integers as they are stored."""
    content = Path(path).read_bytes()
    (header_size,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + header_size])
    buffer = content[8 + header_size :]
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = np.frombuffer(buffer[begin:end], STORED_AS[entry["dtype"]])
        if entry["dtype"] == "BF16":
            values = bf16_to_f32(values)
        if values.dtype.kind == "f":
            values = values.astype(np.float64)
        tensors[name] = values.reshape(entry["shape"])
    return tensors


@dataclass
class Config:
    n_layer: int
    n_head: int
    n_ctx: int
    d_model: int
    d_mlp: int
    d_vocab: int
    activation: str
    epsilon: float
    scale_by_width: bool  # scores divided by sqrt(d_head)
    scale_by_depth: bool  # scores divided by layer + 1 as well (Megatron)

    @property
    def d_head(self):
        return self.d_model // self.n_head


@dataclass
class Model:
    config: Config
    W_E: np.ndarray  # [d_vocab, d_model]
    W_pos: np.ndarray  # [n_ctx, d_model]
    blocks: list  # of {name: array}, all matrices as x @ W wants them
    ln_f: tuple  # gamma [d_model], beta [d_model]
    W_U: np.ndarray  # [d_model, d_vocab]
    rounds: bool = False  # what the norms and the neurons feed the blocks' matrices, to 16 bits: as Q8_0 is read


def read_model(folder):
    """A Hugging Face folder: config.json and model.safetensors."""
    folder = Path(folder)
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tensors = read_safetensors(folder / "model.safetensors")

    # Some writers put "transformer." (or a wrapper's name) before every name but lm_head's. Mask buffers
    # (h.0.attn.bias [1, 1, P, P]) are simply never asked for.
    (prefix,) = (name[: -len("wte.weight")] for name in tensors if name.endswith("wte.weight"))

    def tensor(name):
        return tensors[prefix + name]

    d_model = tensor("wte.weight").shape[1]
    # Conv1D stores [in, out], Linear [out, in]. Only c_attn's shape can tell, so it decides for all four kinds.
    is_linear = tensor("h.0.attn.c_attn.weight").shape == (3 * d_model, d_model)

    def matrix(name):
        return tensor(name).T if is_linear else tensor(name)

    def block(layer):
        h = f"h.{layer}."
        W_Q, W_K, W_V = np.split(matrix(h + "attn.c_attn.weight"), 3, axis=1)  # each [d_model, d_model]
        b_Q, b_K, b_V = np.split(tensor(h + "attn.c_attn.bias"), 3)
        return {
            "ln_1": (tensor(h + "ln_1.weight"), tensor(h + "ln_1.bias")),
            "W_Q": W_Q, "W_K": W_K, "W_V": W_V, "b_Q": b_Q, "b_K": b_K, "b_V": b_V,
            "W_O": matrix(h + "attn.c_proj.weight"), "b_O": tensor(h + "attn.c_proj.bias"),
            "ln_2": (tensor(h + "ln_2.weight"), tensor(h + "ln_2.bias")),
            "W_in": matrix(h + "mlp.c_fc.weight"), "b_in": tensor(h + "mlp.c_fc.bias"),
            "W_out": matrix(h + "mlp.c_proj.weight"), "b_out": tensor(h + "mlp.c_proj.bias"),
        }  # fmt: skip

    config = Config(
        n_layer=raw["n_layer"],
        n_head=raw["n_head"],
        n_ctx=tensor("wpe.weight").shape[0],
        d_model=d_model,
        d_mlp=raw.get("n_inner") or 4 * d_model,
        d_vocab=tensor("wte.weight").shape[0],
        activation=raw.get("activation_function", "gelu_new"),
        epsilon=raw.get("layer_norm_epsilon", 1e-5),
        scale_by_width=raw.get("scale_attn_weights", True),
        scale_by_depth=raw.get("scale_attn_by_inverse_layer_idx", False),
    )
    return Model(
        config=config,
        W_E=tensor("wte.weight"),
        W_pos=tensor("wpe.weight"),
        blocks=[block(layer) for layer in range(config.n_layer)],
        ln_f=(tensor("ln_f.weight"), tensor("ln_f.bias")),
        W_U=tensors.get("lm_head.weight", tensor("wte.weight")).T,  # absent means tied
    )


# --- the forward pass -----------------------------------------------------------------------------------------------


def gelu_new(x):
    """[GELU] the tanh approximation, which GPT-2 was trained with."""
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def gelu_exact(x):
    """[GELU] x Phi(x), Phi the normal distribution function."""
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def silu(x):
    """x sigma(x)."""
    return x / (1 + np.exp(-x))


ACTIVATIONS = {
    "gelu_new": gelu_new,
    "gelu_pytorch_tanh": gelu_new,
    "gelu": gelu_exact,
    "relu": lambda x: np.maximum(x, 0),
    "silu": silu,
    "tanh": np.tanh,
}


def norm_scale(x, epsilon):
    """[LN] sigma = sqrt(var + epsilon) of each row: [n, d] -> [n]."""
    return np.sqrt(x.var(axis=-1) + epsilon)


def normalize(x, scale, gain_and_bias):
    """[LN] (x - mean) / sigma * gamma + beta, with the sigma it is given: [n, d], [n] -> [n, d]."""
    gamma, beta = gain_and_bias
    return (x - x.mean(axis=-1, keepdims=True)) / scale[:, None] * gamma + beta


def rounded(x):
    """[n, k] as Q8_0 meets it: for each 32 values a power of two, in whose units the largest is 2^14 to 2^15 and all are whole."""
    blocks = x.reshape(len(x), -1, 32)
    _, exponent = np.frexp(np.abs(blocks).max(axis=-1, keepdims=True))  # largest < 2^exponent
    unit = np.ldexp(1.0, exponent - 15)
    return (np.clip(np.rint(blocks / unit), -32767, 32767) * unit).reshape(x.shape)


def softmax(scores):
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def forward(model, ids):
    """{hook name: array} of every site of the forward pass, in the order in which it meets them, and "logits"."""
    c = model.config
    n = len(ids)
    act = {}

    def met(x):
        return rounded(x) if model.rounds else x

    act["hook_embed"] = model.W_E[ids]  # [n, d_model]
    act["hook_pos_embed"] = model.W_pos[:n]  # [n, d_model]
    x = act["hook_embed"] + act["hook_pos_embed"]

    for layer, w in enumerate(model.blocks):
        hook = f"blocks.{layer}."
        act[hook + "hook_resid_pre"] = x

        act[hook + "ln1.hook_scale"] = scale = norm_scale(x, c.epsilon)  # [n]
        act[hook + "ln1.hook_normalized"] = normed = met(normalize(x, scale, w["ln_1"]))  # [n, d_model]

        def heads(projected):  # [n, d_model] -> [n, n_head, d_head]: head h has columns h*d_head to (h+1)*d_head
            return projected.reshape(n, c.n_head, c.d_head)

        act[hook + "attn.hook_q"] = q = heads(normed @ w["W_Q"] + w["b_Q"])
        act[hook + "attn.hook_k"] = k = heads(normed @ w["W_K"] + w["b_K"])
        act[hook + "attn.hook_v"] = v = heads(normed @ w["W_V"] + w["b_V"])

        # [ATT] eq. 1: q.k / sqrt(d_head), with -inf where the key lies after the query.
        scores = np.einsum("qhd,khd->hqk", q, k)  # [n_head, n, n]
        scores = scores / math.sqrt(c.d_head) if c.scale_by_width else scores
        scores = scores / (layer + 1) if c.scale_by_depth else scores
        scores = np.where(np.tri(n, dtype=bool), scores, -np.inf)
        act[hook + "attn.hook_attn_scores"] = scores
        act[hook + "attn.hook_pattern"] = pattern = softmax(scores)  # [n_head, n, n]
        act[hook + "attn.hook_z"] = z = np.einsum("hqk,khd->qhd", pattern, v)  # [n, n_head, d_head]

        # Each head writes through its own d_head rows of W_O; the bias belongs to none of them.
        W_O = w["W_O"].reshape(c.n_head, c.d_head, c.d_model)
        act[hook + "attn.hook_result"] = result = np.einsum("qhd,hdm->qhm", z, W_O)  # [n, n_head, d_model]
        act[hook + "hook_attn_out"] = attn_out = result.sum(axis=1) + w["b_O"]  # [n, d_model]
        act[hook + "hook_resid_mid"] = x = x + attn_out

        act[hook + "ln2.hook_scale"] = scale = norm_scale(x, c.epsilon)  # [n]
        act[hook + "ln2.hook_normalized"] = normed = met(normalize(x, scale, w["ln_2"]))  # [n, d_model]
        act[hook + "mlp.hook_pre"] = pre = normed @ w["W_in"] + w["b_in"]  # [n, d_mlp]
        act[hook + "mlp.hook_post"] = post = met(ACTIVATIONS[c.activation](pre))  # [n, d_mlp]
        act[hook + "hook_mlp_out"] = mlp_out = post @ w["W_out"] + w["b_out"]  # [n, d_model]
        act[hook + "hook_resid_post"] = x = x + mlp_out

    act["ln_final.hook_scale"] = scale = norm_scale(x, c.epsilon)  # [n]
    act["ln_final.hook_normalized"] = normed = normalize(x, scale, model.ln_f)  # [n, d_model]
    act["logits"] = normed @ model.W_U  # [n, d_vocab]
    return act


# --- the lens -------------------------------------------------------------------------------------------------------

NORMS = ("recomputed", "frozen", "none")


def lens_rows(model, mid=False):
    """The rows of the grid in forward order: the stream before block 0, then after every block (and inside it)."""
    rows = ["blocks.0.hook_resid_pre"]
    for layer in range(model.config.n_layer):
        rows += [f"blocks.{layer}.hook_resid_mid"] * mid + [f"blocks.{layer}.hook_resid_post"]
    return rows


def translated(act, row, translators):
    """[BELROSE] h + W h + b of the row's residual stream, W [out, in], with the translator of the block that reads it
    next; a row inside a block goes with that block's, the output has none: [n, d_model]."""
    _, layer, site = row.split(".")
    block = int(layer) + (site == "hook_resid_post")
    if block not in translators:
        return act[row]
    W, b = translators[block]
    return np.stack([h + W @ h + b for h in act[row]])


def lens_logits(model, act, row, norm, translators):
    """[LENS] the row's residual stream read as if it were the last: [n, d_vocab]."""
    x = translated(act, row, translators)
    if norm == "recomputed":  # ln_f with the row's own mean and sigma
        return normalize(x, norm_scale(x, model.config.epsilon), model.ln_f) @ model.W_U
    if norm == "frozen":  # the row's own mean, the final row's sigma at the same position
        return normalize(x, act["ln_final.hook_scale"], model.ln_f) @ model.W_U
    assert norm == "none"  # x itself
    return x @ model.W_U


def mean_log_probs(model, windows, smoothing):
    """ln of the mean probability of every token in the stream that enters each block and in the output, over all positions
    of the windows but the first: [n_layer + 1, d_vocab]. `smoothing` of it is spread evenly."""
    sums, n = 0, 0
    for ids in windows:
        act = forward(model, ids)
        logits = np.stack([lens_logits(model, act, row, "recomputed", {}) for row in lens_rows(model)])[:, 1:]
        sums = sums + np.exp(logits - log_sum_exp(logits)[..., None]).sum(axis=1)
        n += len(ids) - 1
    return np.log((1 - smoothing) * sums / n + smoothing / model.W_U.shape[1])


def calibrated(logits, row, log_means):
    """softmax_t(ln p_l(t|x) + ln p_out(t) - ln p_l(t)), the latter two being means; a row inside a block goes with the
    stream that enters it: [n, d_vocab]."""
    _, layer, site = row.split(".")
    log_p = logits - log_sum_exp(logits)[:, None]
    return log_p + log_means[-1] - log_means[int(layer) + (site == "hook_resid_post")]


def log_sum_exp(logits):
    highest = logits.max(axis=-1, keepdims=True)
    return np.log(np.exp(logits - highest).sum(axis=-1)) + highest[..., 0]


def ranking(logits):
    """Ids from the highest logit to the lowest, ties to the lower id: [..., d_vocab]."""
    return np.argsort(-logits, axis=-1, kind="stable")


def lens(model, ids, norm="recomputed", mid=False, top=10, track=(), sets=None, act=None, translators={}, log_means=None):
    """The lens' numbers as arrays over [row, position]; logits raw, everything else in nats or as probability."""
    act = forward(model, ids) if act is None else act
    rows = lens_rows(model, mid)
    n = len(ids)

    logits = np.stack([lens_logits(model, act, row, norm, translators) for row in rows])  # [n_row, n, d_vocab]
    if log_means is not None:  # logits are told but for a constant of each cell
        logits = np.stack([calibrated(z, row, log_means) for z, row in zip(logits, rows)])
    log_z = log_sum_exp(logits)  # [n_row, n]
    log_p = logits - log_z[..., None]
    p = np.exp(log_p)

    # The model's true output, whatever norm the rows are read with.
    log_p_out = act["logits"] - log_sum_exp(act["logits"])[:, None]  # [n, d_vocab]
    p_out = np.exp(log_p_out)

    order = ranking(logits)
    rank = np.argsort(order, axis=-1) + 1  # [n_row, n, d_vocab], from 1
    answer = ranking(act["logits"])[:, 0]  # [n]

    def at_token(table, token):  # the table's value for one token a position: [n_row, n, d_vocab], [n] -> [n_row, n]
        index = np.broadcast_to(token, table.shape[:-1])[..., None]
        return np.take_along_axis(table, index, axis=-1)[..., 0]

    # How much a step changed the reading: KL(row || row below); nothing stands below the bottom row.
    change = np.full((len(rows), n), np.nan)
    change[1:] = (p[1:] * (log_p[1:] - log_p[:-1])).sum(axis=-1)

    surprisal = np.full((len(rows), n), np.nan)  # nothing comes after the last position
    surprisal[:, :-1] = -at_token(log_p[:, :-1], ids[1:])

    top_id = order[..., :top]
    return {
        "rows": rows,
        "logits": logits,
        "logits_out": act["logits"],  # [n, d_vocab] the true output
        "top_id": top_id,
        "top_logit": np.take_along_axis(logits, top_id, axis=-1),
        "top_prob": np.take_along_axis(p, top_id, axis=-1),
        "log_z": log_z,  # ln sum_v exp(logit_v)
        "mean_logit": logits.mean(axis=-1),
        "entropy": -(p * log_p).sum(axis=-1),
        "kl": (p_out * (log_p_out - log_p)).sum(axis=-1),  # [BELROSE] KL(out || row)
        "surprisal": surprisal,  # -ln p_row(the token that really came next)
        "change": change,
        "answer": answer,  # [n]
        "answer_logit": at_token(logits, answer),
        "answer_prob": at_token(p, answer),
        "answer_rank": at_token(rank, answer),
        "input_prob": at_token(p, ids),
        "input_rank": at_token(rank, ids),
        "track_logit": logits[..., list(track)],  # [n_row, n, n_track]
        "track_prob": p[..., list(track)],
        "track_rank": rank[..., list(track)],
        "set_prob": {name: p[..., list(members)].sum(axis=-1) for name, members in (sets or {}).items()},
    }
