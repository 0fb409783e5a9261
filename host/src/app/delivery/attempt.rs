//! One attempt to bring one event to one webhook.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use uuid::Uuid;

use super::PERMIT;
use crate::access::HostPermit;
use crate::app::{App, AppError};
use crate::domain::clock::Timestamp;
use crate::domain::retry;
use crate::domain::signature::SigningKey;
use crate::outbound::{Reply, SendError};
use crate::store::{DueDelivery, Outcome, WebhookRow};

/// A webhook that has failed for so long is switched off.
const GIVE_UP: Duration = Duration::from_hours(5 * 24);
/// Shortest pause for a receiver that says that it has too much to do.
const PAUSE: Duration = Duration::from_secs(5);

/// Deliveries to one webhook that are attempted together.
pub struct Batch<'a> {
    app: &'a App,
    row: &'a WebhookRow,
    lease: Uuid,
    keys: Vec<SigningKey>,
    /// The receiver wants nothing more now, or the webhook is not ours any more.
    stops: AtomicBool,
}

impl<'a> Batch<'a> {
    /// To this webhook, as it is now.
    pub fn new(app: &'a App, row: &'a WebhookRow, lease: Uuid) -> Self {
        let now = app.clock.now();
        let old = row.old_secret.as_ref().filter(|(_, until)| *until > now).map(|(secret, _)| secret);
        let keys = std::iter::once(&row.secret).chain(old).filter_map(|text| SigningKey::parse(text)).collect();
        Self { app, row, lease, keys, stops: AtomicBool::new(false) }
    }

    /// Sends one, and keeps how it went.
    pub async fn attempt(&self, delivery: &DueDelivery) -> Result<(), AppError> {
        if self.stops.load(Ordering::Relaxed) {
            return Ok(());
        }
        let answer = self.send(delivery).await;
        let now = self.app.clock.now();
        let outcome = self.judge(delivery, answer, now);
        if outcome.disable.is_some() || outcome.paused_until.is_some() {
            self.stops.store(true, Ordering::Relaxed);
        }
        let key = (self.row.tenant, self.row.id);
        let permit = HostPermit::new(PERMIT);
        if !self.app.store.settle(permit, key, self.lease, &outcome, now).await? {
            self.stops.store(true, Ordering::Relaxed);
            return Ok(());
        }
        if let Some(error) = &outcome.error {
            tracing::debug!(webhook = %key.1, event = %outcome.event, attempts = outcome.attempts, error, "not delivered");
            if self.row.failing_since.is_some_and(|since| since <= now.minus(GIVE_UP)) {
                let reason = format!("failed for {} days; last: {error}", GIVE_UP.as_secs() / 86_400);
                self.app.store.give_up(permit, key, now.minus(GIVE_UP), &reason, now).await?;
                self.stops.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    async fn send(&self, delivery: &DueDelivery) -> Result<Reply, SendError> {
        let id = delivery.event.id.to_string();
        let timestamp = self.app.clock.now().micros() / 1_000_000;
        let body = serde_json::to_vec(&delivery.event).map_err(|_| SendError::Failed)?;
        let signatures: Vec<String> = self.keys.iter().map(|key| key.sign(&id, timestamp, &body)).collect();
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signatures.join(" ")),
        ];
        self.app.outbound.post(&self.row.url, &headers, body).await
    }

    /// What an answer, or its absence, means.
    fn judge(&self, delivery: &DueDelivery, answer: Result<Reply, SendError>, now: Timestamp) -> Outcome {
        let attempts = delivery.attempts + 1;
        let mut outcome = Outcome {
            event: delivery.event.id,
            record: delivery.event.record,
            attempts,
            next_at: None,
            status: answer.as_ref().ok().map(|reply| reply.status),
            error: None,
            paused_until: None,
            disable: None,
        };
        let mut asked = None;
        match answer {
            Ok(reply) if (200..300).contains(&reply.status) => return outcome,
            Ok(reply) => {
                outcome.error = Some(match reply.status {
                    300..400 => format!("answered {}: redirects are not followed", reply.status),
                    status => format!("answered {status}"),
                });
                if reply.status == 410 {
                    outcome.disable = Some("the receiver answered 410 Gone".to_owned());
                    return outcome;
                }
                if reply.status == 429 || reply.status >= 500 {
                    asked = reply.retry_after.as_deref().and_then(|text| retry::retry_after(text, now));
                }
                if matches!(reply.status, 429 | 502..=504) {
                    let pause = asked.unwrap_or(PAUSE).clamp(PAUSE, retry::MAX_RETRY_AFTER);
                    outcome.paused_until = Some(now.plus(pause));
                }
            }
            Err(error) => outcome.error = Some(error.to_string()),
        }
        let attempts = usize::try_from(attempts).unwrap_or(usize::MAX);
        outcome.next_at = retry::wait(attempts, asked, self.app.ids.chance()).map(|wait| now.plus(wait));
        outcome
    }
}
