"""Where image references stand: by the path of a field, never by how a text looks.

Kubernetes API reference: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/
Kustomize: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/images/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import Final, TypeAlias


class Leaf(Enum):
    """What a path ends in."""

    IMAGE = "a whole reference in one scalar"
    ENTRY = "an entry of Kustomize's images"
    KEY = "the name of a field"
    OTHER = "anything else"


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping, and what stands in those of its fields that lead to images."""

    children: Mapping[str, "Place"]


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence, and what stands in each of its items."""

    item: "Place"


@dataclass(frozen=True, slots=True)
class Resource:
    """An object that says itself what it is, by ``apiVersion`` and ``kind``.

    Args:
        api_version: What to take where the object has none.
        kind: The same.
    """

    api_version: str = ""
    kind: str = ""


Place: TypeAlias = Leaf | Fields | Items | Resource

_CONTAINERS: Final = Items(Fields({"image": Leaf.IMAGE}))
# PodSpec: three kinds of containers, and volumes that are images (OCI volume source, Kubernetes 1.31 and later).
_POD: Final = Fields(
    {
        "initContainers": _CONTAINERS,
        "containers": _CONTAINERS,
        "ephemeralContainers": _CONTAINERS,
        "volumes": Items(Fields({"image": Fields({"reference": Leaf.IMAGE})})),
    }
)
_TEMPLATE: Final = Fields({"spec": _POD})
_WORKLOAD: Final = Fields({"spec": Fields({"template": _TEMPLATE})})

# The groups of a kind: a Deployment of another group is a custom resource, and its fields are its own.
_KINDS: Final[Mapping[str, tuple[frozenset[str], Place]]] = {
    "Pod": (frozenset({""}), _TEMPLATE),
    "PodTemplate": (frozenset({""}), Fields({"template": _TEMPLATE})),
    "ReplicationController": (frozenset({""}), _WORKLOAD),
    "Deployment": (frozenset({"apps", "extensions"}), _WORKLOAD),
    "DaemonSet": (frozenset({"apps", "extensions"}), _WORKLOAD),
    "ReplicaSet": (frozenset({"apps", "extensions"}), _WORKLOAD),
    "StatefulSet": (frozenset({"apps"}), _WORKLOAD),
    "Job": (frozenset({"batch"}), _WORKLOAD),
    "CronJob": (frozenset({"batch"}), Fields({"spec": Fields({"jobTemplate": _WORKLOAD})})),
}

# kustomize api/konfig/general.go (file names), api/types/kustomization.go (kinds, and `imageTags` read as `images`).
_KUSTOMIZE_GROUP: Final = "kustomize.config.k8s.io"
_KUSTOMIZE_KINDS: Final = frozenset({"Kustomization", "Component"})
_KUSTOMIZE_NAMES: Final = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
_KUSTOMIZATION: Final = Fields({"images": Items(Leaf.ENTRY), "imageTags": Items(Leaf.ENTRY)})


def kind_in(filename: str) -> str:
    """Return the kind that an object of this file has when it does not say: Kustomize goes by the file's name."""
    return "Kustomization" if PurePosixPath(filename).name in _KUSTOMIZE_NAMES else ""


def place_of(api_version: str, kind: str) -> Place:
    """Return where an object of this kind keeps images.

    Args:
        api_version: The object's ``apiVersion``; empty means that any group may be meant.
        kind: The object's ``kind``.

    Returns:
        The place of the whole object; ``Leaf.OTHER`` for kinds that keep none, custom resources among them.
    """
    group = api_version.rpartition("/")[0]
    if kind in _KUSTOMIZE_KINDS and group in {"", _KUSTOMIZE_GROUP}:
        return _KUSTOMIZATION
    if kind.endswith("List"):
        # apimachinery, unstructured/helpers.go: items that do not say take it from the list's own kind.
        item = kind.removesuffix("List")
        return Fields({"items": Items(Resource(api_version, item) if item else Resource())})
    groups, place = _KINDS.get(kind, (frozenset[str](), Leaf.OTHER))
    return place if not api_version or group in groups else Leaf.OTHER
