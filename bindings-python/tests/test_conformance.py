"""The conformance vectors, each as a test of its own."""

from __future__ import annotations

import conformance_runner as runner
import pytest

VECTORS = list(runner.vectors())
RUN = [vector for vector in VECTORS if runner.lacking(vector) is None]


def test_there_are_vectors_with_names_of_their_own() -> None:
    assert VECTORS
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS)


@pytest.mark.parametrize("vector", RUN, ids=lambda vector: vector["name"])
def test_vector(vector: runner.Json) -> None:
    runner.run(vector)


def test_a_field_that_nobody_knows_fails() -> None:
    with pytest.raises(AssertionError, match="unknown fields"):
        runner.run({"name": "n", "says": "s", "steps": [], "surprise": 1})
