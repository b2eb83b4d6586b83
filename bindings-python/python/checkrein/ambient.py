"""The ambient context: said once, for every operation inside a ``with`` block.

>>> import checkrein
>>> policy = checkrein.PolicyEngine(checkrein.Database.memory())
>>> with checkrein.context(agent_id="agent_001"):
...     policy.put(b"users/alice", b"data")

It follows `contextvars`: each asyncio task has its own, a plain thread starts with none, and :func:`carry` takes it
along. What an operation is given itself wins; ``None`` says nothing.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from checkrein import _native
from checkrein.errors import UsageError

if TYPE_CHECKING:
    from checkrein.types import ContextValue

__all__ = ["carry", "context"]

_F = TypeVar("_F", bound=Callable[..., Any])
_Said = dict[str, "ContextValue"]

# What operations look at. Nobody changes a dict that was set: contexts share it.
_ambient: ContextVar[_Said | None] = ContextVar("checkrein.context", default=None)

# What it was made of: what was carried here, and the contexts that were entered since.
_made_of: ContextVar[tuple[_Said | None, tuple[context, ...]]] = ContextVar("checkrein.made_of", default=(None, ()))


class context:
    """Says something about who acts for every operation in its ``with`` block; one inside another adds to it.

    Values are text, booleans, integers or ``None``; what cannot be is a :class:`checkrein.UsageError` here.
    """

    __slots__ = ("_said",)

    def __init__(self, **said: ContextValue) -> None:
        self._said = _native._merged_context(None, said)
        _native._begin_ambient(_ambient)

    def __enter__(self) -> context:
        said = _native._merged_context(_ambient.get(), self._said)
        carried, entered = _made_of.get()
        _made_of.set((carried, (*entered, self)))
        _ambient.set(said)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        carried, entered = _made_of.get()
        for place in reversed(range(len(entered))):
            if entered[place] is self:
                break
        else:
            # Left in another thread or task than it was entered in, as a generator may be: nothing was said here.
            return
        # Generators leave theirs in any order: what is left is said anew.
        rest, said = entered[:place] + entered[place + 1 :], carried
        for inner in rest:
            said = _native._merged_context(said, inner._said)
        _made_of.set((carried, rest))
        _ambient.set(said)


def carry(function: _F) -> _F:
    """Binds the ambient context of this moment to a function, sync or async, for use in another thread or task.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with checkrein.context(agent_id="agent_001"), ThreadPoolExecutor() as pool:
    ...     pool.submit(checkrein.carry(work)).result()

    Whatever is ambient where the function is called gives way to it while the function runs. A generator function is a
    :class:`checkrein.UsageError`: its body runs later, so say the context inside it.
    """
    if not callable(function):
        raise UsageError(f"`carry` takes a function, not a `{type(function).__name__}`")
    plain = inspect.isroutine(function) or isinstance(function, functools.partial)
    called: Any = function if plain else type(function).__call__
    if inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
        raise UsageError("a generator's body runs after `carry`: write `with checkrein.context(…):` inside it")
    said = _ambient.get()
    if inspect.iscoroutinefunction(called):

        @functools.wraps(function)
        async def carried_async(*args: Any, **kwargs: Any) -> Any:
            return await _awaited(function(*args, **kwargs), said)

        return cast(_F, carried_async)

    @functools.wraps(function)
    def carried(*args: Any, **kwargs: Any) -> Any:
        with _Carried(said):
            result = function(*args, **kwargs)
        return _awaited(result, said) if inspect.iscoroutine(result) else result

    return cast(_F, carried)


async def _awaited(coroutine: Coroutine[Any, Any, Any], said: _Said | None) -> Any:
    with _Carried(said):
        return await coroutine


class _Carried:
    """What was carried stands in the place of whatever is ambient."""

    __slots__ = ("_outer", "_said")

    def __init__(self, said: _Said | None) -> None:
        self._said = said

    def __enter__(self) -> None:
        self._outer = _ambient.get(), _made_of.get()
        _ambient.set(self._said)
        _made_of.set((self._said, ()))

    def __exit__(self, *exception: object) -> None:
        said, made_of = self._outer
        _ambient.set(said)
        _made_of.set(made_of)
