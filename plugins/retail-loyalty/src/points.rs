//! The rules of points, without any call to the host.

pub mod account;
pub mod campaign;
pub mod earn;
pub mod exact;
pub mod lot;
pub mod refund;
pub mod tier;
