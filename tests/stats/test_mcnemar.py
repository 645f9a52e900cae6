"""McNemar's exact test against published examples and statsmodels, and how often it errs."""

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as reference

from levelfield.stats import mcnemar
from tests.stats.rates import most


def networks(both, a_only, b_only, neither):
    a = [True] * (both + a_only) + [False] * (b_only + neither)
    b = [True] * both + [False] * a_only + [True] * b_only + [False] * neither
    return a, b


@pytest.mark.parametrize(
    ("table", "p"),
    [
        # Fagerland, Lydersen and Laake (2013), BMC Med. Res. Methodol. 13:91, table 1 (Bentur et al.): 2 (1 + 8) / 2^8.
        ((1, 1, 7, 12), 0.0703),
        # Agresti (1990), Categorical Data Analysis, p. 350, the example of R's mcnemar.test; exact2x2 prints 3.716e-05.
        ((794, 150, 86, 570), 3.716e-05),
    ],
)
def test_published_examples(table, p):
    found = mcnemar(*networks(*table))
    assert (found.both, found.a_only, found.b_only, found.neither) == table
    assert found.examples == sum(table)
    assert found.p == pytest.approx(p, rel=1e-3)


@pytest.mark.parametrize("table", [(9000, 420, 380, 200), (5, 0, 6, 0), (3, 2, 2, 1), (5, 0, 0, 5)])
def test_agrees_with_statsmodels(table):
    both, a_only, b_only, neither = table
    expected = reference([[both, a_only], [b_only, neither]], exact=True).pvalue
    assert mcnemar(*networks(*table)).p == pytest.approx(expected)


def test_exchanging_the_networks_changes_the_counts_alone():
    a, b = networks(3, 9, 1, 2)
    forth, back = mcnemar(a, b), mcnemar(np.array(b), np.array(a))
    assert (forth.p, forth.a_only) == (back.p, back.b_only)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [([True], [True, False], "1 and 2"), ([1, 0], [1, 0], "boolean"), ([], [], "boolean"), ([[True]], [[True]], "shape")],
)
def test_what_is_refused(a, b, message):
    with pytest.raises(ValueError, match=message):
        mcnemar(a, b)


def test_equally_good_networks_are_rarely_told_apart():
    rng = np.random.default_rng(1)
    difficulty = rng.beta(5, 1, (5000, 200))  # the same examples are hard for both
    a, b = rng.uniform(size=(2, 5000, 200)) < difficulty
    assert sum(mcnemar(x, y).p < 0.05 for x, y in zip(a, b, strict=True)) <= most(0.05)
