"""Scores of the shipped model, all through our own engine (build/native/lens), beside a unigram model and an
interpolated Kneser-Ney 5-gram that have read the same training documents.

  /usr/bin/python3 models/evaluate.py --corpus ../shared/corpus --tasks ../shared/tasks    writes models/scores.json

A few minutes. Every task is asked a second time with its cue removed: what is right then too is habit, not reading.
"""
import argparse
import collections
import json
import math
import os
import random
import subprocess
import tempfile

import numpy as np

import bpe
import corpus
import gguf
import kneser_ney
import lessons

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "..", "build", "native", "lens")

# Held out: these nouns and phrasings do not occur in the lessons (tests/models/lessons_test.py).
NOUNS = [p.split("/") for p in """farmer/farmers baker/bakers mountain/mountains bottle/bottles knight/knights
ladder/ladders table/tables bed/beds doctor/doctors pony/ponies nest/nests wagon/wagons""".split()]
PHRASES = ["The day after {} is", "We met on {}, on {} and on", "The month after {} is", "She came in {}, {}, and",
           "He had {}, {} and", "The capital of {} is", "In {} we saw the capital,", "The opposite of {} is"]
LESSON_PHRASES = [PHRASES[0], PHRASES[2]]  # but for these two, asked beside a new phrasing

# A prompt, its answer, and what it is held against; `without` is the same prompt with its cue removed.
Item = collections.namedtuple("Item", "prompt answer foil without")


class Engine:
    """`lens read --experiment -`, kept open: one Experiment a line in, one reading a line out."""

    def __init__(self, model):
        self.model = model
        self.process = subprocess.Popen([PROGRAM, "read", "--experiment", "-", "--model", model],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def read(self, run, **read):
        experiment = {"v": 1, "models": {"m": "model"}, "runs": {"main": {"model": "m", **run}},
                      "reads": [{"what": "lens", "run": "main", "top": 1, **read}]}
        self.process.stdin.write(json.dumps(experiment) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise SystemExit(f"{answer['error']['message']} ({run})")
        return answer

    def score(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as f:
            f.write(text)
            f.flush()
            done = subprocess.run([PROGRAM, "score", "--json", "--model", self.model, "--text-file", f.name],
                                  capture_output=True, check=True)
        return json.loads(done.stdout)


def mean(values):
    """[mean, its standard error]"""
    a = np.asarray(values, float)
    return [round(float(a.mean()), 4), round(float(a.std(ddof=1) / math.sqrt(len(a))), 4) if len(a) > 1 else None]


# ---- held-out text ----------------------------------------------------------

def unigram(kept, vocab_size):
    """ln p of each token by the training documents, each source as often as the stages read it; add-one."""
    counts = np.ones(vocab_size)
    for stage in corpus.STAGES:
        for source, times in stage.sources.items():
            for document in kept[source]:
                counts += stage.budget * times * np.bincount(document, minlength=vocab_size)
    return np.log(counts / counts.sum())


def own_entropy(documents):
    counts = np.bincount(np.concatenate(documents))
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log(p)).sum())


def held_out(engine, tokenizer, docs, log_unigram, five):
    out, total, every = {}, collections.Counter(), []
    for source, (_, texts) in docs.items():
        sums, encoded = collections.Counter(), [tokenizer.encode(t) for t in texts]
        every += encoded
        for text, ids in zip(texts, encoded):
            score = engine.score(text)
            if score["tokens"] != len(ids):
                raise SystemExit(f"bpe.py finds {len(ids)} tokens where the engine finds {score['tokens']}: {text[:80]!r}")
            sums.update(documents=1, tokens=len(ids), bytes=score["bytes"], loss=score["loss"] * len(ids),
                        unigram=-log_unigram[ids].sum(), five_gram=-five.log_p(ids).sum())
        total.update(sums)
        out[source] = per_token(sums, encoded)
        print(source, out[source], flush=True)
    return {"all": per_token(total, every), **out}


def per_token(sums, encoded):
    n = sums["tokens"]
    s = {k: int(sums[k]) for k in ("documents", "tokens", "bytes")}
    s |= {k: sums[k] / n for k in ("loss", "unigram", "five_gram")}
    s["own_unigram_entropy"] = own_entropy(encoded)
    s["loss_to_unigram"] = s["loss"] / s["unigram"]
    s["loss_to_own_entropy"] = s["loss"] / s["own_unigram_entropy"]  # the stricter one
    s["bits_per_byte"] = s["loss"] * n / math.log(2) / s["bytes"]
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in s.items()}


def rows_of_the_lens(engine, tokenizer, docs, per_source=5, length=128):
    """For each row of the raw lens, over as many cells from every source: how often its top token is the output's,
    KL(output | row), cross-entropy and entropy in nats."""
    sums = None
    for _, texts in docs.values():
        text = [i for t in texts for i in tokenizer.encode(t)]
        for k in range(per_source):
            at = k * len(text) // per_source
            found = engine.read({"ids": [tokenizer.end, *text[at:at + length - 1]]})
            table = np.array([[[c["top"][0]["id"] == a["id"], c["kl"], c["surprisal"], c["entropy"]]
                               for c, a in zip(row[:-1], found["answers"])] for row in found["cells"]])
            sums = table.mean(1) if sums is None else sums + table.mean(1)
    n = per_source * len(docs)
    return [{k: round(float(v), 4) for k, v in zip(("agrees", "kl", "cross_entropy", "entropy"), row)} for row in sums / n]


# ---- tasks ------------------------------------------------------------------

def calendar_items(names, phrase, unknown, before):
    """`before` names are given, the answer is the next one; the foil is the one after that."""
    out = []
    for i in range(len(names)):
        given = [names[(i + k) % len(names)] for k in range(before)]
        nexts = [" " + names[(i + before + k) % len(names)] for k in (0, 1)]
        out.append(Item(phrase.format(*given), *nexts, unknown))
    return out


def indirect_object_items(tasks, one, rng):
    with open(os.path.join(tasks, "ioi_templates.json"), encoding="utf-8") as f:
        ioi = json.load(f)
    names = [n for n in ioi["names_single_token"] if one(n)]
    out = []
    for order in ("BABA_templates", "ABBA_templates"):
        for template in ioi[order]:
            template = template[:template.rindex(" [A]")]
            for a in names:
                for b in names:
                    if a == b:
                        continue
                    other = rng.choice([n for n in names if n not in (a, b)])
                    text = template.replace("[PLACE]", rng.choice(ioi["places"])).replace("[OBJECT]", rng.choice(ioi["objects"]))
                    at = text.rindex("[B]")  # who gives: the cue is that this name came before
                    fill = lambda giver: (text[:at] + giver + text[at + 3:]).replace("[A]", a).replace("[B]", b)  # noqa: E731
                    out.append(Item(fill(b), " " + a, " " + b, fill(other)))
    return out


def years_items(tasks, rng):
    with open(os.path.join(tasks, "greater_than.json"), encoding="utf-8") as f:
        nouns = json.load(f)["nouns"]
    out = []
    for noun in nouns:
        for _ in range(4):
            century, tens, ones = rng.randint(11, 18), rng.randint(2, 7), rng.randint(0, 9)
            out.append((f"The {noun} lasted from the year {century}{tens}{ones} to the year {century}", tens,
                        f"The {noun} lasted to the year {century}"))
    return out


def make_tasks(tokenizer, corpus_folder, tasks_folder):
    rng = random.Random(0)
    one = lambda w: len(tokenizer.encode(" " + w)) == 1  # noqa: E731
    out = {
        "weekdays": calendar_items(lessons.DAYS, PHRASES[0], "The day after that is", 1),
        "weekdays, new phrasing": calendar_items(lessons.DAYS, PHRASES[1], "We met on that day, on this and on", 2),
        "months": calendar_items(lessons.MONTHS, PHRASES[2], "The month after that is", 1),
        "months, new phrasing": calendar_items(lessons.MONTHS, PHRASES[3], "She came in that month, this, and", 2),
        "counting, new phrasing": calendar_items(lessons.SMALL, PHRASES[4], "He had some, some and", 2)[:-3],
    }
    taught = [c for c in lessons.Lessons(corpus_folder).countries if one(c["capital"])]
    pairs = list(zip(taught, taught[1:] + taught[:1]))
    out["capitals taught"] = [Item(PHRASES[5].format(c["name"]), " " + c["capital"], " " + d["capital"],
                                   "The capital of the country is") for c, d in pairs]
    out["capitals taught, new phrasing"] = [Item(PHRASES[6].format(c["name"]), " " + c["capital"], " " + d["capital"],
                                                 "In that country we saw the capital,") for c, d in pairs]
    out["agreement across a gap"] = [
        Item(f"The {noun[many]} on the {place[between]}", (" is", " are")[many], (" are", " is")[many],
             f"It on the {place[between]}")
        for noun in NOUNS for place in NOUNS if noun is not place for many in (0, 1) for between in (0, 1)]
    words = [p for p in lessons.OPPOSITES if one(p[0]) and one(p[1])]
    both = [(a, b) for p in words for a, b in (p, p[::-1])]
    out["opposites taught, new phrasing"] = [
        Item(PHRASES[7].format(a), " " + b, " " + other[1], "The opposite of it is")
        for (a, b), other in zip(both, both[2:] + both[:2])]
    if tasks_folder:
        out["indirect object"] = indirect_object_items(tasks_folder, one, rng)
    return out


def ask(engine, five, tokenizer, items):
    """Accuracy of the top token and of answer against foil, logit difference; for the model, the same prompts without
    their cue, and the 5-gram."""
    results = {k: collections.defaultdict(list) for k in ("model", "without cue", "five-gram")}
    seen = {}
    for item in items:
        a, b = (tokenizer.encode(w)[0] for w in (item.answer, item.foil))
        for key, prompt in ("model", item.prompt), ("without cue", item.without):
            if (prompt, a, b) not in seen:
                cell = engine.read({"prompt": prompt}, positions=[-1], track=[a, b])["cells"][-1][0]
                seen[prompt, a, b] = (cell["top"][0]["id"] == a, cell["track"][0]["logit"] - cell["track"][1]["logit"])
            top, difference = seen[prompt, a, b]
            results[key]["top1"].append(top)
            results[key]["beats_foil"].append(difference > 0)
            results[key]["logit_difference"].append(difference)
        p = five.next(tokenizer.encode(item.prompt))
        results["five-gram"]["top1"].append(p.argmax() == a)
        results["five-gram"]["beats_foil"].append((p[a] > p[b]) + 0.5 * (p[a] == p[b]))
        results["five-gram"]["logit_difference"].append(math.log(p[a] / p[b]))
    return {"prompts": len(items), **{k: {m: mean(v) for m, v in r.items()} for k, r in results.items()}}


def ask_repeated(engine, five, tokenizer, n=40, length=20):
    """The second half of a random string that comes twice, without the first of its tokens; without cue: two strings."""
    rng, results = random.Random(0), {k: [] for k in ("model", "without cue", "five-gram")}
    draw = lambda: [rng.randrange(tokenizer.end) for _ in range(length)]  # noqa: E731
    for _ in range(n):
        unit, other = draw(), draw()
        for key, ids in ("model", unit + unit), ("without cue", other + unit):
            found = engine.read({"ids": [tokenizer.end, *ids]})["cells"][-1]
            results[key].append(np.mean([found[length + i]["top"][0]["id"] == unit[i] for i in range(1, length)]))
        results["five-gram"].append(np.mean([five.next(unit + unit[:i]).argmax() == unit[i] for i in range(1, length)]))
    return {"prompts": n, **{k: {"top1": mean(v)} for k, v in results.items()}}


def ask_years(engine, five, tokenizer, items):
    """Whether digits above the first year's tens have more probability than those below; of a digit equal, nothing is said."""
    digits = [tokenizer.encode(str(d))[0] for d in range(10)]
    results = {k: [] for k in ("model", "without cue", "five-gram")}
    for prompt, tens, without in items:
        sets = {"above": digits[tens + 1:], "below": digits[:tens]}
        for key, text in ("model", prompt), ("without cue", without):
            found = engine.read({"prompt": text}, positions=[-1], sets=sets)["cells"][-1][0]["sets"]
            results[key].append(found["above"] > found["below"])
        p = five.next(tokenizer.encode(prompt))
        results["five-gram"].append(p[sets["above"]].sum() > p[sets["below"]].sum())
    return {"prompts": len(items), **{k: {"beats_foil": mean(v)} for k, v in results.items()}}


# ---- what the lens shows, what the model writes --------------------------------

def story(engine, prompt):
    """The last position of a prompt: the top token of each row, and the row since which the output's leads unbroken."""
    found = engine.read({"prompt": prompt}, positions=[-1])
    tops = [row[0]["top"][0]["text"] for row in found["cells"]]
    since = len(tops) - 1
    while since > 0 and tops[since - 1] == tops[-1]:
        since -= 1
    return {"prompt": prompt, "answer": tops[-1], "probability": round(found["cells"][-1][0]["top"][0]["prob"], 3),
            "leads_since_row": since, "tops": tops}


def write(engine, tokenizer, prompt, n=60, temperature=0.8, seed=1):
    """`n` tokens more, drawn from the 50 likeliest."""
    rng, ids = random.Random(seed), [tokenizer.end, *tokenizer.encode(prompt)]
    for _ in range(n):
        top = engine.read({"ids": ids}, positions=[-1], top=50)["cells"][-1][0]["top"]
        ids.append(rng.choices([t["id"] for t in top], [math.exp((t["logit"] - top[0]["logit"]) / temperature) for t in top])[0])
    return tokenizer.decode(ids[1:])


# ---- the card ----------------------------------------------------------------

SOURCES = {"all": "all held-out text", "books-children": "children's books", "books-classics": "classic novels",
           "stories-ccby": "picture-book stories", "tatoeba-eng": "Tatoeba sentences", "factbook": "Factbook"}


def tables(result):
    """The scores as models/README.md shows them."""
    lines = ["| | documents | tokens | loss (nats a token) | 5-gram | unigram | loss / unigram | bits per byte |", "|---" * 8 + "|"]
    for source, title in SOURCES.items():
        s = result["held_out"][source]
        lines.append(f"| {title} | {s['documents']} | {s['tokens']:,} | {s['loss']:.2f} | {s['five_gram']:.2f} | {s['unigram']:.2f} | "
                     f"{100 * s['loss_to_unigram']:.1f} % | {s['bits_per_byte']:.2f} |")
    readers = ("model", "without cue", "five-gram")
    lines += ["", "| task (prompts) | " + " | ".join(f"{what}: {who}" for what in ("on top", "before the foil") for who in readers)
              + " | logit difference |", "|---" * 8 + "|"]

    def cell(values, scale, digits, sign=""):
        if values is None:
            return "–"
        value, error = (f"{scale * v:{s}.{digits}f}" for v, s in zip(values, (sign, "")))
        return f"{value} ± {error}".replace("-", "−")
    for task, t in result["tasks"].items():
        shares = [cell(t[who].get(measure), 100, 0) for measure in ("top1", "beats_foil") for who in readers]
        difference = cell(t["model"].get("logit_difference"), 1, 1, "+")
        lines.append(f"| {task} ({t['prompts']}) | " + " | ".join([*shares, difference]) + " |")
    return "\n".join(lines)


WRITE = ["Once upon a time there was", "The economy of", "Tom and Lucy went to the river.", "\"Where are you going?\" asked",
         "The lion said to the mouse"]


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--model", default=os.path.join(HERE, "primer.gguf"))
    a.add_argument("--corpus", default=os.path.join(HERE, "..", "..", "shared", "corpus"))
    a.add_argument("--tasks", help="folder of the evaluation sets, for indirect objects and years")
    a.add_argument("--out", default=os.path.join(HERE, "scores.json"))
    a.add_argument("--story", action="append", help="print what the lens shows at the end of this prompt, instead of scoring")
    args = a.parse_args()
    engine = Engine(args.model)
    if args.story:
        for prompt in args.story:
            print(json.dumps(story(engine, prompt), ensure_ascii=False))
        return
    is_folder = os.path.isdir(args.model)
    tokenizer = bpe.Tokenizer.load(args.model) if is_folder else bpe.Tokenizer(gguf.read_merges(args.model))
    vocab_size = len(tokenizer.names)
    docs = corpus.split(args.corpus)
    kept = {s: [tokenizer.encode(d) for d in training] for s, (training, _) in docs.items()}
    five = kneser_ney.KneserNey([d for ds in kept.values() for d in ds], vocab_size, tokenizer.end)
    result = {"held_out": held_out(engine, tokenizer, docs, unigram(kept, vocab_size), five),
              "rows": rows_of_the_lens(engine, tokenizer, docs), "tasks": {}}
    for name, items in make_tasks(tokenizer, args.corpus, args.tasks).items():
        result["tasks"][name] = ask(engine, five, tokenizer, items)
        print(name, result["tasks"][name], flush=True)
    result["tasks"]["repeated string"] = ask_repeated(engine, five, tokenizer)
    if args.tasks:
        result["tasks"]["greater year"] = ask_years(engine, five, tokenizer, years_items(args.tasks, random.Random(0)))
    with open(os.path.join(HERE, "examples.json"), encoding="utf-8") as f:
        result["examples"] = [story(engine, e["prompt"]) for e in json.load(f)]
    result["writes"] = [write(engine, tokenizer, prompt) for prompt in WRITE]
    with open(args.out, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1, ensure_ascii=False)
        f.write("\n")
    print(tables(result))


if __name__ == "__main__":
    main()
