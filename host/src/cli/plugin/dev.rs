//! `guildhall plugin dev`: a host of one's own with a sample tenant, and the plugin swapped in again at every change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use guildhall_kit::{Built, build_draft};
use reqwest::Method;
use serde_json::{Map, Value as Json, json};

use super::file::{read, told};
use super::logs::{Tail, text};
use super::make::sound;
use super::watch::{after_build, change, changes};
use crate::app::{App, AppError, Database, NewTenantInput, Operator, PluginUpload, Settings, UploadKind};
use crate::cli::output::Output;
use crate::cli::remote::Remote;
use crate::cli::{new_operator_key, serve};
use crate::domain::clock::Clock;

/// The tenant that has the plugin.
const TENANT: &str = "dev";
/// Where sample data is, in the folder of a plugin, when none is named.
const SAMPLE: &str = "sample.json";
/// How often lines of the plugin are looked for.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub struct DevCommand {
    /// The folder of the plugin.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Address to listen on; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// Origin under which the internet reaches this host, for webhooks: that of a tunnel, say.
    #[arg(long)]
    public_url: Option<String>,
    /// Sample data: `{"contact": [{"name": "Ann"}]}`, objects in their order; sample.json of the folder, or a few
    /// contacts, when not given.
    #[arg(long)]
    sample: Option<PathBuf>,
    /// Settings of the plugin: `{"config": {}, "secrets": {}}`.
    #[arg(long)]
    settings: Option<PathBuf>,
    /// A component that is installed and enabled first: one that the plugin requires. May be given again.
    #[arg(long = "with")]
    others: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl DevCommand {
    /// Serves until it is interrupted. The installation begins anew each time.
    pub async fn run(self) -> Result<(), AppError> {
        let sample = self.sample()?;
        let settings = self.settings.as_deref().map(json_of).transpose()?.unwrap_or_else(|| json!({}));
        let app = self.open().await?;
        let made = app.new_tenant(&Operator::default(), &NewTenantInput::plain(TENANT, "Development", "UTC")).await?;
        let (listener, address) = serve::bind(&self.listen).await?;
        let remote = Remote::new(&format!("http://{address}"), &made.api_key)?;
        let host = self.public_url.clone().unwrap_or_else(|| remote.url().to_owned());
        self.output.print(
            &json!({"host": remote.url(), "public_url": host, "tenant": TENANT, "api_key": made.api_key}),
            &format!("host {}\nkey of the tenant `{TENANT}`: {}", remote.url(), made.api_key),
        )?;
        // The server goes with the process: told to end by itself, it would break off what is asked of it meanwhile.
        let served = tokio::spawn(serve::serve_on(Arc::clone(&app), listener, std::future::pending()));
        let told_to_end = serve::told_to_end()?;
        tokio::select! {
            // Nothing of it is kept: there is nothing to wait for.
            () = told_to_end => Ok(()),
            ended = served => ended.map_err(|error| AppError::Setup(format!("serving: {error}")))?,
            worked = self.work(&app, &remote, &host, &settings, &sample) => worked,
        }
    }

    async fn open(&self) -> Result<Arc<App>, AppError> {
        let home = self.folder.join("target").join("guildhall").join("dev");
        if home.exists() {
            std::fs::remove_dir_all(&home).map_err(|error| told(&home, &error))?;
        }
        std::fs::create_dir_all(&home).map_err(|error| told(&home, &error))?;
        let keys = home.join("keys");
        std::fs::write(&keys, format!("{}\n", new_operator_key())).map_err(|error| told(&keys, &error))?;
        let settings = Settings {
            // What a plugin talks to while it is made is often on this machine.
            allow_private_webhooks: true,
            key_file: Some(keys),
            public_url: self.public_url.clone(),
            ..Settings::default()
        };
        App::open_with(&Database::Sqlite(home.join("guildhall.sqlite")), Clock::system(), settings).await
    }

    /// Swaps the plugin in, tells what it says, and again whenever a file changes.
    async fn work(
        &self,
        app: &App,
        remote: &Remote,
        host: &str,
        settings: &Json,
        sample: &Map<String, Json>,
    ) -> Result<(), AppError> {
        for other in &self.others {
            let plugin = install(app, read(other)?).await?;
            remote.send(Method::PUT, &format!("modules/{plugin}"), &json!({"consent": ["*"]})).await?;
        }
        let mut sample = Some(sample);
        let mut tail = None;
        for turn in 1.. {
            let before = changes(&self.folder);
            match self.swap(app, remote, settings, turn).await {
                Ok(built) => {
                    self.told(&built, host, &remote.get(&format!("plugins/{}", built.id), &[]).await?)?;
                    if let Some(sample) = sample.take() {
                        self.fill(remote, sample).await?;
                    }
                    tail.get_or_insert_with(|| Tail::new(&built.id, None));
                }
                Err(error) => self.failed(&error)?,
            }
            let seen = after_build(&self.folder, before);
            tokio::select! {
                () = change(&self.folder, &seen) => {}
                error = self.listen_to(remote, &mut tail) => return Err(error),
            }
        }
        Ok(())
    }

    /// Builds the plugin and puts it in the place of the one before; calls that run end as they began.
    async fn swap(&self, app: &App, remote: &Remote, settings: &Json, turn: u32) -> Result<Swapped, AppError> {
        let began = Instant::now();
        let folder = self.folder.clone();
        let built = tokio::task::spawn_blocking(move || sound(&folder).and_then(|()| build_draft(&folder, turn))).await;
        let built = built.map_err(|error| AppError::Setup(format!("building: {error}")))?;
        let Built { id, version, component, .. } = built.map_err(|error| AppError::Refused(error.to_string()))?;
        install(app, component).await?;
        let mut wish = json!({"version": version, "enabled": true, "consent": ["*"], "keep_failures": true});
        for part in ["config", "secrets"] {
            if !settings[part].is_null() {
                wish[part] = settings[part].clone();
            }
        }
        remote.send(Method::PUT, &format!("modules/{id}"), &wish).await?;
        Ok(Swapped { id, version, took: began.elapsed() })
    }

    /// Says what runs now, and where its routes are.
    fn told(&self, swapped: &Swapped, host: &str, plugin: &Json) -> Result<(), AppError> {
        let Swapped { id, version, took } = swapped;
        let versions = plugin["versions"].as_array().into_iter().flatten();
        let own = versions.last().map(|version| &version["capabilities"]["hooks"]["http_route"]);
        let has_routes = own.and_then(Json::as_array).is_some_and(|routes| !routes.is_empty());
        let routes = has_routes.then(|| format!("{host}/api/v1/x/{id}/"));
        let line = routes.as_ref().map(|routes| format!("\nits routes: {routes}")).unwrap_or_default();
        let text = format!("{id} {version} runs, {:.1} s after the change{line}", took.as_secs_f64());
        let json = json!({"id": id, "version": version, "ms": took.as_millis(), "routes": routes});
        self.output.print(&json, &text)
    }

    fn failed(&self, error: &AppError) -> Result<(), AppError> {
        let text = error.to_string();
        self.output.print(&json!({"error": text}), &format!("{text}\nwhat ran before still runs"))
    }

    /// Prints what the plugin says, until there is something that cannot be printed.
    async fn listen_to(&self, remote: &Remote, tail: &mut Option<Tail>) -> AppError {
        loop {
            if let Some(tail) = tail {
                let lines = match tail.news(remote, usize::MAX).await {
                    Ok(lines) => lines,
                    Err(error) => return error,
                };
                for line in lines {
                    if let Err(error) = self.output.print(&line, &text(&line)) {
                        return error;
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Makes the records, as a client of the API does: the plugin sees them, and may refuse one.
    async fn fill(&self, remote: &Remote, sample: &Map<String, Json>) -> Result<(), AppError> {
        for (object, records) in sample {
            let create = |fields: &Json| json!({"op": "create", "fields": fields});
            let operations: Vec<Json> = records.as_array().into_iter().flatten().map(create).collect();
            let batch = json!({"mode": "each", "operations": operations});
            let made = remote.send(Method::POST, &format!("records/{object}/batch"), &batch).await?;
            for (at, outcome) in made["outcomes"].as_array().into_iter().flatten().enumerate() {
                if let Some(why) = outcome["problem"]["detail"].as_str() {
                    let text = format!("sample data: {object}[{at}] was refused: {}", why.escape_debug());
                    self.output
                        .print(&json!({"sample": format!("{object}[{at}]"), "problem": outcome["problem"]}), &text)?;
                }
            }
        }
        Ok(())
    }

    fn sample(&self) -> Result<Map<String, Json>, AppError> {
        let own = self.folder.join(SAMPLE);
        let file = self.sample.clone().or_else(|| own.exists().then_some(own));
        let Some(file) = file else { return Ok(usual()) };
        match json_of(&file)? {
            Json::Object(sample) if sample.values().all(Json::is_array) => Ok(sample),
            _ => Err(AppError::Refused(format!("{}: is lists of records by object", file.display()))),
        }
    }
}

/// A version that runs.
struct Swapped {
    id: String,
    version: String,
    took: Duration,
}

async fn install(app: &App, component: Vec<u8>) -> Result<String, AppError> {
    let upload =
        PluginUpload { kind: UploadKind::Component, bytes: component, signature: None, allow_downgrade: false };
    Ok(app.install(&Operator::default(), upload).await?.id)
}

/// Sample data for who brings none.
fn usual() -> Map<String, Json> {
    let contacts = [("Ann Lee", "ann@example.com", "Berlin"), ("Bo Chen", "bo@example.com", "Shanghai")];
    let contacts = contacts.map(|(name, email, city)| json!({"name": name, "email": email, "city": city}));
    let sample = json!({"company": [{"name": "Acme GmbH"}, {"name": "Globex BV"}], "contact": contacts});
    sample.as_object().cloned().unwrap_or_default()
}

fn json_of(file: &Path) -> Result<Json, AppError> {
    let wrong = |error: &dyn std::fmt::Display| AppError::Refused(format!("{}: {error}", file.display()));
    serde_json::from_slice(&read(file)?).map_err(|error| wrong(&error))
}
