//! Bindings made from `wit/`: what a guest imports, and one world per hook.

wasmtime::component::bindgen!({
    path: ["../wit/core", "../wit/data", "../wit/hooks", "../wit/worlds"],
    world: "guildhall:worlds/imports",
    imports: { default: async | trappable },
});

/// The `before-write` hook.
pub mod before_write {
    wasmtime::component::bindgen!({
        path: ["../wit/core", "../wit/data", "../wit/hooks", "../wit/worlds"],
        world: "guildhall:worlds/h-before-write",
        exports: { default: async },
        with: { "guildhall:core/types@1.0.0": super::guildhall::core::types },
    });
}
