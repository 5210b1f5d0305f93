//! Routes: who gets which stream.

use super::*;

#[test]
fn routes_follow_streams_members_and_choices() {
    let (mut bench, ana, bob, _) = Bench::call();
    let stream = bench.publish(ana);
    let session = |bench: &Bench, name: &str| {
        let found = bench
            .core
            .sessions
            .iter()
            .find(|(_, s)| s.username.as_str() == name);
        *found.unwrap().0
    };
    let (ana_is, bob_is) = (session(&bench, "Ana"), session(&bench, "Bob"));
    let route = Arc::clone(bench.routes.get(stream).unwrap());
    assert_eq!((route.owner, route.kind), (ana_is, Kind::Video));
    let receiver = |fps| fan_out::Receiver {
        session: bob_is,
        fps,
    };
    assert_eq!(*route.receivers, [receiver(0)]);
    for (want, receivers) in [
        (Want::AtMost { fps: 10 }, vec![receiver(10)]),
        (Want::Nothing, vec![]),
        (Want::All, vec![receiver(0)]),
    ] {
        bench
            .request(bob, Request::Subscribe { stream, want })
            .unwrap();
        assert_eq!(*bench.routes.get(stream).unwrap().receivers, receivers);
    }
    let nothing = Want::AtMost { fps: 0 };
    let refused = bench.request(
        bob,
        Request::Subscribe {
            stream,
            want: nothing,
        },
    );
    assert_eq!(refused, Err(Refusal::OutOfRange));
    // One's own stream is nothing to subscribe to.
    let want = Want::All;
    let own = bench.request(ana, Request::Subscribe { stream, want });
    assert_eq!(own, Err(Refusal::NoSuchStream));
    bench.request(bob, Request::LeaveRoom).unwrap();
    assert!(bench.routes.get(stream).unwrap().receivers.is_empty());
    bench.request(ana, Request::LeaveRoom).unwrap();
    assert!(bench.routes.is_empty());
}

#[test]
fn a_change_touches_the_routes_that_it_is_about_and_no_others() {
    let (mut bench, ana, bob, room) = Bench::call();
    let (first, second) = (bench.publish(ana), bench.publish_sound(ana));
    let own = bench.publish(bob);
    let receivers = |bench: &Bench, stream| bench.routes.get(stream).unwrap().receivers.len();
    let before = Arc::clone(&bench.routes);
    let choose = |stream, want| Request::Subscribe { stream, want };
    bench.request(bob, choose(first, Want::Nothing)).unwrap();
    let untouched = |bench: &Bench, stream| {
        Arc::ptr_eq(
            bench.routes.get(stream).unwrap(),
            before.get(stream).unwrap(),
        )
    };
    assert!(untouched(&bench, second) && untouched(&bench, own));
    assert_eq!(receivers(&bench, first), 0);
    // What changes nothing publishes nothing.
    let before = Arc::clone(&bench.routes);
    bench.request(bob, choose(first, Want::Nothing)).unwrap();
    assert!(Arc::ptr_eq(&bench.routes, &before));

    let carol = bench.connect(3, 3);
    bench.sign_in(carol, "Carol").unwrap();
    bench.join(carol, room).unwrap();
    let counts = |bench: &Bench| [first, second, own].map(|stream| receivers(bench, stream));
    assert_eq!(counts(&bench), [1, 2, 2]);
    bench.request(bob, Request::LeaveRoom).unwrap();
    assert!(bench.routes.get(own).is_none());
    assert_eq!([first, second].map(|s| receivers(&bench, s)), [1, 1]);
    // Who comes back wants everything again.
    bench.join(bob, room).unwrap();
    assert_eq!([first, second].map(|s| receivers(&bench, s)), [2, 2]);
}

#[test]
fn a_member_publishes_one_stream_of_sound_and_one_of_each_layer() {
    let (mut bench, ana, bob, _) = Bench::call();
    let sound = bench.publish_sound(ana);
    let source = conclave_protocol::id::SourceId(2);
    for codec in [AudioCodec::L16Mono16k, AudioCodec::OpusMono48k] {
        let media = Media::Audio(codec);
        let second = Request::Publish(StreamOffer { source, media });
        assert_eq!(bench.request(ana, second), Err(Refusal::TooMany));
    }
    let Media::Camera(picture) = camera().media else {
        panic!("a camera");
    };
    for layer in [Layer::Full, Layer::Half, Layer::Thumbnail] {
        let picture = Picture { layer, ..picture };
        for media in [Media::Camera(picture), Media::Screen(picture)] {
            bench.publish_as(ana, media);
            let second = Request::Publish(StreamOffer { source, media });
            assert_eq!(bench.request(ana, second), Err(Refusal::TooMany));
        }
    }
    // Another member has their own, and what was taken back may be published again.
    bench.publish_sound(bob);
    let unpublish = Request::Unpublish { stream: sound };
    bench.request(ana, unpublish).unwrap();
    bench.publish_sound(ana);
}

#[test]
fn streams_of_another_room_are_not_for_the_choosing() {
    let (mut bench, ana, _, _) = Bench::call();
    let stream = bench.publish(ana);
    let eve = bench.connect(3, 3);
    bench.sign_in(eve, "Eve").unwrap();
    let other = bench.create(eve, "other").unwrap();
    bench.join(eve, other).unwrap();
    let want = Want::All;
    let refused = bench.request(eve, Request::Subscribe { stream, want });
    assert_eq!(refused, Err(Refusal::NoSuchStream));
    assert_eq!(bench.routes.get(stream).unwrap().receivers.len(), 1);
}
