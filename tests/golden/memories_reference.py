"""The MLP as key-value memories, in float64 and by full matrices, to be read beside reference.py.

Sources
  [GEVA21] Geva et al. 2021, "Transformer Feed-Forward Layers Are Key-Value Memories"
  [GEVA22] Geva et al. 2022, "Transformer Feed-Forward Layers Build Predictions by Promoting Concepts in the Vocabulary Space"
  [DAR]    Dar et al. 2022, "Analyzing Transformers in Embedding Space"
"""

import numpy as np

import reference


def centred(logits):
    return logits - logits.mean(axis=-1, keepdims=True)


def written_logits(model, rows, gamma):
    """[GEVA22] What vectors in the stream add to each token's centred logit: [n, d_model] -> [n, d_vocab]. With ln_f's
    mean and gamma but not its sigma, or as published without any of them."""
    if gamma:
        rows = (rows - rows.mean(axis=-1, keepdims=True)) * model.ln_f[0]
    return centred(rows @ model.W_U)


def read_logits(model, layer_norm, rows, gamma):
    """[DAR] How each token's embedding meets reading vectors: [n, d_model] -> [n, d_vocab]."""
    E = model.W_E
    if gamma:
        E = (E - E.mean(axis=-1, keepdims=True)) * layer_norm[0]
    return centred(rows @ E.T)


def memories(model, ids, layer, position, gamma, token=None):
    """Everything about one block's memories at one position, over all neurons."""
    act = reference.forward(model, np.array(ids))
    hook = f"blocks.{layer}."
    pre, m = act[hook + "mlp.hook_pre"][position], act[hook + "mlp.hook_post"][position]
    values = model.blocks[layer]["W_out"]
    sigma = reference.norm_scale(act[hook + "hook_resid_post"], model.config.epsilon)[position] if gamma else 1.0
    logits = written_logits(model, m[:, None] * values / sigma, gamma)  # [d_mlp, d_vocab]
    token = int(reference.ranking(act["logits"])[position, 0]) if token is None else token
    y = m @ values
    layer_top = int(written_logits(model, y[None], gamma)[0].argmax())
    return {
        "pre": pre,
        "activation": m,
        "written": m[:, None] * values,
        "y": y,  # act[hook + "hook_mlp_out"] without b_out
        "weight": np.abs(m) * np.linalg.norm(values, axis=-1),
        "logits": logits,
        "effect_token": token,
        "effect": logits[:, token],
        "active_share": float((pre > 0).mean()),
        "layer_top": layer_top,
        "says_layer_top": [i for i in range(len(m)) if m[i] != 0 and logits[i].argmax() == layer_top],  # [GEVA21] 5.1
        # For a check against the lens: what the row says of the token, and the parts that are not memories.
        "cell_logit": centred(reference.lens_logits(model, act, hook + "hook_resid_post", "recomputed", {}))[position, token],
        "rest": written_logits(
            model, np.stack([act[hook + "hook_resid_mid"][position], model.blocks[layer]["b_out"]]) / sigma, gamma
        )[:, token],
        "norm_bias": centred(model.ln_f[1] @ model.W_U)[token],
    }


def explained(found, neurons):
    """[GEVA22] 1 - |y - sum m_i v_i|^2 / |y|^2 for the first of `neurons`, the first two, ..."""
    left = found["y"] - np.cumsum(found["written"][neurons], axis=0)
    return 1 - (left**2).sum(axis=-1) / (found["y"] ** 2).sum()
