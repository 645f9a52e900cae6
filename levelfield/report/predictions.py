"""The networks that both sides trained with one seed, test example by test example: another question than accuracy over seeds."""

from collections.abc import Iterable, Mapping, Sequence

from levelfield.predictions import Predictions
from levelfield.report.compare import ByPair, pairs_of, unusable
from levelfield.report.formats import percent
from levelfield.report.model import Comparison, TrainedPair, WorkloadAnalysis
from levelfield.report.quantities import ACCURACY
from levelfield.report.tables import LISTED, Table
from levelfield.stats import NetworkComparison, NetworkPair, compare_networks

CAPTION = (
    "A row is a seed: how many test examples the networks of both sides had right, only one of them, or neither; to how many both gave the "
    "same class; and the p value of McNemar's exact test, adjusted by Holm's procedure for the number of seeds."
)


def trained(members: tuple[ByPair, ByPair]) -> tuple[TrainedPair, ...]:
    """The pairs whose accuracies are compared."""
    a, b = members
    judged = [pair for pair in pairs_of(a, b) if not unusable((a.get(pair), b.get(pair)), ACCURACY, ("", ""))]
    return tuple(TrainedPair(seed=a[pair].seed, a=a[pair].run_id, b=b[pair].run_id) for pair in judged)


def compare(pairs: Sequence[TrainedPair], predictions: Mapping[int, Predictions]) -> NetworkComparison | None:
    """Over the pairs whose accuracies are compared; ``predictions`` are by run id. None where no pair has them on both sides."""
    found = networks_of(pairs, predictions)
    return compare_networks(found, without=sum(not {pair.a, pair.b} <= predictions.keys() for pair in pairs))


def networks_of(pairs: Sequence[TrainedPair], predictions: Mapping[int, Predictions]) -> dict[int, tuple[Predictions, Predictions]]:
    """By seed the predictions of both networks, where both are stored."""
    return {pair.seed: (predictions[pair.a], predictions[pair.b]) for pair in pairs if {pair.a, pair.b} <= predictions.keys()}


def told(comparison: Comparison) -> Iterable[str]:
    """One paragraph, where there are predictions: in how many seeds the networks differ, how often they agree, and what that means."""
    if found := comparison.networks:
        sides = f"{comparison.a.title} / {comparison.b.title}"
        number, examples = len(found.pairs), found.pairs[0].test.examples
        seeds = f"{found.differing} of {number} seed{'' if number == 1 else 's'}"
        yield (
            f"{sides}, the two networks of each seed on the same {examples:,} test examples: in {seeds} "
            f"their accuracies differ beyond chance (exact McNemar test at 5%, Holm over seeds); they give the same class to "
            f"{_agreement(found)}.{_without(found)} That speaks of these networks, not of the frameworks: two seeds of one framework, too, "
            "give networks that differ."
        )


def tables(workload: WorkloadAnalysis) -> list[Table]:
    """For each comparison with predictions, one row a seed."""
    return [table(comparison, comparison.networks) for comparison in workload.comparisons if comparison.networks]


def table(comparison: Comparison, found: NetworkComparison) -> Table:
    """One row a seed, at most ``LISTED`` of them."""
    a, b = comparison.a.title, comparison.b.title
    more = len(found.pairs) - LISTED
    rest = ((f"... and {more} more; JSON has them all", (("", ""),) * 6),) if more > 0 else ()
    return Table(
        header=(f"{a} / {b}, seed", "both right", f"only {a} right", f"only {b} right", "both wrong", "same class", "p"),
        rows=(*((str(pair.seed), tuple((text, "") for text in _cells(pair))) for pair in found.pairs[:LISTED]), *rest),
    )


def _cells(pair: NetworkPair) -> Iterable[str]:
    test = pair.test
    yield from (f"{number:,}" for number in (test.both, test.a_only, test.b_only, test.neither))
    yield percent(pair.agreement, 1)
    yield f"{pair.adjusted_p:.2g}"


def _agreement(found: NetworkComparison) -> str:
    """The median share, with the range over several seeds."""
    shares = [pair.agreement for pair in found.pairs]
    spread = f" (median; {percent(min(shares), 1)} to {percent(max(shares), 1)})" if len(shares) > 1 else ""
    return f"{percent(found.agreement, 1)} of them{spread}"


def _without(found: NetworkComparison) -> str:
    return f" Of {found.without} more pair{'' if found.without == 1 else 's'} no predictions are stored." if found.without else ""
