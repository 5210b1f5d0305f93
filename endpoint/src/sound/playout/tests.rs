use super::*;

fn block(value: i16) -> Block {
    [value; BLOCK_SAMPLES]
}

fn talker() -> Arc<Username> {
    Arc::new(Username::parse("ana").unwrap())
}

#[test]
fn three_talkers_are_heard_together() {
    let (mut voices, mut ring) = Voices::new(None, Arc::default());
    for (stream, value) in [(1, 100), (2, 1000), (3, -300)] {
        let stream = StreamId(stream);
        ring.push(Input::Add(stream, talker(), Arc::default()))
            .ok()
            .unwrap();
        for sequence in 0..5 {
            let at = Instant(1_000_000 + sequence * 20_000);
            let input = Input::Block {
                stream,
                sequence: SequenceNumber(sequence),
                captured: at,
                arrived: at,
                block: block(value),
            };
            ring.push(input).ok().unwrap();
        }
    }
    let mut out = [0; BLOCK_SAMPLES];
    voices.fill(&mut out, Instant(1_080_000));
    assert_eq!(out, block(800));
}

#[test]
fn who_finds_all_places_taken_is_heard_as_soon_as_one_is_free() {
    let (mut voices, mut ring) = Voices::new(None, Arc::default());
    let last = StreamId(MOST_VOICES as u32 + 1);
    for stream in 1..=last.0 {
        let add = Input::Add(StreamId(stream), talker(), Arc::default());
        ring.push(add).ok().unwrap();
    }
    let mut out = [0; BLOCK_SAMPLES];
    let mut say = |voices: &mut Voices, ring: &mut VoiceInput, from: u64| {
        for sequence in from..from + 5 {
            let at = Instant(1_000_000 + sequence * 20_000);
            let input = Input::Block {
                stream: last,
                sequence: SequenceNumber(sequence),
                captured: at,
                arrived: at,
                block: block(100),
            };
            ring.push(input).ok().unwrap();
        }
        voices.fill(&mut out, Instant(1_080_000 + from * 20_000));
        out
    };
    assert_eq!(say(&mut voices, &mut ring, 0), block(0), "no place yet");
    ring.push(Input::Remove(StreamId(1))).ok().unwrap();
    assert_eq!(say(&mut voices, &mut ring, 5), block(100));
}

#[test]
fn a_talker_s_counts_go_on_when_another_speaker_is_taken_each_time() {
    let report = Arc::new(VoiceReport::default());
    let mut heard = 0;
    for _ in 0..3 {
        let (mut voices, mut ring) = Voices::new(None, Arc::default());
        let add = Input::Add(StreamId(1), talker(), Arc::clone(&report));
        ring.push(add).ok().unwrap();
        for sequence in 0..5 {
            let at = Instant(1_000_000 + sequence * 20_000);
            let input = Input::Block {
                stream: StreamId(1),
                sequence: SequenceNumber(sequence),
                captured: at,
                arrived: at,
                block: block(100),
            };
            ring.push(input).ok().unwrap();
        }
        let mut out = [0; BLOCK_SAMPLES];
        for turn in 0..5 {
            voices.fill(&mut out, Instant(1_080_000 + turn * 20_000));
        }
        let now = report.counts().heard;
        assert!(now > heard, "{now} blocks after {heard}");
        heard = now;
    }
}

#[test]
fn a_listener_rests_until_somebody_may_be_heard() {
    let (mut voices, mut ring) = Voices::new(None, Arc::default());
    let listener = std::thread::spawn(move || {
        while voices.rest_without_talkers() {}
        voices.has_talkers()
    });
    ring.push(Input::Add(StreamId(1), talker(), Arc::default()))
        .ok()
        .unwrap();
    assert!(listener.join().unwrap());
}

#[test]
fn who_left_is_not_heard() {
    let (mut voices, mut ring) = Voices::new(None, Arc::default());
    ring.push(Input::Add(StreamId(1), talker(), Arc::default()))
        .ok()
        .unwrap();
    ring.push(Input::Remove(StreamId(1))).ok().unwrap();
    let mut out = block(7);
    voices.fill(&mut out, Instant(0));
    assert_eq!(out, block(0));
    assert!(voices.voices.is_empty());
}
