//! Keys under running streams: members join and leave, and packets overtake their key.

use crate::ends::*;
use conclave_protocol::id::SequenceNumber;
use conclave_protocol::keyring::{HandOut, KEPT_GENERATION, OwnKey};
use conclave_protocol::receiver::{DropReason, HELD_FOR, HELD_PACKETS, Received, Receiver};
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::StreamSender;
use conclave_protocol::sender_key::SenderKey;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{AudioCodec, Media, Suite};
use conclave_protocol::wire::header::Kind;

#[test]
fn keys_change_under_a_running_stream_when_somebody_comes_and_when_somebody_leaves() {
    let mut own = OwnKey::new(Suite::Aes256Gcm, Secret([1; 32]));
    let mut sender = stream(Kind::Audio, AUDIO, own.key());
    let (mut stays, mut comes) = (receiver(own.key()), Receiver::new());
    let first = sealed(&mut sender, &[1; 640], T0).remove(0);
    assert!(refusal(&mut stays, &first, T0).is_none());

    assert_eq!(own.somebody_came(Secret([2; 32])), HandOut::Newcomers);
    sender.rekey(own.key());
    comes.add_participant(ANA).unwrap();
    comes
        .add_stream(ANA, AUDIO, Media::Audio(AudioCodec::L16Mono16k))
        .unwrap();
    assert!(comes.set_key(ANA, own.key().clone(), T0).is_empty());
    let second = sealed(&mut sender, &[2; 640], T0).remove(0);
    assert!(
        refusal(&mut stays, &second, T0).is_none(),
        "who was there derives it"
    );
    assert!(refusal(&mut comes, &second, T0).is_none());
    assert!(
        matches!(
            comes.handle_packet(&mut first.clone(), T0),
            Ok(Received::Held)
        ),
        "what was before is closed to the newcomer"
    );

    assert_eq!(own.somebody_left(Secret([3; 32])), HandOut::Everyone);
    sender.rekey(own.key());
    let third = sealed(&mut sender, &[3; 640], T0).remove(0);
    assert!(
        matches!(
            comes.handle_packet(&mut third.clone(), T0),
            Ok(Received::Held)
        ),
        "who left and has no new key cannot open it"
    );
    assert!(stays.set_key(ANA, own.key().clone(), T0).is_empty());
    assert!(refusal(&mut stays, &third, T0).is_none());
}

#[test]
fn the_generation_before_is_of_no_use_after_two_seconds_even_where_it_was_in_use() {
    let mut own = OwnKey::new(Suite::Aes256Gcm, Secret([1; 32]));
    let mut sender = stream(Kind::Audio, AUDIO, own.key());
    let mut receiver = receiver(own.key());
    let old: Vec<_> = (0..3)
        .flat_map(|_| sealed(&mut sender, &[1; 640], T0))
        .collect();
    assert!(refusal(&mut receiver, &old[0], T0).is_none());
    own.somebody_left(Secret([2; 32]));
    assert!(receiver.set_key(ANA, own.key().clone(), T0).is_empty());
    let just_before = Instant((T0 + KEPT_GENERATION).0 - 1);
    assert!(refusal(&mut receiver, &old[1], just_before).is_none());
    let after = T0 + KEPT_GENERATION;
    assert!(!matches!(
        receiver.handle_packet(&mut old[2].clone(), after),
        Ok(Received::Audio { .. })
    ));
}

#[test]
fn what_is_on_its_way_when_several_leave_at_once_still_opens() {
    let mut own = OwnKey::new(Suite::Aes256Gcm, Secret([1; 32]));
    let mut sender = stream(Kind::Audio, AUDIO, own.key());
    let mut receiver = receiver(own.key());
    let mut on_its_way = sealed(&mut sender, &[1; 640], T0).remove(0);
    for leaver in 2..5 {
        own.somebody_left(Secret([leaver; 32]));
        assert!(receiver.set_key(ANA, own.key().clone(), T0).is_empty());
    }
    assert!(matches!(
        receiver.handle_packet(&mut on_its_way, T0),
        Ok(Received::Audio { .. })
    ));
}

#[test]
fn a_generation_s_number_that_comes_round_does_not_bring_its_old_key_back() {
    let mut own = OwnKey::new(Suite::Aes256Gcm, Secret([1; 32]));
    let old = own.key().clone();
    let mut receiver = receiver(&old);
    let packet = sealed(&mut stream(Kind::Audio, AUDIO, &old), &[1; 640], T0).remove(0);
    assert!(refusal(&mut receiver, &packet, T0).is_none());
    for _ in 0..256 {
        own.somebody_left(Secret([2; 32]));
        assert!(receiver.set_key(ANA, own.key().clone(), T0).is_empty());
    }
    assert_eq!(own.key().epoch(), old.epoch());
    let first = SequenceNumber(5);
    let mut sender = StreamSender::starting_at(uplink(), Kind::Audio, AUDIO, own.key(), first);
    let packet = sealed(&mut sender, &[2; 640], T0).remove(0);
    assert!(refusal(&mut receiver, &packet, T0).is_none());
}

#[test]
fn another_key_of_the_same_generation_opens_nothing() {
    let key = sender_key(Suite::Aes256Gcm);
    let recorded = SenderKey::fresh(0, Suite::Aes256Gcm, Secret([77; 32]));
    let mut receiver = receiver(&key);
    assert!(receiver.set_key(ANA, recorded.clone(), T0).is_empty());
    let packet = sealed(&mut stream(Kind::Audio, AUDIO, &recorded), &[1; 640], T0);
    assert_eq!(
        refusal(&mut receiver, &packet[0], T0),
        Some(DropReason::Forged)
    );
    let packet = sealed(&mut stream(Kind::Audio, AUDIO, &key), &[1; 640], T0);
    assert_eq!(refusal(&mut receiver, &packet[0], T0), None);
}

#[test]
fn packets_that_overtake_their_key_are_held_and_released_by_it() {
    let mut own = OwnKey::new(Suite::Aes256Gcm, Secret([1; 32]));
    let mut receiver = receiver(own.key());
    own.somebody_left(Secret([2; 32]));
    let mut sender = stream(Kind::Audio, AUDIO, own.key());
    let early: Vec<_> = (0..HELD_PACKETS + 1)
        .flat_map(|_| sealed(&mut sender, &[1; 640], T0))
        .collect();
    for packet in &early[..HELD_PACKETS] {
        assert!(matches!(
            receiver.handle_packet(&mut packet.clone(), T0),
            Ok(Received::Held)
        ));
    }
    assert_eq!(
        refusal(&mut receiver, &early[HELD_PACKETS], T0),
        Some(DropReason::NoKey)
    );
    let released = receiver.set_key(ANA, own.key().clone(), T0 + HELD_FOR);
    assert_eq!(released, early[..HELD_PACKETS]);
    for packet in &released {
        assert!(refusal(&mut receiver, packet, T0 + HELD_FOR).is_none());
    }
}

#[test]
fn what_was_held_too_long_is_gone() {
    let mut own = OwnKey::new(Suite::Aes256Gcm, Secret([1; 32]));
    let mut receiver = receiver(own.key());
    own.somebody_left(Secret([2; 32]));
    let mut sender = stream(Kind::Audio, AUDIO, own.key());
    for _ in 0..HELD_PACKETS {
        let packet = sealed(&mut sender, &[1; 640], T0).remove(0);
        assert!(matches!(
            receiver.handle_packet(&mut packet.clone(), T0),
            Ok(Received::Held)
        ));
    }
    let later = T0 + HELD_FOR + Micros(1);
    let packet = sealed(&mut sender, &[1; 640], T0).remove(0);
    assert!(matches!(
        receiver.handle_packet(&mut packet.clone(), later),
        Ok(Received::Held)
    ));
    assert_eq!(receiver.set_key(ANA, own.key().clone(), later), [packet]);
}
