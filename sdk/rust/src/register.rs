//! The line by which a plugin announces where the host calls it.

/// Makes the traits that a type implements the exports of this plugin.
///
/// Use it once per plugin, and name every extension point that the manifest
/// lists; `Lifecycle` and `Job` need no word there.
///
/// ```
/// # use guildhall_sdk::{BeforeWrite, Change, Fault, Outcome, register};
/// struct Loyalty;
///
/// impl BeforeWrite for Loyalty {
///     fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
///         Ok(vec![Outcome::Accept; changes.len()])
///     }
/// }
///
/// register!(Loyalty: BeforeWrite);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! register {
    ($plugin:ident: $($hook:ident),+ $(,)?) => {
        $($crate::__register_hook!($plugin $hook);)+
    };
}

/// One of [`register!`]. Exports exist in WebAssembly only; elsewhere the
/// macro checks that the trait is implemented.
#[doc(hidden)]
#[macro_export]
macro_rules! __register_hook {
    ($plugin:ident BeforeWrite) => {
        $crate::__register_export!($plugin, BeforeWriteExport, before_write, export_before_write);
    };
    ($plugin:ident Validate) => {
        $crate::__register_export!($plugin, ValidateExport, validate, export_validate);
    };
    ($plugin:ident ComputedField) => {
        $crate::__register_export!($plugin, ComputedFieldExport, computed_field, export_computed_field);
    };
    ($plugin:ident OnEvents) => {
        $crate::__register_export!($plugin, OnEventsExport, on_events, export_on_events);
    };
    ($plugin:ident Scheduled) => {
        $crate::__register_export!($plugin, ScheduledExport, scheduled, export_scheduled);
    };
    ($plugin:ident HttpRoute) => {
        $crate::__register_export!($plugin, HttpRouteExport, http_route, export_http_route);
    };
    ($plugin:ident Lifecycle) => {
        $crate::__register_export!($plugin, LifecycleExport, lifecycle, export_lifecycle);
    };
    ($plugin:ident Job) => {
        $crate::__register_export!($plugin, JobExport, job, export_job);
    };
    ($plugin:ident Action) => {
        $crate::__register_export!($plugin, ActionExport, action, export_action);
    };
    ($plugin:ident View) => {
        $crate::__register_export!($plugin, ViewExport, view, export_view);
    };
    ($plugin:ident Channel) => {
        $crate::__register_export!($plugin, ChannelExport, channel, export_channel);
    };
}

/// The export of one extension point.
#[doc(hidden)]
#[macro_export]
macro_rules! __register_export {
    ($plugin:ident, $export:ident, $module:ident, $macro:ident) => {
        const _: () = {
            type Export = $crate::$export<$plugin>;
            #[cfg(target_family = "wasm")]
    $crate::bindings::$module::$macro!(Export with_types_in $crate::bindings::$module);
            #[cfg(not(target_family = "wasm"))]
            const _: fn() = $crate::$export::<$plugin>::check;
        };
    };
}
