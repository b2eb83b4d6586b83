"""Nothing leaks: engines, hooks, stores and causes are let go, in cycles too."""

from __future__ import annotations

import ctypes
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from checkrein import Database, HookHandle, PolicyAction, PolicyEngine, PolicyViolation, UsageError
from checkrein.policy import log_and_allow


class Store:
    """A store that can hold whatever else."""

    put = get = delete = staticmethod(lambda *args: None)


def collected(make: Callable[[], Any]) -> bool:
    """Whether what is made goes away once nobody holds it."""
    gc.collect()
    gone = weakref.ref(make())
    gc.collect()
    return gone() is None


def test_an_engine_and_a_hook_that_holds_it() -> None:
    def make() -> Any:
        policy = PolicyEngine(Database.memory())
        policy.before_write("k", lambda *args: policy.get(b"k"))
        policy.put(b"k", b"v")
        return policy

    assert collected(make)


def test_an_engine_and_a_store_that_holds_it() -> None:
    def make() -> Any:
        store = Store()
        store.engine = PolicyEngine(store)  # type: ignore[attr-defined]
        return store

    assert collected(make)


def test_an_engine_and_a_logger_that_holds_it() -> None:
    def make() -> Any:
        policy = PolicyEngine(Database.memory())
        policy.before_write("k", log_and_allow(lambda message: policy.get(b"other")))
        policy.put(b"k", b"v")
        return policy

    assert collected(make)


def test_a_hook_that_holds_its_handle_and_a_decorator_that_is_kept() -> None:
    kept: list[Any] = []

    def make() -> Any:
        policy = PolicyEngine(Database.memory())
        handles: list[HookHandle] = []
        handles.append(policy.before_write("k", lambda *args: handles and None))
        kept.append(policy.before_write("k"))
        return policy

    assert collected(make)
    with pytest.raises(UsageError, match="gone"):
        kept[0](lambda *args: None)


def test_removed_hooks_are_let_go_at_once(policy: PolicyEngine) -> None:
    class Hook:
        def __call__(self, *args: Any) -> None:
            return None

    for _ in range(3):
        hook = Hook()
        gone = weakref.ref(hook)
        handle = policy.before_write("k", hook)
        policy.put(b"k", b"v")
        del hook
        assert gone() is not None
        handle.remove()
        gc.collect()
        assert gone() is None


def test_causes_and_their_frames_are_let_go(policy: PolicyEngine) -> None:
    class Mine(Exception):
        pass

    gone: list[weakref.ref[Any]] = []

    @policy.before_write("k")
    def fail(*args: Any) -> None:
        error = Mine()
        gone.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    for _ in range(3):
        try:
            policy.put(b"k", b"v")
        except PolicyViolation as error:
            assert isinstance(error.__cause__, Mine)
    gc.collect()
    assert len(gone) == 3 and all(ref() is None for ref in gone)


@pytest.mark.parametrize("store", [Database.memory(), Store()], ids=["database", "host"])
def test_a_cleared_engine_refuses_everything(store: Any) -> None:
    """As the garbage collector clears it: whoever could still reach it then is refused, never allowed."""
    policy = PolicyEngine(store)
    policy.before_write("k", lambda *args: PolicyAction.DENY)
    get_slot = ctypes.pythonapi.PyType_GetSlot
    get_slot.restype, get_slot.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_int]
    tp_clear = 51  # Py_tp_clear of the stable interface.
    ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object)(get_slot(PolicyEngine, tp_clear))(policy)
    for call in (lambda: policy.put(b"k", b"v"), lambda: policy.get(b"k"), lambda: policy.delete(b"other")):
        with pytest.raises(UsageError, match="cleared by the garbage collector"):
            call()
    assert store.get(b"k") is None
    policy.before_write("k", lambda *args: None)
    with pytest.raises(UsageError, match="cleared"):
        policy.put(b"k", b"v")


def test_many_engines_do_not_add_up() -> None:
    def make() -> None:
        policy = PolicyEngine(Database.memory())
        for n in range(20):
            policy.before_write(f"k{n}/*", lambda *args: policy and None)
        policy.put(b"k1/x", b"v", {"agent_id": "a"})

    for _ in range(10):
        make()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(100):
        make()
    gc.collect()
    assert len(gc.get_objects()) - before < 50
