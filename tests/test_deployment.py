"""Containers and manifests agree with the services and the pins; no engine and no cluster is needed to see that."""

import json
import re
from pathlib import Path

import pytest
import yaml

from levelfield.services import ROOT, discover

SERVICES = [service for service in discover().values() if service.folder.parent == ROOT / "services"]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
RAY_CLUSTER = yaml.safe_load((ROOT / "k8s" / "raycluster.yaml").read_text())
# KubeRay's CRDs, where a checkout of them lies beside the repository.
CRDS = ROOT.parent / "shared" / "k8s" / "crds" / "ray.io_rayclusters.yaml"


def pinned(file, package):
    return re.search(rf"^{package}==(\S+)", (ROOT / file).read_text(), re.MULTILINE)[1]


def test_every_environment_pins_the_same_ray_numpy_and_what_ray_speaks_with():
    files = ["requirements/core.txt", *(str(s.folder.relative_to(ROOT) / "requirements.txt") for s in SERVICES)]
    for package in ("ray", "numpy", "protobuf", "msgpack"):
        assert len({pinned(file, package) for file in files}) == 1, package


def test_no_environment_holds_the_other_framework():
    text = {service.name: (service.folder / "requirements.txt").read_text() for service in SERVICES}
    assert not re.search(r"^(tensorflow|keras)", text["torch"], re.MULTILINE)
    assert not re.search(r"^torch", text["tensorflow"], re.MULTILINE)
    assert not re.search(r"^(torch|tensorflow|keras)", (ROOT / "requirements/core.txt").read_text(), re.MULTILINE)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_service_has_a_container_that_advertises_its_name(service):
    built = COMPOSE["services"][service.name]["build"]["dockerfile"]
    assert built == str((service.folder / "Dockerfile").relative_to(ROOT))
    command = re.search(r"^CMD (.*)$", (ROOT / built).read_text(), re.MULTILINE)[1]
    resources = re.search(r"--resources='(.*)'", json.loads(command)[-1])[1]
    assert json.loads(resources) == {service.name: 1}


def test_the_cluster_has_a_group_for_every_service_and_the_pinned_ray():
    groups = {group["groupName"]: group for group in RAY_CLUSTER["spec"]["workerGroupSpecs"]}
    assert groups.keys() == {service.name for service in SERVICES}
    for name, group in groups.items():
        assert json.loads(json.loads(group["rayStartParams"]["resources"])) == {name: 1}
    assert RAY_CLUSTER["spec"]["rayVersion"] == pinned("requirements/core.txt", "ray")


def test_every_image_has_the_same_python():
    files = [ROOT / "orchestrator" / "Dockerfile", *(service.folder / "Dockerfile" for service in SERVICES)]
    assert len({re.search(r"^ARG BASE=(.*)$", Path(file).read_text(), re.MULTILINE)[1] for file in files}) == 1


@pytest.mark.skipif(not CRDS.is_file(), reason="KubeRay's CRDs do not lie beside the repository")
def test_the_manifest_fits_kuberays_schema():
    import jsonschema

    version = next(v for v in yaml.safe_load(CRDS.read_text())["spec"]["versions"] if v["name"] == "v1")
    jsonschema.Draft202012Validator(_closed(version["schema"]["openAPIV3Schema"])).validate(RAY_CLUSTER)


def _closed(schema):
    """The schema with unknown fields refused, as the API server prunes them silently."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    loose = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields") or "x-kubernetes-int-or-string" in schema
    if isinstance(schema.get("properties"), dict) and schema["properties"].keys() != {"metadata"} and not loose:
        closed["additionalProperties"] = False
    return closed
