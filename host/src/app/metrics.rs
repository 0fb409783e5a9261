//! Figures of this node for whoever watches it, in the text format of Prometheus: what modules do, and for which
//! plugin; for which tenant they do it, they do not say.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::App;
use super::catalog::Module;
use super::operators::Operator;
use crate::domain::plugin::ExtensionPoint;
use crate::plugin::{Failure, Spent};

/// What is counted together: plugin, version and extension point.
type Labels = (String, String, &'static str);

/// Since the process began.
#[derive(Default)]
pub(super) struct Metrics {
    calls: Mutex<BTreeMap<Labels, Figures>>,
    denied: Mutex<BTreeMap<Denial, u64>>,
}

/// What was denied: to which plugin and version, which host call, and why.
type Denial = (String, String, &'static str, String);

#[derive(Clone, Default)]
struct Figures {
    calls: u64,
    host_calls: u64,
    cpu: Duration,
    wall: Duration,
    waited: Duration,
    peak_memory: usize,
    bytes_sent: u64,
    failures: BTreeMap<&'static str, u64>,
}

impl Metrics {
    /// Counts a call that waited so long for its turn.
    pub fn count(
        &self,
        module: &Module,
        point: ExtensionPoint,
        spent: &Spent,
        waited: Duration,
        failure: Option<&Failure>,
    ) {
        self.with(module, point, |figures| {
            figures.calls += 1;
            figures.host_calls += u64::from(spent.host_calls);
            figures.cpu += spent.cpu;
            figures.wall += spent.wall;
            figures.waited += waited;
            figures.peak_memory = figures.peak_memory.max(spent.memory);
            if let Some(failure) = failure {
                *figures.failures.entry(code(failure)).or_default() += 1;
            }
        });
    }

    /// Counts a call that did not come to its turn.
    pub fn missed(&self, module: &Module, point: ExtensionPoint, failure: &Failure) {
        self.with(module, point, |figures| *figures.failures.entry(code(failure)).or_default() += 1);
    }

    /// Counts bytes that went to other servers.
    pub fn sent(&self, module: &Module, point: ExtensionPoint, bytes: u64) {
        if bytes > 0 {
            self.with(module, point, |figures| figures.bytes_sent += bytes);
        }
    }

    /// Counts a host call that was denied.
    pub fn denied(&self, module: &Module, call: &'static str, code: &str) {
        let denial = (module.manifest.id.clone(), module.manifest.version.clone(), call, code.to_owned());
        *self.denied.lock().unwrap_or_else(PoisonError::into_inner).entry(denial).or_default() += 1;
    }

    fn with(&self, module: &Module, point: ExtensionPoint, change: impl FnOnce(&mut Figures)) {
        let labels = (module.manifest.id.clone(), module.manifest.version.clone(), point.name());
        change(self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(labels).or_default());
    }
}

/// What a failure counts as: a refusal that the plugin meant is one of its answers, and told apart.
fn code(failure: &Failure) -> &'static str {
    match failure {
        Failure::Fault(_) => "refused",
        other => other.code(),
    }
}

impl App {
    /// The figures of this node.
    pub fn metrics(&self, _: &Operator) -> String {
        let all = self.metrics.calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, lines: Vec<(String, f64)>| {
            let _ = writeln!(text, "# HELP guildhall_{name} {help}\n# TYPE guildhall_{name} {kind}");
            for (labels, value) in lines {
                let _ = writeln!(text, "guildhall_{name}{labels} {value}");
            }
        };
        let each = |value: &dyn Fn(&Figures) -> f64| -> Vec<(String, f64)> {
            all.iter().map(|(labels, figures)| (format!("{{{}}}", written(labels)), value(figures))).collect()
        };
        #[expect(clippy::cast_precision_loss, reason = "the format has no other numbers")]
        let float = |count: u64| count as f64;
        family("plugin_calls_total", "counter", "Calls of plugins.", each(&|figures| float(figures.calls)));
        let failures = all.iter().flat_map(|(labels, figures)| {
            let one =
                |(code, count): (&&str, &u64)| (format!("{{{},code=\"{code}\"}}", written(labels)), float(*count));
            figures.failures.iter().map(one).collect::<Vec<_>>()
        });
        family("plugin_failures_total", "counter", "Calls that gave no result, by code.", failures.collect());
        let seconds = |time: &dyn Fn(&Figures) -> Duration| each(&|figures| time(figures).as_secs_f64());
        family("plugin_cpu_seconds_total", "counter", "CPU time of calls.", seconds(&|figures| figures.cpu));
        family("plugin_wall_seconds_total", "counter", "Wall time of calls.", seconds(&|figures| figures.wall));
        let waited = seconds(&|figures| figures.waited);
        family("plugin_queue_seconds_total", "counter", "Time that calls waited for their turn.", waited);
        let host_calls = each(&|figures| float(figures.host_calls));
        family("plugin_host_calls_total", "counter", "Host calls.", host_calls);
        let memory = each(&|figures| float(figures.peak_memory as u64));
        family("plugin_memory_peak_bytes", "gauge", "Most memory of one call.", memory);
        let sent = each(&|figures| float(figures.bytes_sent));
        family("plugin_sent_bytes_total", "counter", "Bytes sent to other servers.", sent);
        let denied = self.metrics.denied.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let denied = denied.iter().map(|((plugin, version, call, code), count)| {
            let labels = format!("{},call=\"{call}\",code=\"{code}\"", named(plugin, version));
            (format!("{{{labels}}}"), float(*count))
        });
        family("plugin_denied_total", "counter", "Host calls that were denied, by code.", denied.collect());
        let counts = self.compiler.counts();
        let one = |count: &AtomicU64| vec![(String::new(), float(count.load(Ordering::Relaxed)))];
        family("plugin_cache_hits_total", "counter", "Compiled plugins that were kept.", one(&counts.found));
        family("plugin_compilations_total", "counter", "Components that were compiled.", one(&counts.compiled));
        let took = Duration::from_micros(counts.micros.load(Ordering::Relaxed)).as_secs_f64();
        family("plugin_compile_seconds_total", "counter", "Time of compiling.", vec![(String::new(), took)]);
        let pools = ["call", "inner_call"].iter().zip(self.engine.occupancy());
        let pools: Vec<_> = pools.map(|(pool, taken)| (format!("{{pool=\"{pool}\"}}"), taken)).collect();
        let gauge = |value: fn(&(u32, u32)) -> u32| -> Vec<(String, f64)> {
            pools.iter().map(|(labels, taken)| (labels.clone(), f64::from(value(taken)))).collect()
        };
        family("plugin_pool_taken", "gauge", "Places for calls that are taken.", gauge(|(taken, _)| *taken));
        family("plugin_pool_places", "gauge", "Places for calls.", gauge(|(_, all)| *all));
        let suspended = float(self.runs.suspended(self.clock.now()) as u64);
        family("plugin_suspended", "gauge", "Modules that are suspended here.", vec![(String::new(), suspended)]);
        text
    }
}

fn written((plugin, version, point): &Labels) -> String {
    format!("{},extension_point=\"{point}\"", named(plugin, version))
}

fn named(plugin: &str, version: &str) -> String {
    let safe = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("plugin=\"{}\",version=\"{}\"", safe(plugin), safe(version))
}
