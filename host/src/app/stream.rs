//! The live stream of events: what was committed, as soon as it was.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;

use super::events::{EventFilter, Sight};
use super::{App, AppError, EventRequest};
use crate::access::{AreaPermit, Read};
use crate::domain::caller::Caller;
use crate::domain::event::PastEvent;
use crate::domain::permission::Area;
use crate::domain::position::Position;

/// Streams of one key at a time, on one node.
pub const MAX_STREAMS: usize = 8;
/// Events read at once.
const PAGE: u32 = 100;
/// Events and beats that wait for a slow reader.
const BUFFER: usize = 32;
/// How long a reader may take nothing before it is cut off; it can resume.
const SLOW: Duration = Duration::from_secs(10);
/// How often the key is looked at, and the log even without news.
const LOOK: Duration = Duration::from_secs(5);
/// How often it is seen whether the tenant is still served, even without news.
const STANDING: Duration = Duration::from_secs(1);
/// How often a quiet stream shows that it lives.
const BEAT: Duration = Duration::from_secs(15);
/// First and longest wait for something that is open and may come before what is there.
const UNSETTLED: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// What comes out of a stream.
#[derive(Debug)]
pub enum StreamItem {
    /// An event, and the place to resume behind it.
    Event(String, Box<PastEvent>),
    /// Nothing for a while; one may resume here.
    Beat(String),
}

/// Streams that are open, by key.
type Open = Arc<Mutex<HashMap<Uuid, usize>>>;

/// Counts open streams.
#[derive(Default)]
pub struct Streams(Open);

/// The place of one open stream among those of its key.
struct Slot {
    open: Open,
    key: Uuid,
}

impl Streams {
    fn take(&self, key: Uuid) -> Result<Slot, AppError> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(key).or_default();
        if *count >= MAX_STREAMS {
            return Err(AppError::TooManyStreams(*count));
        }
        *count += 1;
        Ok(Slot { open: Arc::clone(&self.0), key })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}

/// A stream that runs.
struct Stream {
    app: Arc<App>,
    permit: AreaPermit<Read>,
    sight: Sight,
    filter: EventFilter,
    at: Position,
    to: mpsc::Sender<StreamItem>,
    _slot: Slot,
}

/// Why a stream ends.
enum End {
    /// The reader has gone, is too slow, or may not read any more; or the host closes.
    Over,
    /// Something failed.
    Failed(AppError),
}

impl From<AppError> for End {
    fn from(error: AppError) -> Self {
        Self::Failed(error)
    }
}

impl App {
    /// Begins a stream behind a place, or from now on. It ends when its reader
    /// drops it or is too slow, when the key ends, and when the host closes.
    pub async fn stream(
        self: &Arc<Self>,
        caller: &Caller,
        request: &EventRequest,
    ) -> Result<mpsc::Receiver<StreamItem>, AppError> {
        let permit = self.access.check_area::<Read>(caller, Area::Events)?;
        let filter = self.event_filter(caller, request).await?;
        let slot = self.streams.take(caller.asker())?;
        let at = match self.event_place(caller.tenant, request)? {
            Some(place) => place,
            None => self.store.end_of_events(caller.tenant).await?,
        };
        let (to, items) = mpsc::channel(BUFFER);
        let app = Arc::clone(self);
        let stream = Stream { app, permit, sight: Sight::of(caller.clone()), filter, at, to, _slot: slot };
        tokio::spawn(async move {
            if let Err(End::Failed(error)) = stream.run().await {
                tracing::warn!(%error, "a stream of events ended early");
            }
        });
        Ok(items)
    }
}

impl Stream {
    async fn run(mut self) -> Result<(), End> {
        let tenant = self.sight.caller.tenant;
        let mut news = self.app.news.subscribe(tenant);
        let mut closing = self.app.news.closing();
        let (mut looked, mut spoken) = (Instant::now(), Instant::now());
        let mut patience = UNSETTLED.0;
        self.send(StreamItem::Beat(self.at.seal(&self.app.cursors, tenant))).await?;
        loop {
            news.borrow_and_update();
            self.is_served().await?;
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                let caller = self.app.still(&self.sight.caller).await?.ok_or(End::Over)?;
                self.permit = self.app.access.check_area::<Read>(&caller, Area::Events).map_err(AppError::from)?;
                // What it may see is decided anew, too.
                self.sight = Sight::of(caller);
            }
            let scan = self.app.scan(self.permit, &mut self.sight, &self.filter, self.at, PAGE).await?;
            self.at = scan.next;
            for event in scan.events {
                let place = event.position.seal(&self.app.cursors, tenant);
                self.send(StreamItem::Event(place, Box::new(event))).await?;
                spoken = Instant::now();
            }
            if *closing.borrow_and_update() {
                return Ok(());
            }
            if scan.has_more {
                continue;
            }
            if spoken.elapsed() >= BEAT {
                spoken = Instant::now();
                self.send(StreamItem::Beat(self.at.seal(&self.app.cursors, tenant))).await?;
            }
            let mut wait = (looked + LOOK).saturating_duration_since(Instant::now());
            if scan.has_unsettled {
                wait = wait.min(patience);
                patience = (patience * 2).min(UNSETTLED.1);
            } else {
                patience = UNSETTLED.0;
            }
            let wake_at = Instant::now() + wait;
            loop {
                let now = Instant::now();
                tokio::select! {
                    _ = news.changed() => break,
                    _ = closing.changed() => break,
                    () = self.to.closed() => return Ok(()),
                    () = tokio::time::sleep_until(wake_at.min(now + STANDING)) => {}
                }
                if Instant::now() >= wake_at {
                    break;
                }
                self.is_served().await?;
            }
        }
    }

    /// A stream of a tenant that rests ends.
    async fn is_served(&self) -> Result<(), End> {
        match self.app.served(self.sight.caller.tenant).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_rest() => Err(End::Over),
            Err(error) => Err(error.into()),
        }
    }

    async fn send(&self, item: StreamItem) -> Result<(), End> {
        self.to.send_timeout(item, SLOW).await.map_err(|_| End::Over)
    }
}
