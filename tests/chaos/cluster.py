"""A Ray cluster on this host whose nodes can be killed and replaced."""

import os
import sys
from pathlib import Path

import psutil

from levelfield.local import free_port
from orchestrator.cluster import LOOPBACK
from orchestrator.nodes import Nodes, wait_for_port
from tests.platform_process import workers_of


class FragileCluster:
    """A head, which stays, and nodes that each offer ``frameworks``, with addresses of their own, so that drivers join by the head."""

    def __init__(self, frameworks, *, nodes):
        self.frameworks, self.nodes, self.started = frameworks, Nodes(), 0
        port = free_port(LOOPBACK)
        self.address = f"{LOOPBACK}:{port}"
        head = ["--head", f"--node-ip-address={LOOPBACK}", f"--port={port}", "--include-dashboard=false", "--num-cpus=0"]
        self.nodes.start(Path(sys.executable), *head)
        wait_for_port(LOOPBACK, port, self.nodes, timeout_s=60)
        for _ in range(nodes):
            self.add_node()

    def add_node(self):
        self.started += 1
        own = [f"--node-ip-address=127.0.0.{2 + self.started}", f"--address={self.address}", "--num-cpus=1"]
        self.nodes.start(Path(sys.executable), *own, resources=dict.fromkeys(self.frameworks, 1))

    def workers(self):
        """The live worker actors."""
        return workers_of(os.getpid())

    def kill_worker(self):
        """Kill the process that is at work, if there is one; says whether there was."""
        return [worker for worker in self.workers() if _kill(worker)] != []

    def kill_node(self):
        """Kill the node on which the process is at work, and let another one join in its place."""
        parents = [worker.parent() for worker in self.workers()]
        killed = [node for node in parents if node and node.name() == "raylet" and _kill(node)]
        if killed:
            self.add_node()
        return killed != []

    def stop(self):
        self.nodes.stop()


def _kill(process):
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return False
    return True
