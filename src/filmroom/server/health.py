"""Health Check: whether the index answers and the blob store can be written."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from filmroom.services import health as service


async def check(request: Request) -> Response:
    """`GET /health/check`: 200 if all is well, 503 if not, in the Azure service's JSON form."""
    request.scope["handler"], request.scope["template"] = "health", "/health/check"
    report = await request.state.work.run(service.check, request.state.archive)
    healthy = all(part.healthy for part in report)
    details = [
        {
            "name": part.name,
            "status": "Healthy" if part.healthy else "Unhealthy",
            "description": part.description,
        }
        for part in report
    ]
    body = {"overallStatus": "Healthy" if healthy else "Unhealthy", "details": details}
    return JSONResponse(body, 200 if healthy else 503)
