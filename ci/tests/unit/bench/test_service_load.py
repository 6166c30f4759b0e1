"""The requests of the load generator."""

import base64
import itertools
import json
from pathlib import Path

from bench.service.load import batches, targets, texts_of


def test_texts_keep_the_order_of_the_file(tmp_path: Path) -> None:
    """Texts keep their commas and line breaks; blank ones are left out, because the service rejects them."""
    file = tmp_path / "tickets.csv"
    file.write_text('\ufeffTopic_group,Document\nAccess,"one, two\nthree"\nHardware,\nHardware,four\n')
    assert texts_of(file) == ["one, two\nthree", "four"]


def test_every_text_is_in_a_batch_and_every_batch_is_full() -> None:
    """The last batch is filled up with the first texts, so that all batches cost the same."""
    texts = [str(number) for number in range(250)]
    whole = list(batches(texts))
    assert [len(batch) for batch in whole] == [100, 100, 100]
    assert list(itertools.chain(*whole)) == texts + texts[:50]


def test_a_target_carries_its_body_in_base64() -> None:
    """Each target is one line of JSON with the body that a client would post, in base64."""
    lines = targets("http://127.0.0.1:1/predict_one", [{"text": "caffè"}, {"text": "two\nlines"}]).splitlines()
    first, second = map(json.loads, lines)
    assert (first["method"], first["url"]) == ("POST", "http://127.0.0.1:1/predict_one")
    assert first["header"] == {"Content-Type": ["application/json"]}
    bodies = [json.loads(base64.b64decode(target["body"])) for target in (first, second)]
    assert bodies == [{"text": "caffè"}, {"text": "two\nlines"}]
