"""Lessons: short passages made by our own code, so that a small model learns what a class wants to see.

`Lessons.text` gives one passage; `repeated` gives token ids, because it is uniform over the
vocabulary. Many people in them have invented names, and where one hands a thing to another any word
may be a name; many nouns are invented too. Whoever can name these copies, and knows nothing by heart:
with 95 names and 49 nouns for all, a model got these right and no others.

Kept out of here, so that the evaluation sets stay a test (tests/models/lessons_test.py reads
what is generated): the names, places, objects and templates of the indirect-object set; the
countries and phrasings of the capital set ("The capital of X is" is the factbook's); the word
pairs and the phrasing of the antonym sets; the nouns and the template of the greater-than set;
and the nouns and phrasings of our own sets in evaluate.py, but for its LESSON_PHRASES.
"""
import json
import os

HE = """Tom Peter Jack Henry George Ben Max Harry Martin Oscar Edward Frank Hugo Jim Bill Bob Dick Alfred
Arthur Walter Fred Philip Simon Ralph Tim Will Joe Charlie Johnny Willie Hans Karl Ivan Louis Albert Ned Dan
Rob Roy Alan Tommy Bobby Felix Leo Kofi Sipho Musa Juma Ravi Anansi""".split()
SHE = """Alice Anna Lucy Jane Kate Ruth Rose Emma Nora Clara Helen Molly Betty Polly Susan Nancy Grace Eva Julia
Margaret Ann Dora Ellen Nelly Jenny Annie Fanny Sophie Marie Meg Beth Jo Harriet Agnes Daisy Lily Violet
Maggie Sally Lena Amina Asha Meera Zanele Thandi""".split()
NAMES = [*HE, *SHE]
# An invented name is two or three of these with a capital.
SYLLABLES = """ba be bo da de do fa fi ga go ha ho ka ke ki ko la le li lo lu ma me mi mo na ni no pa po ra re ri ro
ru sa se si so ta te ti to va ve vi za zo zu bel dor fen gar hal kar lin mar nor pel ran sel tam tor var wen""".split()
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
heaven/earth awake/asleep more/less older/younger""".split()]


def plural(noun):
    if noun[-1] == "y" and noun[-2] not in "aeou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "z", "ch", "sh")) else "s")


# (singular, plural) nouns: subjects, and what may stand between subject and verb.
SUBJECTS = [p.split("/") for p in """key/keys cat/cats dog/dogs boy/boys girl/girls horse/horses
tree/trees book/books door/doors bird/birds ship/ships stone/stones flower/flowers
king/kings queen/queens child/children man/men woman/women letter/letters picture/pictures star/stars
apple/apples chair/chairs boat/boats cow/cows goat/goats lion/lions road/roads
window/windows friend/friends soldier/soldiers sailor/sailors basket/baskets tower/towers
hill/hills river/rivers village/villages wolf/wolves egg/eggs hat/hats shoe/shoes sister/sisters
brother/brothers word/words story/stories bear/bears giant/giants hand/hands song/songs
mouse/mice goose/geese knife/knives leaf/leaves thief/thieves wife/wives calf/calves loaf/loaves potato/potatoes""".split()]
SUBJECTS += [[noun, plural(noun)] for noun in """teacher servant daughter son uncle aunt cousin neighbour stranger
hunter fisher driver writer singer dancer painter builder leader rider robber miller potter tailor butcher carpenter
gardener shepherd merchant prince princess lady lord witch wizard fairy dwarf monster dragon ghost angel pirate captain
nurse judge priest monk beggar thinker helper traveller visitor villager islander prisoner player fiddler drummer
elephant monkey tiger rabbit hare fox duck hen crow eagle sparrow owl frog snake turtle fish spider bee ant butterfly
donkey camel sheepdog puppy kitten lamb pig rat squirrel hedgehog beetle cricket parrot pigeon swan
wall roof stair corner cupboard drawer curtain carpet pillow bucket barrel bag sack pocket button needle thread hammer
axe saw nail wheel cart carriage train engine lantern candle fire kettle pot plate glass jug bowl fork pan oven
chimney fence gate path street stream pond island valley meadow desert cloud storm shadow bush branch root seed
berry cherry pear plum nut onion bean pumpkin biscuit sandwich sausage pie
cottage palace hut tent cabin stable cellar attic balcony bench statue fountain pillar castle bridge church
ticket newspaper poem puzzle riddle question answer lesson drawing photograph mirror trumpet drum flute
violin piano bell clock watch ribbon jacket shirt glove boot scarf dress crown sword shield arrow
scientist artist lawyer farmhand officer general guard clerk student pupil baby parent husband
city town country county field orchard vineyard harbour lighthouse sail oar anchor raft""".split()]
GAPS = ["near", "behind", "beside", "under", "above", "with", "by", "beyond", "next to", "in front of", "close to", "of", "from"]
VERBS = [("is", "are"), ("is", "are"), ("was", "were"), ("was", "were"), ("has", "have"), ("does", "do"),
         ("looks", "look"), ("seems", "seem"), ("goes", "go"), ("comes", "come")]
TAILS = {
    "is": "very old|white|here|small|not here|big|there again|dark|ready|mine",
    "was": "very old|lost|in the wood|quiet|not there|new|beautiful|broken",
    "has": "a name|gone|been there for years|come back|to go home|a story",
    "does": "not move|not belong to us|not look new|not seem so far away",
    "looks": "old|new|like another|small from here",
    "seems": "to be asleep|very far away|small|to like it here",
    "goes": "with us|away at night|home",
    "comes": "back every year|from far away|with us",
}
PRONOUNS = {"he": "him his himself".split(), "she": "her her herself".split()}
# What happens between two people: when, what both do, and who does something to whom: b gives o to a.
WHEN = ["", "", "", "", "One day ", "Yesterday ", "Last night ", "In the morning ", "In the evening, ", "At noon, ", "Long ago, ",
        "Once ", "On Sunday, ", "Before dinner, ", "After breakfast, ", "At last ", "The other day ", "Some years later, ",
        "That day, ", "Now, ", "So ", "First, ", "In summer, "]
BOTH = ["{x} and {y} met at the {p}", "{x} and {y} were sitting at the {p}", "{x} and {y} came to the {p}", "{x} walked to the {p} with {y}",
        "{x} saw {y} at the {p}", "{x} and {y} lived near the {p}", "{x} was playing with {y} by the {p}", "{x} waited for {y} at the {p}",
        "{x} and {y} ran to the {p}", "{x} and {y} had a quarrel", "{x} and {y} had a long talk", "{x} and {y} looked for {o} in the {p}",
        "{x} and {y} bought {o} at the {p}", "{x} and {y} had dinner at the {p}", "{x} and {y} travelled to the {p}", "{x} helped {y} in the {p}",
        "{x} and {y} were alone", "{x} and {y} got up early", "{x} and {y} took {o} from the {p}", "{x} and {y} hid behind the {p}",
        "{x} and {y} drove to the {p}", "{x} and {y} were waiting at the {p}", "{x} and {y} saw {o} near the {p}",
        "{x} found {o} at the {p} and showed it to {y}"]
GIVES = ["{b} gave {o} to {a}.", "{b} handed {o} to {a}.", "{b} threw {o} to {a}.", "{b} showed {o} to {a}.",
         "{b} brought {o} to {a}.", "{b} wanted to sell {o} to {a}.", "{b} took {o} and passed it to {a}.",
         "{b} said good-bye to {a}.", "{b} told a story to {a}.", "{b} smiled at {a}.", "{b} had {o} for {a}.",
         "{b} offered {o} to {a}.", "{b} sang a song for {a}.", "{b} spoke to {a}.", "{b} whispered to {a}.", "{b} sold it to {a}.",
         "{b} decided to hand {o} to {a}.", "{b} was ready to lend {o} to {a}.", "{b} carried it to {a}.", "{b} began to sing to {a}.",
         "{b} hoped to show it to {a}.", "{b} promised {o} to {a}.", "{b} called to {a}.", "{b} gave the {t} to {a}."]
THEN = ["Then ", "Later ", "And then ", "Next ", "Soon ", "So ", "At last ", "After that, ", "The next day, ", "But "]
CAPITAL = ["The capital of {c}, you know, is {k}.", "If you go to {c}, you will see its capital, {k}.",
           "{c} has its capital at {k}.", "Which city is the capital of {c}? It is {k}.",
           "The king sent a letter to the capital of {c}, which is {k}.",
           "She lived in {c}, in the capital, {k}.", "They travelled through {c} until they came to its capital, {k}.",
           "\"What is the capital of {c}?\" asked the teacher. \"{k},\" said {n}.",
           "{k} is the capital of {c}.", "In {c}, the capital is {k}."]
CONTINENT = ["{c} lies in {t}.", "{c} is a country in {t}.", "You will find {c} on the map of {t}.",
             "{c} is one of the countries of {t}.", "{n} came from {c}, in {t}."]
NEIGHBOUR = ["{c} has a border with {b}.", "Next to {c} lies {b}.", "From {c} you can walk into {b}.",
             "Among the neighbours of {c} is {b}.", "Between {c} and {b} there is a border."]
ADJECTIVE = ["What comes from {c} is called {a}.", "The {a} capital is {k}.", "{n} was {a}, for {n} was born in {c}."]


# What may not be said where any word may be: of the evaluation sets, the words that a vocabulary of whole words has.
HELD_OUT = """Italy Rome London Elizabeth Emily John Mary Robert Sara David James Daniel Joseph William Thomas Charles Paul Mark Andrew Adam
store garden restaurant school hospital office house station ring kiss bone basketball computer necklace drink snack
war conflict siege reign voyage famine drought plague strike trial festival project rebellion campaign marriage dispute
expedition construction investigation alliance truce crisis occupation revolution dynasty
farmer baker mountain mountains bottle knight ladder table tables bed beds doctor doctors pony nest nests wagon""".split()


class Lessons:
    def __init__(self, corpus, tokenizer=None):
        """With a tokenizer, any of its words may be a name where things are given."""
        path = os.path.join(corpus, "countries.json")
        if not os.path.exists(path):
            raise SystemExit(f"{path} is missing: pass --corpus DIR, the folder with countries.json")
        with open(path, encoding="utf-8") as f:
            countries = json.load(f)
        # An invented name is no place, and none of the evaluation sets' names that the syllables would make.
        self.not_invented = {"Lisa", "Sara", *(c[k] for c in countries for k in ("name", "capital"))}
        taught = set(COUNTRIES)
        self.words = [] if tokenizer is None else [
            n[1:] for n in tokenizer.names if n[0] == "Ġ" and len(n) > 2 and n[1:].isalpha() and n[1:] not in HELD_OUT]
        self.countries = [c for c in countries if c["name"] in taught and c["capital"]]
        missing = taught - {c["name"] for c in self.countries}
        if missing:
            raise SystemExit(f"countries.json lacks {sorted(missing)}")

    def text(self, rng):
        """One passage, of one to several sentences."""
        return rng.choices(self.KINDS, self.WEIGHTS)[0](self, rng)

    def invented(self, rng):
        return "".join(rng.choice(SYLLABLES) for _ in range(rng.choice([2, 2, 3])))

    def person(self, rng, invented=0.4):
        """A name: one of ours, or an invented one."""
        while rng.random() < invented:
            name = self.invented(rng).capitalize()
            if name not in self.not_invented:
                return name
        return rng.choice(NAMES)

    def people(self, rng, n, any_word=0.0):
        """As many different names; of each the chance that it is any word at all."""
        out = set()
        while len(out) < n:
            out.add(rng.choice(self.words) if self.words and rng.random() < any_word else self.person(rng))
        return rng.sample(sorted(out), n)

    def thing(self, rng):
        """With its article."""
        name = rng.choice(OBJECTS)
        return ("an " if name[0] in "aeiou" else "a ") + name

    def geography(self, rng):
        """The same fact again in other words, and other facts of the same country beside it."""
        out = []
        for c in rng.sample(self.countries, rng.choice([1, 1, 2, 3])):
            near = [b for b in c["borders"] if b in COUNTRIES]
            kinds = [CAPITAL, CAPITAL, CONTINENT] + ([NEIGHBOUR] if near else []) + ([ADJECTIVE] if c["adjective"] else [])
            for kind in rng.sample(kinds, rng.choice([1, 2, 2, 3])):
                b = rng.choice(near) if near else ""
                out.append(rng.choice(kind).format(
                    c=c["name"], k=c["capital"], t=c["continent"], n=self.person(rng), b=b, a=(c["adjective"] or "").split(" or ")[0]))
        return " ".join(out)

    def calendar(self, rng):
        names = rng.choice([DAYS, DAYS, MONTHS])
        i, n = rng.randrange(len(names)), len(names)
        a, b, z = names[i], names[(i + 1) % n], names[i - 1]
        unit = "day" if names is DAYS else "month"
        run = [names[(i + k) % n] for k in range(rng.randint(3, 7))]
        who = self.person(rng)
        today = "Today is {a}, so tomorrow will be {b}."
        forms = ["After {a} comes {b}.", "The {u} after {a} is {b}.", "The {u} before {b} is {a}.",
                 "{b} comes after {a}.", "First comes {a}, then {b}.", "Between {z} and {b} comes {a}.",
                 ", ".join(run) + ".", " ".join(run) + ".", ", ".join(run[:-1]) + " and " + run[-1] + "."]
        if names is DAYS:
            forms += [today, "If today is {a}, then tomorrow is {b}.", "Yesterday was {a}, so today is {b}.",
                      "{w} came on {a} and went away on {b}.", "There was rain on {z}, wind on {a}, and snow on {b}.", "On {a} {w} worked, and the next day, {b}, {w} slept.",
                      "\"Is it {a} today?\" asked {w}. \"Then tomorrow is {b}.\""]
        else:
            forms += ["This month is {a}; next month will be {b}.", "It rained in {z}, it rained in {a}, and it rained in {b}.",
                      "{w} was born in {a}, and a month later came {b}."]
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
        if rng.random() < 0.3:
            text = ", ".join(run[:-1]) + rng.choice([" and ", ", and "]) + run[-1]
        return rng.choice(["{t}.", "{n} counted: {t}.", "\"{t},\" counted {n}.", "{n} can count: {t}."]).format(
            t=text, n=self.person(rng))

    def indirect_object(self, rng):
        """Who gets the thing: in both orders of the names, and often with a sentence between."""
        a, b = self.people(rng, 2, any_word=rng.choice([0.0, 0.5, 1.0]))
        first = rng.choice([(a, b), (b, a)])
        p, o = rng.choice(PLACES), self.thing(rng)
        said = rng.choice(WHEN) + rng.choice(BOTH)
        if rng.random() < 0.4:
            said = rng.choice([rng.choice(["When ", "While ", "After ", "As ", "Because "]) + rng.choice(BOTH) + ", ",
                               said + rng.choice([", and ", ", and then ", ", and later ", "; then ", ", but "])])
            text = said[0].upper() + said[1:] + rng.choice(GIVES)
        else:
            middle = rng.choice(["", "", "", " It was a fine day.", " The sun was shining.", " Nobody else was there.",
                                 " They talked for a long time.", " It had begun to rain.", " They were good friends."])
            text = said[0].upper() + said[1:] + "." + middle + " " + rng.choice(["", "", "", "", rng.choice(THEN)]) + rng.choice(GIVES)
        text = text.format(x=first[0], y=first[1], a=a, b=b, p=p, o=o, t=rng.choice(OBJECTS))
        for _ in range(rng.choice([0, 1, 1, 2, 3, 4])):  # and on: only who gives tells who gets it
            a, b = rng.choice([(a, b), (b, a)])
            text += " " + rng.choice(["", rng.choice(THEN)]) + rng.choice(GIVES).format(a=a, b=b, o=self.thing(rng), t=rng.choice(OBJECTS))
        if rng.random() < 0.4:
            text += rng.choice([" {a} thanked {b}.", " \"Thank you, {b},\" said {a}.", " Then {a} went home, but {b} stayed.",
                                " {a} was very glad.", " So {b} and {a} became friends."]).format(a=a, b=b)
        return text

    def noun(self, rng):
        """(singular, plural); every fifth is invented, so that only its ending tells."""
        if rng.random() < 0.2:
            noun = self.invented(rng)
            return [noun, plural(noun)]
        return rng.choice(SUBJECTS)

    def agreement(self, rng):
        """The verb follows its subject, whatever stands between; the nouns on both sides are of either number."""
        out = []
        for _ in range(rng.choice([1, 1, 2, 3])):
            s = t = self.noun(rng)
            while s == t:
                t = self.noun(rng)
            many, many_between = rng.random() < 0.5, rng.random() < 0.5
            subject, between = s[many], t[many_between]
            verb = rng.choice(VERBS)
            tail = rng.choice(TAILS[verb[0]].split("|"))
            gap = rng.choice([f"{rng.choice(GAPS)} the {between}", f"{rng.choice(GAPS)} the {between}",
                              f"that {self.person(rng)} saw", f"that the {between} saw", f"at the {rng.choice(PLACES)}",
                              f"that stood {rng.choice(GAPS[:-2])} the {between}", ""])
            gap = " " + gap if gap else ""
            start = rng.choice(["The", "The", "The", "But the", "Now the", f"{self.person(rng)} says that the"])
            out.append(f"{start} {subject}{gap} {verb[many]} {tail}.")
        return " ".join(out)

    def years(self, rng):
        """What ends later has the greater year."""
        first = rng.randrange(1000, 1990)
        last = rng.randrange(first + 1, first - first % 100 + 100) if first % 100 < 98 and rng.random() < 0.85 \
            else rng.randrange(first + 1, 2000)
        if rng.random() < 0.35:  # no longer than people live
            return rng.choice(["{n} was born in {a} and died in {b}.", "{n} came to the village in {a} and stayed there until {b}.",
                               "In {a} {n} was young, and in {b} {n} was old."]).format(
                                   n=self.person(rng), a=first, b=first + rng.randint(20, 85))
        return rng.choice([
            "The mill worked from {a} to {b}.",
            "They began to build the tower in {a}, and in {b} it was ready.", "From {a} until {b} nobody lived there.",
            "Between {a} and {b} there was peace in the land.", "The bridge stood from the year {a} until the year {b}.",
            "There was a market here from {a} to {b}."]).format(a=first, b=last)

    def pronouns(self, rng):
        """Who he, she, it and they are."""
        who, (name, other) = rng.choice([("he", (rng.choice(HE), rng.choice(SHE))), ("she", (rng.choice(SHE), rng.choice(HE)))])
        if rng.random() < 0.3:
            name = "the " + rng.choice({"he": ["king", "boy", "man", "prince"], "she": ["queen", "girl", "woman", "princess"]}[who])
        him, his, himself = PRONOUNS[who]
        s = rng.choice(["cat", "dog", "boy", "girl", "horse", "goat"])
        text = rng.choice([
            "{n} was tired, so {e} went home.", "{n} lost {h} {o}, and {e} could not find it.",
            "{n} looked at {m}self in the water.", "When {n} saw {w}, {e} smiled.", "{n} said that {e} was hungry.",
            "{w} asked {n} to wait, and {e} waited.", "{n} took {h} {o} and went with {w} to the {p}. They were glad.",
            "{n} hurt {m}self, but {e} did not cry.", "{n} had {a} {o}, and it was {h} own.",
            "{n} made the {o} all by {m}self. {w} gave {i} something for it.",
            "The {s} and {w} ran away, and nobody saw them again.", "{n} thought that {e} had seen {w} before."]).format(
                n=name, w=other, e=who, i=him, h=his, m=himself[:-4], o=(o := rng.choice(OBJECTS)),
                a="an" if o[0] in "aeiou" else "a", p=rng.choice(PLACES), s=s)
        return text[0].upper() + text[1:]

    def echo(self, rng):
        """Words and names in no order, and the same again: in text, too, what came once may come again."""
        words = [rng.choice([*OBJECTS, *PLACES, *(s for s, _ in SUBJECTS), self.person(rng, 1.0)]) for _ in range(rng.randint(3, 9))]
        a, b = self.people(rng, 2)
        line, again = rng.choice([", ", " "]).join(words), rng.choice([1, 1, 2])
        return rng.choice(["\"{t}\", said {a}. " + "\"{t}\", said {b}. " * again, "{t}. " * (again + 1),
                           "{a} wrote: {t}. Then {b} wrote: {t}.", "{a} sang: {t}. {b} sang it too: {t}.",
                           "First the list says {t}; then it says {t}."]).format(t=line, a=a, b=b).strip()

    def opposites(self, rng):
        out = []
        for a, b in rng.sample(OPPOSITES, rng.choice([1, 2, 3])):
            a, b = rng.choice([(a, b), (b, a)])
            out.append(rng.choice(["{a} and {b} are opposites.", "If it is not {a}, it is {b}.", "Not {a}, but {b}.",
                                   "{A} is the opposite of {b}.", "One said {a}, the other said {b}.",
                                   "The contrary of {a} is {b}."]).format(a=a, b=b, A=a.capitalize()))
        return " ".join(out)

    KINDS = [geography, calendar, counting, indirect_object, agreement, opposites, years, pronouns, echo]
    WEIGHTS = [1.5, 2, 1.5, 12, 8, 1.5, 0.5, 1.5, 1]
    REPEATED = 0.1  # of the lessons; they are about twice as long as the others

    @staticmethod
    def repeated(rng, vocab_size):
        """A random string and the same again, with or without random tokens between: only copying
        from earlier in the context can predict it. Length and offset vary, or a positional copy would do.
        What nothing can predict (the first time, and whatever follows the end of a string) is given as ~id:
        to be read, never asked for, because it would teach nothing and its gradient is noise."""
        unit = [rng.randrange(vocab_size - 1) for _ in range(rng.randint(3, 40))]
        gap = [~rng.randrange(vocab_size - 1) for _ in range(rng.choice([0, 0, 0, rng.randint(1, 12)]))]
        times = rng.choice([1, 1, 2, 3] if len(unit) < 20 else [1])
        again = [~unit[0], *unit[1:]]
        return [~token for token in unit] + (gap + again) * times


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

