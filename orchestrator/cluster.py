"""The Ray cluster that a study runs on: embedded in this process, or one that is already there."""

import logging
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from levelfield.local import free_port, is_taken
from levelfield.services import Service
from orchestrator.authentication import asks_for_token, own_token, users_token
from orchestrator.nodes import ClusterError, Nodes, check_address, check_environments, wait_for_port
from orchestrator.raylets import local_node_ip

# Loopback, so that nothing is open to the network; not 127.0.0.1, which Ray replaces by the host's outward address.
LOOPBACK = "127.0.0.2"
START_TIMEOUT_S = 60.0
JOIN_TIMEOUT_S = 10.0  # for a cluster that is already there


@contextmanager
def embedded(services: Iterable[Service]) -> Iterator[str]:
    """A head and one node for each service, from its own environment, on this machine; all of it ends with the block. Yields the address.

    Raises ClusterError where an environment is missing or a node does not come up.
    """
    services = list(services)
    check_environments(services)
    with own_token(), _nodes() as nodes:
        port = free_port(LOOPBACK)
        head = ["--head", f"--port={port}", "--include-dashboard=false", "--num-cpus=0", "--num-gpus=0"]
        nodes.start(Path(sys.executable), f"--node-ip-address={LOOPBACK}", *head)
        for service in services:
            address = [f"--node-ip-address={LOOPBACK}", f"--address={LOOPBACK}:{port}"]
            nodes.start(service.python, *address, "--num-cpus=1", resources={service.name: 1})
        wait_for_port(LOOPBACK, port, nodes, timeout_s=START_TIMEOUT_S)
        with _driver(f"{LOOPBACK}:{port}", _node_ip_address=LOOPBACK):
            _wait_for_services(services, nodes, timeout_s=START_TIMEOUT_S)
            yield f"{LOOPBACK}:{port}"


@contextmanager
def head(port: int) -> Iterator[str]:
    """The head of a cluster, without resources, at this host's address, where the services' nodes join it; it ends with the block.

    Yields HOST:PORT. Raises ClusterError where it does not come up, and where it would let in whoever reaches it.
    """
    if not asks_for_token():
        raise ClusterError(
            "a head that other hosts reach would run code for whoever reaches it: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to a "
            "file with the token that its nodes have, too"
        )
    own_ip = ray.util.get_node_ip_address()
    if is_taken(own_ip, port):
        raise ClusterError(f"--head {port}: somebody listens there already, at {own_ip}")
    with _nodes() as nodes:
        options = [f"--node-ip-address={own_ip}", f"--port={port}", "--include-dashboard=false", "--num-cpus=0", "--num-gpus=0"]
        nodes.start(Path(sys.executable), "--head", *options)
        wait_for_port(own_ip, port, nodes, timeout_s=START_TIMEOUT_S)
        _wait_for_local_node(f"{own_ip}:{port}", nodes)
        yield f"{own_ip}:{port}"


@contextmanager
def running(address: str, services: Iterable[Service]) -> Iterator[str]:
    """Use the cluster at ``host:port``.

    A driver needs a Ray node on its own host: where there is none, one without resources joins meanwhile.

    Raises ClusterError where nothing answers or a service has no node.
    """
    host, port = check_address(address)
    address = f"{host}:{port}"
    with users_token(), _nodes() as nodes:
        if not (own_ip := local_node_ip(address)):
            own_ip = _ip_towards(host, port)
            join = [f"--address={address}", f"--node-ip-address={own_ip}", "--num-cpus=0", "--num-gpus=0"]
            nodes.start(Path(sys.executable), *join)
            _wait_for_local_node(address, nodes)
        with _driver(address, _node_ip_address=own_ip):
            _wait_for_services(list(services), nodes, timeout_s=JOIN_TIMEOUT_S)
            yield address


@contextmanager
def _nodes() -> Iterator[Nodes]:
    nodes = Nodes()
    try:
        yield nodes
    finally:
        nodes.stop()


@contextmanager
def _driver(address: str, **options: Any) -> Iterator[None]:
    try:
        ray.init(address=address, namespace="levelfield", log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        hint = "if it asks for a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"
        raise ClusterError(f"cannot join the Ray cluster at {address}: {error}; {hint}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _wait_for_services(services: list[Service], nodes: Nodes, *, timeout_s: float) -> None:
    """Wait until every service has a live node."""
    deadline = time.monotonic() + timeout_s
    while missing := [service.name for service in services if not ray.cluster_resources().get(service.name)]:
        nodes.check_alive()
        if time.monotonic() > deadline:
            hint = "; a node offers one when started with `ray start --resources='{\"NAME\": 1}'` in its service's environment"
            raise ClusterError(f"no node of the cluster offers {', '.join(missing)}{hint}")
        time.sleep(0.05)


def _ip_towards(host: str, port: int) -> str:
    """The address of this host that ``host`` sees; a datagram socket is connected without sending anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, port))
        return str(probe.getsockname()[0])


def _wait_for_local_node(address: str, nodes: Nodes) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not local_node_ip(address):
        nodes.check_alive()
        if time.monotonic() > deadline:
            raise ClusterError(f"the node of this host did not join the cluster at {address} within {START_TIMEOUT_S:.0f} s")
        time.sleep(0.1)


def ask_nodes(services: Mapping[str, Service]) -> Iterator[tuple[str, str, dict[str, Any] | str]]:
    """For each live node and framework that it offers: framework, the node's address, and its environment record or what went wrong."""
    from services.actor import WorkerActor

    for node in ray.nodes():
        for name in services:
            if not node["Alive"] or not node["Resources"].get(name):
                continue
            here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            actor = ray.remote(WorkerActor).options(num_cpus=0, scheduling_strategy=here).remote(name, None)
            try:
                yield name, node["NodeManagerAddress"], ray.get(actor.environment.remote(), timeout=START_TIMEOUT_S)
            except (RayError, TimeoutError) as error:
                yield name, node["NodeManagerAddress"], f"does not answer: {str(error).strip().splitlines()[-1]}"
            finally:
                ray.kill(actor)
