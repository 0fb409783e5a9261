//! What wit-bindgen makes of `wit/`: private to the SDK, public only for [`crate::register!`].

#![expect(clippy::pedantic, reason = "generated code")]

/// What every plugin may call.
pub mod imports {
    wit_bindgen::generate!({
        path: ["../../wit/core", "../../wit/data", "../../wit/kv", "../../wit/http", "../../wit/events", "../../wit/jobs", "../../wit/secrets", "../../wit/actions", "../../wit/hooks", "../../wit/views", "../../wit/channel", "../../wit/worlds"],
        world: "guildhall:worlds/imports@1.1.0",
        generate_all,
    });
}

/// The world of one extension point. The export, and the section that announces it, are made where the macro is
/// used: a plugin without it carries neither.
macro_rules! point {
    ($name:ident, $world:tt, $interface:tt, $export:tt) => {
        #[doc = $world]
        pub mod $name {
            wit_bindgen::generate!({
                path: ["../../wit/core", "../../wit/data", "../../wit/kv", "../../wit/http", "../../wit/events", "../../wit/jobs", "../../wit/secrets", "../../wit/actions", "../../wit/hooks", "../../wit/views", "../../wit/channel", "../../wit/worlds"],
                world: $world,
                with: {
                    "guildhall:core/types@1.1.0": super::imports::guildhall::core::types,
                    $interface: generate,
                },
                pub_export_macro: true,
                export_macro_name: $export,
            });
        }
    };
}

point!(
    before_write,
    "guildhall:worlds/h-before-write@1.1.0",
    "guildhall:hooks/before-write@1.1.0",
    "export_before_write"
);
point!(validate, "guildhall:worlds/h-validate@1.1.0", "guildhall:hooks/validate@1.1.0", "export_validate");
point!(
    computed_field,
    "guildhall:worlds/h-computed-field@1.1.0",
    "guildhall:hooks/computed-field@1.1.0",
    "export_computed_field"
);
point!(on_events, "guildhall:worlds/h-on-events@1.1.0", "guildhall:hooks/on-events@1.1.0", "export_on_events");
point!(scheduled, "guildhall:worlds/h-scheduled@1.1.0", "guildhall:hooks/scheduled@1.1.0", "export_scheduled");
point!(http_route, "guildhall:worlds/h-http-route@1.1.0", "guildhall:hooks/http-route@1.1.0", "export_http_route");
point!(lifecycle, "guildhall:worlds/h-lifecycle@1.1.0", "guildhall:hooks/lifecycle@1.1.0", "export_lifecycle");
point!(job, "guildhall:worlds/h-job@1.1.0", "guildhall:jobs/handler@1.1.0", "export_job");
point!(action, "guildhall:worlds/h-action@1.1.0", "guildhall:actions/action@1.1.0", "export_action");
point!(view, "guildhall:worlds/h-view@1.1.0", "guildhall:views/view@1.1.0", "export_view");
point!(channel, "guildhall:worlds/h-channel@1.1.0", "guildhall:channel/channel@1.1.0", "export_channel");
