//! Plugins of the installation: installed by the operator, seen by everybody who may see modules.

mod check;
mod install;
mod keys;
mod settings;
mod tables;
mod view;
mod workshop;

pub use crate::plugin::MAX_PACKAGE as MAX_UPLOAD;
pub use check::{Checked, check_plugin, ready};
pub use install::{PluginUpload, UploadKind};
pub use keys::{NewPublisherKey, PublisherKeyView};
pub use settings::{PluginSettings, Signatures};
pub use view::{Capabilities, Looker, PluginVersionView, PluginVersions, PluginView};
pub use workshop::{Inspected, inspect, is_package, new_publisher_secret, pack, sign};
