"""Answers requests below `/api/v1/x/` and its own id: `GET /hello/ann`."""

from guildhall_sdk import RouteRequest, RouteResponse, http_route


@http_route
def hello(request: RouteRequest) -> RouteResponse:
    name = request.path.removeprefix("/hello/")
    if not name or name == request.path:
        return RouteResponse(404)
    return RouteResponse.json(200, {"greeting": f"Hello, {name}!"})
