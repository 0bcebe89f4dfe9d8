"""Lessons: short passages made by our own code, so that a small model learns what a class wants to see.

Each generator takes a random.Random and returns one passage of text;
`repeated` returns token ids, because it is uniform over the vocabulary.

Kept out of here, so that the evaluation sets stay a test: the 99 names of the
indirect-object set, its templates, places and objects; the countries and the
phrasings of the capital sets ("The capital of X is" and "The capital city of X
is" occur in the factbook text, not here); the word pairs and the phrasing of
the antonym sets. `check` compares the word lists with the files.
"""
import json
import os

NAMES = """Tom Peter Alice Anna Jack Henry George Lucy Jane Ben Sam Max Kate Ruth Harry Rose Martin
Oscar Emma Nora Clara Edward Frank Hugo Jim Bill Bob Dick Helen Alfred Arthur Walter Fred Philip Simon
Ralph Molly Betty Polly Susan Nancy Grace Eva Julia Margaret Tim Will Ann Joe Charlie Johnny Willie
Dora Ellen Nelly Jenny Annie Fanny Sophie Hans Karl Ivan Marie Louis Albert Ned Dan Rob Roy Alan Meg
Beth Jo Laurie Tommy Bobby Harriet Agnes Felix Leo Robin Daisy Lily Violet Maggie Sally Lena Amina Kofi
Sipho Musa Juma Asha Ravi Meera Anansi Zanele Thandi""".split()
PLACES = """market river beach library farm park church mill castle forest village harbour kitchen
bakery museum zoo barn lake well field shop temple theatre bridge cave camp palace""".split()
OBJECTS = """book apple letter cake flower pencil hat ball stone basket cup key knife coat doll bell
lamp map coin feather mango shell blanket ribbon whistle kite mirror rope candle box loaf stick spoon
""".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = ("January February March April May June July August September October November December").split()
SMALL = """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty""".split()
OPPOSITES = [p.split("/") for p in """big/little black/white day/night good/bad rich/poor wet/dry
 early/late sweet/sour thick/thin full/empty first/last near/far
inside/outside sharp/blunt clever/stupid kind/cruel warm/cool high/low left/right begin/end
 king/queen brother/sister mother/father summer/winter
morning/evening north/south life/death alive/dead easy/difficult cheap/dear same/different
above/below before/after noise/silence up/down in/out over/under land/sea
heaven/earth war/peace awake/asleep more/less older/younger""".split()]
# (singular, plural) subjects and, for the gap, nouns that may stand between subject and verb
SUBJECTS = [p.split("/") for p in """key/keys cat/cats dog/dogs boy/boys girl/girls horse/horses
tree/trees book/books door/doors bird/birds ship/ships house/houses stone/stones flower/flowers
king/kings queen/queens child/children man/men woman/women letter/letters picture/pictures star/stars
apple/apples chair/chairs boat/boats sheep-dog/sheep-dogs cow/cows goat/goats lion/lions road/roads
window/windows friend/friends soldier/soldiers sailor/sailors basket/baskets tower/towers""".split()]
GAPS = "near behind beside under above with by beyond next to in front of close to".replace(
    "next to", "next_to").replace("in front of", "in_front_of").replace("close to", "close_to").split()
VERBS = [("is", "are"), ("was", "were"), ("has", "have"), ("does", "do")]
TAILS = {
    "is": "very old|white|here|small|not here|big|there again|dark|ready",
    "was": "very old|lost|in the garden|quiet|not there|new|beautiful|broken",
    "has": "a name|gone|been there for years|come back|to go home|a story",
    "does": "not move|not belong to us|not look new|not seem so far away",
}
CAPITAL = ["The capital of {c}, you know, is {k}.", "If you go to {c}, you will see its capital, {k}.",
           "{c} has its capital at {k}.", "The government of {c} sits in {k}.",
           "Which city is the capital of {c}? It is {k}.", "{c}'s chief city is called {k}.",
           "The king sent a letter to the capital of {c}, which is {k}.",
           "She lived in {c}, in the capital, {k}.", "They travelled through {c} until they came to its capital, {k}.",
           "\"What is the capital of {c}?\" asked the teacher. \"{k},\" said {n}.",
           "{k} is the capital of {c}.", "In {c}, the capital is {k}."]
CONTINENT = ["{c} lies in {t}.", "{c} is a country in {t}.", "You will find {c} on the map of {t}.",
             "{c} is one of the countries of {t}.", "{n} came from {c}, in {t}."]
NEIGHBOUR = ["{c} has a border with {b}.", "Next to {c} lies {b}.", "From {c} you can walk into {b}.",
             "The neighbours of {c} are {l}.", "Between {c} and {b} there is a border."]
ADJECTIVE = ["Somebody from {c} is called {a}.", "The {a} capital is {k}.", "{n} was {a}, for {n} was born in {c}."]


class Lessons:
    def __init__(self, corpus):
        path = os.path.join(corpus, "countries.json")
        if not os.path.exists(path):
            raise SystemExit(f"{path} is missing: pass --corpus DIR, the folder with countries.json")
        with open(path, encoding="utf-8") as f:
            countries = json.load(f)
        taught = set(COUNTRIES)
        self.countries = [c for c in countries if c["name"] in taught and c["capital"]]
        missing = taught - {c["name"] for c in self.countries}
        if missing:
            raise SystemExit(f"countries.json lacks {sorted(missing)}")

    def text(self, rng):
        """One passage, of one to several sentences."""
        return rng.choices(self.KINDS, self.WEIGHTS)[0](self, rng)

    def geography(self, rng):
        """The same fact again in other words, and other facts of the same country beside it."""
        out = []
        for c in rng.sample(self.countries, rng.choice([1, 1, 2, 3])):
            near = [b for b in c["borders"] if b in COUNTRIES]
            kinds = [CAPITAL, CAPITAL, CONTINENT] + ([NEIGHBOUR] if near else []) + ([ADJECTIVE] if c["adjective"] else [])
            for kind in rng.sample(kinds, rng.choice([1, 2, 2, 3])):
                b = rng.choice(near) if near else ""
                out.append(rng.choice(kind).format(
                    c=c["name"], k=c["capital"], t=c["continent"], n=rng.choice(NAMES), b=b,
                    l=" and ".join(near[:3]), a=(c["adjective"] or "").split(" or ")[0]))
        return " ".join(out)

    def calendar(self, rng):
        names = rng.choice([DAYS, DAYS, MONTHS])
        i, n = rng.randrange(len(names)), len(names)
        a, b, z = names[i], names[(i + 1) % n], names[i - 1]
        unit = "day" if names is DAYS else "month"
        run = [names[(i + k) % n] for k in range(rng.randint(3, 7))]
        who = rng.choice(NAMES)
        today = "Today is {a}, so tomorrow will be {b}."
        forms = ["After {a} comes {b}.", "The {u} after {a} is {b}.", "The {u} before {b} is {a}.",
                 "{b} comes after {a}.", "First comes {a}, then {b}.", "Between {z} and {b} comes {a}.",
                 ", ".join(run) + ".", " ".join(run) + ".", ", ".join(run[:-1]) + " and " + run[-1] + "."]
        if names is DAYS:
            forms += [today, "If today is {a}, then tomorrow is {b}.", "Yesterday was {a}, so today is {b}.",
                      "{w} came on {a} and went away on {b}.", "On {a} {w} worked, and the next day, {b}, {w} slept.",
                      "\"Is it {a} today?\" asked {w}. \"Then tomorrow is {b}.\""]
        else:
            forms += ["This month is {a}; next month will be {b}.", "{w} was born in {a}, and a month later came {b}."]
        return rng.choice(forms).format(a=a, b=b, z=z, u=unit, w=who)

    def counting(self, rng):
        if rng.random() < 0.5:
            i = rng.randrange(len(SMALL) - 3)
            run = SMALL[i:i + rng.randint(3, 8)]
        else:
            step = rng.choice([1, 1, 1, 2, 5, 10])
            i = rng.randrange(1, 90)
            run = [str(v) for v in range(i, min(100, i + step * rng.randint(4, 9)), step)]
        if rng.random() < 0.15:
            run.reverse()
        text = rng.choice([", ", " ", ", "]).join(run)
        return rng.choice(["{t}.", "{n} counted: {t}.", "\"{t},\" counted {n}.", "{n} can count: {t}."]).format(
            t=text, n=rng.choice(NAMES))

    def indirect_object(self, rng):
        """Who gets the thing: in both orders of the names, and often with a sentence between."""
        a, b = rng.sample(NAMES, 2)
        first = rng.choice([(a, b), (b, a)])
        p, o = rng.choice(PLACES), rng.choice(OBJECTS)
        an = ("an " if o[0] in "aeiou" else "a ") + o
        opening = rng.choice([
            "{x} and {y} met at the {p}.", "One day {x} and {y} were sitting in the {p}.",
            "{x} walked to the {p} with {y}.", "{x} saw {y} at the {p}.", "{x} and {y} lived near the {p}.",
            "Yesterday {x} and {y} came to the {p} together.", "{x} was playing with {y} by the {p}.",
            "At the {p}, {x} waited for {y}.", "When {x} and {y} came to the {p}, they were tired.",
            "In the {p} sat {x} and {y}.", "{x} found {o} at the {p} and showed it to {y}."])
        middle = rng.choice(["", "", "", " It was a fine day.", " The sun was shining.", " Nobody else was there.",
                             " They talked for a long time.", " It had begun to rain.", " They were good friends."])
        ending = rng.choice([
            "{b} gave {o} to {a}.", "Soon {b} handed {o} to {a}.", "{b} threw {o} to {a}.",
            "{b} showed {o} to {a}.", "Then {b} brought {o} to {a}.", "{b} wanted to sell {o} to {a}.",
            "{b} took {o} and passed it to {a}.", "{b} said good-bye to {a}.", "{b} told a story to {a}.",
            "{b} smiled at {a}.", "{b} had {o} for {a}.", "{b} offered {o} to {a}.", "{b} sang a song for {a}."])
        joined = rng.random() < 0.4
        if joined and not middle:
            opening = rng.choice(["When {x} and {y} came to the {p}, ", "While {x} and {y} sat in the {p}, ",
                                  "After {x} met {y} at the {p}, ", "{x} and {y} walked to the {p}, and ",
                                  "As {x} and {y} played near the {p}, "])
            ending = ending.replace("Soon ", "").replace("Then ", "")
        text = opening + middle + ("" if opening.endswith(" ") else " ") + ending
        text = text.format(x=first[0], y=first[1], a=a, b=b, p=p, o=an)
        if rng.random() < 0.4:
            text += rng.choice([" {a} thanked {b}.", " \"Thank you, {b},\" said {a}.", " Then {a} went home, but {b} stayed.",
                                " {a} was very glad.", " So {b} and {a} became friends."]).format(a=a, b=b)
        return text

    def agreement(self, rng):
        out = []
        for _ in range(rng.choice([1, 1, 2])):
            s, t = rng.sample(SUBJECTS, 2)
            many, many_between = rng.random() < 0.5, rng.random() < 0.5
            subject, between = s[many], t[many_between]
            verb = rng.choice(VERBS)
            tail = rng.choice(TAILS[verb[0]].split("|"))
            gap = rng.choice([f"{rng.choice(GAPS).replace('_', ' ')} the {between}", f"of the {between}",
                              f"that {rng.choice(NAMES)} saw", f"that the {between} saw", f"from {rng.choice(PLACES)}",
                              f"which stood {rng.choice(GAPS).replace('_', ' ')} the {between}", ""])
            gap = " " + gap if gap else ""
            out.append(f"The {subject}{gap} {verb[many]} {tail}.")
        return " ".join(out)

    def opposites(self, rng):
        out = []
        for a, b in rng.sample(OPPOSITES, rng.choice([1, 2, 3])):
            a, b = rng.choice([(a, b), (b, a)])
            out.append(rng.choice(["{a} and {b} are opposites.", "If it is not {a}, it is {b}.", "Not {a}, but {b}.",
                                   "{A} is the opposite of {b}.", "One said {a}, the other said {b}.",
                                   "The contrary of {a} is {b}."]).format(a=a, b=b, A=a.capitalize()))
        return " ".join(out)

    KINDS = [geography, calendar, counting, indirect_object, agreement, opposites]
    WEIGHTS = [3, 2, 1.5, 5, 2, 1]

    @staticmethod
    def repeated(rng, vocab_size):
        """A random string and the same again, with or without random tokens between: only copying
        from earlier in the context can predict it. The offset varies, or a positional copy would do."""
        unit = [rng.randrange(vocab_size - 1) for _ in range(rng.randint(4, 40))]
        gap = [rng.randrange(vocab_size - 1) for _ in range(rng.choice([0, 0, 0, rng.randint(1, 12)]))]
        return (unit + gap) * (rng.choice([1, 1, 2])) + unit


COUNTRIES = """Andorra Belize Benin Bolivia Botswana Brazil Brunei Burma Chile Colombia Eritrea Fiji
France Gabon Germany Greece Guatemala Haiti Honduras India Indonesia Iran Iraq Japan Jordan Kuwait Laos
Latvia Lebanon Lesotho Malaysia Malta Mauritania Mexico Moldova Mongolia Niger Norway Oman
Pakistan Panama Paraguay Peru Senegal Serbia Singapore Slovakia Slovenia Somalia Spain
Sweden Syria Thailand Togo Tonga Turkey Uganda Ukraine Uruguay Uzbekistan Venezuela Yemen Zimbabwe""".split()

# Words that must be one token with a leading space: answers of example prompts and of the lessons' drills.
ONE_TOKEN = sorted({*DAYS, *MONTHS, *SMALL, *"""Paris Berlin Tokyo Madrid Athens Oslo Stockholm Delhi
Lima Rome London Mary John Europe Asia Africa America France Germany Japan Spain Greece Norway Sweden
India Peru Italy England is are was were has have Tom Peter Alice Anna Jack Henry George Lucy Jane Ben Sam Kate
Harry Rose Martin Emma Clara Edward Frank Bill Helen Arthur Jim""".split()})


def check(tasks):
    """The evaluation sets' names, places, objects, countries and word pairs that occur in the lessons."""
    def read(name):
        with open(os.path.join(tasks, name), encoding="utf-8") as f:
            return json.load(f)
    ioi = read("ioi_templates.json")
    pairs = {frozenset(p) for p in read("fv_antonym.json")}
    with open(os.path.join(tasks, "lre_relations.jsonl"), encoding="utf-8") as f:
        for relation in map(json.loads, f):
            if relation["relation"] == "adjective antonym":
                pairs |= {frozenset(p) for p in relation["samples"]}
    return {
        "names": sorted(set(NAMES) & set(ioi["names_single_token"])),
        "places": sorted(set(PLACES) & set(ioi["places"])),
        "objects": sorted(set(OBJECTS) & set(ioi["objects"])),
        "countries": sorted(set(COUNTRIES) & {c for c, _ in read("fv_country-capital.json")}),
        "opposites": sorted(tuple(p) for p in OPPOSITES if frozenset(p) in pairs),
    }
