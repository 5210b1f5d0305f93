//! The time of day where the endpoint stands.

use conclave_protocol::time::Micros;
use conclave_protocol::units::UnixMillis;
use jiff::{SignedDuration, Timestamp, Zoned, tz::TimeZone};

/// What the idle screen shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WallClock {
    /// As in "14:05".
    pub(super) time: String,
    /// 0 is Sunday.
    pub(super) weekday: i32,
    pub(super) day: i32,
    pub(super) month: i32,
    pub(super) year: i32,
}

impl WallClock {
    pub(super) fn now() -> Self {
        Self::at(&Zoned::now())
    }

    /// What it will be in so long.
    pub(super) fn after(wait: Micros) -> Self {
        Self::later(&Zoned::now(), wait)
    }

    fn later(now: &Zoned, wait: Micros) -> Self {
        let wait = SignedDuration::from_micros(i64::try_from(wait.0).unwrap_or(i64::MAX));
        Self::at(&now.checked_add(wait).unwrap_or_else(|_| now.clone()))
    }

    fn at(now: &Zoned) -> Self {
        Self {
            time: now.strftime("%H:%M").to_string(),
            weekday: now.weekday().to_sunday_zero_offset().into(),
            day: now.day().into(),
            month: now.month().into(),
            year: now.year().into(),
        }
    }
}

/// As in "14:05", where the endpoint stands.
pub(super) fn hour_and_minute(at: UnixMillis) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(millis).map_or_else(
        |_| String::new(),
        |at| {
            at.to_zoned(TimeZone::system())
                .strftime("%H:%M")
                .to_string()
        },
    )
}

/// As in "12:34" or "1:02:03".
pub(super) fn duration(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_appear_when_there_are_some() {
        assert_eq!(
            (duration(59), duration(754), duration(3_723)),
            ("00:59".into(), "12:34".into(), "1:02:03".into())
        );
    }

    #[test]
    fn a_day_later_is_the_next_weekday() {
        let sunday = "2026-11-22T14:05:00[UTC]".parse().unwrap();
        let clock = WallClock::later(&sunday, Micros::from_secs(24 * 3_600 - 60));
        assert_eq!((clock.time.as_str(), clock.weekday), ("14:04", 1));
        let never = WallClock::later(&sunday, Micros(u64::MAX));
        assert_eq!(
            never,
            WallClock::at(&sunday),
            "past the end of the calendar"
        );
    }

    #[test]
    fn a_sunday_is_weekday_zero() {
        let sunday = "2026-11-22T14:05:00[UTC]".parse().unwrap();
        let clock = WallClock::at(&sunday);
        assert_eq!(
            (clock.time.as_str(), clock.weekday, clock.day, clock.month),
            ("14:05", 0, 22, 11)
        );
    }

    #[test]
    fn no_relay_can_send_a_time_that_stops_the_screen() {
        assert_eq!(hour_and_minute(UnixMillis(u64::MAX)), "");
    }
}
