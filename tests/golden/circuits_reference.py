"""Attention heads as circuits over the whole vocabulary, in float64, every matrix formed.

Sources
  [ELHAGE] Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits": QK and OV, eigenvalues, composition
  [DAR]    Dar et al. 2022, "Analyzing Transformers in Embedding Space"
  [WANG]   Wang et al. 2022, "Interpretability in the Wild": the copying score of name movers
"""

import math

import numpy as np

import memories_reference
import reference


def head_weights(model, layer, head, gamma):
    """W_Q, W_K, W_V [d_model, d_head] and W_O [d_head, d_model] of one head, before them ln_1's mean and gamma."""
    c, w = model.config, model.blocks[layer]
    columns = slice(head * c.d_head, (head + 1) * c.d_head)
    W_Q, W_K, W_V = (w[name][:, columns] for name in ("W_Q", "W_K", "W_V"))
    W_O = w["W_O"][columns]
    if gamma:
        before = (np.eye(c.d_model) - 1 / c.d_model) @ np.diag(w["ln_1"][0])
        W_Q, W_K, W_V = before @ W_Q, before @ W_K, before @ W_V
    return W_Q, W_K, W_V, W_O


def score_scale(model, layer):
    scale = 1 / math.sqrt(model.config.d_head) if model.config.scale_by_width else 1
    return scale / (layer + 1) if model.config.scale_by_depth else scale


def circuits(model, layer, head, gamma):
    """OV and QK [from, to] over the vocabulary."""
    W_Q, W_K, W_V, W_O = head_weights(model, layer, head, gamma)
    written = model.W_E @ W_V @ W_O  # [d_vocab, d_model]
    ov = memories_reference.written_logits(model, written, True) if gamma else written @ model.W_U
    return ov, (model.W_E @ W_Q) @ (model.W_E @ W_K).T * score_scale(model, layer)


def copying(model, layer, head, gamma):
    """[ELHAGE] sum Re / sum | | of the eigenvalues of the d_vocab x d_vocab circuit."""
    eigenvalues = np.linalg.eigvals(circuits(model, layer, head, gamma)[0])
    return eigenvalues.real.sum() / np.abs(eigenvalues).sum()


def composition_ratio(A, B):
    return np.linalg.norm(A @ B) / (np.linalg.norm(A) * np.linalg.norm(B))


def random_composition(d_model, d_head, seed=1, samples=8):
    draw = np.random.RandomState(seed)

    def factor():
        bits = draw.randint(0, 2**32, size=(d_head, d_model), dtype=np.uint32)
        return (bits + 0.5) / 2**31 - 1

    ratios = []
    for _ in range(samples):
        V, O, Q, K = factor(), factor(), factor(), factor()
        ratios.append(composition_ratio(V.T @ O, Q.T @ K))
    return np.mean(ratios)


def compositions(model, second, first, gamma):
    """[ELHAGE] Q, K and V composition of two heads (layer, head), less that of random factors."""
    W_Q, W_K, W_V, W_O = head_weights(model, *second, gamma)
    _, _, V_first, O_first = head_weights(model, *first, gamma)
    if gamma:
        centre = np.eye(model.config.d_model) - 1 / model.config.d_model
        W_O, O_first = W_O @ centre, O_first @ centre
    OV, QK = V_first @ O_first, W_Q @ W_K.T
    chance = random_composition(model.config.d_model, model.config.d_head)
    return [composition_ratio(OV, with_) - chance for with_ in (QK, QK.T, W_V @ W_O)]


def name_copying(model, ids, positions, layer, head):
    """[WANG] whether each token is among the 5 that the head says of it, and with the sign turned."""
    w, c = model.blocks[layer], model.config
    x = reference.forward(model, np.array(ids))["blocks.0.hook_resid_post"][positions]
    n = reference.normalize(x, reference.norm_scale(x, c.epsilon), w["ln_1"])
    _, _, W_V, W_O = head_weights(model, layer, head, False)
    said = []
    for sign in (1, -1):
        row = sign * n @ W_V @ W_O
        logits = reference.normalize(row, reference.norm_scale(row, c.epsilon), model.ln_f) @ model.W_U
        top = reference.ranking(logits)[:, :5]
        said.append(np.mean([ids[p] in top[i] for i, p in enumerate(positions)]))
    return said
