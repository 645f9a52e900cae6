"""Writes the table in this folder's README from the certificates beside it: ``.venv/bin/python docs/parity/make.py``."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from levelfield.parity.certificate import Certificate

FOLDER = Path(__file__).parent
KINDS = ("output", "gradient", "parameter")
HEADER = ("workload", "precision", *(f"largest difference: {kind}" for kind in KINDS), "nearest to its tolerance", "sharp steps", "data")


def main() -> None:
    """The command line."""
    readme = FOLDER / "README.md"
    readme.write_text(with_table(readme.read_text(), FOLDER))


def with_table(text: str, folder: Path) -> str:
    """The README with the table for the certificates of a folder between its two marks."""
    lines = [f"| {' | '.join(HEADER)} |", "|" + " --- |" * len(HEADER)]
    lines += [f"| {' | '.join(cells(certificate))} |" for certificate in certificates(folder)]
    table = "\n".join(lines)
    return re.sub(
        r"(<!-- table -->\n).*(<!-- end of the table -->)", lambda marks: f"{marks[1]}\n{table}\n\n{marks[2]}", text, flags=re.DOTALL
    )


def certificates(folder: Path) -> Iterable[Certificate]:
    """Those of the folder, in the order of their names."""
    for file in sorted(folder.glob("*.json")):
        yield Certificate.from_dict(json.loads(file.read_text()))


def cells(certificate: Certificate) -> tuple[str, ...]:
    """One row: absolute differences, and the tensor that used most of its tolerance."""
    rows = certificate.rows
    nearest = max(rows, key=lambda row: row.relative / row.tolerance)
    worst = (max((row.absolute for row in rows if row.kind == kind and not row.exact), default=0.0) for kind in KINDS)
    return (
        certificate.workload,
        certificate.precision,
        *(f"{value:.1e}" for value in worst),
        f"{nearest.tensor}: {nearest.relative:.1e} of {nearest.tolerance:.1e}",
        f"{certificate.sharp_steps} of {certificate.steps}",
        f"{certificate.data_source} ({certificate.data_fingerprint[:12]})",
    )


if __name__ == "__main__":
    main()
