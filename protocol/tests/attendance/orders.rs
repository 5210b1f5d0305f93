//! Any order of joins, leaves, losses, resumes and repeats.

use crate::member::{CAMERA, Kinds, OPUS, SOUND};
use crate::world::World;
use conclave_protocol::id::ParticipantId;
use conclave_protocol::time::Micros;
use conclave_protocol::wire::control::Media;
use proptest::prelude::*;
use proptest::sample::Index;

/// The most members at a time.
const MOST: usize = 6;

#[derive(Clone, Debug)]
enum Step {
    Join(Kinds, Vec<Media>),
    Leave(Index),
    Lose(Index),
    Resume(Index),
    Repeat(Index, usize),
    Replay,
    Publish(Index, Media),
    Unpublish(Index),
    /// The relay refuses this many requests, per mille.
    Refuse(u64),
    Speak(bool),
    Wait(u64),
}

fn media() -> impl Strategy<Value = Media> {
    prop_oneof![Just(SOUND), Just(OPUS), Just(CAMERA)]
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![Just(Kinds::Endpoint), Just(Kinds::Browser)];
    let published =
        prop_oneof![3 => Just(vec![SOUND]), 1 => Just(vec![CAMERA, OPUS]), 1 => Just(vec![])];
    let who = any::<Index>;
    prop_oneof![
        6 => (kind, published).prop_map(|(kind, published)| Step::Join(kind, published)),
        3 => who().prop_map(Step::Leave),
        3 => who().prop_map(Step::Lose),
        3 => who().prop_map(Step::Resume),
        4 => (who(), any::<usize>()).prop_map(|(who, pick)| Step::Repeat(who, pick)),
        1 => Just(Step::Replay),
        2 => (who(), media()).prop_map(|(who, media)| Step::Publish(who, media)),
        1 => who().prop_map(Step::Unpublish),
        1 => prop_oneof![Just(0), Just(300), Just(1000)].prop_map(Step::Refuse),
        1 => any::<bool>().prop_map(Step::Speak),
        8 => prop_oneof![0u64..40, 40u64..400, 400u64..3000].prop_map(Step::Wait),
    ]
}

fn take(world: &mut World, step: Step) {
    let ids: Vec<ParticipantId> = world.members.keys().copied().collect();
    let pick = |who: Index| (!ids.is_empty()).then(|| *who.get(&ids));
    match step {
        Step::Join(kind, media) if ids.len() < MOST => drop(world.join(kind, &media)),
        Step::Join(..) => {}
        Step::Leave(who) => pick(who).into_iter().for_each(|id| world.leave(id)),
        Step::Lose(who) => pick(who).into_iter().for_each(|id| world.lose(id)),
        Step::Resume(who) => pick(who).into_iter().for_each(|id| world.resume(id)),
        Step::Repeat(who, event) => {
            pick(who).into_iter().for_each(|id| world.repeat(id, event));
        }
        Step::Replay => world.replay(),
        Step::Publish(who, media) => {
            pick(who)
                .into_iter()
                .for_each(|id| world.publish(id, media));
        }
        Step::Unpublish(who) => pick(who).into_iter().for_each(|id| world.unpublish(id)),
        Step::Refuse(per_mille) => world.relay.refuses = per_mille,
        Step::Speak(speaks) => world.speaks = speaks,
        Step::Wait(milliseconds) => world.run(Micros::from_millis(milliseconds)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn whoever_is_there_in_the_end_opens_what_the_others_say_and_who_left_does_not(
        seed in 0u64..1000,
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let mut world = World::new(seed);
        for step in steps {
            take(&mut world, step);
        }
        world.settle();
    }
}
