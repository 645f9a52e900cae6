"""What can be wrong with a study, told by field, value and what is allowed. A value is shown cut: whoever wrote it knows the rest."""

import difflib
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_SHORT = reprlib.Repr()
_SHORT.maxlist = _SHORT.maxdict = 20
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 2, 200, 200


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong with a study: the field, what was given and what is allowed."""

    field: str
    given: Any
    allowed: str
    nearest: str | None = None

    def __str__(self) -> str:
        return f"{self.field}: {self.words}"

    @property
    def words(self) -> str:
        """What is wrong, for a place that says which field it is about."""
        hint = f" Did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{self.allowed}; given: {_shown(self.given)}.{hint}"


class StudyError(Exception):
    """A study that cannot be run as it is written; one line for each of its ``problems``."""

    def __init__(self, source: str, problems: Iterable[Problem | str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{source}: {problem}" for problem in self.problems))


def choice(field: str, given: str, allowed: Sequence[str]) -> Problem | None:
    """A problem with the nearest match where ``given`` is not one of ``allowed``."""
    if given in allowed:
        return None
    near = difflib.get_close_matches(given.lower(), allowed, n=1, cutoff=0.4)
    return Problem(field=field, given=given, allowed=f"allowed are {', '.join(allowed)}", nearest=near[0] if near else None)


def _shown(given: Any) -> str:
    """A few aliases in YAML make a value that would fill the memory if it were written out."""
    try:
        return _SHORT.repr(given)
    except ValueError:  # Python writes no number of more than 4,300 digits
        return "a number of thousands of digits"
