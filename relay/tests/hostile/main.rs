//! A hostile hour: one member sends the worst that each limit allows, one family of attacks after the other, beside
//! a call of four. No member may lose a block of sound, and the relay's memory stays below a bound and is flat at
//! the end.
//!
//! `hostile SECONDS ROUNDS`, in the virtual machine with `CONCLAVE_VM_TIME=instant`, where waiting costs nothing and no
//! other load can disturb it: `make hostile`. Elsewhere it says that it was skipped.
#![allow(clippy::unwrap_used, reason = "a test, though it is no `#[test]`")]

mod attacks;
#[expect(dead_code, reason = "the tests of the server need more of it")]
#[path = "../server/browser.rs"]
mod browser;
mod call;
mod datagrams;
#[expect(
    dead_code,
    unused_imports,
    reason = "the tests of the server need more of it"
)]
#[path = "../server/harness/mod.rs"]
mod harness;
mod member;
#[expect(dead_code, reason = "the tests of the server need more of it")]
#[path = "../server/raw.rs"]
mod raw;
mod relay_process;

use std::time::{Duration, Instant};

use attacks::{FAMILIES, Family, Target, Turn};
use call::{Call, Sound};
use relay_process::RelayProcess;

/// What the relay's process may take while it is attacked, in KiB.
const MAY_TAKE_KIB: u64 = 256 * 1024;
/// What a round may leave that the one before did not, in KiB: pages that the allocator keeps.
const MAY_LEAVE_KIB: u64 = 4 * 1024;
/// After so long nothing of an attack is left: lost sessions are over, and so is what they published.
const REST: Duration = Duration::from_secs(40);

fn main() {
    if std::env::var_os("CONCLAVE_IN_VM").is_none() {
        eprintln!("skipped: needs the VM (scripts/vm/run)");
        return;
    }
    let mut words = std::env::args()
        .skip(1)
        .map(|word| word.parse::<u32>().ok());
    let (seconds, rounds) = match (words.next().flatten(), words.next().flatten()) {
        (Some(seconds), Some(rounds @ 1..)) => (seconds, rounds),
        _ => panic!("usage: hostile SECONDS ROUNDS"),
    };
    allow_large_socket_buffers();
    let a_round = Duration::from_secs(seconds.into()) / rounds;
    let families = u32::try_from(FAMILIES.len()).unwrap();
    let a_turn = a_round.checked_sub(REST).expect("longer than the rests") / families;
    println!(
        "{seconds} s in {rounds} rounds: a turn of {a_turn:?} a family, then {REST:?} of rest"
    );
    let relay = RelayProcess::start();
    let mut watch = Watch::new(&relay);
    let mut rests = Vec::new();
    for round in 1..=rounds {
        for family in &FAMILIES {
            watch.turn(family, a_turn);
        }
        watch.rest();
        rests.push(relay.resident_kib());
        println!("round {round}: {} KiB after it", rests[rests.len() - 1]);
    }
    watch.tell();
    for counter in relay.counters() {
        println!("  {counter}");
    }
    watch.check(&rests);
    println!("\n1 passed; 0 failed");
}

/// As `docs` tell who installs a relay for large rooms.
fn allow_large_socket_buffers() {
    for key in ["rmem_max", "wmem_max"] {
        std::fs::write(format!("/proc/sys/net/core/{key}"), "8388608").unwrap();
    }
}

/// The call, and what became of it and of the relay.
struct Watch<'r> {
    relay: &'r RelayProcess,
    call: Call,
    target: Target<'r>,
    sound: Sound,
    before_kib: u64,
    most_kib: u64,
    failures: Vec<String>,
}

impl<'r> Watch<'r> {
    fn new(relay: &'r RelayProcess) -> Self {
        let call = Call::begin(relay);
        let target = Target {
            relay,
            room: call.room,
            members: call.members(),
            streams: call.streams(),
        };
        let before_kib = relay.resident_kib();
        Self {
            relay,
            call,
            target,
            sound: Sound::default(),
            before_kib,
            most_kib: before_kib,
            failures: Vec::new(),
        }
    }

    /// Lets a family attack, while the call goes on.
    fn turn(&mut self, family: &Family, length: Duration) {
        let Self { call, target, .. } = self;
        let mut most_kib = 0;
        let acts = std::thread::scope(|scope| {
            let attacker = scope.spawn(|| {
                let mut turn = Turn::new(target, length);
                (family.run)(&mut turn);
                turn.acts
            });
            let mut beats = 0_u32;
            while !attacker.is_finished() {
                call.beat();
                beats += 1;
                if beats.is_multiple_of(10) {
                    most_kib = most_kib.max(self.relay.resident_kib());
                }
            }
            attacker.join().unwrap()
        });
        let lost = self.listen();
        println!(
            "{:42} {acts:8} acts, {:4} MiB at most, {lost} blocks lost or late",
            family.name,
            most_kib / 1024
        );
        self.most_kib = self.most_kib.max(most_kib);
        if acts == 0 {
            self.failures.push(format!("{}: did nothing", family.name));
        }
        if lost > 0 {
            let name = family.name;
            self.failures
                .push(format!("{name}: {lost} blocks lost or late"));
        }
    }

    /// Lets time pass without an attack.
    fn rest(&mut self) {
        let until = Instant::now() + REST;
        while Instant::now() < until {
            self.call.beat();
        }
        let lost = self.listen();
        if lost > 0 {
            self.failures
                .push(format!("in a rest: {lost} blocks lost or late"));
        }
    }

    /// Blocks that were lost, wrong or late since it was last asked.
    fn listen(&mut self) -> u64 {
        let before = std::mem::replace(&mut self.sound, self.call.sound());
        let bad = |sound: Sound| sound.lost + sound.wrong + sound.late;
        bad(self.sound).saturating_sub(bad(before))
    }

    fn tell(&self) {
        let Sound {
            due,
            lost,
            wrong,
            late,
        } = self.sound;
        println!("{due} blocks were to be heard: {lost} lost, {wrong} wrong, {late} late");
        let (before, most) = (self.before_kib, self.most_kib);
        println!(
            "the relay's memory: {before} KiB before, {most} KiB at most, bound {MAY_TAKE_KIB} KiB"
        );
    }

    fn check(&self, rests: &[u64]) {
        assert!(self.failures.is_empty(), "{:#?}", self.failures);
        let Sound {
            lost, wrong, late, ..
        } = self.sound;
        assert_eq!((lost, wrong, late), (0, 0, 0), "{:?}", self.sound);
        assert!(self.most_kib <= MAY_TAKE_KIB, "{} KiB", self.most_kib);
        // The first round leaves what is kept for good: rooms, lines of chat, accounts, the allocator's pages.
        if let [.., before, last] = rests[1.min(rests.len())..] {
            assert!(last <= before + MAY_LEAVE_KIB, "not flat: {rests:?} KiB");
        }
    }
}
