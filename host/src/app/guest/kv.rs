//! Keys and values, as a plugin reads and writes them.

use super::GuestPort;
use super::records::fault;
use crate::access::{Chore, HostPermit};
use crate::domain::plugin::Fault;
use crate::domain::plugin::caps::KV_BYTES;

/// Most bytes of a key, and of a value.
const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 64 << 10;
/// Most keys of one answer.
const MAX_KEYS: u32 = 1_000;

impl GuestPort {
    /// Has the run meet a key: what it is now is what the commit relies on.
    async fn meet(&self, key: &str) -> Result<(), Fault> {
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(Fault::new("key_too_long", format!("a key has 1 to {MAX_KEY} bytes")));
        }
        let plugin = self.module.manifest.id.as_str();
        if self.work.buffer().await.keys.has_met(plugin, key.as_bytes()) {
            return Ok(());
        }
        let of = (self.work.caller.tenant, plugin);
        let stored = self.work.app.store.kv_get(HostPermit::new(Chore::Serve), of, key.as_bytes()).await;
        let stored = stored.map_err(|error| fault(error.into()))?;
        self.work.buffer().await.keys.remember(plugin, key.as_bytes(), stored);
        Ok(())
    }

    pub(super) async fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        self.meet(key).await?;
        let buffer = self.work.buffer().await;
        let value = buffer.keys.get(&self.module.manifest.id, key.as_bytes());
        Ok(value.map(<[u8]>::to_vec))
    }

    pub(super) async fn kv_set(&self, key: &str, value: Vec<u8>) -> Result<(), Fault> {
        if value.len() > MAX_VALUE {
            return Err(Fault::new("value_too_long", format!("a value has at most {MAX_VALUE} bytes")));
        }
        self.meet(key).await?;
        self.learn_room().await?;
        let plugin = self.module.manifest.id.as_str();
        let mut buffer = self.work.buffer().await;
        if buffer.keys.excess(plugin, key.as_bytes(), &value) > 0 {
            let text = format!("the plugin may keep {} bytes of keys and values", self.most().await?);
            return Err(Fault::new("quota_exceeded", text));
        }
        buffer.keys.put(plugin, key.as_bytes(), Some(value));
        Ok(())
    }

    pub(super) async fn kv_delete(&self, key: &str) -> Result<(), Fault> {
        self.meet(key).await?;
        self.learn_room().await?;
        self.work.buffer().await.keys.put(&self.module.manifest.id, key.as_bytes(), None);
        Ok(())
    }

    /// Keys in order. Which keys there are is not checked at the commit: what follows from one of them is, once it is read.
    pub(super) async fn kv_keys(&self, prefix: &str, after: &str, limit: u32) -> Result<Vec<String>, Fault> {
        let plugin = self.module.manifest.id.as_str();
        let (prefix, after) = (prefix.as_bytes(), after.as_bytes());
        let limit = limit.min(MAX_KEYS);
        let from = if after < prefix { (prefix, false) } else { (after, true) };
        let end = end_of(prefix);
        let wanted = |key: &[u8]| key.starts_with(prefix) && (key > from.0 || (!from.1 && key == from.0));
        let changed: Vec<(Vec<u8>, bool)> = {
            let buffer = self.work.buffer().await;
            let changed = buffer.keys.changed(plugin).filter(|(key, _)| wanted(key));
            changed.map(|(key, is_there)| (key.to_vec(), is_there)).collect()
        };
        let gone = u32::try_from(changed.iter().filter(|(_, is_there)| !is_there).count()).unwrap_or(u32::MAX);
        let of = (self.work.caller.tenant, plugin);
        let (store, permit) = (&self.work.app.store, HostPermit::new(Chore::Serve));
        let stored = store.kv_keys(permit, of, from, end.as_deref(), limit.saturating_add(gone)).await;
        let mut keys = stored.map_err(|error| fault(error.into()))?;
        keys.retain(|key| !changed.iter().any(|(other, is_there)| !is_there && other == key));
        keys.extend(changed.into_iter().filter(|(_, is_there)| *is_there).map(|(key, _)| key));
        keys.sort_unstable();
        keys.dedup();
        keys.truncate(limit as usize);
        Ok(keys.into_iter().filter_map(|key| String::from_utf8(key).ok()).collect())
    }

    /// Bytes that it may keep: what its manifest asks for, as far as the tenant may give it.
    async fn most(&self) -> Result<i64, Fault> {
        let asked = self.module.manifest.permissions.kv.as_ref().map_or(0, |kv| kv.max_bytes);
        let standing = self.work.app.standing(self.work.caller.tenant).await.map_err(fault)?;
        let allowed = standing.and_then(|standing| standing.limits.plugins.kv_mb);
        let cap = allowed.map_or(KV_BYTES, |mb| (u64::from(mb) << 20).min(KV_BYTES));
        Ok(i64::try_from(asked.min(cap)).unwrap_or(i64::MAX))
    }

    /// Finds out what the plugin keeps already.
    async fn learn_room(&self) -> Result<(), Fault> {
        let plugin = self.module.manifest.id.as_str();
        if self.work.buffer().await.keys.has_room(plugin) {
            return Ok(());
        }
        let tenant = self.work.caller.tenant;
        let used = self.work.app.store.kv_used(HostPermit::new(Chore::Serve), tenant, plugin).await;
        let used = used.map_err(|error| fault(error.into()))?;
        let most = self.most().await?;
        self.work.buffer().await.keys.set_room(plugin, used, most);
        Ok(())
    }
}

/// The first bytes behind everything that begins so; none when nothing is behind it.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::end_of;

    #[test]
    fn a_prefix_ends_before_what_begins_otherwise() {
        assert_eq!(end_of(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(end_of(b"a\xff\xff"), Some(b"b".to_vec()));
        assert_eq!(end_of(b"\xff"), None);
        assert_eq!(end_of(b""), None);
    }
}
