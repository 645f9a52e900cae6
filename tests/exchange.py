"""A study with all that a store can hold of one, and bundles that somebody has changed, with hashes that fit again."""

import hashlib
import io
import json
import math
import zipfile
from dataclasses import replace

from rich.console import Console
from sqlalchemy import select

from levelfield.report.analysis import analyse
from levelfield.report.render import to_csv, to_json, to_markdown, to_rich
from levelfield.result import Failure, Status
from levelfield.store import Store
from levelfield.store.bundle.layout import MANIFEST, SEAL, TABLES, part_file
from levelfield.store.bundle.writing import seal
from levelfield.store.frames import load
from levelfield.store.tables import metadata
from tests import networks
from tests.certificates import CODES, certificate, with_map
from tests.ui import stores

PREDICTED = dict(zip(stores.TWO, networks.pair(both=250, a_only=60, b_only=40, same_error=10), strict=True))


def run(side, seed):
    """As runs end: well, with a loss that is not finite, or with an error whose log holds anything."""
    if seed == 3 and side == "torch":
        log = Failure(reason="RuntimeError: выпало 💥 <b>", traceback="line 1\nline 2", log_tail="nul \x00, half \udcff, \u2028")
        return stores.result(side, seed, status=Status.FAILED, failure=log)
    found = stores.result(side, seed, speed=1.2 if side == "torch" else 1.0, predictions=PREDICTED[side])
    found.environment |= {"worker_code": CODES[side], "load": [math.nan, {"noise": math.inf}], "gpu": None, "z": 1, "a": {"größer": "学習"}}
    found.step_losses = [0.1, 1e-300, math.nan, -math.inf, -0.0, 1 / 3]
    if seed == 2:
        found.epochs[1] = replace(found.epochs[1], train_loss=math.nan, test_loss=math.inf)
        found.blocks[3] = replace(found.blocks[3], device_ns=found.blocks[3].duration_ns - 5)
    return found


def fill(store, name="digits", *, certify=True, **options):
    """Runs of every kind, duels, and certificates of its workload and of another one. Returns the study's id."""
    duels = [Status.OK, Status.INVALID, Status.OK, Status.OK, Status.OK]
    study_id = stores.fill(store, name, make=run, duels=duels, skip=1, **options)
    failed = certificate(beyond="output/conv1", relative=math.inf, precision="fp64")
    passed = with_map(certificate(seed=1, earlier=("seed 0: über der Schranke",)))
    for given in (failed, passed, certificate(workload="other")) if certify else ():
        store.add_certificate(given)
    return study_id


def rows(url):
    """Everything that the store holds, table by table."""
    with Store.open(url, read_only=True) as store:
        found = store.read(*(select(table).order_by(*table.primary_key.columns) for table in metadata.sorted_tables))
    return {table.name: [repr(tuple(row)) for row in some] for table, some in zip(metadata.sorted_tables, found, strict=True)}


def renderings(study_id, url):
    """The report in all its forms; runs are named by their place in the study, because each store gives ids of its own."""
    frames = load(study_id, url)
    numbers = {run_id: at for at, run_id in enumerate(frames.runs["run_id"], start=1)}
    frames = replace(
        frames,
        **{name: (frame := getattr(frames, name)).assign(run_id=frame["run_id"].map(numbers)) for name in ("runs", "epochs", "steps")},
    )
    predictions = {numbers[run_id]: found for run_id, found in frames.predictions().items()}
    object.__setattr__(frames, "predictions", lambda: predictions)
    analysis = analyse(frames)
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(to_rich(analysis))
    return {"json": to_json(analysis), "md": to_markdown(analysis), "csv": to_csv(frames, analysis), "table": console.export_text()}


def members(file):
    """What a bundle holds, by name."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(file, content, **options):
    """A zip file of these members; what is wrong with it may be that there is one twice."""
    with zipfile.ZipFile(file, "w", options.get("compression", zipfile.ZIP_DEFLATED)) as archive:
        for name, data in content.items() if isinstance(content, dict) else content:
            archive.writestr(name, data)
    return file


def forge(file, change=None, *, manifest=None):
    """Change the parts, which are lines by table, or the manifest, as one would who knows how hashes are made."""
    found = members(file)
    parts = {table: [json.loads(line) for line in found[part_file(table)].splitlines()] for table in TABLES if part_file(table) in found}
    if change:
        change(parts)
    told = json.loads(found[MANIFEST])
    told["parts"] = {}
    for table in [table for table in TABLES if part_file(table) in found]:
        del found[part_file(table)]
    for table, lines in parts.items():
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
        found[part_file(table)] = data
        told["parts"][table] = {"rows": len(lines) - 1, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    if manifest:
        manifest(told)
    found[MANIFEST] = json.dumps(told).encode()
    found[SEAL] = seal(found[MANIFEST])
    return pack(file, found)


def cell(parts, table, row, column, value):
    """Put a value into a row of a part, counted from 1."""
    parts[table][row][parts[table][0].index(column)] = value
