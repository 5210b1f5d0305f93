//! The kernel's `vivid`: a raw camera, whose pictures are encoded here.

use crate::drivers;
use crate::watch::Watch;
use conclave_endpoint::device::LossReason;
use conclave_endpoint::picture::jpeg::{Decoder, Scale, decode::Picture};
use std::fs;
use std::process::Command;

const NODE: &str = "/dev/video0";

/// Runs `v4l2-ctl` on the camera, which has to succeed.
fn v4l2_ctl(arguments: &[&str]) {
    let done = Command::new("v4l2-ctl")
        .args(["-d", NODE])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// One picture of the driver's, as it is.
fn raw_yuyv(width: u32, height: u32) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("raw");
    let format = format!("--set-fmt-video=width={width},height={height},pixelformat=YUYV");
    let file = format!("--stream-to={}", path.display());
    v4l2_ctl(&[&format, "--stream-mmap", "--stream-count=1", &file]);
    fs::read(path).unwrap()
}

fn psnr_db(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let error: f64 = a
        .iter()
        .zip(b)
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
        .sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / error.max(1e-9)).log10()
}

/// What a picture of the driver's, in television levels (16 to 235), is in the levels of JPEG: brightness, and RGB.
fn full_range(raw: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let luma = |level: u8| {
        ((f64::from(level) - 16.0) * 255.0 / 219.0)
            .round()
            .clamp(0.0, 255.0)
    };
    let color = |level: u8| (f64::from(level) - 128.0) * 255.0 / 224.0;
    let (mut brightness, mut all) = (Vec::new(), Vec::new());
    for pair in raw.chunks_exact(4) {
        let (cb, cr) = (color(pair[1]), color(pair[3]));
        for y in [luma(pair[0]), luma(pair[2])] {
            brightness.push(y as u8);
            let rgb = [
                y + 1.402 * cr,
                y - 0.344_136 * cb - 0.714_136 * cr,
                y + 1.772 * cb,
            ];
            all.extend(rgb.map(|level| level.round().clamp(0.0, 255.0) as u8));
        }
    }
    (brightness, all)
}

#[test]
fn raw_pictures_become_jpegs_of_the_same_picture() {
    let Some(_drivers) = drivers() else { return };
    // Without the running text, so that all pictures are the same.
    v4l2_ctl(&["--set-ctrl=osd_text_mode=2"]);
    for (pattern, least_luma_db, least_rgb_db) in
        [("75% color bars", 35.0, 30.0), ("gray ramp", 35.0, 35.0)]
    {
        let number = if pattern == "gray ramp" { 20 } else { 0 };
        v4l2_ctl(&[&format!("--set-ctrl=test_pattern={number}")]);
        let (luma, rgb) = full_range(&raw_yuyv(640, 360));
        let watch = Watch::camera(&format!("v4l2:{NODE}:640x360@30"));
        assert_eq!(watch.running().format, "YUYV");
        let mut jpeg = Vec::new();
        watch.frame().frame.append_to(&mut jpeg);
        drop(watch);
        let mut decoder = Decoder::new().unwrap();
        let mut picture = Picture::default();
        decoder.luma(&jpeg, Scale::Full, &mut picture).unwrap();
        let luma_db = psnr_db(&picture.pixels, &luma);
        decoder.rgb(&jpeg, Scale::Full, &mut picture).unwrap();
        let rgb_db = psnr_db(&picture.pixels, &rgb);
        println!(
            "{pattern}: luma {luma_db:.1} dB, RGB {rgb_db:.1} dB, {} bytes",
            jpeg.len()
        );
        assert!(
            luma_db >= least_luma_db && rgb_db >= least_rgb_db,
            "{pattern}: {luma_db:.1}, {rgb_db:.1} dB"
        );
    }
    v4l2_ctl(&["--set-ctrl=osd_text_mode=0,test_pattern=0"]);
}

#[test]
fn the_rate_is_set_although_the_driver_starts_at_five_a_second() {
    let Some(_drivers) = drivers() else { return };
    v4l2_ctl(&["--set-parm=5"]);
    let watch = Watch::camera(&format!("v4l2:{NODE}:640x360@30"));
    assert!((watch.running().fps - 30.0).abs() < 0.1);
    let first = watch.frame().frame;
    let (mut last, mut pictures) = (first.captured, 0);
    while pictures < 30 {
        let frame = watch.frame().frame;
        assert!(frame.captured > last);
        last = frame.captured;
        pictures = frame.driver_sequence - first.driver_sequence;
    }
    let period_us = last.since(first.captured).0 / u64::from(pictures);
    assert!(
        period_us.abs_diff(33_333) < 1_000,
        "{period_us} µs by the driver's own timestamps"
    );
}

#[test]
fn a_driver_that_lets_go_of_its_camera_is_a_lost_camera() {
    let Some(_drivers) = drivers() else { return };
    let driver = "/sys/bus/platform/drivers/vivid";
    let watch = Watch::camera(&format!("v4l2:{NODE}:320x180@30"));
    watch.running();
    fs::write(format!("{driver}/unbind"), "vivid.0").unwrap();
    assert_eq!(watch.lost().reason, LossReason::Disconnected);
    fs::write(format!("{driver}/bind"), "vivid.0").unwrap();
    watch.running();
    watch.frame();
}

#[test]
fn the_camera_is_listed_with_its_sizes_and_rates() {
    let Some(_drivers) = drivers() else { return };
    let devices = conclave_endpoint::cli::devices::enumerate();
    let vivid = devices
        .cameras
        .iter()
        .find(|camera| camera.driver == "vivid")
        .expect("vivid");
    let yuyv = vivid
        .formats
        .iter()
        .find(|format| format.fourcc == "YUYV")
        .expect("YUYV");
    assert!(
        yuyv.usable
            && yuyv
                .modes
                .iter()
                .any(|mode| mode.size.width == 1280 && mode.fps.contains(&30.0))
    );
    assert!(
        devices
            .to_string()
            .contains("1280x720 @ 60, 50, 40, 30, 25"),
        "{devices}"
    );
    assert!(
        devices
            .sound
            .iter()
            .any(|device| device.name.contains("Loopback") && device.captures && device.plays)
    );
}
