"""The fields in which Kubernetes and Kustomize keep image references.

A reference is found by the path of its field, never by the look of its text.

Kubernetes: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/
Kustomize: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/images/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import Final, TypeAlias


class SchemaLeaf(Enum):
    """The end of a path."""

    IMAGE = "a scalar that holds a whole reference"
    KUSTOMIZE_ENTRY = "an entry of Kustomize's images"
    KEY = "the name of a field"
    OTHER = "anything else"


@dataclass(frozen=True, slots=True)
class SchemaFields:
    """A mapping, with the schema of each field that leads to images."""

    children: Mapping[str, "Schema"]


@dataclass(frozen=True, slots=True)
class SchemaItems:
    """A sequence, with the schema of its items."""

    item: "Schema"


@dataclass(frozen=True, slots=True)
class SchemaObject:
    """An object whose ``apiVersion`` and ``kind`` select its schema.

    Args:
        api_version: The default for an object without ``apiVersion``.
        kind: The default for an object without ``kind``.
    """

    api_version: str = ""
    kind: str = ""


Schema: TypeAlias = SchemaLeaf | SchemaFields | SchemaItems | SchemaObject

_CONTAINERS: Final = SchemaItems(SchemaFields({"image": SchemaLeaf.IMAGE}))
# Three kinds of containers, and since Kubernetes 1.31 volumes that are OCI images:
# https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec
# https://kubernetes.io/docs/concepts/storage/volumes/#image
_POD_SPEC: Final = SchemaFields(
    {
        "initContainers": _CONTAINERS,
        "containers": _CONTAINERS,
        "ephemeralContainers": _CONTAINERS,
        "volumes": SchemaItems(SchemaFields({"image": SchemaFields({"reference": SchemaLeaf.IMAGE})})),
    }
)
_POD_TEMPLATE: Final = SchemaFields({"spec": _POD_SPEC})
_WORKLOAD: Final = SchemaFields({"spec": SchemaFields({"template": _POD_TEMPLATE})})

# The API groups that define each kind: a Deployment of another group is a custom resource with fields of its own.
# `extensions` served workloads until Kubernetes 1.16: https://kubernetes.io/docs/reference/using-api/deprecation-guide/
_KINDS: Final[Mapping[str, tuple[frozenset[str], Schema]]] = {
    "Pod": (frozenset({""}), _POD_TEMPLATE),
    "PodTemplate": (frozenset({""}), SchemaFields({"template": _POD_TEMPLATE})),
    "ReplicationController": (frozenset({""}), _WORKLOAD),
    "Deployment": (frozenset({"apps", "extensions"}), _WORKLOAD),
    "DaemonSet": (frozenset({"apps", "extensions"}), _WORKLOAD),
    "ReplicaSet": (frozenset({"apps", "extensions"}), _WORKLOAD),
    "StatefulSet": (frozenset({"apps"}), _WORKLOAD),
    "Job": (frozenset({"batch"}), _WORKLOAD),
    "CronJob": (frozenset({"batch"}), SchemaFields({"spec": SchemaFields({"jobTemplate": _WORKLOAD})})),
}

# File names: https://github.com/kubernetes-sigs/kustomize/blob/master/api/konfig/general.go
# Kinds, and `imageTags`, the former name of `images`:
# https://github.com/kubernetes-sigs/kustomize/blob/master/api/types/kustomization.go
_KUSTOMIZE_GROUP: Final = "kustomize.config.k8s.io"
_KUSTOMIZE_KINDS: Final = frozenset({"Kustomization", "Component"})
_KUSTOMIZE_FILENAMES: Final = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
_KUSTOMIZE_ENTRIES: Final = SchemaItems(SchemaLeaf.KUSTOMIZE_ENTRY)
_KUSTOMIZATION: Final = SchemaFields({"images": _KUSTOMIZE_ENTRIES, "imageTags": _KUSTOMIZE_ENTRIES})


def default_kind(filename: str) -> str:
    """Return the kind of an object without ``kind``: Kustomize recognizes its files by their names."""
    return "Kustomization" if PurePosixPath(filename).name in _KUSTOMIZE_FILENAMES else ""


def schema_of(api_version: str, kind: str) -> Schema:
    """Return the schema of an object.

    Args:
        api_version: The object's ``apiVersion``; empty matches every API group.
        kind: The object's ``kind``.

    Returns:
        The schema; ``SchemaLeaf.OTHER`` for kinds without images, and for custom resources.
    """
    group = api_version.rpartition("/")[0]
    if kind in _KUSTOMIZE_KINDS and group in {"", _KUSTOMIZE_GROUP}:
        return _KUSTOMIZATION
    if kind.endswith("List"):
        return SchemaFields({"items": SchemaItems(item_defaults(api_version, kind))})
    groups, schema = _KINDS.get(kind, (frozenset[str](), SchemaLeaf.OTHER))
    return schema if not api_version or group in groups else SchemaLeaf.OTHER


def item_defaults(api_version: str, kind: str) -> SchemaObject:
    """Return the defaults of a list's items, which take ``apiVersion`` and kind from the kind of a typed list.

    https://github.com/kubernetes/apimachinery/blob/master/pkg/apis/meta/v1/unstructured/helpers.go
    """
    item = kind.removesuffix("List")
    return SchemaObject(api_version, item) if item else SchemaObject()
