"""Who wrote a logit, in float64: the parts of a row of the residual stream, one by one, as the papers write them.

Written to be read beside reference.py, with nothing shared with the C++ core. Every part is a vector u of the stream,
[d_model], and is taken through the final norm by itself: ((u - mean(u)) * gamma / sigma) @ (W_U[:, t] - mean_v W_U[:, v]).

Sources
  [ELHAGE]  Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits": the stream is a sum, heads add to it
            independently, and a head's output is sum_j A_ij (x_j W_V) W_O
  [LENS]    nostalgebraist 2020: a row of the stream read as if it were the last
  [BELROSE] Belrose et al. 2023, "Eliciting Latent Predictions from Transformers with the Tuned Lens"
  [GEVA]    Geva et al. 2021, 2022: an MLP is a sum of its neurons' value vectors, each times its activation
  [OLSSON]  Olsson et al. 2022, "In-context Learning and Induction Heads": prefix matching on repeated random tokens
"""

import numpy as np

import reference


def rows_written(model, row):
    """(blocks whose attention wrote to the row, blocks whose MLP did)."""
    if row == "blocks.0.hook_resid_pre":
        return 0, 0
    layer = int(row.split(".")[1])
    return layer + 1, layer + row.endswith("resid_post")


def parts(model, ids, row, position):
    """{name: u [d_model]} of everything that was added up to the row at this position, and nothing else."""
    c = model.config
    act = reference.forward(model, ids)
    n_attn, n_mlp = rows_written(model, row)
    found = {"W_E": model.W_E[ids[position]], "W_pos": model.W_pos[position]}
    for layer in range(n_attn):
        w, hook = model.blocks[layer], f"blocks.{layer}."
        normed = act[hook + "ln1.hook_normalized"]  # [n, d_model]
        A = act[hook + "attn.hook_pattern"]  # [n_head, n, n]
        for h in range(c.n_head):
            mine = slice(h * c.d_head, (h + 1) * c.d_head)
            for j in range(position + 1):  # [ELHAGE] without the value bias
                found[f"{layer}.{h} from {j}"] = A[h, position, j] * (normed[j] @ w["W_V"][:, mine] @ w["W_O"][mine])
        found[f"attn_bias {layer}"] = w["b_O"] + w["b_V"] @ w["W_O"]
    for layer in range(n_mlp):
        w = model.blocks[layer]
        m = act[f"blocks.{layer}.mlp.hook_post"][position]  # [d_mlp]
        for i in range(c.d_mlp):  # [GEVA]
            found[f"L{layer}N{i}"] = m[i] * w["W_out"][i]
        found[f"mlp_bias {layer}"] = w["b_out"]
    return found


def direct_effects(model, ids, row, position, tokens, norm, translators={}, log_means=None):
    """{name: logit} of every part, "ln_f bias" and "lens bias"; plus what they must add up to, under "shown". A translator
    [BELROSE] makes u + W u of every u and adds its own b; mean log-probabilities are added as reference.calibrated has it."""
    act = reference.forward(model, ids)
    gamma, beta = model.ln_f
    if len(tokens) == 1:
        w = model.W_U[:, tokens[0]] - model.W_U.mean(axis=1)  # [d_model]
    else:
        w = model.W_U[:, tokens[0]] - model.W_U[:, tokens[1]]
    _, layer, site = row.split(".")
    block, n = int(layer) + (site == "hook_resid_post"), model.config.d_model
    W, b = translators.get(block, (np.zeros((n, n)), np.zeros(n)))
    x = act[row][position]
    x = x + W @ x + b
    sigma = {
        "recomputed": lambda: reference.norm_scale(x, model.config.epsilon),
        "frozen": lambda: act["ln_final.hook_scale"][position],
    }
    if norm == "none":
        read = lambda u: u @ w  # noqa: E731
    else:
        scale = sigma[norm]()
        read = lambda u: ((u - u.mean()) * gamma / scale) @ w  # noqa: E731
    effects = {name: read(u + W @ u) for name, u in parts(model, ids, row, position).items()}
    effects["lens bias"] = read(b)
    effects["ln_f bias"] = 0.0 if norm == "none" else beta @ w
    shown = x if norm == "none" else (x - x.mean()) / scale * gamma + beta
    logits = shown @ model.W_U
    if log_means is not None:
        moved = log_means[-1] - log_means[block]
        logits = logits + moved
        effects["lens bias"] += moved[tokens[0]] - (moved.mean() if len(tokens) == 1 else moved[tokens[1]])
    shown = logits[tokens[0]] - (logits.mean() if len(tokens) == 1 else logits[tokens[1]])
    return effects, shown


def writes(model, ids, position, norm):
    """{hook: [d_vocab]} what each attention and each MLP adds to the centred logits of the row it is added into."""
    act = reference.forward(model, ids)
    gamma, _ = model.ln_f
    centred = model.W_U - model.W_U.mean(axis=1, keepdims=True)
    found = {}
    for layer in range(model.config.n_layer):
        for site, into in (("hook_attn_out", "hook_resid_mid"), ("hook_mlp_out", "hook_resid_post")):
            u = act[f"blocks.{layer}.{site}"][position]
            if norm != "none":
                if norm == "frozen":
                    scale = act["ln_final.hook_scale"][position]
                else:
                    scale = reference.norm_scale(act[f"blocks.{layer}.{into}"][position], model.config.epsilon)
                u = (u - u.mean()) * gamma / scale
            found[f"blocks.{layer}.{site}"] = u @ centred
    return found


def head_scores(model, ids, period):
    """{name: [n_layer, n_head]} mean attention to the previous token, to the same token one period ago, and to what
    followed it then [OLSSON]."""
    act = reference.forward(model, ids)
    n = len(ids)
    A = np.stack([act[f"blocks.{layer}.attn.hook_pattern"] for layer in range(model.config.n_layer)])
    return {
        "previous": np.mean([A[:, :, i, i - 1] for i in range(1, n)], axis=0),
        "duplicate": np.mean([A[:, :, i, i - period] for i in range(period, n)], axis=0),
        "induction": np.mean([A[:, :, i, i - period + 1] for i in range(period, n)], axis=0),
    }


def head_writes(model, ids, layer, head):
    """(attention [n, n], what the head's output at i adds to the centred logit of the token at j [n, n], r, pairs): [WANG]
    Wang et al. 2023, figure of attention probability against projection along the name's unembedding."""
    c, w = model.config, model.blocks[layer]
    act = reference.forward(model, ids)
    n, mine = len(ids), slice(head * c.d_head, (head + 1) * c.d_head)
    A = act[f"blocks.{layer}.attn.hook_pattern"][head]
    gamma, _ = model.ln_f
    written = np.full((n, n), np.nan)
    for i in range(n):
        u = A[i] @ (act[f"blocks.{layer}.ln1.hook_normalized"] @ w["W_V"][:, mine]) @ w["W_O"][mine]
        read = (u - u.mean()) * gamma / act["ln_final.hook_scale"][i]
        logits = read @ model.W_U
        written[i, : i + 1] = logits[np.array(ids[: i + 1])] - logits.mean()
    pairs = [(i, j) for i in range(n) for j in range(1, i + 1)]
    xs, ys = [A[at] for at in pairs], [written[at] for at in pairs]
    return A, written, np.corrcoef(xs, ys)[0, 1] if len(pairs) >= 20 else np.nan, len(pairs)
