"""What a method of a client does not take is refused by its name, before anything is sent."""

import functools
import inspect
from collections.abc import Callable, Collection
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

Kind = TypeVar("Kind", bound=type)


def checked(kind: Kind) -> Kind:
    """A class whose methods look at the keywords of their `**options: Unpack[…]` first.

    Most hand them on, and an error from below would name what nobody called.
    """
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        options = method.__annotations__.get("options")
        if name.startswith("search_") and "keys" in method.__annotations__:
            setattr(kind, name, _by_keywords(f"{kind.__name__}.{name}", method))
        if options is not None and not name.startswith("_"):
            _, *named, _ = inspect.signature(method).parameters
            known = [*named, *get_args(options)[0].__annotations__]
            setattr(kind, name, _checking(f"{kind.__name__}.{name}", method, known))
    return kind


def _by_keywords(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """A search, which would say that it takes one argument, itself."""

    @functools.wraps(method)
    def call(self: Any, *values: Any, **keys: Any) -> Any:
        if values:
            raise TypeError(f'{name}() takes what must match as keywords: {method.__name__}(PatientName="Doe*")')
        return method(self, **keys)

    return call


def _checking(name: str, method: Callable[..., Any], known: Collection[str]) -> Callable[..., Any]:
    def check(keywords: dict[str, Any]) -> None:
        for keyword in (given for given in keywords if given not in known):
            meant = get_close_matches(keyword, known, 1)
            hint = f"is {meant[0]} meant?" if meant else f"it takes {', '.join(known)}"
            raise TypeError(f"{name}() got an unexpected keyword argument {keyword!r}; {hint}")

    @functools.wraps(method)
    def call(*arguments: Any, **keywords: Any) -> Any:
        check(keywords)
        return method(*arguments, **keywords)

    @functools.wraps(method)
    async def wait(*arguments: Any, **keywords: Any) -> Any:  # what asks whether it is to be awaited is told so
        check(keywords)
        return await method(*arguments, **keywords)

    return wait if inspect.iscoroutinefunction(method) else call
