//! ALSA on `snd-aloop`: what is played on one half is recorded on the other.

use crate::{drivers, time_is_the_guests_own};
use conclave_endpoint::sound::tone::{ToneGenerator, analyze, marks};
use conclave_endpoint::sound::{SoundHandle, SoundState, capture, playback};
use conclave_protocol::l16::Block;
use conclave_protocol::time::Instant;
use std::fs;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

fn microphone(
    pcm: &str,
) -> (
    SoundHandle,
    Receiver<(Block, Instant)>,
    Receiver<SoundState>,
) {
    let (block_sender, blocks) = channel();
    let (state_sender, states) = channel();
    let sink = move |block: &Block, heard| {
        let _ = block_sender.send((*block, heard));
    };
    let on_state = move |state| {
        let _ = state_sender.send(state);
    };
    let handle = capture::spawn(format!("alsa:{pcm}").parse().unwrap(), sink, on_state).unwrap();
    (handle, blocks, states)
}

/// Plays the tone, and tells when each of its blocks will be heard; waits before block `late` so that the device runs dry.
fn speaker(pcm: &str, late: Option<u64>) -> (SoundHandle, Receiver<Instant>, Receiver<SoundState>) {
    let (time_sender, times) = channel();
    let (state_sender, states) = channel();
    let mut tone = ToneGenerator::new(440.0);
    let mut asked = 0;
    let source = move |block: &mut Block, heard| {
        tone.fill(block);
        if late == Some(asked) {
            std::thread::sleep(Duration::from_millis(200));
        }
        asked += 1;
        let _ = time_sender.send(heard);
    };
    let on_state = move |state| {
        let _ = state_sender.send(state);
    };
    let handle = playback::spawn(format!("alsa:{pcm}").parse().unwrap(), source, on_state).unwrap();
    (handle, times, states)
}

fn wait_for(states: &Receiver<SoundState>, wanted: impl Fn(&SoundState) -> bool) -> SoundState {
    loop {
        let state = states.recv_timeout(PATIENCE).expect("a state");
        if wanted(&state) {
            return state;
        }
    }
}

/// Records so many blocks.
fn record(blocks: &Receiver<(Block, Instant)>, count: usize) -> (Vec<i16>, Vec<Instant>) {
    let recorded: Vec<_> = (0..count)
        .map(|_| blocks.recv_timeout(PATIENCE).expect("a block"))
        .collect();
    (
        recorded.iter().flat_map(|(block, _)| *block).collect(),
        recorded.iter().map(|(_, heard)| *heard).collect(),
    )
}

#[test]
fn the_tone_comes_through_with_its_pitch_without_a_gap_and_at_the_foretold_time() {
    let Some(_drivers) = drivers() else { return };
    let (speaker, times, states) = speaker("hw:Loopback,0,0", None);
    wait_for(&states, |state| matches!(state, SoundState::Running { .. }));
    let (microphone, blocks, _states) = microphone("hw:Loopback,1,0");
    let (samples, heard) = record(&blocks, 250);
    let report = analyze(&samples);
    assert!(
        (report.pitch_hz / 440.0 - 1.0).abs() < 0.005,
        "{} Hz",
        report.pitch_hz
    );
    assert_eq!(report.gaps, []);
    assert!(
        report.slips().len() >= 3 && report.slips().iter().all(|&slip| slip == 0),
        "{:?}",
        report.slips()
    );
    assert_eq!((speaker.counts().xruns, microphone.counts().xruns), (0, 0));
    let foretold: Vec<_> = times.try_iter().collect();
    let errors_us: Vec<_> = marks(&samples)
        .iter()
        .map(|mark| {
            let heard =
                heard[mark.at / 320].as_micros() + (mark.at % 320) as u64 * 1_000_000 / 16_000;
            heard as i64 - foretold[mark.sent as usize / 320].as_micros() as i64
        })
        .collect();
    println!(
        "{:.2} Hz, {:.1} dBFS; heard after the foretold time by {errors_us:?} µs",
        report.pitch_hz, report.level_dbfs
    );
    assert!(
        !time_is_the_guests_own() || errors_us.iter().all(|error| error.abs() < 30_000),
        "{errors_us:?}"
    );
}

#[test]
fn a_speaker_that_ran_dry_is_counted_and_goes_on() {
    let Some(_drivers) = drivers() else { return };
    let (speaker, times, _states) = speaker("hw:Loopback,0,1", Some(20));
    for _ in 0..60 {
        times.recv_timeout(PATIENCE).expect("asked for a block");
    }
    let xruns = speaker.counts().xruns;
    assert!(
        xruns == 1 || xruns > 1 && !time_is_the_guests_own(),
        "{xruns}"
    );
    assert_eq!(speaker.counts().errors, 0);
}

#[test]
fn a_sound_card_that_goes_is_lost_and_taken_again_when_it_is_back() {
    let Some(_drivers) = drivers() else { return };
    let driver = "/sys/bus/platform/drivers/snd_aloop";
    let running = |state: &SoundState| matches!(state, SoundState::Running { .. });
    let lost = |state: &SoundState| matches!(state, SoundState::Lost { .. });
    let (speaker, _times, speaker_states) = speaker("plughw:Loopback,0,2", None);
    let (microphone, blocks, microphone_states) = microphone("plughw:Loopback,1,2");
    wait_for(&speaker_states, running);
    wait_for(&microphone_states, running);
    fs::write(format!("{driver}/unbind"), "snd_aloop.0").unwrap();
    let reasons = (
        wait_for(&speaker_states, lost),
        wait_for(&microphone_states, lost),
    );
    fs::write(format!("{driver}/bind"), "snd_aloop.0").unwrap();
    wait_for(&speaker_states, running);
    wait_for(&microphone_states, running);
    while blocks.try_recv().is_ok() {}
    record(&blocks, 10);
    println!("{reasons:?}");
    assert_eq!(
        (speaker.counts().reopened, microphone.counts().reopened),
        (1, 1)
    );
}
