"""The byte-exact image edit of a Kubernetes manifest: bytes in, bytes out.

::

    edit            the chain: read, find, exchange, prove
    ├── source      bytes to text; how a refusal names its place
    ├── reading     text to nodes that know where they stand, within bounds
    │   ├── tokens      text to tokens, tabs among them
    │   └── templates   telling a template from a manifest
    ├── search      the references among the nodes
    │   ├── places      where Kubernetes and Kustomize keep them
    │   └── sites       what one says, and which scalars say it
    ├── markers     what people say of them: this is one, this one stays
    │   ├── comments    which line a comment speaks of
    │   └── holds       which references stay
    ├── splicing    the characters of a reference, exchanged
    └── proof       the edited text, read again: only what was meant has changed
    difference      what changed, as text to look at
    nodes           moving among nodes; merge keys

Parsing finds what to change and proves that nothing else did; it never writes: a round-trip dump is not an edit.
"""

from stage_ci.rules.manifest.difference import diff
from stage_ci.rules.manifest.edit import Change, Edit, Target, update
from stage_ci.rules.manifest.markers import Hold

__all__ = ["Change", "Edit", "Hold", "Target", "diff", "update"]
