//! Sound from one end of a loop card, through the relay, to a file or another loop.

use crate::call::{Relay, count, stream};
use crate::program::Program;
use crate::{drivers, time_is_the_guests_own};
use conclave_endpoint::sound::tone::{ToneGenerator, ToneReport, analyze};
use conclave_protocol::l16::{BLOCK_SAMPLES, SAMPLE_RATE_HZ};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use std::path::Path;
use std::process::Command;

const PITCH_HZ: f64 = 440.0;
/// 25 ms: a joint, and what the analyzer needs to find the tone again when a mark is beside it.
const JOINT_SAMPLES: usize = 400;

/// Writes so many seconds of the tone that tells what happened to it.
fn write_tone(path: &Path, seconds: u32) {
    let spec = WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE_HZ,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut file = WavWriter::create(path, spec).unwrap();
    let mut tone = ToneGenerator::new(PITCH_HZ);
    let mut block = [0; BLOCK_SAMPLES];
    for _ in 0..seconds * SAMPLE_RATE_HZ / BLOCK_SAMPLES as u32 {
        tone.fill(&mut block);
        for sample in block {
            file.write_sample(sample).unwrap();
        }
    }
    file.finalize().unwrap();
}

/// Plays a file into the loop.
fn play(path: &Path) -> Program {
    let mut command = Command::new("aplay");
    command
        .args(["-q", "-D", "hw:Loopback,0,0", "--buffer-time=200000"])
        .arg(path);
    Program::start("aplay", &mut command)
}

fn heard(path: &Path) -> ToneReport {
    let mut file = WavReader::open(path).unwrap();
    assert_eq!(file.spec().sample_rate, SAMPLE_RATE_HZ);
    let samples: Vec<i16> = file.samples().map(Result::unwrap).collect();
    let report = analyze(&samples);
    println!(
        "{}: {:.2} Hz, {:.1} dBFS, {} seconds' marks, gaps {:?}, slips {:?}",
        path.display(),
        report.pitch_hz,
        report.level_dbfs,
        report.marks.len(),
        report.gaps,
        report.slips()
    );
    report
}

/// The right pitch for so many seconds; and, with a clock of the machine's own, no gap and no slip but while the
/// playout finds its delay, when a block or two are left out or repeated and their joints may be heard.
fn assert_unharmed(report: &ToneReport, seconds: usize, finding: usize) {
    assert!(
        (report.pitch_hz / PITCH_HZ - 1.0).abs() < 0.005,
        "{} Hz",
        report.pitch_hz
    );
    if !time_is_the_guests_own() {
        return;
    }
    let marks = &report.marks;
    assert!(marks.len() >= seconds, "{} marks", marks.len());
    let slips = report.slips();
    let (early, late) = slips.split_at(finding.min(slips.len()));
    let found = marks.get(finding).map_or(usize::MAX, |mark| mark.at);
    assert!(late.iter().all(|&slip| slip == 0), "{slips:?}");
    assert!(
        report.gaps.iter().all(|gap| gap.at < found),
        "{:?}",
        report.gaps
    );
    let slips: Vec<_> = early.iter().filter(|&&slip| slip != 0).collect();
    assert!(
        slips.len() <= 2 && slips.iter().all(|slip| slip.abs() == BLOCK_SAMPLES as i64),
        "{slips:?}"
    );
    let joints = report
        .gaps
        .iter()
        .filter(|gap| gap.samples <= JOINT_SAMPLES);
    assert!(
        joints.count() == report.gaps.len() && report.gaps.len() <= 2,
        "{:?}",
        report.gaps
    );
}

#[test]
fn a_minute_of_tone_is_heard_at_its_pitch_without_a_gap_once_its_delay_is_found() {
    /// While the playout finds its delay, and a minute of the delay that it found.
    const FINDING: u32 = 15;
    const SECONDS: u32 = FINDING + 62;
    let Some(_drivers) = drivers() else { return };
    let relay = Relay::start();
    let (tone, out) = (relay.file("tone.wav"), relay.file("out.wav"));
    write_tone(&tone, SECONDS);
    let speaker = format!("file:{}", out.display());
    let receiver = relay.call("receiver", &["--speaker", &speaker]);
    let sender = relay.call("sender", &["--microphone", "alsa:hw:Loopback,1,0"]);
    receiver.stats("sound", |stats| {
        count(stream(stats, "sender", "audio"), "frames_complete") > 50
    });
    assert!(play(&tone).wait().success());
    // What is on its way is heard before the next but one line.
    for _ in 0..2 {
        receiver.stats("statistics", |_| true);
    }
    let sent = sender.end();
    let received = receiver.end();
    println!(
        "receiver: {}\nsender: {}",
        stream(&received, "sender", "audio"),
        sent["self"]
    );
    assert_unharmed(&heard(&out), SECONDS as usize - 1, FINDING as usize);
    if time_is_the_guests_own() {
        // One block may be made up while the playout finds its delay, before the tone.
        assert!(count(stream(&received, "sender", "audio"), "audio_concealed") <= 1);
        assert_eq!(count(&sent["self"], "xruns"), 0);
    }
}

#[test]
fn a_tone_goes_from_one_sound_card_to_another() {
    const SECONDS: u32 = 12;
    let Some(_drivers) = drivers() else { return };
    let relay = Relay::start();
    let (tone, out) = (relay.file("tone.wav"), relay.file("out.wav"));
    write_tone(&tone, SECONDS);
    let receiver = relay.call("receiver", &["--speaker", "alsa:hw:Loopback,0,1"]);
    let sender = relay.call("sender", &["--microphone", "alsa:hw:Loopback,1,0"]);
    receiver.stats("sound", |stats| {
        count(stream(stats, "sender", "audio"), "frames_complete") > 50
    });
    let mut command = Command::new("arecord");
    command
        .args(["-q", "-D", "hw:Loopback,1,1", "-t", "wav"])
        .args(["-f", "S16_LE", "-r", "16000", "-c", "1"])
        .args(["-d", &(SECONDS + 2).to_string()])
        .arg(&out);
    let mut recorder = Program::start("arecord", &mut command);
    assert!(play(&tone).wait().success());
    assert!(recorder.wait().success());
    let sent = sender.end();
    let received = receiver.end();
    println!("receiver: {received}\nsender: {}", sent["self"]);
    assert_unharmed(&heard(&out), SECONDS as usize - 1, SECONDS as usize);
    if time_is_the_guests_own() {
        assert_eq!(count(&received["self"], "xruns"), 0);
    }
}
