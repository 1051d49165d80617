"""What who asks may do: decided for each method by its row in the table, before anything of it is done.

What is stored is not looked at here. That goes with the target, as its view, down to the index.
"""

from starlette.requests import Request

from filmroom.access import DEFAULT_PARTITION_NAME, Access, Grant, Reach
from filmroom.dicom.views import EVERYTHING
from filmroom.errors import Misconfigured, NoRole
from filmroom.protocol.dialects import Dialect
from filmroom.server.methods import Method
from filmroom.server.requests import partition_of
from filmroom.services import views


def admit(dialect: Dialect, request: Request, method: Method) -> None:
    """Refuse what no role allows; else keep what roles show, for `see`."""
    access: Access = request.scope["access"]
    grants = access.reaching(method.action, method.reach, _partition(request, method))
    if not grants:
        raise NoRole(dialect.wording.forbidden or _refusal(access, request, method))
    request.scope["grants"] = grants


async def see(request: Request, method: Method) -> None:
    """Put what is seen where handlers find it: a view of the data partition, or which partitions there are."""
    grants: tuple[Grant, ...] = request.scope["grants"]
    if method.reach in {Reach.PARTITIONS, Reach.OWN}:
        whole = [one for one in grants if one.whole]
        limited = all(one.partitions for one in whole)
        request.scope["partitions"] = frozenset(name for one in whole for name in one.partitions) if limited else None
    elif method.reach is Reach.VIEW and not any(one.whole for one in grants):
        state = request.state
        try:
            request.scope["view"] = await state.lane.run(views.view, state.archive, grants, partition_of(request))
        except Misconfigured as error:
            roles = _roles(request.scope["access"])
            raise Misconfigured(f"The settings of {roles} need to be corrected. {error}") from error
    else:
        request.scope["view"] = EVERYTHING


def _partition(request: Request, method: Method) -> str | None:
    """The name of the data partition that the method works in, if it does in one."""
    if method.shared:
        return None
    name: str = request.path_params.get("partition", DEFAULT_PARTITION_NAME)
    return name


_NEEDED = {
    Reach.VIEW: "",
    Reach.NOTHING: "",
    Reach.OWN: "",
    Reach.PARTITION: " It needs a role that shows the data partition whole, as it is stored.",
    Reach.PARTITIONS: " It needs a role that shows data partitions whole, as they are stored.",
    Reach.SERVICE: " It needs a role that is for all data partitions.",
}


def _refusal(access: Access, request: Request, method: Method) -> str:
    partition = request.path_params.get("partition")
    where = f" in the data partition {partition}" if partition and not method.shared else ""
    needed = _NEEDED[method.reach] if access.grants_for(method.action) else ""
    return f"{access.name} has {_roles(access)}; that does not allow '{method.action}' here{where}.{needed}"


def _roles(access: Access) -> str:
    return f"the roles {', '.join(access.roles)}" if access.roles else "no role"
