"""The byte-exact image edit of a deployment manifest: bytes in, bytes out.

::

    edit                the public types, and update(): parse, find, replace, verify
    ├── target          the reference to write
    ├── references      the image references of the manifest
    │   ├── schema      the fields in which Kubernetes and Kustomize keep images
    │   ├── declared    the references that markers declare
    │   ├── sites       one reference, and the scalars that spell it
    │   └── mentions    references within a longer text
    ├── markers         the `stage-ci:` comments
    │   └── comments    the comments of the manifest
    ├── holds           which references the markers hold
    ├── left            what names the image and does not move
    │   └── beside      the tags and digests beside an image's name
    ├── rewrite         replaces the characters of a reference; verifies that nothing else changed
    ├── parse           text to YAML nodes, within bounds; duplicate keys and templates
    │   └── scanner     text to YAML tokens
    ├── nodes           traversal of YAML nodes; merge keys
    └── text            bytes to text; line numbers; the unified diff of two versions

Parsing finds what to change and verifies the result. It never writes, because dumping parsed YAML loses comments,
quotes and line breaks.
"""

from stage_ci.rules.manifest.edit import Change, Edit, update
from stage_ci.rules.manifest.left import LeftBehind
from stage_ci.rules.manifest.markers import Hold
from stage_ci.rules.manifest.target import Target
from stage_ci.rules.manifest.text import diff

__all__ = ["Change", "Edit", "Hold", "LeftBehind", "Target", "diff", "update"]
