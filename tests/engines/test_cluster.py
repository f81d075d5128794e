"""An engine that cannot be is refused before anything is done."""

from __future__ import annotations

import sys

import pytest

from bdrp.engines import LOCAL, Engine, cluster
from bdrp.errors import DataError


def test_the_local_engine_is_what_is_meant_where_nothing_is_said():
    assert Engine() == LOCAL == Engine("local")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("spark",), "no engine 'spark'. Allowed: local, this machine; ray"),
        (("local", "10.0.0.1:6379"), "Add engine ray, or leave address out"),
        (("ray", "10.0.0.1"), "'10.0.0.1' is not one of a Ray cluster. Allowed: HOST:PORT"),
        (("ray", "ray://10.0.0.1:10001"), "Change address"),
    ],
)
def test_an_engine_that_cannot_be_is_refused(given, said):
    with pytest.raises(DataError, match=said):
        Engine(*given)


def test_without_ray_its_engine_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(DataError, match="needs the package ray.*pip install 'bdrp\\[ray\\]'"),
        cluster.connected(Engine("ray"), 1),
    ):
        pass


def test_a_worker_of_another_release_does_not_work():
    with pytest.raises(DataError, match="it is bdrp 0.0.1 that asks.*Install the same release on every node"):
        cluster.require_release("0.0.1")


def test_a_cluster_without_the_gpu_that_is_asked_for_is_refused(two_workers):
    with pytest.raises(DataError, match="has no GPU.* 2 CPU"), cluster.connected(Engine("ray"), 1, gpu=True):
        pass
    assert two_workers.is_initialized()  # a connection of before stays
