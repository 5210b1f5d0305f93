//! What was wrong with pictures that were not sent, in a sentence for the person who waits for them.

use crate::device::{DeviceLoss, LossReason};
use crate::picture::jpeg::Fault;
use crate::picture::jpeg::HeadError;

/// Kinds that are told apart; a camera has one or two.
const KINDS: usize = 8;

/// Counts faults by kind.
#[derive(Debug, Default)]
pub(super) struct Faults {
    kinds: [Option<(Fault, u64)>; KINDS],
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        for kind in &mut self.kinds {
            match kind {
                Some((known, times)) if known.kind() == fault.kind() => return *times += 1,
                Some(_) => {}
                None => return *kind = Some((fault, 1)),
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.kinds = [None; KINDS];
    }

    /// The most frequent one.
    fn worst(&self) -> Option<Fault> {
        let most = self.kinds.iter().flatten().max_by_key(|(_, times)| *times);
        most.map(|(fault, _)| *fault)
    }

    /// What a camera's pictures are, if nothing else has come since the last good one.
    pub(super) fn of_a_camera(&self) -> Option<DeviceLoss> {
        self.worst().map(|fault| match fault {
            Fault::NoEnd => {
                DeviceLoss::new(LossReason::Damaged, "the camera's pictures have no end")
            }
            Fault::Torn => DeviceLoss::new(
                LossReason::Damaged,
                "the camera's pictures are torn: try another cable or port",
            ),
            Fault::Head(HeadError::NoStart) => {
                DeviceLoss::new(LossReason::Unusable, "the camera's pictures are no JPEG")
            }
            Fault::Head(error) => {
                DeviceLoss::new(LossReason::Unusable, format!("the camera sends {error}"))
            }
        })
    }

    /// What a file without a usable picture holds.
    pub(super) fn of_a_file(&self) -> String {
        match self.worst() {
            None | Some(Fault::Head(HeadError::NoStart)) => "holds no JPEG".to_owned(),
            Some(fault) => format!("holds no picture that can be sent: {fault}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::jpeg::segments::Coding;

    #[test]
    fn the_most_frequent_fault_is_told() {
        let mut faults = Faults::default();
        assert_eq!(faults.of_a_camera(), None);
        assert_eq!(faults.of_a_file(), "holds no JPEG");
        faults.add(Fault::Torn);
        for at in 20..22 {
            faults.add(Fault::Head(HeadError::NoMarker { at }));
        }
        assert_eq!(
            faults.of_a_camera().unwrap().detail,
            "the camera sends JPEG without a marker at offset 20"
        );
        for _ in 0..3 {
            faults.add(Fault::NoEnd);
        }
        assert_eq!(
            faults.of_a_camera().unwrap(),
            DeviceLoss::new(LossReason::Damaged, "the camera's pictures have no end")
        );
        faults.clear();
        faults.add(Fault::Head(HeadError::Coding(Coding::Progressive)));
        assert_eq!(
            faults.of_a_file(),
            "holds no picture that can be sent: progressive JPEG, and only baseline JPEG is sent and shown"
        );
    }
}
