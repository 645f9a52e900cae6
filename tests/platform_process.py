"""Starts the command line as a user does, in a process of its own, and looks for what it leaves behind."""

import os
import subprocess
import sys
import time

import psutil
import yaml

from levelfield.services import ROOT
from tests.services import write_service


class Platform:
    """The command line with results, cache and fake services in a folder of its own.

    Studies make no certificates unless ``certify`` or the word ``--certify`` asks for them: they take as long as a short study.
    """

    def __init__(self, folder, *, certify=False, gate=False) -> None:
        self.folder = folder
        self.results = folder / "results"
        self.env = os.environ | {
            "LEVELFIELD_SERVICES": str(folder / "services"),
            "LEVELFIELD_RESULTS": str(self.results),
            "LEVELFIELD_CERTIFY": str(int(certify)),
            "LEVELFIELD_GATE": str(int(gate)),
            "COLUMNS": "200",
            "NO_COLOR": "1",
        }
        self.env.pop("LEVELFIELD_STORE", None)
        for name in ("fake_a", "fake_b"):
            write_service(folder / "services", name)

    def study(self, frameworks, **fields):
        file = self.folder / "study.yaml"
        file.write_text(yaml.safe_dump({"workloads": ["digits_cnn"], "frameworks": frameworks, "epochs": 2} | fields))
        return str(file)

    def start(self, *words, **options):
        command = [sys.executable, "-m", "orchestrator.cli", *words]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, cwd=ROOT, env=self.env, **pipes | options)

    def run(self, *words, expect=0, timeout=240):
        process = self.start(*words)
        output, _ = process.communicate(timeout=timeout)
        assert process.returncode == expect, f"exit status {process.returncode}, expected {expect}\n{output}"
        return output


def processes_of(owner_pid):
    """Command lines of the live processes that belong to the cluster which process ``owner_pid`` started."""
    mark = f"/tmp/lf-{owner_pid}-"
    found = []
    for process in psutil.process_iter():
        try:
            if mark in " ".join(process.cmdline()) or mark in process.environ().get("RAY_SESSION_DIR", ""):
                found.append(f"{process.pid} {' '.join(process.cmdline())[:120]}")
        except psutil.Error:
            continue
    return found


def descendants(pid):
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def workers_of(pid):
    """The live worker actors below process ``pid``."""
    return [process for process in descendants(pid) if "ray::WorkerActor" in _command(process)]


def _command(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def wait_until(condition, *, timeout_s, what):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.1)
