//! `guildhall plugin logs`: what a module says, of a host anywhere; with `-f` as it says it.

use std::collections::HashSet;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::Value as Json;

use crate::app::AppError;
use crate::cli::output::Output;
use crate::cli::remote::{Reach, Remote};

/// How often new lines are looked for.
const PAUSE: Duration = Duration::from_secs(1);
/// Most lines of a page.
const PAGE: &str = "500";

#[derive(Debug, Args)]
pub struct LogsCommand {
    /// Id of the plugin, `publisher.name`.
    plugin: String,
    #[command(flatten)]
    reach: Reach,
    /// Go on with new lines as they come, until it is interrupted.
    #[arg(short, long)]
    follow: bool,
    /// Only lines of this level.
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// How many of the lines from before, at most.
    #[arg(long, default_value_t = 50)]
    lines: usize,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl LogsCommand {
    /// Runs the command.
    pub async fn run(self) -> Result<(), AppError> {
        let remote = self.reach.remote()?;
        let level = self.level.and_then(|level| Some(level.to_possible_value()?.get_name().to_owned()));
        let mut tail = Tail::new(&self.plugin, level);
        let before = tail.news(&remote, self.lines).await?;
        for line in before {
            self.output.print(&line, &text(&line))?;
        }
        if !self.follow {
            return Ok(());
        }
        loop {
            tokio::time::sleep(PAUSE).await;
            for line in tail.news(&remote, usize::MAX).await? {
                self.output.print(&line, &text(&line))?;
            }
        }
    }
}

/// What was read of the lines of a module.
pub struct Tail {
    path: String,
    level: Option<String>,
    /// The lines that were on the newest pages the last time. A call is written down when it has ended, so that what it
    /// said may stand behind lines with a later time.
    known: HashSet<String>,
}

impl Tail {
    /// Nothing yet.
    pub fn new(plugin: &str, level: Option<String>) -> Self {
        Self { path: format!("modules/{plugin}/logs"), level, known: HashSet::new() }
    }

    /// The lines that were written since the last time, the oldest first: at most the newest `most` of them.
    pub async fn news(&mut self, remote: &Remote, most: usize) -> Result<Vec<Json>, AppError> {
        let (mut lines, mut seen) = (Vec::new(), HashSet::new());
        let mut cursor: Option<String> = None;
        loop {
            let mut query = vec![("limit", PAGE)];
            query.extend(self.level.as_deref().map(|level| ("level", level)));
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = remote.get(&self.path, &query).await?;
            let before = seen.len();
            let mut is_known = false;
            for line in page["data"].as_array().into_iter().flatten() {
                let text = line.to_string();
                if self.known.contains(&text) {
                    is_known = true;
                } else {
                    lines.push(line.clone());
                }
                seen.insert(text);
            }
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if is_known || cursor.is_none() || lines.len() >= most || seen.len() == before {
                break;
            }
        }
        self.known = seen;
        lines.truncate(most);
        lines.reverse();
        Ok(lines)
    }
}

/// A line for a terminal; what a plugin says may hold what a terminal would obey.
pub fn text(line: &Json) -> String {
    let said = |part: &str| line[part].as_str().unwrap_or_default().escape_debug().to_string();
    let fields = line["fields"].as_object().into_iter().flatten();
    let fields = fields.map(|(name, value)| format!(" {}={}", name.escape_debug(), value)).collect::<String>();
    let (at, level, version) = (said("at"), said("level").to_uppercase(), said("version"));
    format!("{at} {level:5} {version} {}: {}{fields}", said("extension_point"), said("message"))
}
