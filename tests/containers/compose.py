"""The composed platform as a user drives it, under a name, secrets and ports of its own."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from levelfield.local import free_port
from levelfield.services import ROOT

PROJECT = "levelfield-test"
BASE_IMAGE = os.environ.get("BASE_IMAGE", "python:3.11-slim-bookworm")
VERSION = "test"  # of images, beside those of a platform that is in use here
STAND_IN = "levelfield-test/postgres:local"


class Composed:
    """`docker compose` on this checkout. BASE_IMAGE, CA_FILE, WHEELS_DIR, PIP_CONFIG and POSTGRES_IMAGE are the environment's."""

    def __init__(self) -> None:
        self.port = free_port("127.0.0.1")
        self.deploy = Path(tempfile.mkdtemp(prefix="lf-deploy-"))
        self.env = os.environ | {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "UI_PORT": str(self.port),
            "POSTGRES_IMAGE": os.environ.get("POSTGRES_IMAGE", STAND_IN),
            "WORKER_MEMORY": "6g",
            "LEVELFIELD_VERSION": VERSION,
            "DEPLOY": str(self.deploy),
        }

    def build(self):
        if self.env["POSTGRES_IMAGE"] == STAND_IN:
            secret = ["--secret", f"id=ca,src={os.environ['CA_FILE']}"] if os.environ.get("CA_FILE") else []
            base = f"BASE_IMAGE={os.environ.get('BASE_IMAGE', 'python:3.11-slim-bookworm')}"
            self._call(
                "docker", "build", "--quiet", "--tag", STAND_IN, "--build-arg", base, *secret, str(Path(__file__).parent / "postgres")
            )
        self._call("make", "images", timeout=1000)

    def __call__(self, *words, timeout=180, expect=0):
        return self._call("docker", "compose", *words, timeout=timeout, expect=expect)

    def levelfield(self, *words, timeout=900, expect=0, options=()):
        return self("run", "--rm", "--no-TTY", *options, "levelfield", *words, timeout=timeout, expect=expect)

    def study(self, **fields):
        """The options that show a study of these fields to `levelfield`, and its path there."""
        folder = Path(tempfile.mkdtemp(prefix="lf-study-"))
        folder.chmod(0o755)
        (folder / "study.yaml").write_text(json.dumps(fields))
        return ["--volume", f"{folder}:/studies:ro"], "/studies/study.yaml"

    def sql(self, query):
        output = self("exec", "--no-TTY", "postgres", "psql", "-U", "levelfield", "-d", "levelfield", "-At", "-c", query)
        return output.splitlines()

    def containers(self, service):
        found = self("ps", "--quiet", service).split()
        return [json.loads(self._call("docker", "inspect", one))[0] for one in found]

    def wait_until(self, look, *, timeout_s, what):
        deadline = time.monotonic() + timeout_s
        while not (found := look()):
            assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s\n{self('logs', '--tail=60')}"
            time.sleep(1)
        return found

    def inspect_image(self, name):
        return json.loads(self._call("docker", "image", "inspect", f"levelfield/{name}:{VERSION}"))[0]

    def base_size(self):
        return json.loads(self._call("docker", "image", "inspect", BASE_IMAGE))[0]["Size"]

    def in_image(self, name, *command, expect=0):
        return self._call("docker", "run", "--rm", "--entrypoint", command[0], f"levelfield/{name}:{VERSION}", *command[1:], expect=expect)

    def _call(self, *command, timeout=180, expect=0):
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=timeout, check=False)
        assert expect is None or done.returncode == expect, (
            f"{' '.join(command)}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
        return done.stdout if expect == 0 else done.stdout + done.stderr


def has_engine():
    return shutil.which("docker") and not subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
