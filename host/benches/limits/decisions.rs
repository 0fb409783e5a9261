//! What a decision of the access policy takes, with few and with many tenants.

use std::sync::Arc;
use std::time::{Duration, Instant};

use guildhall::access::{Access, Create, Delete, Policy, Read, Update};
use guildhall::domain::caller::{Caller, Credential};
use guildhall::domain::clock::Clock;
use guildhall::domain::core_objects::CORE_OBJECTS;
use guildhall::domain::id::{Ids, TenantId};
use guildhall::domain::object::Object;
use guildhall::domain::org::Org;
use guildhall::domain::role::RoleDef;
use guildhall::domain::schema::Schema;
use serde_json::{Value, json};

use super::Result;

/// Decisions that are timed, of each kind.
const DECISIONS: usize = 20_000;
/// Decisions that are timed together: the clock itself takes some of the time of one.
const AT_ONCE: u32 = 20;
/// Tenants whose first decisions are timed.
const FRESH: usize = 200;

/// Prints the times as JSON.
pub async fn measure(tenants: usize) -> Result<()> {
    let objects: std::result::Result<Vec<Arc<Object>>, Box<dyn std::error::Error + Send + Sync>> =
        CORE_OBJECTS.iter().map(|text| Ok(Arc::new(Object::check(serde_json::from_str(text)?, None)?))).collect();
    let objects = objects?;
    let schema = Arc::new(Schema::new(objects.iter().cloned())?);
    let clock = Clock::system();
    let ids = Ids::new(clock.clone());
    let access = Access::new(clock);
    let roles: Vec<RoleDef> = serde_json::from_value(json!([
        {"name": "field", "label": "Field", "extends": ["sales"], "rules": [
            {"objects": ["contact"], "actions": ["read"], "except": ["note"]},
            {"objects": ["order"], "actions": ["read"], "filter": {"status": {"_neq": "draft"}}},
        ]},
        {"name": "desk", "label": "Desk", "extends": ["viewer"]},
    ]))?;
    let before = resident_kb()?;
    let mut callers = Vec::with_capacity(tenants);
    for _ in 0..tenants {
        let tenant = TenantId(ids.make());
        callers.push(caller(tenant, &ids));
        access.set_policy(tenant, policy(tenant, &roles, &callers[callers.len() - 1]).await?);
        access.set_schema(tenant, &schema, chrono_tz::UTC);
    }
    let tenant_kb = (resident_kb()? - before) / f64::from(u32::try_from(tenants)?);

    // First decisions come from policies that have decided nothing: in place of those that are there.
    let mut uncached = Vec::new();
    for at in 0..FRESH {
        let caller = callers[at * 7919 % callers.len()].clone();
        access.set_policy(caller.tenant, policy(caller.tenant, &roles, &caller).await?);
        for role in ["viewer", "sales"] {
            let caller = Caller { roles: Arc::from([Arc::from(role)]), ..caller.clone() };
            for object in &objects {
                let start = Instant::now();
                let read = access.check::<Read>(&caller, object);
                uncached.push(start.elapsed());
                read?;
            }
        }
    }
    let cached = times(&access, &callers, &objects, "admin")?;
    let cached_team = times(&access, &callers, &objects, "sales")?;
    println!(
        "{}",
        json!({"tenants": tenants, "tenant_kb": tenant_kb, "uncached": spread(uncached), "cached": cached, "cached_team": cached_team})
    );
    Ok(())
}

/// Decisions that were made before, of all tenants in turn.
fn times(access: &Access, callers: &[Caller], objects: &[Arc<Object>], role: &str) -> Result<Value> {
    let roles: Arc<[Arc<str>]> = Arc::from([Arc::from(role)]);
    let callers: Vec<Caller> =
        callers.iter().map(|caller| Caller { roles: Arc::clone(&roles), ..caller.clone() }).collect();
    let mut times = Vec::with_capacity(DECISIONS);
    for at in 0..DECISIONS {
        let (caller, object) = (&callers[at * 31 % callers.len()], &objects[at % objects.len()]);
        // The four actions are decided once before they are timed.
        let is_allowed = || -> Result<()> {
            access.check::<Read>(caller, object)?;
            access.check::<Update>(caller, object)?;
            access.check::<Create>(caller, object)?;
            access.check::<Delete>(caller, object)?;
            Ok(())
        };
        is_allowed()?;
        let start = Instant::now();
        for _ in 0..AT_ONCE / 4 {
            is_allowed()?;
        }
        times.push(start.elapsed() / AT_ONCE);
    }
    Ok(spread(times))
}

async fn policy(tenant: TenantId, roles: &[RoleDef], caller: &Caller) -> Result<Policy> {
    let team = caller.teams[0];
    let org = Org::new(vec![(team, None)], vec![(team, caller.me())], Vec::new());
    Ok(Policy::new(tenant, roles, org, 1).await?)
}

fn caller(tenant: TenantId, ids: &Ids) -> Caller {
    Caller {
        tenant,
        credential: Credential::Key(ids.make()),
        member: Some(ids.make()),
        company: None,
        roles: Arc::from([Arc::from("admin")]),
        teams: Arc::from([ids.make()]),
        module: None,
        origin: None,
    }
}

fn spread(mut times: Vec<Duration>) -> Value {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
    json!({"p50_us": at(50), "p99_us": at(99)})
}

fn resident_kb() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().next().ok_or("no VmRSS")?.parse()?)
}
