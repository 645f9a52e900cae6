"""A study that goes on until it is decided: it looks at fixed numbers of pairs, and ends where every claim is decided (rule 7)."""

from collections.abc import Iterable, Iterator

from levelfield.planning.plan import PairWork
from levelfield.study import Study


def stages(study: Study, todo: Iterable[PairWork]) -> Iterator[list[PairWork]]:
    """What is to be done up to each look of a study; everything at once where the number of pairs is fixed."""
    left = list(todo)
    if not study.until_decided:
        yield left
        return
    from levelfield.stats import looks  # scipy takes a while to import, and the first run would wait for it

    before = 0
    for look in looks(len(study.seed_list)):
        yield [work for work in left if before <= work.pair // len(study.cases) < look]
        before = look


def is_decided(study: Study, study_id: str, store: str) -> bool:
    """Whether every claim of a stored study is decided at the last look that it came to; one with a fixed number of pairs never is."""
    if not study.until_decided:
        return False
    from levelfield.report.analysis import analyse  # pandas takes a second to import
    from levelfield.store.frames import load

    analysis = analyse(load(study_id, store), networks=False)
    verdicts = [verdict for workload in analysis.workloads for one in workload.comparisons for verdict in (one.speed, one.accuracy)]
    return all(verdict.decided for verdict in verdicts if verdict) and not any(label.name == "incomplete" for label in analysis.labels)
