//! What went wrong once.

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
