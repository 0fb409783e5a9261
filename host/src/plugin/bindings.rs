//! Bindings made from `wit/`: what a guest imports, and one world per extension point.

wasmtime::component::bindgen!({
    path: [
        "../wit/core", "../wit/data", "../wit/kv", "../wit/http", "../wit/events", "../wit/jobs", "../wit/secrets",
        "../wit/actions", "../wit/hooks", "../wit/views", "../wit/channel", "../wit/worlds",
    ],
    world: "guildhall:worlds/imports",
    imports: { default: async | trappable },
});

/// The world of one extension point.
macro_rules! point {
    ($name:ident, $world:tt) => {
        #[doc = $world]
        pub mod $name {
            wasmtime::component::bindgen!({
                path: [
                    "../wit/core", "../wit/data", "../wit/kv", "../wit/http", "../wit/events", "../wit/jobs",
                    "../wit/secrets", "../wit/actions", "../wit/hooks", "../wit/views", "../wit/channel",
                    "../wit/worlds",
                ],
                world: $world,
                exports: { default: async },
                with: { "guildhall:core/types@1.1.0": super::guildhall::core::types },
            });
        }
    };
}

point!(before_write, "guildhall:worlds/h-before-write");
point!(validate, "guildhall:worlds/h-validate");
point!(computed_field, "guildhall:worlds/h-computed-field");
point!(on_events, "guildhall:worlds/h-on-events");
point!(scheduled, "guildhall:worlds/h-scheduled");
point!(http_route, "guildhall:worlds/h-http-route");
point!(lifecycle, "guildhall:worlds/h-lifecycle");
point!(job, "guildhall:worlds/h-job");
point!(action, "guildhall:worlds/h-action");
point!(view, "guildhall:worlds/h-view");
point!(channel, "guildhall:worlds/h-channel");
