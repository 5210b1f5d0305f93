//! The whole way from JPEG to finished picture, with a UI that decides when the decoder goes on.

use super::*;
use crate::picture::jpeg::encode::{Chroma, Encoder, Planes, worst_case_bytes};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

const A: StreamId = StreamId(1);
const B: StreamId = StreamId(2);
const C: StreamId = StreamId(3);
const SIZE: PictureSize = PictureSize::new(64, 48);
/// For a decoder that would never come back: no test waits for so long.
const STUCK: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Plain {
    size: PictureSize,
    pixels: Vec<u8>,
}

impl Canvas for Plain {
    fn new() -> Self {
        Self {
            size: PictureSize::new(0, 0),
            pixels: Vec::new(),
        }
    }

    fn size(&self) -> PictureSize {
        self.size
    }

    fn pixels(&mut self, size: PictureSize) -> &mut [u8] {
        self.size = size;
        self.pixels.resize(size.pixels() * 3, 0);
        &mut self.pixels
    }
}

fn gray(brightness: u8) -> Vec<u8> {
    let chroma = Chroma::HalfBoth.plane(SIZE).pixels();
    let planes = Planes {
        size: SIZE,
        chroma: Chroma::HalfBoth,
        luma: &vec![brightness; SIZE.pixels()],
        cb: &vec![128; chroma],
        cr: &vec![128; chroma],
    };
    let mut jpeg = vec![0; worst_case_bytes(SIZE, Chroma::HalfBoth).unwrap()];
    let length = Encoder::new(90)
        .unwrap()
        .encode(&planes, &mut jpeg)
        .unwrap();
    jpeg.truncate(length);
    jpeg
}

fn wish(stream: StreamId) -> TileRequest {
    TileRequest { stream, tile: SIZE }
}

/// A screen whose one decoder stands still from the moment it wakes the UI until the UI is done.
struct Stage<C: Canvas = Plain> {
    // In this order: the decoder must not wait for the UI when it is to end.
    go_on: Sender<()>,
    woken: Receiver<()>,
    screen: Screen<C>,
    input: ScreenInput,
}

impl<C: Canvas> Stage<C> {
    fn showing(streams: &[StreamId]) -> Self {
        let (wake, woken) = channel();
        let (go_on, gone_on) = channel();
        let gone_on = Mutex::new(gone_on);
        let (input, screen) = Screen::start(1, move || {
            let _ = wake.send(());
            let _ = gone_on.lock().unwrap().recv();
        })
        .unwrap();
        let stage = Self {
            go_on,
            woken,
            screen,
            input,
        };
        let wishes: Vec<_> = streams.iter().copied().map(wish).collect();
        stage.screen.show(&wishes);
        stage
    }

    fn take(&mut self, stream: StreamId, number: u8) {
        self.input
            .take(stream, Instant(u64::from(number)), &gray(number));
    }

    /// Until the decoder stands still with a picture finished.
    fn wait(&self) {
        self.woken.recv_timeout(STUCK).unwrap();
    }

    fn drain(&self) -> Vec<Painted<C>> {
        let mut drained = Vec::new();
        self.screen.drain(|painted| drained.push(painted));
        drained
    }

    fn go_on(&self) {
        self.go_on.send(()).unwrap();
    }

    /// Lets the decoder go on, and wake the UI for its next picture, though nothing was taken.
    fn go_on_unseen(&self) {
        self.screen.gallery.begin_drain();
        self.go_on();
    }

    /// The next picture, whose decoder stands still.
    fn next(&self) -> (StreamId, u64) {
        self.wait();
        let drained = self.drain();
        assert_eq!(drained.len(), 1);
        (drained[0].stream, drained[0].captured.0)
    }

    fn counts(&self, stream: StreamId) -> ScreenCounts {
        let counts = self.screen.counts();
        let found = counts.iter().find(|(id, _)| *id == stream);
        found.map(|(_, counts)| *counts).unwrap()
    }
}

#[test]
fn the_newest_picture_wins_while_the_decoder_is_busy() {
    let mut stage: Stage = Stage::showing(&[A]);
    stage.take(A, 1);
    assert_eq!(stage.next(), (A, 1));
    for number in 2..=5 {
        stage.take(A, number);
    }
    stage.go_on();
    assert_eq!(stage.next(), (A, 5));
    let counts = stage.counts(A);
    assert_eq!((counts.painted, counts.replaced, counts.unseen), (2, 3, 0));
    assert!(stage.input.buffers() <= 2, "one waits, one is new");
}

#[test]
fn a_hidden_stream_is_neither_copied_nor_decoded() {
    let mut stage: Stage = Stage::showing(&[B]);
    stage.take(A, 1);
    stage.take(A, 2);
    assert_eq!(stage.input.buffers(), 0);
    stage.take(B, 3);
    assert_eq!(stage.next(), (B, 3));
    let counts = stage.counts(A);
    assert_eq!((counts.hidden, counts.painted), (2, 0));

    stage.screen.show(&[wish(A)]);
    stage.take(A, 4);
    stage.take(B, 5);
    stage.go_on();
    assert_eq!(stage.next(), (A, 4));
    assert_eq!(stage.counts(B).hidden, 1);
}

#[test]
fn a_stream_that_is_hidden_while_its_picture_waits_is_not_decoded() {
    let mut stage: Stage = Stage::showing(&[A, B, C]);
    stage.take(A, 1);
    assert_eq!(stage.next(), (A, 1));
    stage.take(B, 2);
    stage.take(C, 3);
    stage.screen.show(&[wish(A), wish(C)]);
    stage.go_on();
    assert_eq!(stage.next(), (C, 3));
    assert_eq!(stage.counts(B).hidden, 1);
}

#[test]
fn the_pictures_of_a_stream_stay_in_order() {
    let (wake, woken) = channel();
    let (mut input, screen) = Screen::<Plain>::start(2, move || wake.send(()).unwrap()).unwrap();
    screen.show(&[wish(A), wish(B)]);
    let jpeg = gray(100);
    let (mut newest, last) = ([0; 2], 400);
    for number in 1..=last {
        for stream in [A, B] {
            input.take(stream, Instant(number), &jpeg);
        }
        if number % 20 == 0 {
            woken.recv_timeout(STUCK).unwrap();
            screen.drain(|painted| {
                let newest = &mut newest[usize::from(painted.stream == B)];
                assert!(painted.captured.0 > *newest);
                *newest = painted.captured.0;
                screen.recycle(painted.canvas);
            });
        }
    }
    while newest != [last; 2] {
        woken.recv_timeout(STUCK).unwrap();
        screen.drain(|painted| newest[usize::from(painted.stream == B)] = painted.captured.0);
    }
    for (_, counts) in screen.counts() {
        assert_eq!(counts.painted + counts.replaced, last);
    }
}

#[test]
fn streams_take_turns_though_one_of_them_never_pauses() {
    let mut stage: Stage = Stage::showing(&[A, B, C]);
    stage.take(A, 1);
    let mut order = vec![stage.next().0];
    for number in 2..8 {
        for stream in [A, A, A, B, C] {
            stage.take(stream, number);
        }
        stage.go_on();
        order.push(stage.next().0);
    }
    assert_eq!(order, [A, B, C, A, B, C, A]);
}

#[test]
fn the_ui_is_woken_once_until_it_has_drained() {
    let (wake, woken) = channel();
    let (mut input, screen) = Screen::<Plain>::start(1, move || wake.send(()).unwrap()).unwrap();
    screen.show(&[wish(A), wish(B)]);
    input.take(A, Instant(1), &gray(1));
    woken.recv_timeout(STUCK).unwrap();
    for number in 2..50 {
        input.take(A, Instant(number), &gray(1));
        input.take(B, Instant(number), &gray(2));
    }
    // Ends the decoder, which finishes what it has begun.
    let gallery = Arc::clone(&screen.gallery);
    drop(screen);
    assert!(woken.try_recv().is_err());
    assert!((1..=2).contains(&gallery.begin_drain()));
}

#[test]
fn a_picture_that_nobody_took_makes_room_for_the_next_one() {
    let mut stage: Stage = Stage::showing(&[A]);
    stage.take(A, 1);
    stage.wait();
    stage.take(A, 2);
    stage.go_on_unseen();
    stage.wait();
    let drained = stage.drain();
    assert_eq!(drained.len(), 1);
    assert_eq!(drained[0].captured, Instant(2));
    let counts = stage.counts(A);
    assert_eq!((counts.painted, counts.unseen), (2, 1));
}

/// Counts the canvases that there ever were.
struct Counted(Plain);

static CANVASES: AtomicUsize = AtomicUsize::new(0);

impl Canvas for Counted {
    fn new() -> Self {
        CANVASES.fetch_add(1, SeqCst);
        Self(Plain::new())
    }

    fn size(&self) -> PictureSize {
        self.0.size()
    }

    fn pixels(&mut self, size: PictureSize) -> &mut [u8] {
        self.0.pixels(size)
    }
}

#[test]
fn memory_is_used_again_and_does_not_grow() {
    let mut stage = Stage::<Counted>::showing(&[A, B, C]);
    // As a UI does it: the last picture stays until the next one is there.
    let mut shown = std::collections::HashMap::new();
    for number in 0..100 {
        for stream in [A, B, C] {
            stage.take(stream, number);
            stage.wait();
            for painted in stage.drain() {
                if let Some(old) = shown.insert(painted.stream, painted.canvas) {
                    stage.screen.recycle(old);
                }
            }
            stage.go_on();
        }
    }
    assert_eq!(CANVASES.load(SeqCst), 4, "three are shown, one is painted");
    assert!(stage.input.buffers() <= 2);
}

#[test]
fn a_damaged_picture_leaves_the_last_one() {
    let mut cut = gray(3);
    cut.truncate(cut.len() / 2);
    for damaged in [b"no picture".as_slice(), &cut] {
        let mut stage: Stage = Stage::showing(&[A, B]);
        stage.take(A, 1);
        stage.wait();
        stage.input.take(A, Instant(2), damaged);
        // B's turns are before the damaged picture's and after it, and show that it is through.
        for number in [3, 4] {
            stage.take(B, number);
            stage.go_on_unseen();
            stage.wait();
        }
        let drained = stage.drain();
        let seen: Vec<_> = drained.iter().map(|p| (p.stream, p.captured.0)).collect();
        assert_eq!(seen, [(A, 1), (B, 4)]);
        assert_eq!(stage.counts(A).damaged, 1);
        stage.take(A, 5);
        stage.go_on();
        assert_eq!(stage.next(), (A, 5));
    }
}

#[test]
fn a_tiles_size_decides_the_pictures_size() {
    let mut stage: Stage = Stage::showing(&[]);
    for (tile, size) in [
        ((64, 48), (64, 48)),
        ((40, 30), (40, 30)),
        ((32, 24), (32, 24)),
        ((20, 10), (20, 15)),
        ((200, 150), (64, 48)),
    ] {
        let tile = PictureSize::new(tile.0, tile.1);
        stage.screen.show(&[TileRequest { stream: A, tile }]);
        stage.take(A, 90);
        stage.wait();
        let painted = stage.drain().pop().unwrap();
        assert_eq!(painted.canvas.size, PictureSize::new(size.0, size.1));
        assert_eq!(painted.source, SIZE);
        assert_eq!(
            painted.canvas.pixels.len(),
            painted.canvas.size.pixels() * 3
        );
        assert!(painted.canvas.pixels.iter().all(|p| p.abs_diff(90) <= 1));
        stage.screen.recycle(painted.canvas);
        stage.go_on();
    }
}

#[test]
fn a_jpeg_in_parts_is_one_picture() {
    let mut stage: Stage = Stage::showing(&[A]);
    let jpeg = gray(50);
    let (head, rest) = jpeg.split_at(100);
    stage.input.take_parts(A, Instant(1), &[head, &[], rest]);
    assert_eq!(stage.next(), (A, 1));
}

#[test]
fn a_removed_stream_is_forgotten_and_not_shown() {
    let mut stage: Stage = Stage::showing(&[A]);
    stage.take(A, 1);
    stage.wait();
    stage.input.remove(A);
    assert!(stage.drain().is_empty());
    assert!(stage.screen.counts().is_empty());
    stage.take(A, 2);
    stage.go_on();
    assert_eq!(stage.next(), (A, 2));
}

#[test]
fn dropping_the_screen_ends_its_threads() {
    let alive = Arc::new(());
    let theirs = Arc::clone(&alive);
    let (mut input, screen) = Screen::<Plain>::start(2, move || {
        let _ = &theirs;
    })
    .unwrap();
    screen.show(&[wish(A)]);
    let jpeg = gray(1);
    input.take(A, Instant(1), &jpeg);
    drop(screen);
    assert_eq!(Arc::strong_count(&alive), 1);
    input.take(A, Instant(2), &jpeg);
    input.take(A, Instant(3), &jpeg);
}
