//! Answers requests below `/api/v1/x/` and its own id: `GET /hello/ann`.

use guildhall_sdk::{Fault, HttpRoute, RouteRequest, RouteResponse, json, register};

struct Plugin;

impl HttpRoute for Plugin {
    fn handle(request: &RouteRequest) -> Result<RouteResponse, Fault> {
        let Some(name) = request.path.strip_prefix("/hello/").filter(|name| !name.is_empty()) else {
            return Ok(RouteResponse::status(404));
        };
        Ok(RouteResponse::json(200, &json!({ "greeting": format!("Hello, {name}!") })))
    }
}

register!(Plugin: HttpRoute);
