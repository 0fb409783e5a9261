//! Plugins of the installation: installed by the operator, seen by everybody who may see modules.

mod check;
mod install;
mod keys;
mod registry;
mod settings;
mod tables;
mod view;
mod workshop;

pub use crate::plugin::{MAX_PACKAGE as MAX_UPLOAD, Part, Parts};
pub use check::{Checked, Finding, check_manifest, check_plugin, ready};
pub use install::{PluginUpload, UploadKind};
pub use keys::{NewPublisherKey, PublisherKeyView};
pub(super) use keys::{not_a_publisher, publisher_of};
pub use registry::{PluginStatistics, Shown, VersionStatistics};
pub use settings::{PLUGIN_CACHE, PluginSettings, Signatures};
pub use view::{Capabilities, Looker, PluginVersionView, PluginVersions, PluginView};
pub use workshop::{
    Inspected, ShowcaseFiles, inspect, is_package, manifest_of, new_publisher_secret, pack, parts, sign,
};
