//! The life of a tenant: where it stands, for how long, and how much of everything it may have.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::invalid::FieldError;
use super::plugin::caps;

/// Where a tenant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    /// It is served.
    Active,
    /// It rests: nothing is served or done, and everything is kept.
    Suspended,
    /// It rests until it is erased; until then it can come back.
    Deleted,
    /// It is being erased.
    Erasing,
}

impl TenantState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Active, Self::Suspended, Self::Deleted, Self::Erasing];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
            Self::Erasing => "erasing",
        }
    }

    /// The state of that word.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Why a tenant is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// The operator said so.
    Operator,
    /// Its term is over.
    Term,
}

impl Because {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Term => "term",
        }
    }

    /// The reason of that word; the operator when there is none.
    pub fn find(name: &str) -> Self {
        if name == Self::Term.name() { Self::Term } else { Self::Operator }
    }
}

/// How much of everything a tenant may have; any number of what is not named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantLimits {
    /// Active users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_users: Option<u32>,
    /// Modules that are switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_modules: Option<u32>,
    /// Requests a second of all keys together, and twice as many at once; that of the host when not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub requests_per_second: Option<NonZeroU32>,
    /// What each call of a module may use; those of the host when not named, and never more than its caps.
    #[serde(default, skip_serializing_if = "PluginLimits::is_default")]
    pub plugins: PluginLimits,
}

impl TenantLimits {
    /// These, and others where these say nothing.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        let (own, other) = (self.plugins, others.plugins);
        Self {
            max_users: self.max_users.or(others.max_users),
            max_modules: self.max_modules.or(others.max_modules),
            requests_per_second: self.requests_per_second.or(others.requests_per_second),
            plugins: PluginLimits {
                hook_cpu_ms: own.hook_cpu_ms.or(other.hook_cpu_ms),
                request_cpu_ms: own.request_cpu_ms.or(other.request_cpu_ms),
                background_cpu_ms: own.background_cpu_ms.or(other.background_cpu_ms),
                hook_wall_ms: own.hook_wall_ms.or(other.hook_wall_ms),
                request_wall_ms: own.request_wall_ms.or(other.request_wall_ms),
                background_wall_ms: own.background_wall_ms.or(other.background_wall_ms),
                memory_mb: own.memory_mb.or(other.memory_mb),
                payload_kb: own.payload_kb.or(other.payload_kb),
                host_calls: own.host_calls.or(other.host_calls),
                http_calls: own.http_calls.or(other.http_calls),
                log_lines: own.log_lines.or(other.log_lines),
                kv_mb: own.kv_mb.or(other.kv_mb),
                module_at_once: own.module_at_once.or(other.module_at_once),
                at_once: own.at_once.or(other.at_once),
            },
        }
    }
}

/// What each call of a module may use at most, whatever its manifest asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginLimits {
    /// CPU milliseconds of a hook that sees one change; at most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub hook_cpu_ms: Option<NonZeroU32>,
    /// CPU milliseconds of a route, an action or a view; at most 2,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 2000)]
    pub request_cpu_ms: Option<NonZeroU32>,
    /// CPU milliseconds of a job, a schedule or a batch of events; at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 10000)]
    pub background_cpu_ms: Option<NonZeroU32>,
    /// Milliseconds of a hook's own time when it sees one change; at most 5,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 5000)]
    pub hook_wall_ms: Option<NonZeroU32>,
    /// The same for a route, an action or a view, with what it waits for other servers; at most 30,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 30000)]
    pub request_wall_ms: Option<NonZeroU32>,
    /// The same for a job, a schedule or a batch of events; at most 300,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 300_000)]
    pub background_wall_ms: Option<NonZeroU32>,
    /// Memory in MiB; at most 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 64)]
    pub memory_mb: Option<NonZeroU32>,
    /// KiB that cross the border in one host call or as the result, for one change; at most 4,096.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 4096)]
    pub payload_kb: Option<NonZeroU32>,
    /// Log lines that are kept; at most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1000)]
    pub log_lines: Option<u32>,
    /// MiB of keys and values that one module may keep; at most 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 100)]
    pub kv_mb: Option<u32>,
    /// Host calls; at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 10000)]
    pub host_calls: Option<NonZeroU32>,
    /// Requests to other servers; at most 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 100)]
    pub http_calls: Option<u32>,
    /// Calls of one module at the same time; at most 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 32)]
    pub module_at_once: Option<NonZeroU32>,
    /// Calls of all modules at the same time; at most 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 64)]
    pub at_once: Option<NonZeroU32>,
}

impl PluginLimits {
    /// What is more than the host gives any call, each by its name below this path.
    pub fn beyond(&self, path: &str) -> Vec<FieldError> {
        let given = |limit: Option<NonZeroU32>| limit.map(NonZeroU32::get);
        let limits = [
            ("hook_cpu_ms", given(self.hook_cpu_ms), 1, caps::HOOK_CPU_MS),
            ("request_cpu_ms", given(self.request_cpu_ms), 1, caps::REQUEST_CPU_MS),
            ("background_cpu_ms", given(self.background_cpu_ms), 1, caps::BACKGROUND_CPU_MS),
            ("hook_wall_ms", given(self.hook_wall_ms), 1, caps::HOOK_TIMEOUT_MS),
            ("request_wall_ms", given(self.request_wall_ms), 1, caps::REQUEST_TIMEOUT_MS),
            ("background_wall_ms", given(self.background_wall_ms), 1, caps::BACKGROUND_TIMEOUT_MS),
            ("memory_mb", given(self.memory_mb), 1, caps::MEMORY_MB.into()),
            ("payload_kb", given(self.payload_kb), 1, caps::PAYLOAD_KB.into()),
            ("host_calls", given(self.host_calls), 1, caps::HOST_CALLS.into()),
            ("http_calls", self.http_calls, 0, caps::HTTP_CALLS.into()),
            ("log_lines", self.log_lines, 0, caps::LOG_LINES.into()),
            ("kv_mb", self.kv_mb, 0, caps::KV_BYTES >> 20),
            ("module_at_once", given(self.module_at_once), 1, caps::MODULE_AT_ONCE.into()),
            ("at_once", given(self.at_once), 1, caps::AT_ONCE.into()),
        ];
        let beyond =
            limits.into_iter().filter(|(_, given, _, most)| given.is_some_and(|given| u64::from(given) > *most));
        beyond
            .map(|(name, _, least, most)| {
                FieldError::new(format!("{path}.{name}"), "out_of_range", format!("is {least} to {most}"))
            })
            .collect()
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What every request needs to know of its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub state: TenantState,
    /// Why it is suspended.
    pub because: Because,
    /// How much it may have.
    pub limits: TenantLimits,
    /// Version of its policy.
    pub policy_version: i64,
}

/// A tenant, as its operator knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenancy {
    /// What people read.
    pub name: String,
    /// What it is sold as.
    pub plan: Option<String>,
    /// From when it may be used, for the record.
    pub starts_at: Option<Timestamp>,
    /// When it is suspended by itself.
    pub ends_at: Option<Timestamp>,
    /// How much it may have.
    pub limits: TenantLimits,
}

/// Names a tenant in commands: lower case letters, digits and `-`, and no id.
pub fn is_slug(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&text.len()) && text.bytes().all(is_plain) && uuid::Uuid::parse_str(text).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_no_id() {
        for good in ["a", "acme-2", &"x".repeat(40)] {
            assert!(is_slug(good), "{good}");
        }
        for bad in ["", "Acme", "a b", "a_b", &"x".repeat(41), "01a20031-9c4a-7239-8605-04c662a595e1"] {
            assert!(!is_slug(bad), "{bad}");
        }
    }
}
