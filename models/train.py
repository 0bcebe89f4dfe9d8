"""Trains Primer, the model the page opens with: a small GPT-2 of our own, on a GPU where there is one, else on the CPU.

  /usr/bin/python3 models/train.py --corpus ../shared/corpus

One run makes the tokenizer (if the output folder has none) and goes through the stages of
corpus.py. It saves a checkpoint every ten minutes and continues from it when started again;
--from continues from a shipped GGUF instead, whose tokenizer and token counts it takes over.
The learning rate warms up, stays, and falls to zero over the last part of the budget (--tokens,
or the time until --until); a run is ended early by starting it again with a nearer --until.
"""
import argparse
import bisect
import json
import math
import os
import random
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing
import torch.nn.functional as F

import bpe
import corpus
import gguf
import lessons

HERE = os.path.dirname(os.path.abspath(__file__))
FULL = dict(n_layer=8, n_embd=256, n_head=4, n_positions=256, vocab_size=4096)
SMOKE = dict(n_layer=2, n_embd=64, n_head=2, n_positions=64, vocab_size=512)


# ---- text to tokens ---------------------------------------------------------

def make_tokenizer(folder, docs, lesson_text, vocab_size):
    """Trained on the training documents only. Rare words that examples and lessons need as one
    token are counted as if they were frequent."""
    counts = bpe.count_words([(d, corpus.STAGES[0].sources[s]) for s, (kept, _) in docs.items() for d in kept]
                             + [(lesson_text, 1)])
    if vocab_size >= FULL["vocab_size"]:
        for word in lessons.ONE_TOKEN:
            counts[" " + word] = max(counts[" " + word], 1500)
    tokenizer = bpe.Tokenizer(bpe.train(counts, vocab_size))
    tokenizer.save(folder)
    return tokenizer


def lesson(teacher, tokenizer, rng, before="", after=""):
    """One or two passages as tokens, set apart from the text about them; or tokens that are no words: nothing but copying
    can predict the second half."""
    if rng.random() < teacher.REPEATED:
        return teacher.repeated(rng, len(tokenizer.names))
    return tokenizer.encode(before + " ".join(teacher.text(rng) for _ in range(rng.choice([1, 1, 2]))) + after)


def weave(ids, teacher, tokenizer, rng, share):
    """(the document's tokens with lessons put in at random places, where these begin): between lines,
    or after a full stop inside a paragraph."""
    newline, stop = tokenizer.encode("\n")[0], tokenizer.encode(".")[0]
    out, starts, wait = [], [], rng.expovariate(share / (1 - share) / 30)
    for i, token in enumerate(ids):
        out.append(token)
        wait -= 1
        if wait > 0 or i + 1 == len(ids):
            continue
        after_line = token == newline
        if not after_line and not (token == stop and tokenizer.names[ids[i + 1]].startswith("Ġ")):
            continue
        put_in = lesson(teacher, tokenizer, rng, *(("", "\n") if after_line else (" ",)))
        starts.append(len(out))
        out += put_in
        # the wait for the next is in proportion to what was just put in, so the share comes out right
        wait = rng.expovariate(1.0) * len(put_in) * (1 - share) / share
    return out, starts


def rows_of(doc, starts, length, tokenizer, rng):
    """Cuts one document into rows of at most `length` tokens. It is opened by <|endoftext|>; most
    later rows are opened by it too and begin at a sentence or, if one is near, at a lesson, as a
    prompt on the page does; the others go on in the middle, so that position 0 is not always that token."""
    ends = {tokenizer.encode("\n")[0], tokenizer.encode(".")[0]}
    i, rows = 0, []
    while i < len(doc):
        if i == 0 or rng.random() < 0.7:
            lesson = bisect.bisect_left(starts, i)
            if lesson < len(starts) and 0 < i and starts[lesson] < i + 60 and rng.random() < 0.5:
                i = starts[lesson]
            else:
                while 0 < i < len(doc) and doc[i - 1] not in ends:
                    i += 1
            rows.append([tokenizer.end] + doc[i:i + length - 1])
            i += length - 2  # one token of overlap: the last of a row is only ever a target
        else:
            rows.append(doc[i:i + length])
            i += length - 1
    return rows


def drill_row(tokenizer, teacher, length, rng):
    """Nothing but lessons, some to a line."""
    row, after = [tokenizer.end], "\n"
    while len(row) < length:
        before, after = "" if after else " ", rng.choice(["", "\n"])
        row += lesson(teacher, tokenizer, rng, before, after)
    return row[:length]


def token_stream(encoded, tokenizer, teacher, length, rng, stage):
    """One pass over the stage's sources, as a shuffled array of full rows. Shorter rows (short documents,
    ends of long ones) are joined. Of a stage without sources a thousand rows of lessons."""
    if not stage.sources:
        return np.array([drill_row(tokenizer, teacher, length, rng) for _ in range(1000)], dtype=np.int16)
    rows, joined = [], []
    for source, times in stage.sources.items():
        docs = encoded[source]
        for copy in range(math.ceil(times)):
            for doc in rng.sample(docs, round(len(docs) * min(1.0, times - copy))):
                for row in rows_of(*weave(doc, teacher, tokenizer, rng, stage.lessons), length, tokenizer, rng):
                    if len(row) == length:
                        rows.append(row)
                        continue
                    joined += row
                    if len(joined) >= length:
                        rows.append(joined[:length])
                        joined = joined[length:]
    rng.shuffle(rows)
    return np.array(rows, dtype=np.int16)


# ---- the model --------------------------------------------------------------

class GPT2(torch.nn.Module):
    """GPT-2, with the Hugging Face names and orientation ([in, out]), so that saving is a plain dump."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        d, std = c["n_embd"], 0.02
        shapes = {"wte.weight": (c["vocab_size"], d), "wpe.weight": (c["n_positions"], d)}
        for i in range(c["n_layer"]):
            h = f"h.{i}."
            shapes |= {h + "ln_1.weight": (d,), h + "ln_1.bias": (d,),
                       h + "attn.c_attn.weight": (d, 3 * d), h + "attn.c_attn.bias": (3 * d,),
                       h + "attn.c_proj.weight": (d, d), h + "attn.c_proj.bias": (d,),
                       h + "ln_2.weight": (d,), h + "ln_2.bias": (d,),
                       h + "mlp.c_fc.weight": (d, 4 * d), h + "mlp.c_fc.bias": (4 * d,),
                       h + "mlp.c_proj.weight": (4 * d, d), h + "mlp.c_proj.bias": (d,)}
        shapes |= {"ln_f.weight": (d,), "ln_f.bias": (d,)}
        self.p = torch.nn.ParameterDict()
        for name, shape in shapes.items():
            if len(shape) == 2:
                scale = std / math.sqrt(2 * c["n_layer"]) if "c_proj" in name else std
                value = torch.randn(shape) * scale
            else:
                value = torch.ones(shape) if "ln" in name and "weight" in name else torch.zeros(shape)
            self.p[name.replace(".", "/")] = torch.nn.Parameter(value)  # "." is not allowed in a key

    def named(self):
        return {k.replace("/", "."): v for k, v in self.p.items()}

    def block(self, x, i):
        c, p = self.c, self.named_cache
        h = f"h.{i}."
        b, t, d = x.shape
        def norm(x, name):
            return F.layer_norm(x, (d,), p[h + name + ".weight"], p[h + name + ".bias"], 1e-5)
        def linear(x, name):
            w = p[h + name + ".weight"]
            return torch.addmm(p[h + name + ".bias"], x.reshape(-1, w.shape[0]), w).view(*x.shape[:-1], -1)
        q, k, v = (s.view(b, t, c["n_head"], -1).transpose(1, 2)
                   for s in linear(norm(x, "ln_1"), "attn.c_attn").split(d, -1))
        mixed = self.attend(q * (d // c["n_head"]) ** -0.5, k, v).transpose(1, 2).reshape(b, t, d)
        x = x + linear(mixed, "attn.c_proj")
        return x + linear(F.gelu(linear(norm(x, "ln_2"), "mlp.c_fc"), approximate="tanh"), "mlp.c_proj")

    def attend(self, q, k, v):
        t = q.shape[-2]
        return torch.matmul(torch.softmax(torch.matmul(q, k.transpose(-1, -2)) + self.mask[:t, :t], -1), v)

    def residuals(self, ids):
        """The residual stream before block 0 and after each block."""
        t = ids.shape[1]
        p = self.named_cache = self.named()
        self.mask = torch.full((t, t), -1e9, device=ids.device).triu(1)
        rows = [p["wte.weight"][ids] + p["wpe.weight"][:t]]
        for i in range(self.c["n_layer"]):
            rows.append(self.block(rows[-1], i))
        return rows

    def unembed(self, x):
        p = self.named_cache
        x = F.layer_norm(x, (x.shape[-1],), p["ln_f.weight"], p["ln_f.bias"], 1e-5)
        return torch.matmul(x, p["wte.weight"].t())

    def loss(self, rows):
        """Mean cross-entropy of the next token, in nats; a token given as ~id is read and not asked for."""
        logits = self.unembed(self.residuals(plain(rows[:, :-1]))[-1])
        return F.cross_entropy(logits.float().view(-1, logits.shape[-1]), rows[:, 1:].reshape(-1).clamp(min=-1).long(),
                               ignore_index=-1)


def plain(rows):
    """Token ids, also of those given as ~id (lessons.repeated)."""
    return rows ^ (rows >> 15)  # int16 or wider: all ones where negative


def save_folder(model, tokenizer, folder):
    """The Hugging Face folder: config.json, model.safetensors (F16), vocab.json, merges.txt."""
    tokenizer.save(folder)
    c = model.c
    config = {
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "activation_function": "gelu_new",
        "vocab_size": c["vocab_size"], "n_positions": c["n_positions"], "n_ctx": c["n_positions"],
        "n_embd": c["n_embd"], "n_layer": c["n_layer"], "n_head": c["n_head"], "n_inner": None,
        "layer_norm_epsilon": 1e-5, "initializer_range": 0.02, "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False, "reorder_and_upcast_attn": False,
        "add_cross_attention": False, "tie_word_embeddings": True, "attn_pdrop": 0.0, "embd_pdrop": 0.0,
        "resid_pdrop": 0.0, "bos_token_id": tokenizer.end, "eos_token_id": tokenizer.end,
        "torch_dtype": "float16",
    }
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f, indent=2)
        f.write("\n")
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, value in model.named().items():
        raw = value.detach().cpu().numpy().astype("<f2").tobytes()
        header[name] = {"dtype": "F16", "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path = os.path.join(folder, "model.safetensors")
    with open(path + ".new", "wb") as f:  # never a half-written file under the true name
        f.write(struct.pack("<Q", len(text)) + text + data)
    os.replace(path + ".new", path)


def counts_of(model):
    """Where a shipped model's token counts lie."""
    return os.path.splitext(model)[0] + ".counts.json"


def read_counts(model):
    with open(counts_of(model), encoding="utf-8") as f:
        return np.array(json.load(f)["counts"], np.int64)


def write_counts(counts, path):
    """How often each token was read, by id: {"tokens": all, "counts": [...]}."""
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"tokens": int(counts.sum()), "counts": counts.tolist()}, f, separators=(",", ":"))
        f.write("\n")


# ---- training ---------------------------------------------------------------

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def has_bfloat16():
    """Whether the device multiplies bfloat16 itself; where a CPU emulates it, float32 is many times faster."""
    if DEVICE == "cuda":
        return torch.cuda.is_bf16_supported()
    try:
        with open("/proc/cpuinfo") as f:
            return "avx512_bf16" in f.read()
    except OSError:
        return False


FAST = torch.bfloat16 if has_bfloat16() else torch.float32


def autocast():
    return torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=FAST == torch.bfloat16)


def orthogonalise(g, steps=5):
    """Newton-Schulz: the nearest (semi-)orthogonal matrix to each of a stack, roughly."""
    x = (g / (g.norm(dim=(-2, -1), keepdim=True) + 1e-7)).to(FAST)
    for _ in range(steps):
        a = x @ x.transpose(-1, -2)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return x.float()


def add_up(values):
    """Over the workers, in place."""
    if dist.get_world_size() > 1:
        dist.all_reduce(values)


class Optimiser:
    """Muon for the matrices inside the blocks (K. Jordan 2024: momentum, then orthogonalised; q, k
    and v apart), AdamW for the embeddings, biases and norms."""

    def __init__(self, model, lr, muon_lr, decay=0.01):
        self.lr, self.muon_lr, self.decay = lr, muon_lr, decay
        named = model.named()
        self.matrices = {k: v for k, v in named.items() if k.startswith("h.") and v.ndim == 2 and muon_lr}
        rest = [v for k, v in named.items() if k not in self.matrices]
        self.adam = torch.optim.AdamW([
            {"params": [v for v in rest if v.ndim == 2], "weight_decay": decay},
            {"params": [v for v in rest if v.ndim == 1], "weight_decay": 0.0}], lr=lr, betas=(0.9, 0.95), eps=1e-10)
        self.momentum = {k: torch.zeros_like(v) for k, v in self.matrices.items()}

    def step(self, factor):
        for group in self.adam.param_groups:
            group["lr"] = self.lr * factor
        self.adam.step()
        if not self.matrices:
            return
        stacks = {}  # equal shapes are orthogonalised together
        for name, p in self.matrices.items():
            m = self.momentum[name].mul_(0.95).add_(p.grad, alpha=0.05)
            update = p.grad.lerp(m, 0.95)  # Nesterov
            parts = [(u, v) for u, v in zip(update.split(p.shape[0], 1), p.split(p.shape[0], 1))] \
                if "c_attn" in name else [(update, p)]
            for u, v in parts:
                tall = u.shape[0] > u.shape[1]
                stacks.setdefault(tuple(sorted(u.shape)), []).append((u.t() if tall else u, v, tall))
        rank, workers = dist.get_rank(), dist.get_world_size()
        for items in stacks.values():
            stack = torch.stack([u for u, _, _ in items])
            mine = orthogonalise(stack[rank::workers])  # the workers share this out
            stack.zero_()[rank::workers] = mine
            add_up(stack)
            for o, (_, v, tall) in zip(stack, items):
                rows, columns = v.shape  # [in, out]
                rate = self.muon_lr * factor
                v.mul_(1 - rate * self.decay).add_(o.t() if tall else o, alpha=-rate * max(1, columns / rows) ** 0.5)

    def state(self):
        return {"adam": self.adam.state_dict(), "momentum": self.momentum}

    def load(self, state):
        self.adam.load_state_dict(state["adam"])
        for k, v in state["momentum"].items():
            self.momentum[k].copy_(v)


def held_out_rows(encoded, tokenizer, length, most):
    """Up to `most` rows a source, each opened by <|endoftext|>, for a quick look during the run."""
    rows = []
    for docs in encoded.values():
        mine = [[tokenizer.end] + d[i:i + length - 1] for d in docs for i in range(0, len(d), length - 1)]
        mine = [r for r in mine if len(r) == length]
        rows += mine[::max(1, len(mine) // most)][:most]
    return np.array(rows, dtype=np.int16)


def say(*words):
    print(*words, flush=True)


def rows_path(args, stage):
    return os.path.join(args.work, f"rows-{stage}.npz")


def prepare(args, c):
    """The tokenizer and each stage's token rows, made once and kept in the work folder."""
    os.makedirs(args.work, exist_ok=True)
    missing = []
    for i, stage in enumerate(corpus.STAGES):
        # With --until the stages' shares of the tokens are not known before: rows are used again then.
        wanted = stage.budget * args.tokens
        if os.path.exists(rows_path(args, i)):
            with np.load(rows_path(args, i)) as f:
                if f["train"].size >= wanted:
                    continue  # otherwise made again, longer: the same seed begins with the same rows
        missing.append((i, stage, wanted))
    if not missing:
        return
    docs = corpus.split(args.corpus)
    if args.smoke:
        docs = {s: ([d[:20000] for d in kept[:8]], [d[:2000] for d in out[:1]]) for s, (kept, out) in docs.items()}
    if os.path.exists(os.path.join(args.out, "merges.txt")):
        tokenizer = bpe.Tokenizer.load(args.out)
    else:
        rng, teacher = random.Random(args.seed), lessons.Lessons(args.corpus)
        sample = "\n".join(teacher.text(rng) for _ in range(1000 if args.smoke else 20000))
        tokenizer = make_tokenizer(args.out, docs, sample, c["vocab_size"])
    teacher = lessons.Lessons(args.corpus, tokenizer)
    encoded = {s: [tokenizer.encode(d) for d in kept] for s, (kept, _) in docs.items()}
    say("training tokens:", {s: sum(map(len, d)) for s, d in encoded.items()})
    length = c["n_positions"] + 1
    held = held_out_rows({s: [tokenizer.encode(d) for d in out] for s, (_, out) in docs.items()}, tokenizer, length, 12)
    for i, stage, wanted in missing:
        rng, passes = random.Random(args.seed + 1000 * i), []
        while sum(p.size for p in passes) < wanted:
            passes.append(token_stream(encoded, tokenizer, teacher, length, rng, stage))
            say(f"stage {i + 1}, pass {len(passes)}: {passes[-1].size / 1e6:.2f} M tokens")
        np.savez(rows_path(args, i), train=np.concatenate(passes), held=held)


def stage_at(progress):
    """The stage at this share of the run."""
    for i, stage in enumerate(corpus.STAGES):
        progress -= stage.budget
        if progress < 0:
            return i
    return len(corpus.STAGES) - 1


def train(rank, args, c):
    """One worker. On a CPU one process and thread a core, each with its part of every batch: that is faster than
    one process with a thread a core, and far less disturbed by other work on the machine. On a GPU there is one."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{os.path.abspath(args.work)}/meeting",
                            rank=rank, world_size=args.workers)
    torch.manual_seed(args.seed)
    rows = []
    for stage in range(len(corpus.STAGES)):
        with np.load(rows_path(args, stage)) as f:
            rows.append(f["train"])
            held = torch.from_numpy(f["held"].astype(np.int64)).to(DEVICE)
    model = GPT2(c).to(DEVICE)
    counts = np.zeros(c["vocab_size"], np.int64)  # of each token as these weights read it
    if args.start:
        weights, counts = gguf.read_gpt2(args.start), read_counts(args.start)
        with torch.no_grad():
            for name, parameter in model.named().items():
                parameter.copy_(torch.from_numpy(weights[name]))
    optimiser = Optimiser(model, args.lr, args.muon_lr)
    parameters = list(model.parameters())
    # rows: how many of each stage have been read; first: tokens read before this run, by a GGUF's weights
    done = {"step": 0, "rows": [0] * len(corpus.STAGES), "seconds": 0.0, "counts": counts, "first": int(counts.sum())}
    checkpoint = os.path.join(args.work, "checkpoint.pt")
    if os.path.exists(checkpoint):
        saved = torch.load(checkpoint, map_location=DEVICE, weights_only=False)  # our own file
        model.load_state_dict(saved["model"])
        optimiser.load(saved["optimiser"])
        done = saved["done"]
        if rank == 0:
            say("continuing from step", done["step"])

    def save():
        torch.save({"model": model.state_dict(), "optimiser": optimiser.state(), "done": done}, checkpoint + ".new")
        os.replace(checkpoint + ".new", checkpoint)
        save_folder(model, bpe.Tokenizer.load(args.out), args.out)
        write_counts(done["counts"], os.path.join(args.out, "counts.json"))

    def tokens():
        return int(done["counts"].sum()) - done["first"]

    before = min(1.0, done["first"] / args.tokens)  # the budget's share that the GGUF had read

    last_save = report = time.time()
    average, tokens_then = None, tokens()
    while True:
        begun = time.time()
        progress = tokens() / max(1, args.tokens - done["first"])
        if args.until:
            progress = max(progress, done["seconds"] / (done["seconds"] + args.until - begun) if begun < args.until else 1)
        shared = torch.tensor([progress], dtype=torch.float64)
        dist.broadcast(shared, 0)  # worker 0's clock counts
        progress = shared.item()
        if progress >= 1:
            break
        stage = stage_at(before + (1 - before) * progress)
        factor = min(1.0, (done["step"] + 1) / args.warmup, (1 - progress) / args.decay)
        at = np.arange(done["rows"][stage], done["rows"][stage] + args.batch) % len(rows[stage])
        batch = rows[stage][at]
        ids = torch.from_numpy(batch[rank::args.workers].astype(np.int64)).to(DEVICE)
        with autocast():
            loss = model.loss(ids)
        model.zero_grad(set_to_none=True)
        loss.backward()
        flat = torch.cat([p.grad.reshape(-1) for p in parameters] + [loss.detach().reshape(1).float()])
        add_up(flat)
        flat /= args.workers
        loss = flat[-1].item()
        flat *= min(1.0, 1.0 / flat[:-1].norm().item())
        for p, g in zip(parameters, flat[:-1].split([p.numel() for p in parameters])):
            p.grad.copy_(g.view_as(p))
        with torch.no_grad():
            optimiser.step(factor)
        done["step"] += 1
        done["rows"][stage] += args.batch
        done["counts"] = done["counts"] + np.bincount(plain(batch[:, :-1]).reshape(-1), minlength=c["vocab_size"])
        done["seconds"] += time.time() - begun
        average = loss if average is None else 0.98 * average + 0.02 * loss
        if rank:
            continue
        if done["step"] % 50 == 0:
            now = time.time()
            speed = (tokens() - tokens_then) / (now - report)
            left = (args.tokens - done["first"] - tokens()) / speed
            if args.until:
                left = min(left, args.until - now)
            say(f"step {done['step']} stage {stage + 1} tokens {done['counts'].sum() / 1e6:.2f}M loss {average:.3f} "
                f"lr {factor:.2f} {speed:.0f} tokens/s, {left / 60:.0f} min left")
            report, tokens_then = now, tokens()
        if done["step"] % 500 == 0:
            with torch.no_grad(), autocast():
                say(f"held out {torch.stack([model.loss(held[i:i + 12]) for i in range(0, len(held), 12)]).mean():.3f}")
        if done["step"] == 100 or time.time() - last_save > 600:
            save()
            last_save = time.time()
    if rank == 0:
        save()
        say(f"done: {done['step']} steps, {done['counts'].sum() / 1e6:.2f} M tokens, "
            f"{done['seconds'] / 60:.0f} min; {args.out}")


def clock(text):
    """HH:MM (UTC, the next such moment) as seconds since the epoch."""
    hours, minutes = map(int, text.split(":"))
    now = time.time()
    moment = now - now % 86400 + hours * 3600 + minutes * 60
    return moment if moment > now else moment + 86400


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--corpus", default=os.path.join(HERE, "..", "..", "shared", "corpus"), help="folder of the training text")
    a.add_argument("--out", help="model folder to write (default build/train/primer); `lens convert` makes the GGUF of it")
    a.add_argument("--from", dest="start", metavar="GGUF", help="begin with these weights, not random ones")
    a.add_argument("--work", help="folder for the checkpoint (default build/train)")
    a.add_argument("--tokens", type=float, default=30e6, help="token budget; with --from, what the GGUF had read counts")
    a.add_argument("--until", type=clock, help="HH:MM in UTC: be done by then, whatever the budget")
    a.add_argument("--batch", type=int, default=16, help="rows a step")
    a.add_argument("--lr", type=float, default=3e-3, help="AdamW's rate")
    a.add_argument("--muon-lr", type=float, default=0.02, help="Muon's rate; 0: AdamW for everything")
    a.add_argument("--warmup", type=int, default=200)
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--decay", type=float, default=1 / 3, help="last part of the run, over which the rates fall to zero")
    a.add_argument("--workers", type=int, default=1 if DEVICE == "cuda" else os.cpu_count())
    a.add_argument("--smoke", action="store_true", help="a tiny model on some of the text, seconds; needs --out")
    args = a.parse_args()
    if args.smoke:
        if not args.out:
            a.error("--smoke needs --out, lest it overwrite a model in training")
        args.batch, args.warmup = 4, 10
        args.tokens = min(args.tokens, 100_000)
    args.work = args.work or (tempfile.mkdtemp() if args.smoke else os.path.join(HERE, "..", "build", "train"))
    args.out = args.out or os.path.join(args.work, "primer")
    if args.start:
        bpe.Tokenizer(gguf.read_merges(args.start)).save(args.out)
    c = SMOKE if args.smoke else FULL
    prepare(args, c)
    meeting = os.path.join(args.work, "meeting")
    if os.path.exists(meeting):  # of an earlier run that was ended
        os.remove(meeting)
    torch.multiprocessing.spawn(train, (args, c), args.workers)


if __name__ == "__main__":
    main()
