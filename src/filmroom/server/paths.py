"""Paths of the routes, and of what is beside them."""

import re

from starlette.routing import Route

WATCHED = frozenset({"/health/check", "/health", "/health/ready", "/health/live", "/metrics"})  # always answered
BESIDE = frozenset({"/", "/openapi.json"}) | WATCHED  # nothing of a patient is there


def in_any_case(route: Route) -> Route:
    """The route for its path in any letter case, as ASP.NET matches paths."""
    route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
    return route
