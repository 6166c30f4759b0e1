"""The comparisons of listings and edits; a wrong result is never a fast one."""

import pytest
from bench import editing, listing
from bench.rows import MeasurementError
from tests.servers.loopback import Handler, Reply, Server


class TwoTags(Server):
    """A registry whose repositories have two tags."""

    def handle(self, handler: Handler) -> Reply:
        """Answer every request with the list of tags."""
        handler.read()
        return Reply(body=b'{"name": "whole", "tags": ["v1.0.1", "v1.0.2"]}')


def test_a_listing_with_another_number_of_tags_is_an_error() -> None:
    """A client that reads only a part of the list is not faster."""
    with TwoTags() as server:
        listing.list_tags(f"127.0.0.1:{server.port}", "whole", 2)
        with pytest.raises(MeasurementError, match="lists 2 tags of 3"):
            listing.list_tags(f"127.0.0.1:{server.port}", "whole", 3)


def test_listings_are_compared_with_crane_and_with_half_as_many_tags() -> None:
    """The ratios are those of runs that followed each other."""
    rows = listing.rows(whole=[0.6, 0.4], half=[0.3, 0.2], others=[0.3, 0.4])
    assert [(row.id, row.value, row.met) for row in rows] == [
        ("F7-tags", 1.5, True),
        ("F7-tags-linear", 2.0, True),
        ("F7-tags-seconds", 0.5, None),
    ]


def test_an_edit_that_changes_too_little_is_an_error() -> None:
    """All references of the manifest must change."""
    editing.edit(editing.manifest(2), 2)
    with pytest.raises(MeasurementError, match="changes 2 references of 3"):
        editing.edit(editing.manifest(2), 3)


def test_edits_are_compared_with_a_parse_and_with_half_as_many_documents() -> None:
    """The ratios are those of runs that followed each other."""
    rows = editing.rows(wholes=[4.5], halves=[1.5], parses=[3.0])
    assert [(row.id, row.value, row.met) for row in rows] == [
        ("F7-edit", 1.5, True),
        ("F7-edit-linear", 3.0, False),
        ("F7-edit-seconds", 4.5, None),
    ]
