"""The baseline against numbers worked out by hand, and against what any distribution must do."""

import random
import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models"))

from kneser_ney import KneserNey  # noqa: E402

A, B, C, END = range(4)


class ByHand(unittest.TestCase):
    """Bigrams of "a b a c" and "a b": END a (2), a b (2), b a (1), a c (1).

    Bigrams: n1 = 2, n2 = 2, so D2 = 2 / (2 + 4) = 1/3. Left neighbours: a follows END and b (2), b follows a (1), c
    follows a (1); in all 4; n1 = 2, n2 = 1, so D1 = 2 / (2 + 2) = 1/2. The vocabulary has 4 words, p0 = 1/4.
      p1(a) = (2 - 1/2) / 4 + (1/2 · 3 / 4) · 1/4 = 3/8 + 3/32 = 15/32
      p1(b) = p1(c) = (1/2) / 4 + 3/32 = 7/32,  p1(END) = 3/32
      p2(b | a) = (2 - 1/3) / 3 + (1/3 · 2 / 3) · 7/32 = 5/9 + 7/144 = 87/144
      p2(c | a) = (1 - 1/3) / 3 + 7/144 = 39/144
      p2(a | a) = 2/9 · 15/32 = 15/144
      p2(a | c): c was never followed, so p1(a) = 15/32
    """

    model = KneserNey([[A, B, A, C], [A, B]], 4, END, order=2)

    def test_bigrams(self):
        np.testing.assert_allclose(self.model.next([A]), [15 / 144, 87 / 144, 39 / 144, 3 / 144], rtol=1e-12)

    def test_a_history_never_seen(self):
        np.testing.assert_allclose(self.model.next([C]), [15 / 32, 7 / 32, 7 / 32, 3 / 32], rtol=1e-12)

    def test_a_document(self):
        first = (2 - 1 / 3) / 2 + (1 / 3 / 2) * 15 / 32  # p2(a | END)
        np.testing.assert_allclose(np.exp(self.model.log_p([A, B])), [first, 87 / 144], rtol=1e-12)


def documents(draw):
    return [[draw.choice([0, 1, 2, 3, 7]) for _ in range(draw.randrange(1, 60))] for _ in range(20)]


class FiveGrams(unittest.TestCase):
    documents = documents(random.Random(1))
    model = KneserNey(documents, 9, 8)

    def test_every_distribution_sums_to_one(self):
        for history in ([], [1], [1, 2, 3, 7], [5, 5, 5, 5, 5], [7, 6, 1, 2]):
            p = self.model.next(history)
            self.assertAlmostEqual(p.sum(), 1, places=12)
            self.assertGreater(p.min(), 0)

    def test_one_by_one_and_all_at_once(self):
        document = self.documents[3]
        one_by_one = [np.log(self.model.next(document[:i])[token]) for i, token in enumerate(document)]
        np.testing.assert_allclose(self.model.log_p(document), one_by_one, rtol=1e-12)

    def test_what_was_seen_is_likelier(self):
        self.assertGreater(self.model.log_p(self.documents[0]).mean(), self.model.log_p([4, 5, 6, 4, 5, 6]).mean() + 1)

    def test_a_vocabulary_too_large_for_its_keys_is_refused(self):
        with self.assertRaises(ValueError):
            KneserNey([[1]], 50257, 0)
