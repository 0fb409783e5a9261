//! Lines for the plugin's log, which the host keeps per tenant.
//!
//! A line is a sentence, and fields for what a program may look for.
//!
//! ```
//! use guildhall_sdk::log;
//!
//! log::info("order 42 earned 12 points", &[("order", "42"), ("points", "12")]);
//! ```

use std::panic::{self, PanicHookInfo};

/// Writes a line that only helps while a fault is being looked for.
pub fn debug(message: &str, fields: &[(&str, &str)]) {
    write("debug", message, fields);
}

/// Writes a line about something that went as it should.
pub fn info(message: &str, fields: &[(&str, &str)]) {
    write("info", message, fields);
}

/// Writes a line about something that somebody may want to look at.
pub fn warn(message: &str, fields: &[(&str, &str)]) {
    write("warn", message, fields);
}

/// Writes a line about something that failed.
pub fn error(message: &str, fields: &[(&str, &str)]) {
    write("error", message, fields);
}

/// Makes a panic write its message and its place to the log before it ends the
/// call; the host sees nothing of them otherwise. Every hook made by
/// [`crate::register!`] begins with this.
pub fn report_panics() {
    panic::set_hook(Box::new(report));
}

fn report(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("a panic without a message");
    match panic.location() {
        Some(place) => {
            let place = format!("{}:{}:{}", place.file(), place.line(), place.column());
            error(&format!("panic at {place}: {message}"), &[("place", &place)]);
        }
        None => error(&format!("panic: {message}"), &[]),
    }
}

#[cfg(target_family = "wasm")]
fn write(level: &str, message: &str, fields: &[(&str, &str)]) {
    let fields: Vec<(String, String)> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    crate::bindings::imports::guildhall::core::log::write(level, message, &fields);
}

/// In unit tests, which have no host, lines go to standard error.
#[cfg(not(target_family = "wasm"))]
#[expect(clippy::print_stderr, reason = "a unit test has no other log")]
fn write(level: &str, message: &str, fields: &[(&str, &str)]) {
    eprintln!("{level} {message} {fields:?}");
}
