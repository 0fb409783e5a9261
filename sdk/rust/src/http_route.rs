//! Requests to the plugin's own routes, below `/api/v1/x/{plugin}`.

use std::marker::PhantomData;

use serde_json::Value;

use crate::bindings::http_route::exports::guildhall::hooks::http_route as wit;
use crate::bindings::imports::guildhall::core::types;
use crate::{Fault, log};

/// A plugin that answers requests.
pub trait HttpRoute {
    /// Answers a request. What it wrote is committed before the answer goes out; a fault becomes a problem document.
    fn handle(request: &RouteRequest) -> Result<RouteResponse, Fault>;
}

/// A request to a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRequest {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// Path below the plugin's own, beginning with `/`.
    pub path: String,
    /// The query string, as it came.
    pub query: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteResponse {
    /// 200 to 599.
    pub status: u16,
    /// `content-type`, `cache-control`, `etag`, `location`, and names that begin with `x-`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl RouteResponse {
    /// An answer without a body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// An answer of JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }
}

/// The export of a plugin's routes; [`crate::register!`] uses it.
#[doc(hidden)]
pub struct HttpRouteExport<P>(PhantomData<P>);

impl<P: HttpRoute> HttpRouteExport<P> {
    /// Compiles only for a plugin that has it.
    pub fn check() {}
}

impl<P: HttpRoute> wit::Guest for HttpRouteExport<P> {
    fn handle(request: wit::Request) -> Result<wit::Response, types::Fault> {
        log::report_panics();
        let wit::Request { method, path, query, headers, body } = request;
        let RouteResponse { status, headers, body } = P::handle(&RouteRequest { method, path, query, headers, body })?;
        Ok(wit::Response { status, headers, body })
    }
}
