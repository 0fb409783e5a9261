//! What a guest may ask for. The floor above answers.

use async_trait::async_trait;

use crate::domain::plugin::Fault;

/// Answers the host calls of one invocation. Records travel as JSON text.
#[async_trait]
pub trait Port: Send + Sync {
    /// The record with this id, or none.
    async fn get(&self, object: &str, id: &str) -> Result<Option<String>, Fault>;

    /// The records that a query finds.
    async fn query(&self, object: &str, query: &str) -> Result<Vec<String>, Fault>;

    /// Adds a record; returns it as it will be stored.
    async fn create(&self, object: &str, fields: &str) -> Result<String, Fault>;

    /// Changes a record; returns it as it will be stored.
    async fn update(&self, object: &str, id: &str, fields: &str) -> Result<String, Fault>;

    /// Deletes a record.
    async fn delete(&self, object: &str, id: &str) -> Result<(), Fault>;

    /// Writes a line to the plugin's log.
    fn log(&self, level: &str, message: &str, fields: &[(String, String)]);

    /// The tenant's settings for the plugin, as JSON.
    fn config(&self) -> String;

    /// When the call happens, in RFC 3339.
    fn now(&self) -> String;
}
