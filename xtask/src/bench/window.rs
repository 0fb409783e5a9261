//! One figure in one round: which requests on which server.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::figure::{Figure, Measured};
use super::installation::CONTACTS;
use super::load::{CLIENTS, Load};
use super::pgbench::{Pgbench, Script};
use super::server::Server;
use super::site::{Raw, Site};

/// A contact to create; `load.lua` says what the mark becomes.
pub const CONTACT: &str = r#"{"name":"Bench contact @number","email":"bench@number@example.com","city":"Town @number","external_id":"bench-@number"}"#;
/// An order to create, for a contact.
pub const ORDER: &str = r#"{"contact":"@contact","placed_at":"2026-01-01T00:00:00Z","total":{"amount":"29.33","currency":"USD"},"external_id":"bench-@number"}"#;
/// The same as a draft, which earns nothing.
pub const DRAFT: &str = r#"{"contact":"@contact","placed_at":"2026-01-01T00:00:00Z","total":{"amount":"29.33","currency":"USD"},"external_id":"bench-@number","status":"draft"}"#;

pub struct Window<'a> {
    pub site: &'a Site,
    pub seconds: u32,
}

impl Window<'_> {
    pub async fn measure(&self, figure: Figure) -> Result<Measured> {
        let Site { host, hello, raw, .. } = self.site;
        let (server, file) = match (figure, raw) {
            (Figure::LimitRead, Raw::Pgbench(pgbench)) => return self.pgbench(pgbench, Script::Point).await,
            (Figure::LimitList | Figure::LimitListOwn, Raw::Pgbench(pgbench)) => {
                return self.pgbench(pgbench, Script::List).await;
            }
            (Figure::LimitCreate, Raw::Pgbench(pgbench)) => return self.pgbench(pgbench, Script::Insert).await,
            (Figure::LimitRead, Raw::Servers { indexed, .. }) => (&**indexed, "limit-read"),
            (Figure::LimitList, Raw::Servers { indexed, .. }) => (&**indexed, "limit-list"),
            (Figure::LimitListOwn, Raw::Servers { own, .. }) => (&**own, "limit-list"),
            (Figure::LimitCreate, Raw::Servers { own, .. }) => (&**own, "limit-create"),
            (Figure::Hello, _) => (hello, "hello"),
            (Figure::Read, _) => (host, "read"),
            (Figure::List, _) => (host, "list"),
            (Figure::Create, _) => (host, "create"),
            (Figure::Order, _) => (host, "order"),
            (Figure::OrderLookedAt, _) => (host, "order-looked-at"),
            (Figure::OrderHooked, _) => (host, "order-hooked"),
            (Figure::OrderOneMember, _) => (host, "order-one-member"),
        };
        self.server(server, self.site.file(file)).await
    }

    async fn server(&self, server: &Server, file: PathBuf) -> Result<Measured> {
        let load = Load { file: &file, clients: CLIENTS, seconds: self.seconds };
        self.site.installation.gauge().server(server, load).await
    }

    async fn pgbench(&self, pgbench: &Pgbench, script: Script) -> Result<Measured> {
        let file = self.site.file("pgbench.sql");
        let text = script.text(&self.site.plain.id, CONTACTS);
        std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
        self.site.installation.gauge().pgbench(pgbench, &[&file], CLIENTS, self.seconds).await
    }
}
