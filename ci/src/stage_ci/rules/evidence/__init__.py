"""The evidence of a release: what it states about its image, in the field's formats.

::

    check               against the record that names it
    ├── predicates      what is stated: provenance, verdict
    ├── envelope        signed, or not (DSSE in a Sigstore bundle), as a referrer of the image
    └── statement       of which image, and as which kind (in-toto Attestation Framework)
"""

from stage_ci.rules.evidence.envelope import Envelope, signing_input
from stage_ci.rules.evidence.statement import Kind, Statement

__all__ = ["Envelope", "Kind", "Statement", "signing_input"]
