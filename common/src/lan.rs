//! How a relay is listed on the LAN: its names in DNS-SD (RFC 6763) and what its TXT record says.
//!
//! This is text for and from multicast DNS, which the programs send and receive. It proves nothing: anyone on the
//! network can announce anything.

use conclave_protocol::identity::PublicKey;
use conclave_protocol::name::is_mark;
use conclave_protocol::wire::framing::VERSION;
use unicode_normalization::UnicodeNormalization as _;

use crate::fingerprint;

/// What relays are listed under.
pub const SERVICE: &str = "_conclave._tcp.local.";
/// The most bytes of a label of DNS (RFC 1035 §2.3.4), and so of a relay's name.
pub const MAX_NAME_BYTES: usize = 63;
/// The most characters of a stranger's name that are shown.
pub const MAX_SHOWN_CHARS: usize = 63;

/// The most marks on one letter that are shown; more of them would reach into other lines.
const MAX_MARKS: usize = 4;

/// Keys of the TXT record: the protocol's version, the fingerprint, and what people are shown.
const VERSION_KEY: &str = "v";
const FINGERPRINT_KEY: &str = "fp";
const NAME_KEY: &str = "name";

/// What a relay says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// What people call it.
    pub name: String,
    /// Its identity's fingerprint in canonical form; `None` when it gave none that can be read. Nobody has checked it.
    pub fingerprint: Option<String>,
    /// The version of the protocol that it speaks.
    pub version: u16,
}

impl Announced {
    /// What a relay of this name and identity says.
    #[must_use]
    pub fn new(name: &str, identity: &PublicKey) -> Self {
        Self {
            name: name.into(),
            fingerprint: Some(identity.fingerprint()),
            version: VERSION,
        }
    }

    /// The keys and values of the TXT record.
    #[must_use]
    pub fn properties(&self) -> Vec<(&'static str, String)> {
        let mut properties = vec![(VERSION_KEY, self.version.to_string())];
        let fingerprint = self.fingerprint.clone();
        properties.extend(fingerprint.map(|fingerprint| (FINGERPRINT_KEY, fingerprint)));
        properties.push((NAME_KEY, self.name.clone()));
        properties
    }

    /// Reads a stranger's TXT record, of which `property` gives the value of a key. The name is one short line that a
    /// terminal and a screen can show; without one it is the name of the instance.
    ///
    /// `None` when there is no version, or neither name.
    pub fn read<'a>(
        instance: Option<&str>,
        property: impl Fn(&str) -> Option<&'a str>,
    ) -> Option<Self> {
        let name = property(NAME_KEY).filter(|name| !name.trim().is_empty());
        Some(Self {
            name: legible(name.or(instance)?),
            fingerprint: property(FINGERPRINT_KEY).and_then(fingerprint::canonical),
            version: property(VERSION_KEY)?.parse().ok()?,
        })
    }
}

/// The instance's name, which no other relay on the network has: the relay's name, and two of the four words of its
/// identity, which are enough to be compared at a glance. A name that leaves no room for the words is cut.
#[must_use]
pub fn instance(name: &str, identity: &PublicKey) -> String {
    let words = identity.words();
    let suffix = format!(" ({})", words.get(..11).unwrap_or(&words));
    let room = name.floor_char_boundary(MAX_NAME_BYTES - suffix.len());
    format!("{}{suffix}", &name[..room])
}

/// The host that has the relay's addresses. It is a name of the relay's own: the machine's is another responder's to
/// announce.
#[must_use]
pub fn host(identity: &PublicKey) -> String {
    format!("conclave-{}.local.", identity.words())
}

/// Whether two texts name the same relay to people, who do not see case, nor whether accents were typed as marks.
#[must_use]
pub fn is_same_name(one: &str, other: &str) -> bool {
    legible(one).to_lowercase() == legible(other).to_lowercase()
}

/// A stranger's text as one short line that a terminal and a screen can show. Marks, as of vowels and tones, stay on
/// their letters.
fn legible(text: &str) -> String {
    let mut marks = 0;
    let is_shown = |&c: &char| match c {
        c if is_unseen_mark(c) => false,
        c if is_mark(c) => {
            marks += 1;
            marks <= MAX_MARKS
        }
        c => {
            let is_shown = c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ';
            marks = if is_shown { 0 } else { marks };
            is_shown
        }
    };
    let shown: String = text.nfd().filter(is_shown).collect();
    let shown: String = shown.nfc().take(MAX_SHOWN_CHARS).collect();
    shown.trim().to_owned()
}

/// Marks that choose a variant of the letter before, or join it, and show nothing by themselves.
const fn is_unseen_mark(c: char) -> bool {
    matches!(c, '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(properties: &[(&str, String)]) -> Option<Announced> {
        let of = |key: &str| {
            let mut all = properties.iter();
            all.find(|(its, _)| *its == key)
                .map(|(_, value)| value.as_str())
        };
        Announced::read(Some("Cellar (hijoz-jalav)"), of)
    }

    #[test]
    fn a_record_without_a_name_has_that_of_its_instance() {
        let version = ("v", VERSION.to_string());
        let of = |name: &str| {
            read(&[version.clone(), ("name", name.into())])
                .unwrap()
                .name
        };
        assert_eq!(of("Attic"), "Attic");
        assert_eq!(of(" "), "Cellar (hijoz-jalav)");
        assert_eq!(
            read(std::slice::from_ref(&version)).unwrap().fingerprint,
            None
        );
        assert_eq!(read(&[("name", "Attic".into())]), None);
        assert_eq!(
            Announced::read(None, |key| (key == "v").then_some("1")),
            None
        );
    }

    #[test]
    fn names_of_every_script_are_shown_whole_and_found_however_they_are_typed() {
        for name in ["ห้องประชุม", "क्षेत्र 2", "Phòng họp", "مَكْتَب"]
        {
            let read = read(&[("v", "1".into()), ("name", name.into())]).unwrap();
            assert_eq!(read.name, name);
            let decomposed: String = name.nfd().collect();
            assert!(is_same_name(&read.name, &decomposed), "{name}");
        }
        assert!(is_same_name("CELLAR ", "cellar"));
        assert!(is_same_name("Küche 🍳", "küche"));
        assert!(!is_same_name("Phòng", "Phong"));
    }

    #[test]
    fn a_pile_of_marks_and_marks_that_are_not_seen_are_left_out() {
        let piled = format!("x{}", "\u{316}".repeat(40));
        assert_eq!(legible(&piled), format!("x{}", "\u{316}".repeat(4)));
        assert_eq!(legible("a\u{fe0f}b\u{34f}c\u{e0101}"), "abc");
    }

    #[test]
    fn a_host_is_named_after_its_identity() {
        let key = PublicKey([7; 32]);
        assert_eq!(host(&key), format!("conclave-{}.local.", key.words()));
    }

    proptest! {
        #[test]
        fn what_a_relay_announces_is_read_again(name in "[a-zA-ZäöüéßĐ0-9()][a-zA-ZäöüéßĐ0-9 ().-]{0,29}[a-zäöüéßĐ0-9()]", key in any::<[u8; 32]>()) {
            let announced = Announced::new(&name, &PublicKey(key));
            prop_assert_eq!(read(&announced.properties()), Some(announced));
        }

        #[test]
        fn a_name_that_was_made_legible_is_still_the_same_name(name in "[\\p{L}\\p{M}0-9 🍳]{0,20}") {
            prop_assert!(is_same_name(&legible(&name), &name));
        }

        #[test]
        fn an_instance_fits_a_label_and_ends_with_the_words(name in "\\PC{0,63}", key in any::<[u8; 32]>()) {
            let key = PublicKey(key);
            let instance = instance(&name, &key);
            prop_assert!(instance.len() <= MAX_NAME_BYTES);
            let end = format!(" ({})", &key.words()[..11]);
            prop_assert!(instance.ends_with(&end));
        }

        #[test]
        fn any_record_is_read_or_refused(version in "\\PC{0,9}", fingerprint in "\\PC{0,99}", name in "(?s).{0,99}") {
            let record = [("v", version), ("fp", fingerprint), ("name", name)];
            if let Some(read) = read(&record) {
                prop_assert!(!read.name.contains(char::is_control));
                prop_assert!(read.name.chars().count() <= MAX_SHOWN_CHARS);
            }
        }
    }
}
