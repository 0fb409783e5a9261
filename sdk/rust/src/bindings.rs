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

/// The `before-write` hook. The export, and the section that announces it, are
/// made where the macro is used: a plugin without the hook carries neither.
pub mod before_write {
    wit_bindgen::generate!({
        path: ["../../wit/core", "../../wit/data", "../../wit/kv", "../../wit/http", "../../wit/events", "../../wit/jobs", "../../wit/secrets", "../../wit/actions", "../../wit/hooks", "../../wit/views", "../../wit/channel", "../../wit/worlds"],
        world: "guildhall:worlds/h-before-write@1.1.0",
        with: {
            "guildhall:core/types@1.1.0": super::imports::guildhall::core::types,
            "guildhall:hooks/before-write@1.1.0": generate,
        },
        pub_export_macro: true,
        export_macro_name: "export_before_write",
    });
}
