//! Signing secrets: sealed in the database, where there is a key of the operator.

use crate::access::{Chore, HostPermit};
use crate::app::keeping::SEALED;
use crate::app::{App, AppError};
use crate::domain::seal::Spot;
use crate::store::WebhookRow;

impl App {
    /// A webhook as it is kept.
    pub(super) async fn webhook_to_keep(&self, row: &WebhookRow) -> Result<WebhookRow, AppError> {
        let mut kept = row.clone();
        let spot = spot(row);
        kept.secret = self.seal_text(row.tenant, &spot, kept.secret).await?;
        if let Some((secret, until)) = kept.old_secret {
            kept.old_secret = Some((self.seal_text(row.tenant, &spot, secret).await?, until));
        }
        Ok(kept)
    }

    /// A webhook with its secrets as they sign.
    pub(in crate::app) async fn with_secrets(&self, mut row: WebhookRow) -> Result<WebhookRow, AppError> {
        let spot = spot(&row);
        row.secret = self.open_text(row.tenant, &spot, row.secret).await?;
        if let Some((secret, until)) = row.old_secret {
            row.old_secret = Some((self.open_text(row.tenant, &spot, secret).await?, until));
        }
        Ok(row)
    }

    /// Seals the secrets that were kept in plain text before the operator had a key.
    pub(in crate::app) async fn seal_webhook_secrets(&self) -> Result<(), AppError> {
        if !self.can_seal() {
            return Ok(());
        }
        let permit = HostPermit::new(Chore::Operate);
        for row in self.store.webhooks_in_plain(permit, &format!("{SEALED}%")).await? {
            let kept = self.webhook_to_keep(&self.with_secrets(row.clone()).await?).await?;
            self.store.seal_webhook(permit, &row, &kept).await?;
        }
        Ok(())
    }
}

fn spot(row: &WebhookRow) -> Spot {
    Spot::kept(row.tenant, "webhook", &[row.id.as_bytes()])
}
