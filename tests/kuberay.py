"""KubeRay's own schemas, where a checkout of its CRDs lies beside the repository."""

import jsonschema
import yaml

from levelfield.services import ROOT

CRDS = ROOT.parent / "shared" / "k8s" / "crds"


def closed_validator(kind):
    """A validator that refuses unknown fields, which the API server prunes silently."""
    crd = yaml.safe_load((CRDS / f"ray.io_{kind.lower()}s.yaml").read_text())
    version = next(v for v in crd["spec"]["versions"] if v["name"] == "v1")
    return jsonschema.Draft202012Validator(_closed(version["schema"]["openAPIV3Schema"]))


def _closed(schema):
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    loose = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields") or "x-kubernetes-int-or-string" in schema
    if isinstance(schema.get("properties"), dict) and schema["properties"].keys() != {"metadata"} and not loose:
        closed["additionalProperties"] = False
    return closed
