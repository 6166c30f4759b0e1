"""The evidence of a release: what it states about its image, in the field's formats.

::

    check               against the record that names it
    ├── predicates      what is stated: provenance, verdict
    ├── envelope        signed, or not (DSSE in a Sigstore bundle), as a referrer of the image
    ├── keyless         by whom, if a certificate and not a key signed it
    └── statement       of which image, and as which kind (in-toto Attestation Framework)
"""

from stage_ci.rules.evidence.envelope import Envelope, signing_input
from stage_ci.rules.evidence.keyless import Identity
from stage_ci.rules.evidence.statement import Kind, Statement

__all__ = ["Envelope", "Identity", "Kind", "Statement", "signing_input"]
