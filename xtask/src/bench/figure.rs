//! What is measured in each round, in this order.

use serde::Serialize;

use super::Engine;

/// One window of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// A bare axum route.
    Hello,
    /// A point read with nothing between.
    LimitRead,
    /// `GET /records/contact/{id}`.
    Read,
    /// A list by the index that it wants.
    LimitList,
    /// The same list by the indexes that the host makes (SQLite only).
    LimitListOwn,
    /// `GET /records/contact` with a filter and a sort.
    List,
    /// Durable inserts in common commits, with nothing between.
    LimitCreate,
    /// `POST /records/contact`.
    Create,
    /// `POST /records/order` of a tenant without modules.
    Order,
    /// The same of a tenant whose module looks at it and has nothing to write.
    OrderLookedAt,
    /// The same of a tenant whose module keeps points: it writes two records more.
    OrderHooked,
    /// The same with all clients ordering for one customer.
    OrderOneMember,
}

/// What came of a window.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Measured {
    pub per_s: f64,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// CPU time of the server per request.
    pub cpu_us: Option<f64>,
    /// CPU time of PostgreSQL per request.
    pub database_cpu_us: Option<f64>,
    pub resident_mb: Option<f64>,
}

impl Figure {
    pub fn of(engine: Engine) -> &'static [Self] {
        match engine {
            Engine::Sqlite => &[
                Self::Hello,
                Self::LimitRead,
                Self::Read,
                Self::LimitList,
                Self::LimitListOwn,
                Self::List,
                Self::LimitCreate,
                Self::Create,
                Self::Order,
                Self::OrderLookedAt,
                Self::OrderHooked,
                Self::OrderOneMember,
            ],
            Engine::Postgres => &[
                Self::Hello,
                Self::LimitRead,
                Self::Read,
                Self::LimitList,
                Self::List,
                Self::LimitCreate,
                Self::Create,
                Self::Order,
                Self::OrderLookedAt,
                Self::OrderHooked,
                Self::OrderOneMember,
            ],
        }
    }

    pub fn title(self, engine: Engine) -> &'static str {
        match (self, engine) {
            (Self::Hello, _) => "limit: axum, bare route",
            (Self::LimitRead, Engine::Sqlite) => "limit: axum + rusqlite, point read",
            (Self::LimitRead, Engine::Postgres) => "limit: pgbench, point read",
            (Self::Read, _) => "**get a contact**",
            (Self::LimitList, Engine::Sqlite) => "limit: axum + rusqlite, list of 50, index (city, name)",
            (Self::LimitList, Engine::Postgres) => "limit: pgbench, list of 50, index (city, name)",
            (Self::LimitListOwn, _) => "limit: the same list, the host's own indexes",
            (Self::List, _) => "**list 50 of 1,000 by city, sorted**",
            (Self::LimitCreate, Engine::Sqlite) => "limit: axum + rusqlite, durable insert, grouped",
            (Self::LimitCreate, Engine::Postgres) => "limit: pgbench, durable insert",
            (Self::Create, _) => "**create a contact**",
            (Self::Order, _) => "**create an order, no module**",
            (Self::OrderLookedAt, _) => "**create an order, hook in a fresh instance**",
            (Self::OrderHooked, _) => "create an order, hook writes two records more",
            (Self::OrderOneMember, _) => "create an order, hook, all for one member",
        }
    }
}
