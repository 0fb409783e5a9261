//! The rules of the sales module, without any call to the host: what `guildhall.sales` and its desk share.

pub mod assign;
pub mod condition;
pub mod day;
pub mod deal;
pub mod due;
pub mod duration;
pub mod exact;
pub mod forecast;
pub mod gate;
pub mod moment;
pub mod rate;
pub mod score;
pub mod target;
pub mod winning;
pub mod working_hours;
