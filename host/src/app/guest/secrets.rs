//! Secrets, as a plugin uses them: it signs with them, and never sees them.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::GuestPort;
use super::records::fault;
use crate::app::AppError;
use crate::domain::plugin::Fault;

impl GuestPort {
    /// The value of a secret, for the host alone.
    pub(super) async fn secret(&self, name: &str) -> Result<Option<String>, AppError> {
        self.work.app.module_secret(self.work.caller.tenant, &self.module.manifest.id, name).await
    }

    /// The value of a secret that has to be there.
    pub(super) async fn set_secret(&self, name: &str) -> Result<String, Fault> {
        let value = self.secret(name).await.map_err(fault)?;
        value.ok_or_else(|| Fault::new("secret_not_set", format!("the secret `{name}` is not set")))
    }

    pub(super) async fn sign(&self, name: &str, algorithm: &str, data: &[u8]) -> Result<Vec<u8>, Fault> {
        let key = self.set_secret(name).await?;
        match algorithm {
            "hmac-sha256" => Ok(mac::<Hmac<Sha256>>(key.as_bytes(), data)?.finalize().into_bytes().to_vec()),
            "hmac-sha1" => Ok(mac::<Hmac<Sha1>>(key.as_bytes(), data)?.finalize().into_bytes().to_vec()),
            other => Err(unknown(other)),
        }
    }

    pub(super) async fn verify(
        &self,
        name: &str,
        algorithm: &str,
        data: &[u8],
        signature: &[u8],
    ) -> Result<bool, Fault> {
        let key = self.set_secret(name).await?;
        match algorithm {
            "hmac-sha256" => Ok(mac::<Hmac<Sha256>>(key.as_bytes(), data)?.verify_slice(signature).is_ok()),
            "hmac-sha1" => Ok(mac::<Hmac<Sha1>>(key.as_bytes(), data)?.verify_slice(signature).is_ok()),
            other => Err(unknown(other)),
        }
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Result<M, Fault> {
    let mut mac = <M as KeyInit>::new_from_slice(key).map_err(|_| Fault::new("host_fault", "the host failed"))?;
    mac.update(data);
    Ok(mac)
}

fn unknown(algorithm: &str) -> Fault {
    Fault::new("validation_failed", format!("`{algorithm}` is not hmac-sha256 or hmac-sha1"))
}
