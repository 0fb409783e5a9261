//! Cron lines of strangers' manifests: reading one and looking for its times ends soon, and time goes forward.
#![no_main]

use chrono_tz::TZ_VARIANTS;
use guildhall_fuzz::domain::clock::Timestamp;
use guildhall_fuzz::domain::cron::CronLine;
use libfuzzer_sys::fuzz_target;

/// 2000-01-01 in microseconds.
const START: i64 = 946_684_800_000_000;

fuzz_target!(|input: (u32, u16, &str)| {
    let (seconds, place, text) = input;
    let Ok(line) = text.parse::<CronLine>() else { return };
    let place = TZ_VARIANTS[usize::from(place) % TZ_VARIANTS.len()];
    let mut moment = Timestamp::from_micros(START + i64::from(seconds) * 1_000_000);
    for _ in 0..5 {
        let Some(next) = line.after(moment, place) else { break };
        assert!(next.micros() > moment.micros(), "`{text}` in {place}: {next} after {moment}");
        assert_eq!(next.micros() % 1_000_000, 0, "`{text}` in {place}: {next}");
        moment = next;
    }
});
