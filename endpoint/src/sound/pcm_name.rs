//! How an ALSA PCM is named: `PCM`, with `@PORT` for a USB card that is meant by where it is plugged in, and `#N` for
//! one channel of a card.

use std::fmt;
use std::str::FromStr;

/// A PCM, as a person chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcmName {
    /// ALSA's name.
    pub pcm: String,
    /// Where its USB card is plugged in; the card is then known by that, as the kernel numbers equal cards as it finds
    /// them.
    pub port: Option<String>,
    /// The one channel that is the microphone, from 0.
    pub channel: Option<u8>,
}

/// A card that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) id: String,
    pub(super) port: Option<String>,
}

/// How ports begin; any other `@` belongs to ALSA's name.
const PORT: &str = "@usb-";
const CARD: &str = "CARD=";

impl PcmName {
    /// A PCM by ALSA's name alone.
    #[must_use]
    pub fn plain(pcm: &str) -> Self {
        Self {
            pcm: pcm.to_owned(),
            port: None,
            channel: None,
        }
    }

    /// ALSA's name of it among these cards: of the card at the port, or else of the only one of its kind. `None` if
    /// there is neither, or if nothing tells two of a kind apart.
    pub(super) fn among(&self, cards: &[Card]) -> Option<String> {
        let (Some(port), Some(id)) = (&self.port, self.card()) else {
            return Some(self.pcm.clone());
        };
        let kind = kind(id);
        let mut equal = cards.iter().filter(|card| self::kind(&card.id) == kind);
        let at_port = equal.clone().find(|card| card.port.as_ref() == Some(port));
        let card = at_port.or_else(|| equal.next().filter(|_| equal.next().is_none()))?;
        let at = self.pcm.find(CARD)? + CARD.len();
        let (before, after) = (&self.pcm[..at], &self.pcm[at + id.len()..]);
        Some(format!("{before}{}{after}", card.id))
    }

    /// Whether it is the same PCM of the same card, whatever the kernel calls the card now, and whichever channel was
    /// chosen.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let without_number = |name: &Self| match name.card() {
            Some(id) => name.pcm.replacen(id, kind(id), 1),
            None => name.pcm.clone(),
        };
        if self.port.is_some() && other.port.is_some() {
            self.port == other.port && without_number(self) == without_number(other)
        } else {
            self.pcm == other.pcm
        }
    }

    /// The card that it names as `CARD=ID`.
    pub(super) fn card(&self) -> Option<&str> {
        let (_, behind) = self.pcm.split_once(CARD)?;
        behind.split([',', '\'', '"', '}']).next()
    }
}

/// A card's id without the number that the kernel gives to the second of a kind, the third, and so on.
pub(super) fn kind(id: &str) -> &str {
    match id.rsplit_once('_') {
        Some((kind, number)) if number.parse::<u8>().is_ok() => kind,
        _ => id,
    }
}

impl FromStr for PcmName {
    /// What is wrong is a channel that is no number up to 255, or no name before it.
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (text, channel) = match text.rsplit_once('#') {
            Some((text, channel)) => (text, Some(channel.parse().map_err(|_| ())?)),
            None => (text, None),
        };
        let (pcm, port) = match text.rsplit_once(PORT) {
            Some((pcm, _)) if pcm.contains(CARD) => (pcm, Some(text[pcm.len() + 1..].to_owned())),
            _ => (text, None),
        };
        // Names go to a C library, which ends at a zero.
        if pcm.is_empty() || pcm.contains('\0') {
            return Err(());
        }
        Ok(Self {
            pcm: pcm.to_owned(),
            port,
            channel,
        })
    }
}

impl fmt::Display for PcmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pcm)?;
        if let Some(port) = &self.port {
            write!(f, "@{port}")?;
        }
        match self.channel {
            Some(channel) => write!(f, "#{channel}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(id: &str, port: &str) -> Card {
        Card {
            id: id.into(),
            port: Some(port.into()),
        }
    }

    fn name(text: &str) -> PcmName {
        text.parse().unwrap()
    }

    const LEFT: &str = "usb-0000:00:14.0-3:1.0";
    const RIGHT: &str = "usb-0000:00:14.0-4:1.0";

    #[test]
    fn a_name_has_a_port_and_a_channel_where_they_are_written() {
        let whole = name("plughw:CARD=Array,DEV=0@usb-0000:00:14.0-3.1:1.0#2");
        assert_eq!(whole.pcm, "plughw:CARD=Array,DEV=0");
        assert_eq!(whole.port.as_deref(), Some("usb-0000:00:14.0-3.1:1.0"));
        assert_eq!((whole.channel, whole.card()), (Some(2), Some("Array")));
        assert_eq!(name("six#0").channel, Some(0));
        assert_eq!(name("odd@usb-name"), PcmName::plain("odd@usb-name"));
        for wrong in ["", "#1", "six#", "six#256", "six#-1", "six#one", "a\0b"] {
            assert_eq!(wrong.parse::<PcmName>(), Err(()), "{wrong:?}");
        }
    }

    #[test]
    fn equal_cards_that_swapped_names_are_known_by_their_ports() {
        let chosen = name(&format!("plughw:CARD=Device,DEV=0@{LEFT}"));
        let cards = [card("Device", RIGHT), card("Device_1", LEFT)];
        assert_eq!(chosen.among(&cards).unwrap(), "plughw:CARD=Device_1,DEV=0");
        let cards = [card("Device", LEFT), card("Device_1", RIGHT)];
        assert_eq!(chosen.among(&cards).unwrap(), "plughw:CARD=Device,DEV=0");
    }

    #[test]
    fn a_chosen_card_is_found_in_the_list_under_its_new_name() {
        let chosen = name(&format!("plughw:CARD=Device,DEV=0@{LEFT}#1"));
        let listed = |card: &str, port: &str| name(&format!("plughw:CARD={card},DEV=0@{port}"));
        assert!(chosen.is_same(&listed("Device_1", LEFT)));
        assert!(!chosen.is_same(&listed("Device", RIGHT)));
        assert!(!chosen.is_same(&listed("Other", LEFT)));
        assert!(name("six#1").is_same(&name("six")));
    }

    #[test]
    fn the_only_card_of_its_kind_is_known_in_another_socket() {
        let chosen = name(&format!("plughw:CARD=Device_1,DEV=0@{LEFT}"));
        let cards = [card("Device", RIGHT), card("Other", LEFT)];
        assert_eq!(chosen.among(&cards).unwrap(), "plughw:CARD=Device,DEV=0");
    }

    #[test]
    fn one_of_two_equal_cards_is_never_guessed() {
        let chosen = name(&format!("plughw:CARD=Device,DEV=0@{LEFT}"));
        let cards = [card("Device", RIGHT), card("Device_1", "usb-x-1:1.0")];
        assert_eq!(chosen.among(&cards), None);
        assert_eq!(chosen.among(&[]), None);
    }
}
