"""The byte-exact image edit of a Kubernetes manifest: bytes in, bytes out.

::

    source      bytes to text, and back; how a refusal names its place
    reading     text to nodes that know where they stand, within bounds
    places      where Kubernetes and Kustomize keep image references
    search      the references among the nodes
    splicing    the characters of a reference, exchanged
    proof       the edited text, read again: only what was meant has changed
    edit        the chain of these
    difference  what changed, as text to look at

Parsing finds what to change and proves that nothing else did; it never writes: a round-trip dump is not an edit.
"""

from stage_ci.rules.manifest.difference import diff
from stage_ci.rules.manifest.edit import Change, Edit, Target, update

__all__ = ["Change", "Edit", "Target", "diff", "update"]
