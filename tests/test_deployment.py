"""Containers and manifests agree with the services and the pins; no engine and no cluster is needed to see that."""

import json
import re
import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml

from levelfield.services import ROOT, discover
from tests.kuberay import CRDS, closed_validator

SERVICES = [service for service in discover().values() if service.folder.parent == ROOT / "services"]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILES = [ROOT / "orchestrator" / "Dockerfile", ROOT / "ui" / "Dockerfile", *(service.folder / "Dockerfile" for service in SERVICES)]
PINNED = [file for folder in ("requirements", "orchestrator", "ui", "services") for file in (ROOT / folder).rglob("*requirements*.txt")]
PINNED = [file for file in [*PINNED, *(ROOT / "requirements").glob("*.txt")] if ".venv" not in file.parts]
OVERLAYS = ("overlays/cpu", "overlays/gpu", "overlays/gpu-dra", "kuberay")
LAUNCH = "overlays/launch"  # what docs/deploy.md has whoever wants it make: overlays/cpu with components/launch
TRIED = "tests/kubernetes"  # overlays/cpu as docs/deploy.md tried it
KUBERNETES = "1.32"


def pinned(file, package):
    found = re.search(rf"^{package}(?:\[\S+\])?==(\S+)", file.read_text(), re.MULTILINE)
    return found and found[1]


def can_render():
    """Whether kubectl has kustomize 5."""
    if not shutil.which("kubectl"):
        return False
    told = subprocess.run(["kubectl", "version", "--client", "--output=json"], capture_output=True, text=True, check=False).stdout
    return bool(told) and int(json.loads(told).get("kustomizeVersion", "v0").strip("v").split(".")[0]) >= 5


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """By overlay, the objects that it makes."""
    if not can_render():
        pytest.skip("kubectl 1.27 or newer is not here")
    root = tmp_path_factory.mktemp("root")
    for folder in ("k8s", TRIED):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("secrets"))
    (root / "k8s" / "platform" / "secrets").mkdir()
    for name in ("ray_token", "postgres_password"):
        (root / "k8s" / "platform" / "secrets" / name).write_text("secret")
    launch = root / "k8s" / LAUNCH
    launch.mkdir()
    (launch / "kustomization.yaml").write_text("resources: [../cpu]\ncomponents: [../../components/launch]\n")
    found = {}
    for name in (*OVERLAYS, LAUNCH, TRIED):
        folder = root / (name if name == TRIED else f"k8s/{name}")
        done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found[name] = list(yaml.safe_load_all(done.stdout))
    return found


def pods_of(objects):
    """Kind and name of each object that makes pods, and their template."""
    for one in objects:
        match one["kind"]:
            case "Deployment" | "StatefulSet" | "Job":
                yield f"{one['kind']} {one['metadata']['name']}", one["spec"]["template"]
            case "RayCluster":
                yield "head", one["spec"]["headGroupSpec"]["template"]
                yield from ((group["groupName"], group["template"]) for group in one["spec"]["workerGroupSpecs"])


@pytest.mark.parametrize("package", ["ray", "numpy", "protobuf", "msgpack", "SQLAlchemy", "pandas", "scipy", "keras"])
def test_every_environment_pins_the_same_version(package):
    found = {pinned(file, package.lower()) for file in PINNED} - {None}
    assert len(found) == 1, found


def test_every_pin_has_a_hash():
    for file in PINNED:
        pins = re.findall(r"^\S+==\S+(.*)\n(.*)", file.read_text(), re.MULTILINE)
        assert pins, file
        assert all("--hash=sha256:" in following for _, following in pins), file


def test_no_environment_holds_the_other_framework():
    for file in PINNED:
        is_torch, is_tensorflow = "torch_worker" in file.parts, "tf_worker" in file.parts
        assert is_tensorflow or not re.search(r"^(tensorflow|keras)", file.read_text(), re.MULTILINE), file
        assert is_torch or not re.search(r"^torch", file.read_text(), re.MULTILINE), file


def test_the_same_framework_with_and_without_a_gpu():
    folder = ROOT / "services" / "tf_worker"
    assert pinned(folder / "requirements-cuda.txt", "tensorflow") == pinned(folder / "requirements.txt", "tensorflow-cpu")
    for service in SERVICES:
        plain, cuda = (
            dict(re.findall(r"^([a-z0-9.-]+)(?:\[\S+\])?==(\S+)", (service.folder / name).read_text(), re.MULTILINE))
            for name in ("requirements.txt", "requirements-cuda.txt")
        )
        assert all(cuda[package] == version for package, version in plain.items() if package in cuda), service.name


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_service_has_a_container_that_offers_its_name(service):
    built = COMPOSE["services"][service.folder.name]["build"]["dockerfile"]
    assert built == str((service.folder / "Dockerfile").relative_to(ROOT))
    command = re.search(r"^CMD (.*)$", (ROOT / built).read_text(), re.MULTILINE)[1]
    assert json.loads(command) == ["services/start-node.sh", service.name]


def test_every_image_is_built_in_one_way():
    """Of the same base, from pinned requirements, in two stages, for a user who is not root."""
    texts = [file.read_text() for file in DOCKERFILES]
    assert len({re.search(r"^ARG BASE_IMAGE=(.*)$", text, re.MULTILINE)[1] for text in texts}) == 1
    for text in texts:
        assert text.count("FROM ${BASE_IMAGE}") == 2
        assert "requirements/install.sh" in text
        assert "\nUSER 10001:10001\n" in text
        assert "\nHEALTHCHECK " in text
        assert "# syntax=" not in text


def test_the_services_images_differ_in_names_alone():
    """A Dockerfile cannot include another one: what all of them share is kept the same here."""
    texts = set()
    for service in SERVICES:
        text = (service.folder / "Dockerfile").read_text()
        for name, word in ((service.folder.name, "FOLDER"), (f'"{service.name}"', "NAME"), (service.title, "TITLE")):
            text = text.replace(name, word)
        texts.add(text)
    assert len(texts) == 1


def test_only_the_report_is_published_and_only_here():
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if service.get("ports")}
    assert published == {"ui": ["${UI_ADDRESS:-127.0.0.1}:${UI_PORT:-8501}:8501"]}


@pytest.mark.parametrize("overlay", [*OVERLAYS, LAUNCH, TRIED])
def test_manifests_fit_the_schemas(rendered, overlay):
    for one in rendered[overlay]:
        if not one["apiVersion"].startswith("ray.io/"):
            kubernetes_validate.validate(one, KUBERNETES, strict=True)


@pytest.mark.skipif(not CRDS.is_dir(), reason="KubeRay's CRDs do not lie beside the repository")
def test_manifests_fit_kuberays_schemas(rendered):
    found = [one for one in rendered["kuberay"] if one["apiVersion"].startswith("ray.io/")]
    assert {one["kind"] for one in found} == {"RayCluster", "RayJob"}
    for one in found:
        closed_validator(one["kind"]).validate(one)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_referred_to_is_there(rendered, overlay):
    """Names of settings and secrets end with a hash of what they hold, in the kinds of KubeRay, too."""
    there = {(one["kind"], one["metadata"]["name"]) for one in rendered[overlay]}
    for name, pod in pods_of(rendered[overlay]):
        for volume in pod["spec"].get("volumes", []):
            if "secret" in volume:
                assert ("Secret", volume["secret"]["secretName"]) in there, name
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in there, name
        for source in (source for container in pod["spec"]["containers"] for source in container.get("envFrom", [])):
            assert ("ConfigMap", source["configMapRef"]["name"]) in there, name
    for one in rendered[overlay]:
        if one["kind"] == "RayCluster":
            assert ("Secret", one["spec"]["authOptions"]["secretName"]) in there


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_confined_limited_and_probed(rendered, overlay):
    pods = dict(pods_of(rendered[overlay]))
    assert pods
    for name, pod in pods.items():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"], name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is False, name
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"], name
            assert not context["allowPrivilegeEscalation"], name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
            assert "memory" in container["resources"]["limits"], name
            assert re.search(r":[^:/]+$", container["image"]), f"{name}: an image without a tag"
        if not name.startswith("Job "):
            assert {"readinessProbe", "livenessProbe"} <= spec["containers"][0].keys(), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_service_has_pods_of_its_image_that_know_its_name(rendered, overlay):
    suffix = "-cuda" if "gpu" in overlay else ""
    images = {pod["spec"]["containers"][0]["image"].rsplit(":", 1)[0] for _, pod in pods_of(rendered[overlay])}
    assert {f"levelfield/{service.folder.name}{suffix}" for service in SERVICES} <= images
    for name, pod in pods_of(rendered[overlay]):
        container = pod["spec"]["containers"][0]
        told = {entry["name"]: entry.get("value") for entry in container.get("env", [])}
        is_worker = "_worker" in container["image"]
        assert told.get("LEVELFIELD_IMAGE", "" if is_worker else container["image"]) == container["image"], name


def test_kuberay_has_a_group_for_every_service_and_the_pinned_ray(rendered):
    [cluster] = [one for one in rendered["kuberay"] if one["kind"] == "RayCluster"]
    groups = {group["groupName"]: group for group in cluster["spec"]["workerGroupSpecs"]}
    assert groups.keys() == {service.name for service in SERVICES}
    for name, group in groups.items():
        assert json.loads(json.loads(group["rayStartParams"]["resources"])) == {name: 1}
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    assert cluster["spec"]["rayVersion"] == pinned(ROOT / "requirements" / "core.txt", "ray")
    assert cluster["spec"]["authOptions"]["mode"] == "token"


def test_ray_pods_hear_each_other_alone(rendered):
    """Every pod that runs Ray has the label that the policy selects, and no policy lets others in but at named ports."""
    for overlay in OVERLAYS:
        policies = [one["spec"] for one in rendered[overlay] if one["kind"] == "NetworkPolicy"]
        assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} in policies
        ray = [one for one in policies if one["podSelector"] == {"matchLabels": {"levelfield/ray": "yes"}}]
        assert [one["ingress"] for one in ray] == [[{"from": [{"podSelector": {"matchLabels": {"levelfield/ray": "yes"}}}]}]]
        others = [rule for one in policies if one not in ray for rule in one.get("ingress", [])]
        assert all(rule.get("ports") for rule in others)
        for name, pod in pods_of(rendered[overlay]):
            is_ray = not name.endswith((" ui", " postgres", " quickstart"))
            assert (pod["metadata"]["labels"].get("levelfield/ray") == "yes") is is_ray, name


def test_the_report_launches_only_where_it_is_configured_to(rendered):
    def ui_of(overlay):
        return next(pod["spec"] for name, pod in pods_of(rendered[overlay]) if name == "Deployment ui")

    switch = {"name": "LEVELFIELD_UI_LAUNCH", "value": "1"}
    assert not any(switch in ui_of(overlay)["containers"][0].get("env", []) for overlay in OVERLAYS if overlay != "kuberay")
    launching = ui_of(LAUNCH)
    assert switch in launching["containers"][0]["env"]
    assert {"name": "login", "secret": {"secretName": "login"}} in launching["volumes"]
    mounts = {mount["name"]: mount["mountPath"] for mount in launching["containers"][0]["volumeMounts"]}
    assert mounts == {"postgres-password": "/run/secrets/postgres", "tmp": "/tmp", "login": "/opt/levelfield/.streamlit"}


def test_the_composed_report_launches_only_where_it_is_configured_to():
    report = COMPOSE["services"]["ui"]
    assert report["environment"]["LEVELFIELD_UI_LAUNCH"] == "${LEVELFIELD_UI_LAUNCH:-}"
    assert "internet" not in report["networks"]
    launching = yaml.safe_load((ROOT / "docker-compose.launch.yml").read_text())
    [login] = launching["services"]["ui"]["secrets"]
    assert login["target"] == "/opt/levelfield/.streamlit/secrets.toml"
    assert f"WORKDIR {login['target'].removesuffix('/.streamlit/secrets.toml')}\n" in (ROOT / "ui" / "Dockerfile").read_text()
