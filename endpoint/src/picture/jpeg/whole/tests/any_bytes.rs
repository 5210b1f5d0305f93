//! Any bytes at all, and pictures that were damaged anywhere.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_bytes_are_a_part_of_them_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        if let Ok(whole) = Inspector::default().examine(&bytes) {
            prop_assert!(whole.range.end <= bytes.len());
        }
        let _ = in_a_row(&mut Inspector::default(), &bytes);
    }

    #[test]
    fn a_damaged_picture_never_panics_and_stays_within_its_bytes(
        which in 0_usize..4,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut: prop::sample::Index,
    ) {
        let name = ["clean", "stray-bytes-before-restarts", "4-1-1", "grayscale"][which];
        let mut bytes = picture(name);
        for (at, value) in changes {
            // Mostly in the header, where every byte has a meaning.
            let at = at.index(bytes.len()) % if value % 2 == 0 { 700 } else { bytes.len() };
            bytes[at] = value;
        }
        bytes.truncate(bytes.len() - cut.index(bytes.len()) / 4);
        let mut inspector = Inspector::default();
        let verdict = inspector.examine(&bytes);
        if let Ok(whole) = &verdict {
            prop_assert!(whole.range.start <= whole.range.end && whole.range.end <= bytes.len());
            prop_assert!(whole.tables_at.is_none_or(|at| whole.range.contains(&at)));
            // What is sent is whole to a receiver, too, and needs no further mending.
            let sent = sent(&bytes, whole);
            let again = inspector.examine(&sent).unwrap();
            prop_assert!(!again.is_mended() && again.range == (0..sent.len()), "{again:?}");
        }
        let _ = inspector.next(&bytes);
        let _ = in_a_row(&mut inspector, &bytes);
    }
}
