"""The audit in a sentence, for the place where the result is."""

from collections.abc import Sequence

from levelfield.report.audit import Audit
from levelfield.report.model import Comparison


def unequal(comparison: Comparison, study_id: str) -> str:
    """What is not equal, in short: "9 aspects, of what is computed: epsilon and dropout", and where all of it is listed."""
    audit = comparison.audit
    if not audit.known:
        return unknown(comparison)
    if not audit.differences:
        return f"What is not equal between them: nothing that is reported. {counted(audit)}"
    return f"What is not equal between them: {summary(audit)}; `levelfield explain {study_id}` lists them."


def summary(audit: Audit) -> str:
    """How many aspects differ, and by name those that decide what is computed."""
    number = len(audit.differences)
    computed = [difference.aspect for difference in audit.computed]
    return f"{number} aspect{'' if number == 1 else 's'}, of what is computed: {listed(computed) if computed else 'none'}"


def unknown(comparison: Comparison) -> str:
    """Why there is no audit."""
    sides = ((comparison.a, comparison.audit.runs_a), (comparison.b, comparison.audit.runs_b))
    silent = [side.title for side, runs in sides if not runs]
    return f"What is not equal between them is not known: no run of {listed(silent)} has told how it computes."


def counted(audit: Audit) -> str:
    """How much is equal."""
    number = len(audit.equal)
    return f"{number} aspect{' is' if number == 1 else 's are'} equal."


def listed(names: Sequence[str]) -> str:
    """Names as prose lists them: "a, b and c"."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
