//! Invisible characters: which of them a name's script needs, and the kinds of the others.
//!
//! A name's key leaves the allowed ones out, so they cannot make two names that look alike. The rule here only keeps
//! names clean, so it is coarser than the tables of the Unicode Standard.

use super::NameError;
use super::unicode::is_mark;

/// ZERO WIDTH NON-JOINER, which Persian and Indic spelling needs.
pub(super) const NON_JOINER: char = '\u{200c}';
/// ZERO WIDTH JOINER, which Indic spelling and emoji sequences need.
pub(super) const JOINER: char = '\u{200d}';
/// The most marks on one letter. Vietnamese, Hebrew and Tibetan need fewer; more would cover the lines above and
/// below.
const MOST_MARKS: usize = 8;

/// The kinds of invisible characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// A tab.
    Tab,
    /// An end of line, of paragraph or of page.
    LineBreak,
    /// Another control character.
    Control,
    /// A space without width.
    ZeroWidthSpace,
    /// A joiner where neither the script nor an emoji sequence needs one.
    Joiner,
    /// A mark for the direction of writing.
    DirectionMark,
    /// The beginning or end of text with a forced direction.
    DirectionOverride,
    /// The beginning or end of text with an isolated direction.
    DirectionIsolate,
    /// A variation selector after a character that has no variants.
    VariationSelector,
    /// Another invisible character, such as a soft hyphen or a filler.
    Invisible,
}

impl core::fmt::Display for Unseen {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Tab => "a tab",
            Self::LineBreak => "a line separator",
            Self::Control => "a control character",
            Self::ZeroWidthSpace => "a zero-width space",
            Self::Joiner => "a joiner where nothing is to be joined",
            Self::DirectionMark => "a bidirectional mark",
            Self::DirectionOverride => "a bidirectional override",
            Self::DirectionIsolate => "a bidirectional isolate",
            Self::VariationSelector => "a variation selector without a character before it",
            Self::Invisible => "an invisible character",
        })
    }
}

impl Unseen {
    /// The kind of a character that no name may have in any position.
    fn of(c: char) -> Option<Self> {
        Some(match c {
            '\t' => Self::Tab,
            '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Self::LineBreak,
            '\u{200b}' | '\u{feff}' => Self::ZeroWidthSpace,
            '\u{200e}' | '\u{200f}' | '\u{61c}' => Self::DirectionMark,
            '\u{202a}'..='\u{202e}' => Self::DirectionOverride,
            '\u{2066}'..='\u{2069}' => Self::DirectionIsolate,
            '\u{ad}'
            | '\u{34f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' => Self::Invisible,
            c if c.is_control() => Self::Control,
            _ => return None,
        })
    }
}

/// Refuses invisible characters that the script does not need, and marks that follow no letter.
pub(super) fn check(text: &str) -> Result<(), NameError> {
    let mut before = Before::default();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let refused = |what| NameError::Unseen { what, character: c };
        if let Some(what) = Unseen::of(c) {
            return Err(refused(what));
        }
        match c {
            NON_JOINER if !before.joins() => return Err(refused(Unseen::Joiner)),
            JOINER if !before.joins() && !joins_pictures(&before, rest.clone().next()) => {
                return Err(refused(Unseen::Joiner));
            }
            '\u{e0000}'..='\u{e007f}' if !before.is_flag => return Err(refused(Unseen::Invisible)),
            '\u{fe00}'..='\u{fe0f}' | '\u{180b}'..='\u{180f}' | '\u{e0100}'..='\u{e01ef}'
                if !before.carries() =>
            {
                return Err(refused(Unseen::VariationSelector));
            }
            '\u{e0080}'..='\u{e0fff}' if !is_mark(c) => return Err(refused(Unseen::Invisible)),
            c if is_mark(c) && (!before.carries() || before.marks == MOST_MARKS) => {
                return Err(NameError::Mark {
                    mark: c,
                    most: MOST_MARKS,
                });
            }
            _ => {}
        }
        before.pass(c);
    }
    Ok(())
}

/// The state after the characters so far.
#[derive(Default)]
struct Before {
    /// The last character.
    last: Option<char>,
    /// The last character that is not a mark, skin tone or variation selector: the one that the next mark would
    /// change.
    base: Option<char>,
    /// Marks since that character.
    marks: usize,
    /// Whether this position is within the flag of a region, which is written with tags.
    is_flag: bool,
}

impl Before {
    fn pass(&mut self, c: char) {
        const BLACK_FLAG: char = '\u{1f3f4}';
        let is_tag = matches!(c, '\u{e0020}'..='\u{e007f}');
        self.is_flag = c == BLACK_FLAG || self.is_flag && is_tag && c != '\u{e007f}';
        if is_mark(c) {
            self.marks += 1;
        } else if !matches!(c, '\u{1f3fb}'..='\u{1f3ff}') {
            (self.base, self.marks) = (Some(c), 0);
        }
        self.last = Some(c);
    }

    /// Whether a mark or a variation selector has a character to change.
    fn carries(&self) -> bool {
        let is_there = |c: char| !c.is_whitespace() && !matches!(c, '\u{e0000}'..='\u{e007f}');
        self.base.is_some_and(is_there)
    }

    /// Whether the previous letter or mark belongs to a script in whose spelling joiners matter.
    fn joins(&self) -> bool {
        self.last.is_some_and(|c| {
            (c.is_alphanumeric() || is_mark(c))
                && matches!(c,
                    // Arabic, Syriac, Thaana, N'Ko, Samaritan, Mandaic and the further blocks of Arabic.
                    '\u{620}'..='\u{8ff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
                    // The scripts of India, Sri Lanka, Tibet, Myanmar and Cambodia.
                    | '\u{900}'..='\u{dff}' | '\u{f00}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
                    // Mongolian, and Indic scripts of later blocks.
                    | '\u{1800}'..='\u{18af}' | '\u{1900}'..='\u{1cff}' | '\u{a800}'..='\u{abff}'
                    | '\u{10d00}'..='\u{10d3f}' | '\u{10f30}'..='\u{10f6f}' | '\u{11000}'..='\u{11fff}'
                    | '\u{1e900}'..='\u{1e95f}')
        })
    }
}

/// Whether a joiner combines two emoji into one.
fn joins_pictures(before: &Before, next: Option<char>) -> bool {
    let is_picture = |c: char| {
        matches!(c, '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{2600}'..='\u{27bf}'
            | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
    };
    before.last != Some(JOINER)
        && before.base.is_some_and(is_picture)
        && next.is_some_and(is_picture)
}
