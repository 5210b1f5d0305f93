//! PCMs that a configuration of ALSA makes, without any sound card: arrays, and a default that leads nowhere.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use conclave_endpoint::device::LossReason;
use conclave_endpoint::sound::{SoundHandle, SoundState, capture, playback};
use conclave_protocol::l16::Block;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const RUNS_INSIDE: &str = "CONCLAVE_TEST_RUNS_INSIDE";

/// Runs the test of that name in a process whose ALSA has this configuration; true in that process.
fn inside(test: &str, folder: &Path, configuration: &str) -> bool {
    if std::env::var_os(RUNS_INSIDE).is_some() {
        return true;
    }
    let path = folder.join("asound.conf");
    std::fs::write(&path, configuration).unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(RUNS_INSIDE, "1")
        .env("ALSA_CONFIG_PATH", path)
        .status()
        .unwrap();
    assert!(status.success());
    false
}

fn microphone(pcm: &str) -> (SoundHandle, Receiver<Block>, Receiver<SoundState>) {
    let (block_sender, blocks) = channel();
    let (state_sender, states) = channel();
    let sink = move |block: &Block, _| {
        let _ = block_sender.send(*block);
    };
    let on_state = move |state| {
        let _ = state_sender.send(state);
    };
    let handle = capture::spawn(format!("alsa:{pcm}").parse().unwrap(), sink, on_state).unwrap();
    (handle, blocks, states)
}

/// The state that comes after the first one.
fn state(states: &Receiver<SoundState>) -> SoundState {
    assert_eq!(states.recv_timeout(PATIENCE), Ok(SoundState::Starting));
    states.recv_timeout(PATIENCE).unwrap()
}

/// The level that each channel of the array has.
const LEVELS: [i16; 6] = [6_000, 2_000, -1_000, 500, 300, -4_000];

#[test]
fn of_an_array_the_first_channel_is_the_microphone_unless_another_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let sound = folder.path().join("six.raw");
    let frames = LEVELS.map(i16::to_ne_bytes).concat().repeat(16_000 * 5);
    std::fs::write(&sound, frames).unwrap();
    let configuration = format!(
        "pcm.six {{ type plug slave {{ pcm {{ type file slave.pcm {{ type null }} file \"/dev/null\" \
         infile \"{}\" format \"raw\" }} channels 6 rate 16000 format S16_LE }} }}",
        sound.display()
    );
    let test = "of_an_array_the_first_channel_is_the_microphone_unless_another_is_chosen";
    if !inside(test, folder.path(), &configuration) {
        return;
    }
    for (pcm, level) in [
        ("six", LEVELS[0]),
        ("six#0", LEVELS[0]),
        ("six#1", LEVELS[1]),
        ("six#5", LEVELS[5]),
    ] {
        let (_microphone, blocks, states) = microphone(pcm);
        assert!(matches!(state(&states), SoundState::Running { .. }));
        for _ in 0..5 {
            let block = blocks.recv_timeout(PATIENCE).unwrap();
            assert_eq!(block, [level; 320], "{pcm}");
        }
    }
    let (_microphone, _blocks, states) = microphone("six#6");
    let SoundState::Lost(loss) = state(&states) else {
        panic!("a channel that is not there was heard")
    };
    assert_eq!(loss.reason, LossReason::Unusable);
    assert!(loss.detail.contains("6 channels"), "{loss}");
}

#[test]
fn a_default_that_leads_nowhere_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let configuration = "pcm.!default { type hw card 9 }\nctl.!default { type hw card 9 }";
    if !inside(
        "a_default_that_leads_nowhere_is_named",
        folder.path(),
        configuration,
    ) {
        return;
    }
    let (sender, states) = channel();
    let on_state = move |state| {
        let _ = sender.send(state);
    };
    let _speaker = playback::spawn("auto".parse().unwrap(), |_, _| {}, on_state).unwrap();
    let text = match state(&states) {
        SoundState::Lost(loss) => loss.detail,
        // This machine has a card.
        SoundState::Running { name } => name,
        other => panic!("{other:?}"),
    };
    assert!(text.contains("default"), "{text}");
}
