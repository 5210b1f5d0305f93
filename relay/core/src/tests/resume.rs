//! What a session has after it was resumed, once and again, and what a refused resume leaves.

use super::*;

const DEVICES: Devices = Devices {
    microphone: true,
    camera: false,
};

/// One member's connections, one after the other, and the newest secret that they were told.
struct Returning {
    connection: ConnectionId,
    device: u8,
    name: &'static str,
    secret: Secret<32>,
}

impl Returning {
    /// Ana of [`Bench::call`], in her room.
    fn ana(bench: &mut Bench, room: RoomId) -> Self {
        let connection = bench.connect(10, 1);
        let signed_in = bench.sign_in(connection, "Ana").unwrap();
        bench.join(connection, room).unwrap();
        Self {
            connection,
            device: 1,
            name: "Ana",
            secret: signed_in.resume_secret,
        }
    }

    fn lose(&mut self, bench: &mut Bench) {
        bench.core.handle_disconnected(bench.now, self.connection);
        bench.carry_out();
    }

    fn resume(&mut self, bench: &mut Bench) -> SignedIn {
        let resumed = self.resume_unheard(bench).unwrap();
        self.secret = resumed.resume_secret.clone();
        resumed
    }

    /// Resumes, but never gets the answer.
    fn resume_unheard(&mut self, bench: &mut Bench) -> Result<SignedIn, Refusal> {
        self.connection = bench.connect(self.connection.0 + 1, self.device);
        bench.sign_in_with(self.connection, self.name, Some(self.secret.clone()))
    }
}

fn own(resumed: &SignedIn) -> &Participant {
    let joined = resumed.room.as_ref().unwrap();
    let mut roster = joined.roster.iter();
    roster.find(|member| member.id == joined.me).unwrap()
}

#[test]
fn streams_devices_clock_and_choices_are_after_each_resume_what_they_were() {
    let (mut bench, _, bob, room) = Bench::call();
    let mut ana = Returning::ana(&mut bench, room);
    let (of_bob, second) = (bench.publish(bob), bench.publish_sound(bob));
    let of_ana = bench.publish(ana.connection);
    let fps = 5;
    for request in [
        Request::SetDevices(DEVICES),
        Request::SetClock {
            offset: ClockOffset(-7),
        },
        Request::Subscribe {
            stream: of_bob,
            want: Want::AtMost { fps },
        },
        Request::Subscribe {
            stream: second,
            want: Want::Nothing,
        },
    ] {
        bench.request(ana.connection, request).unwrap();
    }
    let mut session = None;
    for _ in 0..2 {
        let before = Arc::clone(&bench.routes);
        ana.lose(&mut bench);
        let resumed = ana.resume(&mut bench);
        assert_eq!(*session.get_or_insert(resumed.session), resumed.session);
        let own = own(&resumed);
        assert_eq!((own.devices, own.clock), (DEVICES, ClockOffset(-7)));
        let streams: Vec<_> = own.streams.iter().map(|stream| stream.id).collect();
        assert_eq!(streams, [of_ana]);
        // Not even a route was made again.
        assert!(Arc::ptr_eq(&bench.routes, &before));
        let receivers = &bench.routes.get(of_bob).unwrap().receivers;
        let session = resumed.session;
        assert!(receivers.contains(&fan_out::Receiver { session, fps }));
        assert!(bench.routes.get(second).unwrap().receivers.is_empty());
        assert_eq!(bench.routes.get(of_ana).unwrap().owner, session);
    }
    // A stream that began meanwhile is received, as everything is that nobody chose of.
    ana.lose(&mut bench);
    bench
        .request(bob, Request::Unpublish { stream: of_bob })
        .unwrap();
    let third = bench.publish(bob);
    let resumed = ana.resume(&mut bench);
    let receivers = &bench.routes.get(third).unwrap().receivers;
    let session = resumed.session;
    assert!(receivers.contains(&fan_out::Receiver { session, fps: 0 }));
    assert!(bench.routes.get(of_bob).is_none());
}

#[test]
fn what_was_asked_for_and_not_answered_is_in_the_roster_of_the_resume() {
    let (mut bench, _, bob, room) = Bench::call();
    let mut ana = Returning::ana(&mut bench, room);
    for on in [true, false] {
        let devices = Devices {
            microphone: on,
            camera: on,
        };
        bench.ask(ana.connection, Request::SetDevices(devices));
        bench.ask(ana.connection, Request::Publish(camera()));
        ana.lose(&mut bench);
        let resumed = ana.resume(&mut bench);
        let own = own(&resumed).clone();
        assert_eq!(own.devices, devices);
        let [stream] = &own.streams[..] else {
            panic!("one stream: {:?}", own.streams);
        };
        let owner = bench.routes.get(stream.id).map(|route| route.owner);
        assert_eq!(owner, Some(resumed.session));
        // What is not wanted can be taken back by its number, and is gone for the others.
        let unpublish = Request::Unpublish { stream: stream.id };
        bench.request(ana.connection, unpublish).unwrap();
        let stream = stream.id;
        let events = bench.events(bob);
        assert!(events.contains(&Event::StreamUnpublished { stream }));
    }
}

#[test]
fn who_left_and_lost_the_answer_is_in_no_room_after_the_resume() {
    let (mut bench, _, bob, room) = Bench::call();
    let mut ana = Returning::ana(&mut bench, room);
    bench.events(bob);
    bench.ask(ana.connection, Request::LeaveRoom);
    ana.lose(&mut bench);
    assert_eq!(ana.resume(&mut bench).room, None);
    let events = bench.events(bob);
    assert!(
        matches!(
            events[..],
            [Event::ParticipantLeft {
                reason: LeaveReason::Left,
                ..
            }]
        ),
        "{events:?}"
    );
    bench.join(ana.connection, room).unwrap();
}

#[test]
fn who_watches_the_lobby_watches_it_after_each_resume_also_when_a_room_was_in_between() {
    let (mut bench, _, bob, room) = Bench::call();
    let mut ana = Returning::ana(&mut bench, room);
    bench
        .request(ana.connection, Request::ListRooms { after: None })
        .unwrap();
    bench.request(ana.connection, Request::LeaveRoom).unwrap();
    for _ in 0..2 {
        ana.lose(&mut bench);
        ana.resume(&mut bench);
        bench.pass(Micros::from_secs(1));
        bench.events(ana.connection);
        bench.request(bob, Request::LeaveRoom).unwrap();
        bench.join(bob, room).unwrap();
        bench.pass(Micros::from_secs(1));
        let events = bench.events(ana.connection);
        assert!(matches!(events[..], [Event::RoomChanged(_)]), "{events:?}");
        bench.join(ana.connection, room).unwrap();
        bench.request(ana.connection, Request::LeaveRoom).unwrap();
    }
}

#[test]
fn a_resume_whose_answer_was_lost_can_be_asked_for_again() {
    let (mut bench, _, bob, room) = Bench::call();
    let mut ana = Returning::ana(&mut bench, room);
    bench.events(bob);
    for _ in 0..3 {
        ana.lose(&mut bench);
        ana.resume_unheard(&mut bench).unwrap();
    }
    ana.lose(&mut bench);
    ana.resume(&mut bench);
    let events = bench.events(bob);
    let away = |event: &Event| matches!(event, Event::AwayChanged { .. });
    assert!(events.iter().all(away), "{events:?}");
    // A secret that is older than the one that was used last is of no use.
    let old = ana.secret.clone();
    for _ in 0..2 {
        ana.lose(&mut bench);
        ana.resume(&mut bench);
    }
    ana.secret = old;
    ana.lose(&mut bench);
    let refused = ana.resume_unheard(&mut bench);
    assert_eq!(refused, Err(Refusal::SessionOver));
}

#[test]
fn a_refused_resume_leaves_everything_as_it_is() {
    let (mut bench, _, bob, room) = Bench::call();
    let mut ana = Returning::ana(&mut bench, room);
    let stream = bench.publish(ana.connection);
    ana.lose(&mut bench);
    bench.events(bob);
    let (counts, routes, media) = (
        bench.core.counts(),
        Arc::clone(&bench.routes),
        bench.media.len(),
    );
    // Neither another device with the secret nor this one without it.
    let stolen = Some(ana.secret.clone());
    let thief = bench.connect(50, 9);
    assert_eq!(
        bench.sign_in_with(thief, "Ana", stolen),
        Err(Refusal::SessionOver)
    );
    let guess = Some(Secret([0xee; 32]));
    let again = bench.connect(51, 1);
    assert_eq!(
        bench.sign_in_with(again, "Ana", guess),
        Err(Refusal::SessionOver)
    );
    assert_eq!(bench.core.counts(), counts);
    assert!(Arc::ptr_eq(&bench.routes, &routes));
    assert_eq!(bench.media.len(), media);
    assert_eq!(bench.events(bob), []);
    let resumed = ana.resume(&mut bench);
    assert_eq!(own(&resumed).streams[0].id, stream);

    // Who signs in without the secret ends what was there, and begins with nothing.
    ana.lose(&mut bench);
    bench.events(bob);
    let signed_in = bench.sign_in(again, "Ana").unwrap();
    assert_eq!(signed_in.room, None);
    assert!(bench.routes.get(stream).is_none());
    let events = bench.events(bob);
    assert!(
        matches!(events[..], [Event::ParticipantLeft { .. }]),
        "{events:?}"
    );
    assert_eq!(bench.core.counts(), (2, counts.1, 1));
    bench.join(again, room).unwrap();
    bench.pass(RESUME_FOR);
    assert_eq!(bench.core.counts(), (2, counts.1, 2));
}
