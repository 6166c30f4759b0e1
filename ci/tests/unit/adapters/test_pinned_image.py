"""The references with which the engine pulls the images of pins.py."""

import re

import pytest

from stage_ci import pins
from stage_ci.adapters.pinned_image import name, reference

IMAGES = (pins.PYTHON, pins.REGISTRY, pins.SKOPEO, pins.TRIVY)


@pytest.mark.parametrize("pin", IMAGES)
def test_an_image_is_pulled_by_digest(pin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing serves stand-ins, the reference has the tag for readers and the digest that decides."""
    monkeypatch.delenv("STAGE_CI_STAND_INS", raising=False)
    assert reference(pin) == pin
    assert re.fullmatch(r"[a-z./]+:[\w.-]+@sha256:[0-9a-f]{64}", pin)


@pytest.mark.parametrize("pin", IMAGES)
def test_a_stand_in_is_pulled_by_tag(pin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a stand-in has exactly the name of the image, the digest is left out; another name changes nothing."""
    monkeypatch.setenv("STAGE_CI_STAND_INS", f"other:1 {name(pin)}")
    assert reference(pin) == name(pin) == pin.partition("@")[0]
    monkeypatch.setenv("STAGE_CI_STAND_INS", f"other:1 {name(pin)}-bookworm prefix/{name(pin)}")
    assert reference(pin) == pin
