//! What the kernel counts for processes and for the machine, from `/proc`.

use std::time::Duration;

use anyhow::{Context as _, Result};

/// The kernel counts time in hundredths of a second on every machine that Linux runs on today.
const TICK: Duration = Duration::from_millis(10);

/// CPU time of a process, in its own code and the kernel's.
pub fn cpu_time(process: u32) -> Result<Duration> {
    Ok(TICK * stat(process)?.own)
}

/// CPU time of a process and all its children together, with those that have ended.
pub fn family_cpu_time(parent: u32) -> Result<Duration> {
    let first = stat(parent)?;
    let mut ticks = first.own + first.ended_children;
    for entry in std::fs::read_dir("/proc").context("reading /proc")? {
        let process: Option<u32> = entry?.file_name().to_str().and_then(|name| name.parse().ok());
        // A process may end while we look at it.
        let found = process.and_then(|process| stat(process).ok());
        ticks += found.filter(|child| child.parent == parent).map_or(0, |child| child.own);
    }
    Ok(TICK * ticks)
}

/// A process and its ticks.
#[derive(Debug, PartialEq)]
struct Stat {
    parent: u32,
    own: u32,
    ended_children: u32,
}

fn stat(process: u32) -> Result<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).context("a measured process has ended")?;
    parse_stat(&text).with_context(|| format!("/proc/{process}/stat reads {text}"))
}

/// The second field is the name in brackets and may hold anything; the fourth is the parent, 14 to 17 are times.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u32>().ok();
    Some(Stat { parent: number(1)?, own: number(11)? + number(12)?, ended_children: number(13)? + number(14)? })
}

/// Memory of a process, now.
pub fn resident_mb(process: u32) -> Result<f64> {
    status_mb(process, "VmRSS:")
}

/// The most memory that a process has had.
pub fn peak_mb(process: u32) -> Result<f64> {
    status_mb(process, "VmHWM:")
}

/// Lets the most memory of a process begin anew, at what it has now.
pub fn forget_peak(process: u32) -> Result<()> {
    std::fs::write(format!("/proc/{process}/clear_refs"), "5").context("a measured process has ended")
}

/// Memory of a process without the pages of files that it looks into, now.
pub fn private_mb(process: u32) -> Result<f64> {
    status_mb(process, "RssAnon:")
}

fn status_mb(process: u32, name: &str) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).context("a measured process has ended")?;
    let kilobytes =
        text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kilobytes.with_context(|| format!("/proc/{process}/status has no {name}"))? / 1024.0)
}

/// Ticks of the whole machine so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    all: f64,
    stolen: f64,
}

impl Machine {
    pub fn now() -> Result<Self> {
        let text = std::fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
        Self::parse(&text).context("/proc/stat does not begin as it should")
    }

    fn parse(text: &str) -> Option<Self> {
        let ticks = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
        // user nice system idle iowait irq softirq steal; guests are counted in the first two.
        let ticks: Vec<f64> = ticks.take(8).filter_map(|tick| tick.parse().ok()).collect();
        Some(Self { all: ticks.iter().sum(), stolen: *ticks.get(7)? })
    }

    /// The share of time since then that went to other machines on the same hardware.
    pub fn stolen_since(self, then: Self) -> f64 {
        (self.stolen - then.stolen) / (self.all - then.all).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_have_any_name() {
        let text = "7 (a) b (c) S 3 7 7 0 -1 4194304 100 0 0 0 250 50 9 9 20 0 1 0 100 0 0";
        assert_eq!(parse_stat(text), Some(Stat { parent: 3, own: 300, ended_children: 18 }));
    }

    #[test]
    fn stolen_time_is_a_share_of_all() {
        let before = Machine::parse("cpu  10 0 10 80 0 0 0 0 0 0\ncpu0 1").unwrap();
        let after = Machine::parse("cpu  30 0 30 130 0 0 0 10 0 0\n").unwrap();
        assert!((after.stolen_since(before) - 0.1).abs() < 1e-9);
    }
}
