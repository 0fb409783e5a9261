//! `guildhall tenant`: the same as the operator's API, without a server.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use futures_util::TryStreamExt;
use serde_json::{Map, Value as Json, json};

use super::Place;
use super::output::Output;
use crate::app::{
    Answer, App, AppError, MadeTenantView, NewTenantInput, Operator, TenantView, TenantsRequest, Turn, UsageView,
};

#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Make a tenant, and print an admin's API key once.
    Create(Create),
    /// List tenants.
    List {
        #[command(flatten)]
        place: Place,
        /// Only in this state: active, suspended, deleted, erasing.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Show a tenant.
    Show(Named),
    /// Suspend a tenant: its keys are refused, its work rests, everything is kept.
    Suspend(Named),
    /// Serve a suspended tenant again.
    Resume(Named),
    /// Delete a tenant: it rests at once, and is erased when its grace is over.
    Delete {
        #[command(flatten)]
        named: Named,
        /// Days in which it can come back.
        #[arg(long, env = "GUILDHALL_GRACE_DAYS", default_value_t = 30)]
        grace_days: u32,
    },
    /// Bring back a deleted tenant that is not erased yet.
    Restore(Named),
    /// Print what a tenant uses.
    Usage(Named),
    /// Write everything of a tenant into a file.
    Export {
        #[command(flatten)]
        named: Named,
        /// The file to make, a tar.
        #[arg(long)]
        to: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct Create {
    #[command(flatten)]
    place: Place,
    /// Its name in commands.
    #[arg(long)]
    slug: String,
    /// What people read.
    #[arg(long)]
    name: String,
    /// On whose calendar its days begin: an IANA name, such as Europe/Berlin.
    #[arg(long, default_value = "UTC")]
    timezone: String,
    /// What it is sold as.
    #[arg(long)]
    plan: Option<String>,
    /// Until when it may be used, in RFC 3339.
    #[arg(long)]
    until: Option<String>,
    /// The industry, as in the guide: its modules are switched on as far as they are installed.
    #[arg(long)]
    industry: Option<String>,
    /// Where mail reaches the first user, who becomes the owner.
    #[arg(long, requires = "admin_name")]
    admin_email: Option<String>,
    /// What people read of the first user.
    #[arg(long, requires = "admin_email")]
    admin_name: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Which tenant.
#[derive(Debug, Args)]
pub struct Named {
    #[command(flatten)]
    place: Place,
    /// Id or slug of the tenant.
    tenant: String,
    #[command(flatten)]
    output: Output,
}

impl TenantCommand {
    /// Runs the command.
    pub async fn run(self) -> Result<(), AppError> {
        let operator = Operator::default();
        match self {
            Self::Create(create) => create.run().await,
            Self::List { place, state, output } => {
                let app = place.open().await?;
                let mut request = TenantsRequest { state, limit: Some(500), cursor: None };
                let mut all: Vec<TenantView> = Vec::new();
                loop {
                    let page = app.tenants(&operator, &request).await?;
                    all.extend(page.data);
                    request.cursor = page.next_cursor;
                    if request.cursor.is_none() {
                        break;
                    }
                }
                let lines: Vec<String> = all.iter().map(line_of).collect();
                output.print(&json!({"data": all}), &lines.join("\n"))
            }
            Self::Show(named) => {
                let view = named.place.open().await?.tenant(&operator, &named.tenant).await?;
                named.output.print(&json!(view), &line_of(&view))
            }
            Self::Suspend(named) => named.turn(Turn::Suspend, None).await,
            Self::Resume(named) => named.turn(Turn::Resume, None).await,
            Self::Restore(named) => named.turn(Turn::Restore, None).await,
            Self::Delete { named, grace_days } => named.turn(Turn::Delete, Some(grace_days)).await,
            Self::Usage(named) => {
                let usage = named.place.open().await?.usage_of(&operator, &named.tenant).await?;
                named.output.print(&json!(usage), &text_of(&usage))
            }
            Self::Export { named, to } => {
                let bytes = write(&named.place.open().await?, &operator, &named.tenant, &to).await?;
                let text = format!("{bytes} bytes are in {}", to.display());
                named.output.print(&json!({"file": to.display().to_string(), "bytes": bytes}), &text)
            }
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), AppError> {
        let mut fields = NewTenantInput::plain(&self.slug, &self.name, &self.timezone);
        let mut say = |name: &str, value: Option<Json>| {
            fields.extend(value.map(|value| (name.to_owned(), value)));
        };
        say("plan", self.plan.map(Json::from));
        say("term", self.until.map(|until| json!({"until": until})));
        say("enable_proposed", self.industry.is_some().then_some(Json::Bool(true)));
        say("answers", self.industry.map(|industry| json!({"industry": industry})));
        say("admin", self.admin_email.zip(self.admin_name).map(|(email, name)| json!({"email": email, "name": name})));
        let made = self.place.open().await?.new_tenant(&Operator::default(), &fields).await?;
        let MadeTenantView { tenant, api_key, user, enabled, .. } = made;
        let key = if user.is_some() { "owner's key" } else { "admin key" };
        self.output.print(
            &json!({"tenant": tenant, "user": user, "api_key": api_key, "enabled": enabled}),
            &format!("tenant {} ({})\n{key}, shown only now: {api_key}", tenant.slug, tenant.id),
        )
    }
}

impl Named {
    async fn turn(self, turn: Turn, grace_days: Option<u32>) -> Result<(), AppError> {
        let grace = grace_days.map(grace);
        let app = self.place.open_with(grace).await?;
        let answer = |view: &TenantView| Answer {
            status: 200,
            headers: Vec::new(),
            body: serde_json::to_string(view).unwrap_or_default(),
        };
        app.turn_tenant(&Operator::default(), &self.tenant, turn, None, &answer).await?;
        let view = app.tenant(&Operator::default(), &self.tenant).await?;
        self.output.print(&json!(view), &line_of(&view))
    }
}

/// How long a deleted tenant can come back.
pub fn grace(days: u32) -> Duration {
    Duration::from_hours(24 * u64::from(days))
}

fn line_of(view: &TenantView) -> String {
    let erased = view.erase_at.as_ref().map(|at| format!(", is erased after {at}")).unwrap_or_default();
    format!("{} ({}) is {}{erased}", view.slug, view.id, view.state.name())
}

fn text_of(usage: &UsageView) -> String {
    let rows: Map<String, Json> = match json!(usage) {
        Json::Object(rows) => rows,
        _ => Map::new(),
    };
    rows.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
}

/// Writes the file bit by bit; one that is there already stays as it is.
async fn write(app: &Arc<App>, operator: &Operator, tenant: &str, to: &Path) -> Result<u64, AppError> {
    let failed = |error: std::io::Error| AppError::Setup(format!("{}: {error}", to.display()));
    let mut parts = app.stream_tenant(operator, tenant).await?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(failed)?;
    let mut bytes = 0;
    while let Some(part) = parts.try_next().await? {
        file.write_all(&part).map_err(failed)?;
        bytes += part.len() as u64;
    }
    file.sync_all().map_err(failed)?;
    Ok(bytes)
}
