//! ALSA on `snd-aloop`: what is played on one half is recorded on the other.

use crate::{drivers, time_is_the_guests_own};
use conclave_endpoint::sound::tone::{ToneGenerator, analyze, goertzel, marks};
use conclave_endpoint::sound::{Silenced, SoundHandle, SoundState, capture, muted, playback};
use conclave_protocol::l16::Block;
use conclave_protocol::time::Instant;
use hound::{SampleFormat, WavSpec, WavWriter};
use std::f64::consts::TAU;
use std::fs;
use std::process::{Child, Command};
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

/// Plays the tone, and tells when each of its blocks will be heard; waits before block `late` so that the device runs
/// dry.
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
    let lost = |state: &SoundState| matches!(state, SoundState::Lost(_));
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

/// `aplay`, which plays into the loop until it is dropped.
struct Playing {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Plays into a substream of the loop, which has that rate, width and number of channels then; `level` is from −1 to 1,
/// by time in seconds and channel.
fn play(subdevice: u32, spec: WavSpec, level: impl Fn(f64, u16) -> f64) -> Playing {
    const SECONDS: u32 = 20;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sound.wav");
    let mut file = WavWriter::create(&path, spec).unwrap();
    let full = f64::from(1 << (spec.bits_per_sample - 1)) - 1.0;
    for n in 0..SECONDS * spec.sample_rate {
        let at = f64::from(n) / f64::from(spec.sample_rate);
        for channel in 0..spec.channels {
            let sample = (level(at, channel) * full) as i32;
            file.write_sample(sample).unwrap();
        }
    }
    file.finalize().unwrap();
    let child = Command::new("aplay")
        .args(["-q", "-D", &format!("hw:Loopback,0,{subdevice}")])
        .arg(&path)
        .spawn()
        .unwrap();
    let open = format!("/proc/asound/Loopback/pcm0p/sub{subdevice}/hw_params");
    let deadline = std::time::Instant::now() + PATIENCE;
    while fs::read_to_string(&open).unwrap().starts_with("closed") {
        assert!(std::time::Instant::now() < deadline, "aplay does not play");
        std::thread::sleep(Duration::from_millis(20));
    }
    Playing {
        child,
        _folder: folder,
    }
}

fn spec(sample_rate: u32, bits_per_sample: u16, channels: u16) -> WavSpec {
    WavSpec {
        channels,
        sample_rate,
        bits_per_sample,
        sample_format: SampleFormat::Int,
    }
}

/// A second of what the microphone hears, once it hears something.
fn hear(pcm: &str) -> Vec<i16> {
    let (_microphone, blocks, _states) = microphone(pcm);
    record(&blocks, 25);
    record(&blocks, 50).0
}

fn peak(samples: &[i16]) -> u16 {
    samples.iter().map(|s| s.unsigned_abs()).max().unwrap()
}

#[test]
fn a_whistle_of_12_khz_on_a_card_of_48_khz_is_not_heard_as_one_of_4_khz() {
    let Some(_drivers) = drivers() else { return };
    let _playing = play(3, spec(48_000, 16, 2), |at, _| {
        0.5 * (TAU * 12_000.0 * at + 0.7).sin() + 0.1 * (TAU * 1_000.0 * at).sin()
    });
    let samples = hear("plughw:CARD=Loopback,DEV=1,SUBDEV=3");
    let shares = [1_000.0, 4_000.0].map(|hz| goertzel(&samples, hz));
    println!(
        "of the energy at 1 and 4 kHz: {shares:?}, peak {}",
        peak(&samples)
    );
    // Of the whistle, which is 14 dB louder than the tone, less than −64 dB is left.
    // Of the window's energy a third is at the pitch of a sine.
    assert!(shares[0] > 0.33 && shares[1] < 0.000_01, "{shares:?}");
    assert!(peak(&samples).abs_diff(3_277) < 100, "{}", peak(&samples));
}

#[test]
fn a_card_of_four_channels_of_24_bits_at_44_1_khz_is_heard_by_its_first() {
    let Some(_drivers) = drivers() else { return };
    let _playing = play(4, spec(44_100, 24, 4), |at, channel| match channel {
        0 => 0.25 * (TAU * 440.0 * at).sin(),
        _ => 0.5 * (TAU * 1_000.0 * at).sin(),
    });
    let samples = hear("plughw:CARD=Loopback,DEV=1,SUBDEV=4");
    let report = analyze(&samples);
    println!("{:.1} Hz, peak {}", report.pitch_hz, peak(&samples));
    assert!(
        (report.pitch_hz / 440.0 - 1.0).abs() < 0.005,
        "{} Hz",
        report.pitch_hz
    );
    // Neither weaker by the other channels, nor mixed with them.
    assert!(
        (7_900..8_500).contains(&peak(&samples)),
        "{}",
        peak(&samples)
    );
}

#[test]
fn a_sink_that_takes_21_ms_at_once_does_not_run_dry() {
    let Some(_drivers) = drivers() else { return };
    let (speaker, times, states) = speaker("plug:'dmix:CARD=Loopback,DEV=0'", None);
    let state = wait_for(&states, |state| *state != SoundState::Starting);
    assert!(matches!(state, SoundState::Running { .. }), "{state:?}");
    for _ in 0..1_500 {
        times.recv_timeout(PATIENCE).expect("asked for a block");
    }
    let xruns = speaker.counts().xruns;
    assert!(xruns == 0 || !time_is_the_guests_own(), "{xruns}");
}

#[test]
fn a_mixer_that_keeps_a_card_silent_is_named_and_turned_on() {
    let Some(_drivers) = drivers() else { return };
    let run = |program: &str, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).status().unwrap();
        assert!(status.success(), "{program} {arguments:?}");
    };
    run("modprobe", &["snd-dummy"]);
    let of_dummy = |what| {
        let mut muted = muted();
        muted.retain(|muted| muted.card == "Dummy" && muted.what == what);
        muted
    };
    for (what, control) in [
        (Silenced::Microphone, "\"Master\" in its mixer is off"),
        (
            Silenced::Speaker,
            "\"Master\" in its mixer is at its lowest volume",
        ),
    ] {
        let silence = ["-q", "-c", "Dummy", "sset", "Master", "0%", "nocap"];
        run("amixer", &silence);
        let found = of_dummy(what);
        let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(texts.iter().any(|text| text.contains(control)), "{texts:?}");
        for muted in found {
            muted.turn_on().unwrap();
        }
        assert_eq!(of_dummy(what), []);
    }
    run("rmmod", &["snd-dummy"]);
}

#[test]
fn a_microphone_that_gives_nothing_but_zeros_is_told() {
    let Some(_drivers) = drivers() else { return };
    let playing = play(
        5,
        spec(16_000, 16, 1),
        |at, _| if at < 8.0 { 0.0 } else { 0.5 },
    );
    let (_microphone, _blocks, states) = microphone("hw:Loopback,1,5");
    wait_for(&states, |state| matches!(state, SoundState::Running { .. }));
    wait_for(&states, |state| matches!(state, SoundState::Silent { .. }));
    wait_for(&states, |state| matches!(state, SoundState::Running { .. }));
    drop(playing);
}
