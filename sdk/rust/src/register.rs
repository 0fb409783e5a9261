//! The line by which a plugin announces its hooks.

/// Makes the hooks that a type implements the exports of this plugin.
///
/// Use it once per plugin, and name every hook that the manifest lists.
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

/// One hook of [`register!`]. Exports exist in WebAssembly only; elsewhere the
/// macro checks that the trait is implemented.
#[doc(hidden)]
#[macro_export]
macro_rules! __register_hook {
    ($plugin:ident BeforeWrite) => {
        const _: () = {
            type Export = $crate::BeforeWriteExport<$plugin>;
            #[cfg(target_family = "wasm")]
            $crate::bindings::before_write::export_before_write!(
                Export with_types_in $crate::bindings::before_write
            );
            #[cfg(not(target_family = "wasm"))]
            const _: fn() = $crate::BeforeWriteExport::<$plugin>::check;
        };
    };
}
