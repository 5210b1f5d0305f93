//! Chooses the participant to show large: one who has been talking for a while, not one who coughs.
//!
//! It is fed with the level bytes of the newest audio packets at a steady rate (RFC 6465 calls levels a hint for
//! this). It keeps a decaying sum of each participant's activity. Another participant replaces the present speaker
//! when their sum is clearly higher and the present speaker had the minimum time. Silence changes nothing: the last
//! speaker stays large.

use crate::id::ParticipantId;
use crate::time::{Instant, Micros};
use crate::units::AudioLevel;
use alloc::collections::BTreeMap;

/// How much of the past is kept at each update, in 1/8: at ten updates a second, half is forgotten after 0.4 s. A
/// higher value reacts more slowly, a lower one mistakes coughs for talk.
const KEPT_EIGHTHS: u32 = 7;
/// How much higher another participant's activity must be than the present speaker's. A higher value lets fewer
/// interrupt.
const CLEARLY: u32 = 80;
/// Activity below which a participant does not count as talking: about 0.3 s of voice.
const LEAST: u32 = 160;
/// The least time that a speaker stays large. A lower value flickers between two who talk at once.
const STAYS: Micros = Micros::from_millis(1_500);

/// The choice, with its memory of past activity.
#[derive(Clone, Debug, Default)]
pub struct ActiveSpeaker {
    activity: BTreeMap<ParticipantId, u32>,
    current: Option<(ParticipantId, Instant)>,
}

impl ActiveSpeaker {
    /// Takes the newest level of every participant, the silent ones too, and returns the one to show large.
    ///
    /// A participant who is missing from `levels` has left.
    pub fn update(
        &mut self,
        levels: impl IntoIterator<Item = (ParticipantId, AudioLevel)>,
        now: Instant,
    ) -> Option<ParticipantId> {
        let mut activity = BTreeMap::new();
        for (id, level) in levels {
            let loudness = if level.voice {
                127 - u32::from(level.loudness.as_below_overload())
            } else {
                0
            };
            let before = self.activity.get(&id).copied().unwrap_or_default();
            activity.insert(id, before * KEPT_EIGHTHS / 8 + loudness);
        }
        self.activity = activity;
        let activity_of = |id: &ParticipantId| self.activity.get(id).copied();
        self.current.take_if(|(id, _)| activity_of(id).is_none());
        let loudest = self
            .activity
            .iter()
            .max_by_key(|(id, activity)| (**activity, core::cmp::Reverse(**id)));
        if let Some((&id, &activity)) = loudest.filter(|(_, activity)| **activity >= LEAST) {
            let takes_over = self.current.is_none_or(|(current, since)| {
                id != current
                    && now.since(since) >= STAYS
                    && activity > activity_of(&current).unwrap_or_default() + CLEARLY
            });
            if takes_over {
                self.current = Some((id, now));
            }
        }
        self.current.map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Dbov;

    const ANA: ParticipantId = ParticipantId(1);
    const BEN: ParticipantId = ParticipantId(2);

    fn voice(below_overload_db: u8) -> AudioLevel {
        AudioLevel {
            loudness: Dbov::below_overload(below_overload_db),
            voice: true,
        }
    }

    const SILENT: AudioLevel = AudioLevel {
        loudness: Dbov::SILENCE,
        voice: false,
    };

    /// Ten updates a second for this time; returns the participant who is large at the end.
    fn hear(
        speaker: &mut ActiveSpeaker,
        from_ms: u64,
        for_ms: u64,
        levels: [(ParticipantId, AudioLevel); 2],
    ) -> Option<ParticipantId> {
        let mut chosen = None;
        for at_ms in (from_ms..from_ms + for_ms).step_by(100) {
            chosen = speaker.update(levels, Instant(at_ms * 1_000));
        }
        chosen
    }

    #[test]
    fn nobody_is_large_before_somebody_talks() {
        let mut speaker = ActiveSpeaker::default();
        assert_eq!(
            hear(&mut speaker, 0, 5_000, [(ANA, SILENT), (BEN, SILENT)]),
            None
        );
    }

    #[test]
    fn a_cough_does_not_take_the_picture_and_talk_does() {
        let mut speaker = ActiveSpeaker::default();
        assert_eq!(
            hear(&mut speaker, 0, 3_000, [(ANA, voice(30)), (BEN, SILENT)]),
            Some(ANA)
        );
        assert_eq!(
            hear(
                &mut speaker,
                3_000,
                200,
                [(ANA, voice(30)), (BEN, voice(5))]
            ),
            Some(ANA)
        );
        assert_eq!(
            hear(
                &mut speaker,
                3_200,
                1_000,
                [(ANA, voice(30)), (BEN, SILENT)]
            ),
            Some(ANA)
        );
        assert_eq!(
            hear(
                &mut speaker,
                4_200,
                1_000,
                [(ANA, SILENT), (BEN, voice(30))]
            ),
            Some(BEN)
        );
    }

    #[test]
    fn two_who_talk_at_once_do_not_flicker() {
        let mut speaker = ActiveSpeaker::default();
        hear(&mut speaker, 0, 1_000, [(ANA, voice(30)), (BEN, voice(31))]);
        for turn in 0..20 {
            let levels = if turn % 2 == 0 {
                [(ANA, voice(32)), (BEN, voice(28))]
            } else {
                [(ANA, voice(28)), (BEN, voice(32))]
            };
            assert_eq!(
                hear(&mut speaker, 1_000 + turn * 300, 300, levels),
                Some(ANA)
            );
        }
    }

    #[test]
    fn the_last_to_talk_stays_in_silence_and_goes_with_them() {
        let mut speaker = ActiveSpeaker::default();
        hear(&mut speaker, 0, 1_000, [(ANA, voice(30)), (BEN, SILENT)]);
        assert_eq!(
            hear(&mut speaker, 1_000, 9_000, [(ANA, SILENT), (BEN, SILENT)]),
            Some(ANA)
        );
        assert_eq!(speaker.update([(BEN, SILENT)], Instant(10_100_000)), None);
    }
}
