//! The rules of projects for business customers, which the module and its desk share. But for
//! `ask` and `pages`, none of them calls the host.

pub mod ask;
pub mod calendar;
pub mod day;
pub mod earned;
pub mod gate;
pub mod ledger;
pub mod network;
pub mod number;
pub mod pages;
pub mod progress;
pub mod registration;
pub mod risk;
pub mod split;
pub mod stay;
