"""What is not as it was: between a stored run and its repeats, from what their workers say (methodology, rule 13)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from levelfield.report.aspects import GROUPS, Account, Aspect, aspects, framework, text
from levelfield.report.audit import Difference

# Where a process ran, and what of the sources no worker computes with: neither changes what a step computes. On a GPU nothing is exact.
_WHERE = ("hostname", "host, by", "kernel", "cores", "usable cores", "niceness", "memory bytes", "GPU ", "variable CUDA_VISIBLE_DEVICES")
_HARMLESS = (*_WHERE, "sources of Levelfield", "git commit", "git clean")


def changes(old: Account, new: Sequence[Account]) -> Iterator[Difference]:
    """Every aspect in which a new run is not as the old one was, group by group. What a run died too early to tell is not compared."""
    if old.description and all(account.description for account in new):
        yield from _changed("framework", "arithmetic", [framework(account) for account in (old, *new)])
    else:
        old, new = (replace(old, description={}), [replace(account, description={}) for account in new])
    said = [aspects(account) for account in (old, *new)]
    if not old.environment or not all(account.environment for account in new):
        return
    for aspect in sorted(dict.fromkeys(name for one in said for name in one), key=lambda name: list(GROUPS).index(name.group)):
        if aspect.group != "work" or all(aspect in one for one in said):
            yield from _changed(aspect.name, aspect.group, [_text(aspect, one) for one in said])


def _changed(aspect: str, group: str, told: Sequence[str]) -> Iterator[Difference]:
    """``told`` by the old run and by the new ones."""
    if set(told) != {told[0]}:
        yield Difference(aspect=aspect, a=told[0], b=", ".join(dict.fromkeys(told[1:])), group=group)


def _text(aspect: Aspect, said: Mapping[Aspect, object]) -> str:
    return text(said[aspect]) if said.get(aspect) is not None else aspect.absent or "not there"


def inexact(device: str, found: Iterable[Difference]) -> Iterator[str]:
    """Why the same steps need not have the same losses bit for bit, after these changes; nothing where they should."""
    if device != "cpu":
        yield f"on {device} sums may be taken in any order"
    for change in found:
        if change.group != "work" and not change.aspect.startswith(_HARMLESS):
            yield f"another {change.aspect}"
