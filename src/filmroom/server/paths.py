"""Paths of the routes."""

import re

from starlette.routing import Route


def in_any_case(route: Route) -> Route:
    """The route for its path in any letter case, as ASP.NET matches paths."""
    route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
    return route
