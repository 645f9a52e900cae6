"""A study of which nothing came, in words: why comes first then."""

from collections import Counter
from collections.abc import Iterable

from levelfield.report.model import Analysis
from levelfield.result import STATUSES, Status

NAMED = 3  # reasons
SHOWN = 160  # characters of a reason


def nothing_counts(analysis: Analysis) -> list[str]:
    """Sentences that say why no run of a study counts for anything; none where one does, or none is recorded."""
    sides = [side for workload in analysis.workloads for side in workload.sides]
    statuses = Counter[str]()
    for side in sides:
        statuses.update(side.statuses)
    if not statuses or any(STATUSES[Status(name)].timing_counts or STATUSES[Status(name)].learning_counts for name in statuses):
        return []
    number = statuses.total()
    told = ", ".join(f"{count} {name}" for name, count in statuses.most_common())
    return [f"No run of this study ended well: of {number} recorded, {told}.", *_reasons(analysis)]


def _reasons(analysis: Analysis) -> Iterable[str]:
    """The most frequent first, with whom they befell."""
    found, whom = Counter[str](), dict[str, dict[str, None]]()
    for workload in analysis.workloads:
        for one in workload.incidents:
            if not one.superseded:
                reason = " ".join(one.reason.split())
                found[reason] += 1
                whom.setdefault(reason, {})[one.side.title] = None
    for reason, count in found.most_common(NAMED):
        short = f"{reason[:SHOWN]} ..." if len(reason) > SHOWN else reason
        yield f"{count} {'run' if count == 1 else 'runs'} of {' and '.join(whom[reason])}: {short.rstrip('.')}."
    if (more := len(found) - NAMED) > 0:
        yield f"{more} more {'reason' if more == 1 else 'reasons'}, below."
