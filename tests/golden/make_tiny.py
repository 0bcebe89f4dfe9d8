#!/usr/bin/python3
"""Writes a small random GPT-2 and every number the core must find in it.

    /usr/bin/python3 tests/golden/make_tiny.py [folder]      writes the same bytes each time, here by default

tiny/ is a Hugging Face folder like any other. Its sizes are odd on purpose: no width is a multiple of 8, d_mlp is not
4 d_model, the longest prompt fills the context.

tiny_expected.safetensors holds float64 results of reference.py rounded to F32, ids and ranks as I32, for each prompt P:
    P/ids [n]                          P/<hook name> as in core/model/hook_point.h
    P/<norm>/<column> [row, position]  of the lens, mid-block rows included:
        log_z mean_logit entropy kl surprisal(NaN at the last position) change(NaN in the bottom row; change_without_mid)
        answer_logit answer_prob answer_rank input_prob input_rank,
        top_id top_logit top_prob [row, position, top], track_logit track_prob track_rank [row, position, track],
        set_prob [row, position]
    P/answer [n]; track [n_track] and set [n_member]: the ids tracked one by one, and together as one set

tiny_tuned.safetensors is a tuned lens for it, tiny_jacobian.safetensors a Jacobian lens: random too. tiny_lens_expected.safetensors
holds, for each LENS of the two, LENS/<norm>/<column> as above for the prompt "text", and beside_kl [row, position], KL(LENS || raw).
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np

import bpe_reference
import reference

FOLDER = Path(__file__).resolve().parent

CONFIG = {
    "model_type": "gpt2",
    "architectures": ["GPT2LMHeadModel"],
    "n_layer": 3,
    "n_head": 2,
    "n_embd": 20,
    "n_inner": 36,
    "n_positions": 24,
    "n_ctx": 24,
    "vocab_size": 300,
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-05,
    "tie_word_embeddings": True,
    "scale_attn_weights": True,
    "bos_token_id": 299,
    "eos_token_id": 299,
}
N_MERGE = CONFIG["vocab_size"] - 256 - 1

MERGES_FROM = """the cat sat on the mat and then the rat ran to the cat; that cat is on the mat, the rat is in the hat.
this is the house that the cat and the rat and the mat are in. in the morning the sun is on the house."""

# BOS is put first where the lens does so by default: for a prompt that is text.
PROMPTS = {
    "text": "the cat's — 7!",  # several pieces, bytes outside ASCII, a contraction
    # All of n_ctx.
    "full": bpe_reference.END_OF_TEXT + " The rat sat on that mat, and the cat ran in the house. the sun is on",
}
TRACK_TEXT = [" cat", " the", "s", bpe_reference.END_OF_TEXT]
SET_TEXT = ["a", "e", "i", "o", "u"]
TOP = 6

# --- the tokenizer --------------------------------------------------------------------------------------------------


def make_tokenizer():
    merges = bpe_reference.learn_merges(MERGES_FROM, N_MERGE)
    alphabet = bpe_reference.byte_alphabet()
    tokens = [alphabet[byte] for byte in bpe_reference.byte_order()]
    tokens += [left + right for left, right in merges] + [bpe_reference.END_OF_TEXT]
    return bpe_reference.Bpe({token: id for id, token in enumerate(tokens)}, merges)


def write_tokenizer(folder, bpe):
    (folder / "vocab.json").write_text(json.dumps(bpe.id_of), encoding="utf-8")
    lines = ["#version: 0.2"] + [f"{left} {right}" for left, right in bpe.rank]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


# --- the weights ----------------------------------------------------------------------------------------------------


def make_weights(seed=217):
    """{checkpoint name: [..] float64}, every value a multiple of 1/1024 below 2 in size, so that F32 holds it exactly.

    Uniform draws, whose bits numpy promises to keep. The widths are chosen so that attention is neither flat nor
    one-hot, every block changes the answer somewhere, and the mean logit is far from 0 (as GPT-2's is), so that
    confusing raw and centred logits cannot pass."""
    draw = np.random.RandomState(seed)
    d, d_mlp, n_ctx, d_vocab = (CONFIG[key] for key in ("n_embd", "n_inner", "n_positions", "vocab_size"))

    def uniform(shape, width, centre=0.0):
        return np.round((centre + width * (2 * draw.random_sample(shape) - 1)) * 1024) / 1024

    weights = {}

    def layer_norm(name):
        weights[name + ".weight"] = uniform([d], 0.5, centre=1.0)
        weights[name + ".bias"] = uniform([d], 0.3)

    def linear(name, n_in, n_out, gain):
        weights[name + ".weight"] = uniform([n_in, n_out], gain * (3 / n_in) ** 0.5)  # keeps variance at gain^2
        weights[name + ".bias"] = uniform([n_out], 0.3)

    weights["wte.weight"] = uniform([d_vocab, d], 0.9)
    weights["wpe.weight"] = uniform([n_ctx, d], 0.3)
    for layer in range(CONFIG["n_layer"]):
        h = f"h.{layer}."
        layer_norm(h + "ln_1")
        linear(h + "attn.c_attn", d, 3 * d, gain=1.2)
        linear(h + "attn.c_proj", d, d, gain=0.8)
        layer_norm(h + "ln_2")
        linear(h + "mlp.c_fc", d, d_mlp, gain=1.0)
        linear(h + "mlp.c_proj", d_mlp, d, gain=1.0)
    layer_norm("ln_f")

    # The last direction moves all logits down together: embeddings lean on it, ln_f pushes against it.
    weights["wte.weight"][:, -1] += 1.0
    weights["ln_f.bias"][-1] -= 16.0
    return weights


# --- files ----------------------------------------------------------------------------------------------------------


def f32_to_bf16(values):
    """To nearest, ties to even: the upper half of a float32."""
    bits = values.astype("<f4").view("<u4").astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def stored(values, dtype):
    with np.errstate(over="ignore"):  # a test may want infinity
        return f32_to_bf16(values) if dtype == "BF16" else np.asarray(values).astype(reference.STORED_AS[dtype])


def write_safetensors(path, tensors, dtype="F32", odd_offset=False):
    """`tensors` {name: array}: floats are stored as `dtype`, integers as I32."""
    header, buffer = {"__metadata__": {"format": "pt"}}, b""
    for name, values in tensors.items():
        values = np.asarray(values)
        kind = "I32" if values.dtype.kind == "i" else dtype
        content = stored(values, kind).tobytes()
        offsets = [len(buffer), len(buffer) + len(content)]
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": offsets}
        buffer += content
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8 + odd_offset)
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + buffer)


LINEAR_KINDS = (".attn.c_attn.weight", ".attn.c_proj.weight", ".mlp.c_fc.weight", ".mlp.c_proj.weight")


def write_model(
    folder,
    *,
    orientation="conv1d",  # or "linear": the four kinds of LINEAR_KINDS are stored [out, in]
    dtype="F32",
    prefix="",
    untied=False,
    mask_buffers=False,
    odd_offset=False,
    tokenizer=True,
    config=None,  # keys that differ from CONFIG
    change=None,  # a function that spoils the tensors before they are written
):
    """The tiny model as one of the kinds of folder that are met in the wild."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = make_weights()
    if orientation == "linear":
        weights = {name: w.T if name.endswith(LINEAR_KINDS) else w for name, w in weights.items()}
    if mask_buffers:
        n = CONFIG["n_positions"]
        for layer in range(CONFIG["n_layer"]):
            weights[f"h.{layer}.attn.bias"] = np.tri(n).reshape(1, 1, n, n)
            weights[f"h.{layer}.attn.masked_bias"] = np.array(-1e4)
    weights = {prefix + name: w for name, w in weights.items()}
    if untied:
        weights["lm_head.weight"] = weights[prefix + "wte.weight"][::-1] * 0.75
    if change:
        change(weights)
    settings = CONFIG | {"tie_word_embeddings": not untied} | (config or {})
    (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    write_safetensors(folder / "model.safetensors", weights, dtype, odd_offset)
    if tokenizer:
        write_tokenizer(folder, make_tokenizer())


# --- what the core must find ----------------------------------------------------------------------------------------

LENS_COLUMNS = (
    "log_z", "mean_logit", "entropy", "kl", "surprisal", "change",
    "answer_logit", "answer_prob", "answer_rank", "input_prob", "input_rank",
    "top_id", "top_logit", "top_prob", "track_logit", "track_prob", "track_rank",
)  # fmt: skip


def make_lenses(seed=221):
    """{lens: ({tensor name: array}, {block: (W, b) of h + W h + b})}, values as in make_weights."""
    draw = np.random.RandomState(seed)
    d = CONFIG["n_embd"]

    def uniform(shape, width):
        return np.round(width * (2 * draw.random_sample(shape) - 1) * 1024) / 1024

    files = {"tuned": {}, "jacobian": {}}
    translators = {"tuned": {}, "jacobian": {}}
    for block in range(CONFIG["n_layer"]):
        W, b = uniform([d, d], 0.25), uniform([d], 0.5)
        files["tuned"] |= {f"{block}.weight": W, f"{block}.bias": b}
        translators["tuned"][block] = (W, b)
        J = np.eye(d) + uniform([d, d], 0.25)
        files["jacobian"][f"{block}.jacobian"] = J
        translators["jacobian"][block] = (J - np.eye(d), np.zeros(d))
    return {name: (files[name], translators[name]) for name in files}


LENS_FILE_COLUMNS = ("log_z", "entropy", "kl", "surprisal", "answer_prob", "answer_rank", "top_id", "top_prob")


def make_lens_expected(folder):
    model = reference.read_model(folder)
    ids = np.array(make_tokenizer().encode(PROMPTS["text"]))
    act = reference.forward(model, ids)
    expected = {}
    for name, (_, translators) in make_lenses().items():
        for norm in reference.NORMS:
            raw = reference.lens(model, ids, norm, mid=True, act=act)
            found = reference.lens(model, ids, norm, mid=True, top=TOP, act=act, translators=translators)
            log_p, log_raw = (f["logits"] - f["log_z"][..., None] for f in (found, raw))
            found["beside_kl"] = (np.exp(log_p) * (log_p - log_raw)).sum(axis=-1)
            for column in (*LENS_FILE_COLUMNS, "beside_kl"):
                expected[f"{name}/{norm}/{column}"] = found[column]
            require_clear_order(found, ids)
    return checked(expected)


def make_expected(folder):
    model, bpe = reference.read_model(folder), make_tokenizer()
    track = [bpe.encode(text)[0] for text in TRACK_TEXT]
    members = [bpe.encode(text)[0] for text in SET_TEXT]
    expected = {"track": np.array(track), "set": np.array(members)}
    for prompt, text in PROMPTS.items():
        ids = np.array(bpe.encode(text))
        act = reference.forward(model, ids)
        expected[f"{prompt}/ids"] = ids
        for hook, values in act.items():
            if hook != "logits":  # the lens' final row holds them
                expected[f"{prompt}/{hook}"] = values
        for norm in reference.NORMS:
            found = reference.lens(
                model, ids, norm, mid=True, top=TOP, track=track, sets={"set": members}, act=act
            )
            expected[f"{prompt}/answer"] = found["answer"]
            expected[f"{prompt}/{norm}/change_without_mid"] = reference.lens(model, ids, norm, act=act)["change"]
            for column in LENS_COLUMNS:
                expected[f"{prompt}/{norm}/{column}"] = found[column]
            expected[f"{prompt}/{norm}/set_prob"] = found["set_prob"]["set"]
            require_clear_order(found, ids)
    return checked(expected)


def checked(expected):
    for name, values in expected.items():
        if values.dtype.kind == "f":
            expected[name] = without_dust(values)
            require_steady_rounding(name, expected[name])
    return expected


def require_clear_order(found, ids):
    """No rank that is compared may hang on float32 rounding: neighbours must differ by more than it can do."""
    gap = 2e-6 * np.abs(found["logits"]).max(axis=-1, keepdims=True)
    top = np.sort(found["logits"], axis=-1)[..., ::-1][..., : TOP + 1]
    assert (top[..., :-1] - top[..., 1:] > gap).all(), "two of the top tokens are too close: take another seed"
    asked = [*np.moveaxis(found["track_logit"], -1, 0), found["answer_logit"]]
    asked.append(found["logits"][:, np.arange(len(ids)), ids])
    for logit in asked:
        near = np.abs(found["logits"] - logit[..., None]) <= gap
        assert (near.sum(axis=-1) == 1).all(), "a tracked token has too close a neighbour: take another seed"


def require_steady_rounding(name, values):
    """Another machine's exp and sums differ in the last bits of float64; that must not reach the file."""
    size = np.abs(values)
    # A softmax' small values are as exact as its large ones; a sum's are not.
    slack = 1e-13 * size if name.endswith(("prob", "pattern")) else 1e-14 * size[np.isfinite(size)].max()
    same = (values - slack).astype("<f4") == (values + slack).astype("<f4")
    assert (same | (values == 0) | np.isnan(values)).all(), f"{name} rounds unsteadily: take another seed"


def without_dust(values):
    """What is zero but for float64 rounding, as KL(out || out) is, made zero."""
    return np.where(np.abs(values) < 1e-12 * np.abs(values[np.isfinite(values)]).max(), 0.0, values)


def main(folder=FOLDER):
    folder = Path(folder)
    write_model(folder / "tiny")
    write_safetensors(folder / "tiny_expected.safetensors", make_expected(folder / "tiny"))
    for name, (tensors, _) in make_lenses().items():
        write_safetensors(folder / f"tiny_{name}.safetensors", tensors)
    write_safetensors(folder / "tiny_lens_expected.safetensors", make_lens_expected(folder / "tiny"))


if __name__ == "__main__":
    main(*sys.argv[1:])
