//! Devices that come, go, stall and flap, in virtual time: the test is the device and the clock.

use super::*;

const PATIENCE: Patience = Patience {
    first_item: Micros::from_secs(3),
    next_item: Micros::from_secs(1),
    absent: Micros::from_millis(250),
    first_pause: Micros::from_millis(250),
    longest_pause: Micros::from_secs(2),
    proven: Micros::from_secs(10),
};

/// From one picture to the next.
const PACE: Micros = Micros::from_millis(20);

struct Bench {
    supervisor: Supervisor,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self {
            supervisor: Supervisor::new(PATIENCE),
            now: Instant(7_000_000),
        }
    }

    fn running() -> Self {
        let mut bench = Self::new();
        bench.open();
        bench.work();
        bench
    }

    /// Waits until the device is to be opened, and gives how long that took, in ms.
    fn wait(&mut self) -> u64 {
        let begun = self.now;
        if let Step::Wait(until) = self.supervisor.step(self.now) {
            self.now = until;
        }
        assert_eq!(self.supervisor.step(self.now), Step::Open);
        self.now.since(begun).as_millis()
    }

    /// Waits until the device is to be opened, and opens it.
    fn open(&mut self) {
        self.wait();
        self.supervisor.opened(PACE, self.now);
    }

    fn work(&mut self) -> Option<Change> {
        self.now += PACE;
        self.supervisor.worked(self.now)
    }

    fn work_for(&mut self, time: Micros) {
        let begun = self.now;
        while self.now.since(begun) < time {
            assert_eq!(self.work(), None);
        }
    }

    fn lose(&mut self, reason: LossReason) -> Option<Change> {
        self.supervisor.lost(loss(reason), self.now)
    }

    /// The device gives nothing until it counts as stalled; how long that took, in ms.
    fn stall(&mut self) -> u64 {
        let begun = self.now;
        while self.supervisor.stalled(self.now).is_none() {
            let Step::Turn(patience) = self.supervisor.step(self.now) else {
                panic!("it is not open")
            };
            self.now += patience;
        }
        self.now.since(begun).as_millis()
    }
}

fn loss(reason: LossReason) -> DeviceLoss {
    DeviceLoss::new(reason, format!("{reason:?}"))
}

fn lost(reason: LossReason) -> Option<Change> {
    Some(Change::Lost(loss(reason)))
}

#[test]
fn a_device_that_is_there_is_opened_at_once_and_runs_with_its_first_picture() {
    let mut bench = Bench::new();
    assert_eq!(bench.wait(), 0);
    bench.open();
    assert_eq!(bench.work(), Some(Change::Runs { again: false }));
    assert_eq!(bench.work(), None);
}

#[test]
fn an_absent_device_is_looked_for_steadily_is_told_once_and_runs_when_it_is_back() {
    let mut bench = Bench::running();
    assert_eq!(
        bench.lose(LossReason::Disconnected),
        lost(LossReason::Disconnected)
    );
    bench.wait();
    assert_eq!(bench.lose(LossReason::Absent), lost(LossReason::Absent));
    for _ in 0..1_000 {
        assert_eq!(bench.wait(), 250);
        assert_eq!(bench.lose(LossReason::Absent), None);
    }
    bench.open();
    assert_eq!(bench.work(), Some(Change::Runs { again: true }));
}

#[test]
fn a_device_is_given_longer_for_its_first_picture_than_for_the_next() {
    let mut bench = Bench::new();
    bench.open();
    assert_eq!(bench.stall(), 3_000);
    bench.lose(LossReason::Stalled);
    bench.open();
    bench.work();
    assert_eq!(bench.stall(), 1_000);
}

#[test]
fn a_device_that_gives_something_in_time_does_not_stall() {
    let mut bench = Bench::running();
    for _ in 0..100 {
        bench.now += Micros::from_millis(999);
        assert_eq!(bench.supervisor.stalled(bench.now), None);
        bench.supervisor.worked(bench.now);
    }
}

#[test]
fn a_slow_device_is_waited_for_as_long_as_its_pace_needs() {
    let mut bench = Bench::new();
    bench.wait();
    bench.supervisor.opened(Micros::from_secs(6), bench.now);
    assert_eq!(bench.stall(), 6_000);
}

#[test]
fn a_busy_device_is_told_once_and_runs_when_it_is_free() {
    let mut bench = Bench::new();
    bench.wait();
    assert_eq!(bench.lose(LossReason::InUse), lost(LossReason::InUse));
    for _ in 0..20 {
        bench.wait();
        assert_eq!(bench.lose(LossReason::InUse), None);
    }
    assert_eq!(bench.wait(), 2_000);
    bench.open();
    assert_eq!(bench.work(), Some(Change::Runs { again: false }));
}

#[test]
fn the_pauses_of_a_flapping_device_grow_to_two_seconds_and_no_further() {
    let mut bench = Bench::new();
    let mut pauses = Vec::new();
    for _ in 0..8 {
        bench.open();
        bench.work();
        bench.lose(LossReason::Disconnected);
        pauses.push(bench.wait());
    }
    assert_eq!(pauses[..4], [250, 500, 1_000, 2_000]);
    assert!(
        pauses[4..].iter().all(|pause| *pause == 2_000),
        "{pauses:?}"
    );
}

#[test]
fn a_flapping_device_that_is_absent_between_its_attempts_keeps_its_long_pauses() {
    let mut bench = Bench::new();
    for _ in 0..8 {
        bench.open();
        bench.work();
        bench.lose(LossReason::Stalled);
        bench.wait();
        bench.lose(LossReason::Absent);
    }
    bench.open();
    bench.lose(LossReason::Stalled);
    assert_eq!(bench.wait(), 2_000);
}

#[test]
fn after_a_device_has_run_for_a_while_the_pauses_begin_short_again() {
    for (runs_for, pause) in [(9, 2_000), (10, 250)] {
        let mut bench = Bench::new();
        for _ in 0..8 {
            bench.open();
            bench.lose(LossReason::Failed);
        }
        bench.open();
        bench.work();
        bench.work_for(Micros::from_secs(runs_for));
        bench.lose(LossReason::Disconnected);
        assert_eq!(bench.wait(), pause, "after {runs_for} s");
    }
}

#[test]
fn a_device_that_opens_and_gives_nothing_is_paused_for_too() {
    let mut bench = Bench::new();
    let mut pauses = Vec::new();
    for _ in 0..5 {
        bench.open();
        bench.stall();
        bench.lose(LossReason::Stalled);
        pauses.push(bench.wait());
    }
    assert_eq!(pauses, [250, 500, 1_000, 2_000, 2_000]);
}

#[test]
fn each_new_reason_is_told_and_the_same_one_again_after_the_device_ran() {
    let mut bench = Bench::new();
    bench.wait();
    assert_eq!(bench.lose(LossReason::Absent), lost(LossReason::Absent));
    assert_eq!(bench.lose(LossReason::InUse), lost(LossReason::InUse));
    assert_eq!(bench.lose(LossReason::Absent), lost(LossReason::Absent));
    bench.open();
    bench.work();
    assert_eq!(bench.lose(LossReason::Absent), lost(LossReason::Absent));
}

#[test]
fn a_device_that_is_told_to_stop_while_it_waits_is_never_opened_again() {
    let mut bench = Bench::running();
    bench.lose(LossReason::Stalled);
    assert!(matches!(bench.supervisor.step(bench.now), Step::Wait(_)));
    bench.supervisor.stop();
    bench.now += Micros::from_secs(60);
    assert_eq!(bench.supervisor.step(bench.now), Step::End);
    assert_eq!(bench.lose(LossReason::Disconnected), None);
    assert_eq!(bench.supervisor.step(bench.now), Step::End);
}

#[test]
fn a_device_that_is_told_to_stop_while_it_runs_ends() {
    let mut bench = Bench::running();
    bench.supervisor.stop();
    assert_eq!(bench.work(), None);
    assert_eq!(bench.supervisor.step(bench.now), Step::End);
}
