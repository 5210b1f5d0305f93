//! Faults that were found and fixed.

use crate::member::{Kinds, SOUND};
use crate::world::World;
use conclave_protocol::time::Micros;

#[test]
fn a_member_who_was_silent_while_a_whole_room_came_is_heard_by_those_who_were_there_before() {
    let mut world = World::new(1);
    world.speaks = false;
    world.join(Kinds::Endpoint, &[SOUND]);
    world.join(Kinds::Browser, &[SOUND]);
    for _ in 0..70 {
        world.join(Kinds::Endpoint, &[]);
        world.run(Micros::from_millis(200));
    }
    world.speaks = true;
    world.settle();
}

#[test]
fn what_was_received_before_a_lost_connection_does_not_open_again_after_it() {
    for kind in [Kinds::Endpoint, Kinds::Browser] {
        let mut world = World::new(2);
        world.join(Kinds::Endpoint, &[SOUND]);
        let listens = world.join(kind, &[]);
        world.run(Micros::from_secs(1));
        world.lose(listens);
        world.resume(listens);
        world.run(Micros::from_millis(200));
        world.replay();
        world.settle();
    }
}

#[test]
fn whose_asking_for_keys_is_refused_asks_again_while_sound_comes() {
    for kind in [Kinds::Endpoint, Kinds::Browser] {
        let mut world = World::new(3);
        world.join(Kinds::Endpoint, &[SOUND]);
        let listens = world.join(kind, &[]);
        let leaves = world.join(Kinds::Endpoint, &[]);
        world.run(Micros::from_secs(1));
        world.lose(listens);
        world.leave(leaves);
        world.run(Micros::from_secs(1));
        world.relay.refuses = 1000;
        world.resume(listens);
        world.run(Micros::from_millis(300));
        world.settle();
    }
}
