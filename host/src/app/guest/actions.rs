//! Actions of other modules, as a plugin calls them: in the same unit of work, with the grants of that module.

use std::sync::atomic::Ordering;

use super::GuestPort;
use crate::app::actions::check_input;
use crate::app::unit_of_work::Work;
use crate::domain::plugin::{Fault, Input, Output};
use crate::plugin::Failure;

/// Deepest chain of modules that call each other.
const MAX_CALLS: u32 = 5;

/// One call more that waits, for as long as this is there.
struct Deeper<'a>(&'a Work);

impl Drop for Deeper<'_> {
    fn drop(&mut self) {
        self.0.depth.fetch_sub(1, Ordering::Relaxed);
    }
}

impl GuestPort {
    pub(super) async fn act(&self, plugin: &str, name: &str, input: String) -> Result<String, Fault> {
        let not_enabled = || Fault::new("not_enabled", format!("{plugin} is not switched on, or exports no `{name}`"));
        let module = self.work.catalog.module(plugin).ok_or_else(not_enabled)?;
        let action = module.manifest.action(name).filter(|action| action.exported).ok_or_else(not_enabled)?;
        let json = serde_json::from_str(&input).map_err(|_| Fault::new("validation_failed", "the input is no JSON"))?;
        check_input(&module.manifest, action, &json).map_err(super::records::fault)?;
        if self.work.depth.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_CALLS {
            self.work.depth.fetch_sub(1, Ordering::Relaxed);
            let text = format!("modules call each other more than {MAX_CALLS} deep");
            return Err(Fault::new("cascade_too_deep", text));
        }
        let _deeper = Deeper(&self.work);
        let before = self.work.buffer().await.clone();
        let explained = self.work.before_call().await;
        let input = Input::Action { name: name.to_owned(), input };
        let ended = self.work.app.invoke_inside(&self.work, module, self.reach, input).await;
        let failure = match ended {
            Ok(Output::Json(text)) => {
                if let Some(before) = explained {
                    self.work.explain_effects(&module.manifest, before, &[], &[]).await;
                }
                return Ok(text);
            }
            Ok(_) => Failure::HostFault,
            Err(failure) => failure,
        };
        // What an action that failed has written is not there.
        self.work.buffer().await.take_back(before);
        Err(match failure {
            Failure::Fault(fault) => fault,
            Failure::Overloaded | Failure::HostSlow | Failure::HostFault | Failure::Suspended { .. } => {
                Fault::passing(failure.code(), failure.to_string())
            }
            other => Fault::new(other.code(), other.to_string()),
        })
    }
}
