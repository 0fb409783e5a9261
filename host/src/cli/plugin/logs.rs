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
    /// The time of the last line that was read, and the lines of that time.
    last: Option<(String, HashSet<String>)>,
}

impl Tail {
    /// Nothing yet.
    pub fn new(plugin: &str, level: Option<String>) -> Self {
        Self { path: format!("modules/{plugin}/logs"), level, last: None }
    }

    /// The lines that came since the last time, the oldest first: at most the newest `most` of them.
    pub async fn news(&mut self, remote: &Remote, most: usize) -> Result<Vec<Json>, AppError> {
        let mut lines: Vec<Json> = Vec::new();
        let mut cursor: Option<String> = None;
        let from = self.last.as_ref().map(|(at, _)| at.clone());
        loop {
            let mut query = vec![("limit", PAGE)];
            query.extend(self.level.as_deref().map(|level| ("level", level)));
            query.extend(from.as_deref().map(|from| ("from", from)));
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = remote.get(&self.path, &query).await?;
            lines.extend(page["data"].as_array().into_iter().flatten().cloned());
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() || lines.len() >= most {
                break;
            }
        }
        lines.truncate(most);
        lines.reverse();
        if let Some((_, known)) = &self.last {
            lines.retain(|line| !known.contains(&line.to_string()));
        }
        for line in &lines {
            let at = line["at"].as_str().unwrap_or_default();
            match &mut self.last {
                Some((last, known)) if last == at => {
                    known.insert(line.to_string());
                }
                last => *last = Some((at.to_owned(), HashSet::from([line.to_string()]))),
            }
        }
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
