//! Taking recordings apart, without a line of the code that made them.

/// The JPEGs of an MJPEG file, one behind the other and nothing between them (ITU T.81, annex B).
pub(crate) fn split(mut file: &[u8]) -> Vec<&[u8]> {
    let mut jpegs = Vec::new();
    while !file.is_empty() {
        let (jpeg, rest) = file.split_at(length(file));
        jpegs.push(jpeg);
        file = rest;
    }
    jpegs
}

/// Length of the JPEG that a file begins with.
fn length(file: &[u8]) -> usize {
    assert_eq!(
        file[..2],
        [0xff, 0xd8],
        "a JPEG begins where the last one ended"
    );
    let mut at = 2;
    loop {
        assert_eq!(file[at], 0xff, "a marker");
        let scan = file[at + 1] == 0xda;
        at += 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
        if !scan {
            continue;
        }
        // Coded data: 0xff is followed by 0 there, or is a restart marker.
        while file[at] != 0xff || matches!(file[at + 1], 0 | 0xd0..=0xd7) {
            at += 1;
        }
        if file[at + 1] == 0xd9 {
            return at + 2;
        }
    }
}

/// How alike two pictures are; 40 dB is hard to tell apart.
pub(crate) fn psnr_db(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let error: f64 = a
        .iter()
        .zip(b)
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
        .sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / error.max(1e-9)).log10()
}

/// A raw YUYV picture in television levels (16 to 235) as the planes of a 4:2:2 JPEG, in its levels (0 to 255).
pub(crate) fn planes_of_yuyv(raw: &[u8]) -> Vec<u8> {
    let clamp = |level: f64| level.round().clamp(0.0, 255.0) as u8;
    let luma = |level: u8| clamp((f64::from(level) - 16.0) * 255.0 / 219.0);
    let color = |level: u8| clamp((f64::from(level) - 128.0) * 255.0 / 224.0 + 128.0);
    let mut planes: Vec<u8> = raw.iter().step_by(2).map(|&y| luma(y)).collect();
    planes.extend(raw.iter().skip(1).step_by(4).map(|&cb| color(cb)));
    planes.extend(raw.iter().skip(3).step_by(4).map(|&cr| color(cr)));
    planes
}

/// The planes of a JPEG as they were coded: brightness, then both colors.
pub(crate) fn planes_of_jpeg(jpeg: &[u8]) -> Vec<u8> {
    let mut decompressor = turbojpeg::Decompressor::new().unwrap();
    let header = decompressor.read_header(jpeg).unwrap();
    assert_eq!(header.subsamp, turbojpeg::Subsamp::Sub2x1, "YUYV is 4:2:2");
    let mut image = turbojpeg::YuvImage {
        pixels: vec![0; header.width * header.height * 2],
        width: header.width,
        align: 1,
        height: header.height,
        subsamp: header.subsamp,
    };
    decompressor
        .decompress_to_yuv(jpeg, image.as_deref_mut())
        .unwrap();
    image.pixels
}
